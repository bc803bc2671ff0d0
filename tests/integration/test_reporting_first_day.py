"""What the figures read does not grow with what others have, though their plans were made when nothing was there."""

from datetime import timedelta

from chassis.access import Role, Tenant
from chassis.database import Tx
from contracts.zone import day_of
from integration.conftest import OpenDatabase
from reporting import store
from reporting.domain import Figures, Period
from rows import PLANNED, rows_read

THERE, DISTRICTS = 10_000, 20
OURS = THERE // DISTRICTS
HOUSEHOLDS = """
insert into household (id, revision, status, registered_at, centre, stated_district, care_revision, care_status)
select gen_random_uuid(), 1, 'active', $2::timestamptz - n * interval '5 minutes', 'karlsruhe',
    '08' || 100 + n % $3::int, 1, 'waiting'
from generate_series(1, $1::int) as n
"""
DISTRICT = Tenant(Role.DISTRICT, "08107")


async def _of_the_year(tx: Tx) -> Figures:
    return await store.figures(tx, Period(day_of(tx.now) - timedelta(days=365), day_of(tx.now)), DISTRICT.id)


async def test_a_district_reads_its_own_households(database: OpenDatabase) -> None:
    worker, web = await database("reporting"), await database("reporting", "web")
    for _ in range(PLANNED):
        async with web.transaction(DISTRICT) as tx:
            await _of_the_year(tx)
    async with worker.transaction() as tx:
        await tx.execute(HOUSEHOLDS, THERE, tx.now, DISTRICTS)
    async with web.transaction(DISTRICT) as tx:
        assert (await _of_the_year(tx)).cohort.waiting == OURS
        read = await rows_read(tx, "household")
    assert read == 2 * OURS, "once for what became of them and once for the reasons"
