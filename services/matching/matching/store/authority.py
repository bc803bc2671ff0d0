"""What only a restore does to the rows: raise revisions, keep what was heard of and is not held."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.database import Tx
from contracts.assignments import Care
from contracts.policy import Policy
from contracts.vocabulary import CareReason, CareStatus, HouseholdStatus

CARED_FOR = "select household from care where household > $1 order by household limit $2"


async def raise_cares(tx: Tx, revisions: Mapping[UUID, int]) -> list[tuple[UUID, int]]:
    """Give cares these revisions; their households' aliases, and the revisions."""
    rows = await tx.fetch(
        "update care c set revision = n.r from unnest($1::uuid[], $2::bigint[]) as n (i, r), household h"
        " where c.household = n.i and h.id = n.i returning h.alias, c.revision",
        list(revisions),
        list(revisions.values()),
    )
    return [(row["alias"], row["revision"]) for row in rows]


async def keep_ended(tx: Tx, heard: Sequence[Care]) -> dict[UUID, UUID]:
    """Keep cares of households that are not known as ended ones, newer than they were heard of; the aliases they get.

    The household is older than any that is told: one that intake holds, and that matching had not yet read at the
    backup, comes again and is decided as if it were new, waiting since its registration.
    """
    await tx.execute(
        "insert into household (id, home, revision, status, registered_at)"
        " select i, m, 0, $4, a from unnest($1::uuid[], $2::int[], $3::timestamptz[]) as n (i, m, a)"
        " on conflict (id) do nothing",
        [one.household for one in heard],
        [one.home for one in heard],
        [one.registered_at for one in heard],
        HouseholdStatus.ERASED,
    )
    await tx.execute(
        "insert into care (household, revision, household_revision, status, reason, registered_at, decided_at, weight,"
        " needs, waiting_since, ended_at) select h, r, s, $5, $6, a, $7, 0, 0, a, $7"
        " from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as n (h, r, s, a)",
        [one.household for one in heard],
        [one.revision + 1 for one in heard],
        [one.household_revision for one in heard],
        [one.registered_at for one in heard],
        CareStatus.ENDED,
        CareReason.HOUSEHOLD_ERASED,
        tx.now,
    )
    ids = [one.household for one in heard]
    rows = await tx.fetch("select id, alias from household where id = any($1::uuid[])", ids)
    return {row["id"]: row["alias"] for row in rows}


async def raise_managers(tx: Tx, revisions: Mapping[UUID, int]) -> None:
    """Give managers these revisions."""
    await tx.execute(
        "update manager m set revision = n.r from unnest($1::uuid[], $2::bigint[]) as n (i, r) where m.id = n.i",
        list(revisions),
        list(revisions.values()),
    )


async def raise_policy(tx: Tx, revision: int, raised: Policy) -> None:
    """Give the newest policy another revision."""
    await tx.execute(
        "update policy set revision = $2, body = $3::text::jsonb where revision = $1",
        revision,
        raised.revision,
        raised.model_dump_json(),
    )
