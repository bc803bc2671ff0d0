"""What a page of the inbox reads does not grow with what was ever proposed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from chassis.access import Principal, Role
from chassis.database import Tx
from integration.conftest import OpenDatabase
from notifications import store
from notifications.domain import ItemStatus
from rows import rows_read

THERE = 10_000
FEW = 20
OPEN = 3
ITEMS = """
insert into item (household, item, home, revision, municipality, district, status, reason, manager, assigned_at,
                  answer_by, changed_at)
select gen_random_uuid(), 1, 0, 1, '08416041', '08416', case when n <= $2 then 'open' else 'accepted' end, 'matched',
    gen_random_uuid(), $3::timestamptz - n * interval '1 minute', $3, $3
from generate_series(1, $1::int) as n
"""
CARES = """
insert into care (household, revision, home, status, item, last_item, municipality, district, manager)
select household, 1, 0, case status when 'open' then 'proposed' else 'confirmed' end, 1, 1, municipality, district,
    manager
from item
"""
READERS = [
    Principal("s", "n", role, tenant, "session")
    for role, tenant in ((Role.STATE, "08"), (Role.DISTRICT, "08416"), (Role.MUNICIPALITY, "08416041"))
]


async def _open(tx: Tx) -> int:
    return len(await store.page(tx, status=ItemStatus.OPEN, households=None, after=None, limit=51))


async def _overdue(tx: Tx) -> int:
    status, due_by = ItemStatus.OPEN, tx.now + timedelta(days=1)
    return len(await store.page(tx, status=status, households=None, after=None, due_by=due_by, limit=51))


async def _declined(tx: Tx) -> int:
    return len(await store.page(tx, status=ItemStatus.DECLINED, households=None, after=None, limit=51))


async def _counted(tx: Tx) -> int:
    return (await store.counts(tx))[0]


@pytest.mark.parametrize("who", READERS, ids=lambda who: str(who.role))
@pytest.mark.parametrize(("look", "finds"), [(_open, OPEN), (_overdue, OPEN), (_declined, 0), (_counted, OPEN)])
async def test_what_is_open_or_declined_is_looked_up(
    database: OpenDatabase, look: Callable[[Tx], Awaitable[int]], finds: int, who: Principal
) -> None:
    worker, web = await database("notifications"), await database("notifications", "web")
    async with worker.transaction() as tx:
        await tx.execute(ITEMS, THERE, OPEN, tx.now)
        await tx.execute(CARES)
    async with web.transaction(who.tenant, who) as tx:
        assert await look(tx) == finds
        assert await rows_read(tx, "item", "care", "response") <= FEW * OPEN
