"""What `Tx.audit` and the functions of access have written down, for those who look after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from chassis.database import Tx

Of: TypeAlias = Literal["service", "access"]
"""A service's own trail; or that of accounts and keys, which belong to none."""

_LISTED: Mapping[Of, str] = {
    "service": """
select id, at, actor, role, action, subject, details from audit
where ($1::bigint is null or id < $1) and ($2::text is null or subject = $2) and ($3::text is null or actor = $3)
order by id desc limit $4
""",
    "access": "select * from access.trail($1, $2, $3, $4)",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to whom, in codes and ids; `at` is in UTC."""

    id: int
    at: datetime
    actor: str
    role: str
    action: str
    subject: str
    details: Mapping[str, object]


async def listed(
    tx: Tx,
    of: Of = "service",
    *,
    before: int | None = None,
    subject: str | None = None,
    actor: str | None = None,
    limit: int,
) -> Sequence[Entry]:
    """The newest entries first, those of a subject or of an actor only if one is named."""
    return [Entry(**row) for row in await tx.fetch(_LISTED[of], before, subject, actor, limit)]
