"""Handlers of the probe service, and one that fails where a test asks for it."""

from collections.abc import Sequence

from chassis.consumer import Refused, newest
from chassis.database import Tx
from contracts.municipalities import Municipality
from contracts.record import Record, State

POISON = "poison"
REFUSED = "refused"

_KEEP = """
insert into seen (ags, revision) select * from unnest($1::text[], $2::int[]) order by 1
on conflict (ags) do update set revision = excluded.revision, times = seen.times + 1
where seen.revision < excluded.revision
"""


async def on_municipalities(batch: Sequence[Record[Municipality]], tx: Tx) -> Sequence[State]:
    """Keeps what it reads; names say how it fails."""
    for record in batch:
        if record.state.name == REFUSED:
            raise Refused(record, "by_name")
        if record.state.name == POISON:
            raise ZeroDivisionError
    states = [record.state for record in newest(batch)]
    await tx.execute(_KEEP, [state.ags for state in states], [state.revision for state in states])
    return []
