"""Builders of matching's core: a test names what matters to it, the rest is plausible."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN
from contracts.vocabulary import (
    Accommodation,
    AgeBand,
    Answer,
    AnswerReason,
    CareReason,
    CareStatus,
    HouseholdStatus,
    LegalGroup,
    Skill,
)
from matching.ask import Ask
from matching.domain import Absence, Carried, Facts, Household, Load, Manager, Place, Policy, Prices, Rule
from matching.field import Field, Round
from matching.lifecycle import Care, Reply
from matching.match import Decision

DAY = date(2022, 3, 14)
PLACES: dict[str, Place] = {TUEBINGEN: (48.52, 9.05), REUTLINGEN: (48.49, 9.21), STUTTGART: (48.78, 9.18)}


def facts(**overrides: Any) -> Facts:
    values: dict[str, Any] = {
        "arrived_on": DAY,
        "municipality": TUEBINGEN,
        "district": TUEBINGEN[:5],
        "size": 3,
        "age_bands": {AgeBand.ADULT: 1, AgeBand.CHILD: 2},
        "languages": ("uk",),
        "skills_needed": (),
        "legal_group": LegalGroup.DISPLACED_UKRAINIAN,
        "accommodation": Accommodation.PRIVATE,
        "unaccompanied_minor": False,
        "allotted_on": None,
    }
    return Facts(**(values | overrides))


def household(
    *,
    id: UUID | None = None,
    registered_at: datetime = NOW,
    revision: int = 1,
    status: HouseholdStatus = HouseholdStatus.ACTIVE,
    **of_facts: Any,
) -> Household:
    known = None if status is HouseholdStatus.ERASED else facts(**of_facts)
    key = id or uuid4()
    return Household(key, 3, revision, status, registered_at, known, alias=UUID(int=key.int ^ 1 << 64))


def ask(*, excluded: frozenset[UUID] = frozenset(), wish: Any = None, **of_household: Any) -> Ask:
    since = of_household.pop("waiting_since", NOW)
    more = {name: of_household.pop(name) for name in ("former", "relatives") if name in of_household}
    one = household(**of_household)
    assert one.facts is not None
    return Ask(one, one.facts, since, excluded, wish, **more)


def manager(**overrides: Any) -> Manager:
    values: dict[str, Any] = {
        "id": uuid4(),
        "code": "TUE-01",
        "provider": "LRA-TUE",
        "fte_hundredths": 100,
        "capacity": 1000,
        "languages": frozenset({"de"}),
        "skills": frozenset(),
        "service_area": frozenset({TUEBINGEN}),
        "office": TUEBINGEN,
        "active_from": date(2018, 1, 1),
        "active_until": None,
    }
    return Manager(**(values | overrides))


def policy(**overrides: Any) -> Policy:
    values: dict[str, Any] = {
        "id": "integration-management",
        "version": "test",
        "revision": 1,
        "units_per_fte": 1000,
        "rules": (Rule(date(2022, 3, 11), LegalGroup.DISPLACED_UKRAINIAN, tuple(Accommodation), 3),),
        "load": Load(per_case=5, per_person=10, per_skill=5),
        "points": Prices(shared_language=300, per_skill=150, per_km=-3, balance=-1, continuity=200, relatives=250),
        "remind_after_days": 3,
        "mandatory_skills": frozenset(),
    }
    return Policy(**(values | overrides))


def a_round(*managers: Manager, seed: bytes = b"seed", **of_policy: Any) -> Round:
    return Round(Field(managers, PLACES), policy(**of_policy), NOW, DAY, seed)


def unburdened(*managers: Manager, load: int = 0) -> dict[UUID, Carried]:
    return {one.id: Carried(load) for one in managers}


def carried_after(decisions: list[Decision], loads: dict[UUID, Carried]) -> dict[UUID, Carried]:
    """What everybody carries once these are carried out."""
    carried = dict(loads)
    for one in decisions:
        if one.chosen:
            load, new = carried[one.chosen.id]
            carried[one.chosen.id] = Carried(load + one.weight, new + 1)
    return carried


def proposed(to: Manager, **overrides: Any) -> Care:
    values: dict[str, Any] = {
        "household": uuid4(),
        "revision": 1,
        "household_revision": 1,
        "status": CareStatus.PROPOSED,
        "reason": CareReason.MATCHED,
        "decided_at": NOW,
        "manager": to.id,
        "item": 1,
        "weight": 35,
        "assigned_at": NOW,
        "answer_by": NOW,
    }
    return Care(**(values | overrides))


def reply(
    answer: Answer, *, item: int = 1, revision: int = 1, reason: AnswerReason | None = None, **more: Any
) -> Reply:
    return Reply(revision, item, answer, reason, NOW, more.get("accepted_at"), more.get("contacted_at"))


SKILLS = tuple(Skill)
TOWNS = (TUEBINGEN, REUTLINGEN, STUTTGART)
LANGUAGES = ("uk", "ru", "ar")
MANDATORY: dict[str, Any] = {"mandatory_skills": frozenset({Skill.TRAUMA_INFORMED})}


@st.composite
def towns(draw: st.DrawFn) -> tuple[list[Manager], list[Ask], dict[UUID, Carried]]:
    """A few managers, some full or absent, and more households than they can take."""
    managers = [
        manager(
            id=UUID(int=number + 1),
            capacity=draw(st.integers(0, 200)),
            languages=frozenset(draw(st.sets(st.sampled_from(LANGUAGES)))),
            skills=frozenset(draw(st.sets(st.sampled_from(SKILLS), max_size=3))),
            service_area=frozenset(draw(st.sets(st.sampled_from(TOWNS), max_size=3))),
            office=draw(st.sampled_from((*TOWNS, None))),
            max_new_per_week=draw(st.sampled_from((None, None, 0, 1, 2))),
            absences=draw(st.sampled_from(((), (Absence(DAY, DAY),)))),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    some_of_them = st.sets(st.sampled_from([one.id for one in managers]), max_size=2) if managers else st.just(set())
    asks = [
        ask(
            id=UUID(int=1000 + number),
            waiting_since=draw(st.sampled_from((NOW, NOW - timedelta(hours=5), NOW - timedelta(days=3)))),
            municipality=draw(st.sampled_from((*TOWNS, None))),
            size=draw(st.integers(1, 6)),
            languages=tuple(draw(st.sets(st.sampled_from(LANGUAGES), max_size=2))),
            skills_needed=tuple(draw(st.sets(st.sampled_from(SKILLS), max_size=2))),
            family_group=draw(st.sampled_from((None, None, None, UUID(int=7)))),
            excluded=frozenset(draw(some_of_them)),
            former=frozenset(draw(some_of_them)),
            relatives=frozenset(draw(some_of_them)),
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    loads = {one.id: Carried(draw(st.integers(0, one.capacity)), draw(st.integers(0, 1))) for one in managers}
    return managers, asks, loads
