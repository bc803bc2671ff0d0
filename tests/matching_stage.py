"""Matching on a real database: inputs go to its handlers as chassis hands them over, what it tells is collected."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID, uuid4

from builders import a_household, a_municipality, a_record, a_response
from chassis.database import Database
from chassis.timers import Due
from chassis.vault import Vault
from chassis.web.surroundings import Mounted
from clocks import SetClock
from contracts.assignments import Care
from contracts.households import Household
from contracts.record import State
from contracts.roster import Manager
from contracts.vocabulary import Answer
from doors import Door
from matching import handlers, web
from matching.app import DUES
from matching.domain import Absence
from matching.policy import ensure_policy
from matching.replay import replay
from matching.roster.change import add_absence
from matching.roster.file import Report, import_roster
from matching.roster.rows import manager_id
from matching_builders import DAY, PLACES

VAULT = Vault(bytes(32))
HEADER = "code;name;provider;fte;service_area;languages;skills;base_load;absences"


@dataclass
class Stage:
    """Matching's database at a time set by hand; the policy and the register are there."""

    database: Database
    clock: SetClock
    cares: dict[UUID, list[Care]] = field(default_factory=dict)
    """What `assignments` was told, by household."""

    async def begin(self) -> None:
        async with self.database.transaction() as tx:
            await tx.publish(await ensure_policy(tx))
        towns = [
            a_municipality(ags=ags, name=f"Stadt {ags}", district=ags[:5], latitude=lat, longitude=lon)
            for ags, (lat, lon) in sorted(PLACES.items())
        ]
        async with self.database.transaction() as tx:
            await handlers.on_municipalities([a_record(one) for one in towns], tx)

    async def roster(self, *lines: str, complete: bool = False, preview: bool = False) -> Report:
        """Import managers (`code;name;provider;fte;service_area;…`; what is missing at the end is empty)."""
        padded = [line + ";" * (HEADER.count(";") - line.count(";")) for line in lines]
        async with self.database.transaction() as tx:
            data = "\n".join([HEADER, *padded]).encode()
            return await import_roster(tx, VAULT, data, complete=complete, preview=preview)

    async def tell(self, *states: Household) -> list[Care]:
        async with self.database.transaction() as tx:
            for state in states:
                tx.traces[state.key] = trace_of(state.id)
            return await self._told(tx, await handlers.on_households([a_record(one) for one in states], tx))

    async def arrive(self, **of_household: Any) -> Care:
        (care,) = await self.tell(a_household(**of_household))
        return care

    async def answer(self, care: Care, given: Answer, **overrides: Any) -> list[Care]:
        response = a_response(care, given, **overrides)
        async with self.database.transaction() as tx:
            return await self._told(tx, await handlers.on_responses([a_record(response)], tx))

    async def fall_ill(self, code: str) -> None:
        """A manager of P is absent from the first day on, nobody knows until when."""
        async with self.database.transaction() as tx:
            assert await add_absence(tx, manager_id("P", code), Absence(DAY, None))

    async def pass_time(self, by: timedelta = timedelta(seconds=2)) -> list[Care]:
        """Let time pass and handle what is due, until nothing is."""
        self.clock.now += by
        told: list[Care] = []
        while rows := await self.rows("select * from due where at <= $1 order by kind, aggregate", self.clock.now):
            dues = [Due(row["at"], row["kind"], row["aggregate"]) for row in rows]
            for kind, some in groupby(dues, attrgetter("kind")):
                batch = list(some)
                async with self.database.transaction() as tx:
                    told += await self._told(tx, await DUES[kind](batch, tx))
                    for one in batch:
                        await tx.execute(
                            "delete from due where kind = $1 and aggregate = $2 and at = $3",
                            kind,
                            one.aggregate,
                            one.at,
                        )
            self.clock.now += timedelta(milliseconds=1)
        return told

    async def managers(self) -> list[Manager]:
        """What `roster` was told, the oldest first."""
        rows = await self.rows("select payload from outbox where topic = 'roster' order by id")
        return [Manager.model_validate_json(row["payload"]) for row in rows]

    async def load(self, code: str, provider: str = "P") -> int:
        (row,) = await self.rows("select load from manager where id = $1", manager_id(provider, code))
        return int(row["load"])

    async def rows(self, sql: str, *args: object) -> list[Any]:
        async with self.database.transaction() as tx:
            return list(await tx.fetch(sql, *args))

    async def _told(self, tx: Any, states: Sequence[State]) -> list[Care]:
        await tx.publish(states)
        cares = [one for one in states if isinstance(one, Care)]
        for one in cares:
            self.cares.setdefault(one.household, []).append(one)
        return cares

    async def wrong(self) -> list[str]:
        """What must hold always: loads, capacities and revisions are right, and every decision can be made again."""
        loads = await self.rows(
            "select code from manager m where load <> base_load + (select coalesce(sum(weight), 0) from care c"
            " where c.manager = m.id) or load > capacity + tolerated"
        )
        actives = await self.rows(
            "select household from care c where (manager is not null) <> exists (select from assignment a where"
            " a.household = c.household and a.item = c.item and a.manager = c.manager and a.ended_at is null)"
        )
        skipped = [
            key for key, told in self.cares.items() if [one.revision for one in told] != list(range(1, len(told) + 1))
        ]
        async with self.database.transaction() as tx:
            replayed = await replay(tx)
        return [
            *(f"replayed otherwise: {place}" for place in replayed.otherwise),
            *(f"broken chain: {place}" for place in replayed.broken.items()),
            *(f"load {row['code']}" for row in loads),
            *(f"active {row['household']}" for row in actives),
            *(f"revisions {key}" for key in skipped),
        ]


@asynccontextmanager
async def on_stage(database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Stage]:
    """A stage that must be right when the test ends."""
    clock = SetClock()
    stage = Stage(await database("matching", clock=clock), clock)
    await stage.begin()
    yield stage
    wrong = await stage.wrong()
    assert not wrong, "\n".join(wrong)


def matching_door(stage: Stage, pages: Database, owner_url: str) -> Door:
    """The door of all pages of matching."""
    site = web.create(lambda: VAULT)
    mounted = Mounted(name="matching", prefix="/matching", package="matching", site=site)
    return Door(mounted, pages, stage.database, owner_url)


def trace_of(household: UUID) -> str:
    """A trace that is only this household's."""
    return f"00-{household.hex}-{uuid4().hex[:16]}-01"
