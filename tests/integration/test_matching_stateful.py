"""Matching on a real database, driven at random, against a small model of what must be so."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import REUTLINGEN, STUTTGART, TUEBINGEN, a_household
from chassis.database import Database
from contracts.assignments import Care
from contracts.policy import Eligibility
from contracts.vocabulary import (
    Accommodation,
    Answer,
    AnswerReason,
    CareReason,
    CareStatus,
    HouseholdStatus,
    LegalGroup,
)
from contracts.zone import day_of
from geleit.embedded.postgres import database_url
from integration.conftest import a_database
from matching.domain import Absence
from matching.policy import publish_policy, shipped
from matching.roster.change import add_absence
from matching.roster.rows import manager_id
from matching_stage import Stage, on_stage

TOWNS = (TUEBINGEN, REUTLINGEN, STUTTGART)
ROSTER = {"A": (TUEBINGEN,), "B": (TUEBINGEN, REUTLINGEN), "C": (REUTLINGEN, STUTTGART)}
ACTIONS = (
    "arrive",
    "arrive",
    "arrive",
    "correct",
    "withdraw",
    "answer",
    "answer",
    "answer",
    "absence",
    "fte",
    "policy",
    "time",
)
NEW_STAGE = Callable[[], AbstractAsyncContextManager[Stage]]


@dataclass
class Known:
    """A household as the model knows it."""

    group: LegalGroup
    town: str | None
    size: int
    revision: int = 1
    here: bool = True
    closed: bool = False
    aside: bool = False
    answers: int = 0
    banned: set[UUID] = field(default_factory=set)


@dataclass
class Model:
    """What must be so, in the simplest words: statuses, weights, and that nobody is passed over."""

    households: dict[UUID, Known] = field(default_factory=dict)
    capacity: dict[UUID, int] = field(default_factory=dict)
    towns: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    away: dict[UUID, list[Absence]] = field(default_factory=dict)
    counselled: set[LegalGroup] = field(default_factory=lambda: {LegalGroup.DISPLACED_UKRAINIAN})

    def wrong(self, cares: dict[UUID, Care], today: date) -> list[str]:
        """What is not as it must be."""
        load: Counter[UUID] = Counter()
        for care in cares.values():
            if care.assignee:
                load[care.assignee.id] += care.weight
        return [
            f"{key}: {fault}"
            for key, known in self.households.items()
            if (fault := self._fault(known, cares[key], load, today))
        ]

    def _fault(self, known: Known, care: Care, load: Counter[UUID], today: date) -> str | None:
        expected = self._expected(known, care)
        if care.status not in expected:
            return f"{care.status} ({care.reason}), not {sorted(expected)}"
        if care.assignee:
            if known.town not in self.towns[care.assignee.id] or care.assignee.id in known.banned:
                return f"assigned to {care.assignee.code}, who may not have it"
            weighs = weight_of(known.size, (today - day_of(care.assigned_at)).days if care.assigned_at else 0)
            return None if care.weight == weighs else f"weighs {care.weight}, not {weighs}"
        if care.status is CareStatus.WAITING and known.town is None:
            return None if care.reason is CareReason.NO_MUNICIPALITY else f"waits because of {care.reason}"
        if care.status is CareStatus.WAITING and not known.aside:
            takers = [one for one in self.towns if self._could_take(one, known, load[one], today)]
            return f"passed over ({care.reason})" if takers else None
        return None

    def _expected(self, known: Known, care: Care) -> set[CareStatus]:
        if not known.here or known.closed:
            return {CareStatus.ENDED}
        if known.group not in self.counselled:
            # Who is in care stays there until a person decides, and with the manager when they move.
            stays = {CareStatus.PROPOSED} if care.reason is CareReason.MANAGER_STAYS else set()
            return {CareStatus.NOT_ELIGIBLE, CareStatus.CONFIRMED} | stays
        if known.town is None or known.aside:
            return {CareStatus.WAITING}
        return {CareStatus.WAITING, CareStatus.PROPOSED, CareStatus.CONFIRMED}

    def _could_take(self, manager: UUID, known: Known, load: int, today: date) -> bool:
        return (
            known.town in self.towns[manager]
            and manager not in known.banned
            and not any(one.covers(today) for one in self.away[manager])
            and load + weight_of(known.size, 0) <= self.capacity[manager]
        )


def weight_of(size: int, days: int) -> int:
    percent = 60 if days >= 365 else 80 if days >= 84 else 100
    return -(-(5 + 10 * size) * percent // 100)


class Driver:
    """Does at random what people and time do, and tells the model."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self.stage, self.random, self.model = stage, random, Model()
        self.ftes = dict.fromkeys(ROSTER, "0,25")
        self.versions = 0

    async def act(self, name: str) -> None:
        await getattr(self, name)()
        await self.stage.pass_time()
        cares = {key: told[-1] for key, told in self.stage.cares.items()}
        assert self.model.wrong(cares, day_of(self.stage.clock.now)) == [], name

    async def fte(self) -> None:
        if self.versions or self.model.towns:
            self.ftes[self.random.choice("ABC")] = self.random.choice(("0", "0,25", "0,5"))
        await self.stage.roster(*(f"{code};N;P;{self.ftes[code]};{' '.join(ROSTER[code])};uk" for code in ROSTER))
        for code, towns in ROSTER.items():
            manager = manager_id("P", code)
            self.model.towns[manager] = towns
            self.model.away.setdefault(manager, [])
            self.model.capacity[manager] = int(float(self.ftes[code].replace(",", ".")) * 1200)

    async def arrive(self) -> None:
        group = self.random.choice((LegalGroup.DISPLACED_UKRAINIAN,) * 3 + (LegalGroup.OBLIGED_TO_LEAVE,))
        known = Known(group, self.random.choice((*TOWNS, *TOWNS, None)), self.random.randint(1, 9))
        await self._tell(uuid4(), known)

    async def correct(self) -> None:
        if pair := self._one_that(lambda known: known.here):
            key, known = pair
            before = known.town, known.size
            known.size = self.random.randint(1, 9)
            known.town = self.random.choice((known.town, *TOWNS))
            known.aside &= (known.town, known.size) == before
            known.closed &= known.town == before[0]
            await self._tell(key, known)

    async def withdraw(self) -> None:
        if pair := self._one_that(lambda _: True):
            key, known = pair
            known.here = not known.here
            known.aside = known.closed = False
            await self._tell(key, known)

    async def _tell(self, key: UUID, known: Known) -> None:
        known.revision += key in self.model.households
        self.model.households[key] = known
        status = HouseholdStatus.ACTIVE if known.here else HouseholdStatus.WITHDRAWN
        facts: dict[str, Any] = {"municipality": known.town, "size": known.size, "legal_group": known.group}
        state = a_household(id=key, revision=known.revision, status=status, registered_at=self.stage.clock.now, **facts)
        await self.stage.tell(state)

    async def answer(self) -> None:
        pair = self._one_that(lambda known: known.here and not known.closed)
        care = self.stage.cares[pair[0]][-1] if pair else None
        if pair is None or care is None:
            return
        known = pair[1]
        given = self.random.choice((Answer.ACCEPTED, Answer.DECLINED, Answer.DECLINED, Answer.UNDONE, Answer.CLOSED))
        last = care.earlier[-1] if care.earlier else None
        known.answers += 1
        if given is Answer.UNDONE:
            undoes = care.status is CareStatus.WAITING and last is not None and last.answer is Answer.DECLINED
            if not undoes or last is None or known.group not in self.model.counselled:
                return
            known.banned.discard(last.manager)
            known.aside = False
            await self.stage.answer(care, given, revision=known.answers, item=last.item)
            return
        if care.assignee is None:
            await self.stage.answer(care, Answer.ACCEPTED, revision=known.answers, item=99)  # Stale: nothing changes.
            return
        reason = self.random.choice((AnswerReason.LANGUAGE, AnswerReason.WRONG_MUNICIPALITY))
        if given is Answer.DECLINED:
            known.banned.add(care.assignee.id)
            known.aside = reason is AnswerReason.WRONG_MUNICIPALITY and care.status is CareStatus.PROPOSED
        known.closed = given is Answer.CLOSED
        more = {"reason": reason if given is Answer.DECLINED else AnswerReason.NO_CONTACT}
        await self.stage.answer(care, given, revision=known.answers, **({} if given is Answer.ACCEPTED else more))

    async def absence(self) -> None:
        manager = manager_id("P", self.random.choice("ABC"))
        since = day_of(self.stage.clock.now) + timedelta(days=self.random.randint(0, 3))
        absence = Absence(since, since + timedelta(days=self.random.randint(0, 9)))
        async with self.stage.database.transaction() as tx:
            if await add_absence(tx, manager, absence):
                self.model.away[manager].append(absence)

    async def policy(self) -> None:
        self.versions += 1
        counselled = self.versions % 2 == 1
        today = day_of(self.stage.clock.now)
        rule = Eligibility(
            valid_from=today,
            legal_group=LegalGroup.OBLIGED_TO_LEAVE,
            stages=tuple(Accommodation) if counselled else (),
            source="A decree of this test",
        )
        newer = shipped().model_copy(
            update={"version": f"test-{self.versions}", "eligibility": (*shipped().eligibility, rule)}
        )
        async with self.stage.database.transaction() as tx:
            await tx.publish(await publish_policy(tx, newer))
        change = self.model.counselled.add if counselled else self.model.counselled.discard
        change(LegalGroup.OBLIGED_TO_LEAVE)
        for known in self.model.households.values():
            # Who is no longer counselled is not put aside any more either.
            known.aside &= known.group in self.model.counselled

    async def time(self) -> None:
        await self.stage.pass_time(timedelta(days=self.random.choice((1, 2, 7, 90, 300))))

    def _one_that(self, fits: Callable[[Known], bool]) -> tuple[UUID, Known] | None:
        fitting = [pair for pair in self.model.households.items() if fits(pair[1])]
        return self.random.choice(fitting) if fitting else None


@pytest.fixture
def new_stage(postgres_url: str, migrated_template: str, services_password: str | None) -> NEW_STAGE:
    """Makes stages, each on a database of its own."""

    @asynccontextmanager
    async def make() -> AsyncIterator[Stage]:
        opened: list[Database] = []
        async with a_database(postgres_url, f"template {migrated_template} strategy file_copy") as name:

            async def database(service: str, **more: Any) -> Database:
                url = database_url(postgres_url, name)
                opened.append(
                    await Database.open(url, service=service, use="worker", password=services_password, **more)
                )
                return opened[-1]

            try:
                async with on_stage(database) as stage:
                    yield stage
            finally:
                for one in opened:
                    await one.close()

    return make


# Each example has a database of its own, which on a server that syncs every commit takes its time.
@pytest.mark.timeout(600)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=10, max_size=40), seed=st.integers(0, 2**32))
async def test_whatever_happens_everything_is_as_it_must_be(
    new_stage: NEW_STAGE, actions: list[str], seed: int
) -> None:
    async with new_stage() as stage:
        driver = Driver(stage, Random(seed))
        await driver.fte()
        for name in actions:
            await driver.act(name)
