"""Builders of contract states: a test names what matters to it, the rest is plausible."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts.assignments import Assignee, Care, CaseFacts, EarlierAssignment
from contracts.households import Facts, Household
from contracts.municipalities import Municipality
from contracts.policy import Answering, Eligibility, Load, Points, Policy
from contracts.record import Record, State
from contracts.responses import Response
from contracts.roster import Manager
from contracts.topics import home_partition
from contracts.vocabulary import (
    Accommodation,
    AgeBand,
    Answer,
    AnswerReason,
    CareReason,
    CareStatus,
    HouseholdChange,
    HouseholdStatus,
    LegalGroup,
    ManagerStatus,
)

NOW = datetime(2022, 3, 14, 9, 0, tzinfo=UTC)
TUEBINGEN = "08416041"
REUTLINGEN = "08415061"
STUTTGART = "08111000"


def a_record(state: State, *, offset: int = 0, topic: str = "t", traceparent: str | None = None) -> Record[Any]:
    return Record(state, topic, state.partition, offset, traceparent)


def facts(**overrides: Any) -> Facts:
    municipality = overrides.get("municipality", TUEBINGEN)
    values: dict[str, Any] = {
        "arrived_on": date(2022, 3, 14),
        "municipality": municipality,
        "district": municipality[:5] if municipality else None,
        "languages": ("uk",),
        "legal_group": LegalGroup.DISPLACED_UKRAINIAN,
        "residence_title": "24",
        "accommodation": Accommodation.PRIVATE,
        "size": 3,
        "age_bands": {AgeBand.ADULT: 1, AgeBand.CHILD: 2},
    }
    return Facts(**(values | overrides))


def a_household(
    *,
    id: UUID | None = None,
    revision: int = 1,
    status: HouseholdStatus = HouseholdStatus.ACTIVE,
    change: HouseholdChange = HouseholdChange.REGISTERED,
    registered_at: datetime | None = NOW,
    **of_facts: Any,
) -> Household:
    household = id or uuid4()
    stated = None if status is HouseholdStatus.ERASED else facts(**of_facts)
    return Household(
        id=household,
        revision=revision,
        home=home_partition(household, stated.district if stated else None),
        status=status,
        change=change,
        centre="karlsruhe",
        registered_at=registered_at,
        changed_at=registered_at,
        facts=stated,
    )


def a_manager(**overrides: Any) -> Manager:
    values: dict[str, Any] = {
        "id": uuid4(),
        "revision": 1,
        "code": "TUE-01",
        "provider": "LRA-TUE",
        "status": ManagerStatus.ACTIVE,
        "fte_hundredths": 100,
        "capacity": 1000,
        "languages": ("de", "uk"),
        "service_area": (TUEBINGEN,),
        "active_from": date(2018, 1, 1),
        "changed_at": NOW,
    }
    return Manager(**(values | overrides))


def an_assignee(manager: Manager | None = None) -> Assignee:
    manager = manager or a_manager()
    return Assignee(id=manager.id, code=manager.code, provider=manager.provider)


def a_care(**overrides: Any) -> Care:
    """A proposal, unless told otherwise."""
    household = overrides.get("household") or uuid4()
    values: dict[str, Any] = {
        "household": household,
        "revision": 1,
        "home": home_partition(household, TUEBINGEN[:5]),
        "household_revision": 1,
        "status": CareStatus.PROPOSED,
        "reason": CareReason.MATCHED,
        "municipality": TUEBINGEN,
        "district": TUEBINGEN[:5],
        "case": CaseFacts(size=3, age_bands={AgeBand.ADULT: 1, AgeBand.CHILD: 2}, languages=("uk",)),
        "assignee": an_assignee(),
        "item": 1,
        "weight": 10,
        "registered_at": NOW,
        "decided_at": NOW,
        "assigned_at": NOW,
    }
    return Care(**(values | overrides))


def a_waiting_care(**overrides: Any) -> Care:
    """For want of somebody with room."""
    values: dict[str, Any] = {
        "status": CareStatus.WAITING,
        "reason": CareReason.NO_CAPACITY,
        "assignee": None,
        "item": None,
        "assigned_at": None,
        "weight": 0,
    }
    return a_care(**(values | overrides))


def an_earlier(**overrides: Any) -> EarlierAssignment:
    """An assignment that has been declined, unless told otherwise."""
    values: dict[str, Any] = {
        "item": 1,
        "manager": uuid4(),
        "assigned_at": NOW,
        "ended_at": NOW + timedelta(hours=1),
        "status": CareStatus.PROPOSED,
        "answer": Answer.DECLINED,
        "answer_reason": AnswerReason.LANGUAGE,
    }
    return EarlierAssignment(**(values | overrides))


def a_response(care: Care, answer: Answer = Answer.ACCEPTED, **overrides: Any) -> Response:
    values: dict[str, Any] = {
        "household": care.household,
        "revision": 1,
        "home": care.home,
        "item": care.item,
        "answer": answer,
        "answered_at": NOW,
    }
    return Response(**(values | overrides))


def a_municipality(**overrides: Any) -> Municipality:
    values: dict[str, Any] = {
        "ags": TUEBINGEN,
        "revision": 1,
        "name": "Tübingen",
        "district": TUEBINGEN[:5],
        "district_name": "Tübingen",
        "population": 92_322,
        "latitude": 48.52,
        "longitude": 9.05,
    }
    return Municipality(**(values | overrides))


def a_policy(**overrides: Any) -> Policy:
    values: dict[str, Any] = {
        "revision": 1,
        "version": "2022-03-11",
        "units_per_fte": 1000,
        "eligibility": (
            Eligibility(
                valid_from=date(2022, 3, 11),
                legal_group=LegalGroup.DISPLACED_UKRAINIAN,
                stages=tuple(Accommodation),
                source="Decree of 11 March 2022",
            ),
        ),
        "load": Load(per_case=4, per_person=2, per_skill=1),
        "points": Points(shared_language=100, per_skill=40, per_km=-1, balance=-1),
        "answering": Answering(remind_after_days=3),
    }
    return Policy(**(values | overrides))
