"""Reporting's folds and figures on a real PostgreSQL."""

import random
from collections import defaultdict
from datetime import date, timedelta
from uuid import uuid4

import pytest

from builders import (
    NOW,
    REUTLINGEN,
    TUEBINGEN,
    a_care,
    a_household,
    a_manager,
    a_municipality,
    a_policy,
    a_response,
    a_waiting_care,
    an_assignee,
    an_earlier,
)
from chassis.access import Role, Tenant
from chassis.database import Database
from contracts.assignments import EarlierAssignment
from contracts.record import State
from contracts.topics import topic_of
from contracts.vocabulary import (
    Answer,
    AnswerReason,
    CareReason,
    CareStatus,
    HouseholdStatus,
    ManagerStatus,
)
from integration.conftest import OpenDatabase
from reporting import store
from reporting.domain import Cohort, Figures, Period
from reporting_world import HANDLERS, fold

MARCH = Period(date(2022, 3, 1), date(2022, 3, 31))


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await database("reporting")


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("reporting", "web")


async def figures(database: Database, tenant: Tenant | None = None, district: str | None = None) -> Figures:
    async with database.transaction(tenant) as tx:
        return await store.figures(tx, MARCH, district)


async def hash_of(database: Database) -> str:
    async with database.transaction() as tx:
        return await store.state_hash(tx)


def a_story(rng: random.Random) -> list[State]:
    """The states of one household, one manager and one town, each with several revisions."""
    household, manager = uuid4(), a_manager(service_area=(TUEBINGEN, REUTLINGEN))
    declined = an_earlier(manager=manager.id)
    proposed = a_care(household=household, assignee=an_assignee(manager))
    moved = a_care(
        household=household,
        revision=2,
        item=2,
        assigned_at=NOW + timedelta(hours=1),
        assignee=an_assignee(),
        earlier=(declined,),
    )
    confirmed = moved.model_copy(update={"revision": 3, "status": CareStatus.CONFIRMED, "reason": CareReason.ACCEPTED})
    town = f"08{rng.randrange(10**6):06}"
    return [
        a_household(id=household),
        a_household(id=household, revision=2, municipality=REUTLINGEN),
        *([a_household(id=household, revision=3, status=HouseholdStatus.ERASED)] if rng.random() < 0.3 else []),
        proposed,
        moved,
        confirmed,
        a_response(proposed, Answer.DECLINED, reason=AnswerReason.LANGUAGE),
        a_response(moved, revision=2),
        manager,
        manager.model_copy(update={"revision": 2, "status": ManagerStatus.REMOVED}),
        a_municipality(ags=town, name="Old"),
        a_municipality(ags=town, revision=2, name="New"),
        a_policy(),
        a_policy(revision=2, version="2022-04-01"),
    ]


async def test_any_interleaving_of_the_topics_gives_the_same_rows(worker: Database) -> None:
    """Seeded, so that a failure repeats: order within a topic's key may be anything, too, as revisions decide."""
    rng = random.Random(20220311)
    states = [state for _ in range(6) for state in a_story(rng)]
    await fold(worker, states)
    expected = await hash_of(worker)
    for _ in range(12):
        async with worker.transaction() as tx:
            await store.clear(tx)
        assert await hash_of(worker) != expected
        again = [*states, *rng.sample(states, 20)]
        rng.shuffle(again)
        await fold(worker, again)
        assert await hash_of(worker) == expected


@pytest.mark.parametrize("newest", ["household", "response"])
async def test_of_an_erased_household_no_answer_is_left(worker: Database, newest: str) -> None:
    stays, goes = a_household(), a_household()
    answers = [
        a_response(a_care(household=one.id), Answer.DECLINED, reason=AnswerReason.LANGUAGE) for one in (stays, goes)
    ]
    erased = a_household(id=goes.id, revision=2, status=HouseholdStatus.ERASED)
    await fold(worker, [stays, goes, answers[0]])
    await fold(worker, [answers[1], erased] if newest == "household" else [erased, answers[1]])
    async with worker.transaction() as tx:
        rows = await tx.fetch("select id, response_revision, answer, answer_reason, answered_at from household")
    assert sorted(tuple(row) for row in rows) == sorted(
        [(stays.id, 1, "declined", "language", NOW), (goes.id, 1, None, None, None)]
    )


async def test_a_replay_from_the_first_record_changes_nothing(worker: Database) -> None:
    states = a_story(random.Random(1))
    await fold(worker, states)
    before = await hash_of(worker)
    await fold(worker, states)
    await fold(worker, states)
    assert await hash_of(worker) == before


async def test_the_outcomes_of_a_period_add_up_to_its_arrivals(worker: Database) -> None:
    manager = a_manager(capacity=100, base_load=20)
    statuses = [
        HouseholdStatus.ACTIVE,
        HouseholdStatus.WITHDRAWN,
        HouseholdStatus.HANDED_OVER,
        HouseholdStatus.DEPARTED,
    ]
    households = [a_household(status=status) for status in statuses for _ in range(4)]
    active = households[:4]
    late = a_household(registered_at=NOW + timedelta(days=40))
    again = an_earlier(assigned_at=NOW + timedelta(seconds=1), ended_at=NOW + timedelta(seconds=9))
    await fold(
        worker,
        [
            *households,
            late,
            a_care(
                household=active[0].id,
                assignee=an_assignee(manager),
                weight=30,
                assigned_at=NOW + timedelta(seconds=10),
                revision=2,
                item=2,
                earlier=(again,),
            ),
            a_waiting_care(household=active[1].id),
            a_waiting_care(household=active[2].id, status=CareStatus.NOT_ELIGIBLE, reason=CareReason.STAGE),
            manager,
            a_municipality(),
        ],
    )
    found = await figures(worker)
    assert found.cohort == Cohort(
        arrivals=16,
        persons=48,
        eligible=2,
        assigned=1,
        waiting=1,
        not_eligible=1,
        ended=0,
        withdrawn=4,
        handed_over=4,
        left=4,
        undecided=1,
        declines=1,
        reassigned=1,
        p50_ms=1000.0,
        p95_ms=1000.0,
        p99_ms=1000.0,
    )
    assert [(one.status, one.reason, one.households) for one in found.reasons] == [
        ("waiting", "no_capacity", 1),
        ("not_eligible", "stage", 1),
    ]
    assert (found.capacity.managers, found.capacity.load, found.capacity.utilisation) == (1, 50, 0.5)
    assert [(one.day, one.cohort.arrivals) for one in found.days] == [(date(2022, 3, 14), 16)]
    assert [(one.ags, one.name, one.cohort.arrivals) for one in found.districts] == [("08416", "Tübingen", 16)]


async def test_a_day_begins_at_midnight_in_berlin(worker: Database) -> None:
    midnight = NOW.replace(day=13, hour=23, minute=0)
    await fold(
        worker,
        [
            a_household(registered_at=midnight - timedelta(seconds=1)),
            a_household(registered_at=midnight),
        ],
    )
    assert [one.day.day for one in (await figures(worker)).days] == [13, 14]


async def test_percentiles_are_of_first_assignments(worker: Database) -> None:
    for milliseconds in range(1, 101):
        household = a_household()
        await fold(
            worker,
            [household, a_care(household=household.id, assigned_at=NOW + timedelta(milliseconds=milliseconds))],
        )
    cohort = (await figures(worker)).cohort
    assert (cohort.p50_ms, cohort.p95_ms, cohort.p99_ms) == (50.0, 95.0, 99.0)


async def test_an_erased_household_has_no_part_in_how_long_others_waited(worker: Database) -> None:
    """What is left of its times is days: its assignment would come before its arrival."""
    stays, goes = a_household(), a_household()
    cares = [a_care(household=one.id, assigned_at=NOW + timedelta(milliseconds=70)) for one in (stays, goes)]
    await fold(worker, [stays, goes, *cares])
    day = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    gone = EarlierAssignment(
        item=1,
        manager=uuid4(),
        assigned_at=day,
        ended_at=day,
        status=CareStatus.ENDED,
        reason=CareReason.HOUSEHOLD_ERASED,
    )
    ended = {"status": CareStatus.ENDED, "reason": CareReason.HOUSEHOLD_ERASED, "assignee": None, "case": None}
    erased_care = cares[1].model_copy(
        update=ended | {"revision": 2, "item": None, "weight": 0, "assigned_at": None, "earlier": (gone,)}
    )
    for state in (erased_care, a_household(id=goes.id, revision=2, status=HouseholdStatus.ERASED)):
        await fold(worker, [state])
        cohort = (await figures(worker)).cohort
        assert (cohort.arrivals, cohort.p50_ms, cohort.p99_ms) == (2, 70.0, 70.0)


async def test_who_was_lost_with_a_database_is_counted_on_no_day(worker: Database) -> None:
    """A restore tells them so; their people are registered again, and counted then."""
    erased, again = a_household(status=HouseholdStatus.ERASED), a_household()
    lost = a_household(status=HouseholdStatus.ERASED, revision=2, registered_at=None)
    ended = a_waiting_care(household=lost.id, status=CareStatus.ENDED, reason=CareReason.HOUSEHOLD_ERASED)
    for states in ([ended, lost], [lost, ended]):
        async with worker.transaction() as tx:
            await store.clear(tx)
        await fold(worker, [erased, again, a_household(id=lost.id)])
        assert (await figures(worker)).cohort.arrivals == 3
        await fold(worker, states)
        cohort = (await figures(worker)).cohort
        assert (cohort.arrivals, cohort.left) == (2, 1)


async def test_a_town_is_covered_by_a_manager_who_is_active_today(worker: Database) -> None:
    yesterday = date.today() - timedelta(days=1)  # noqa: DTZ011
    await fold(
        worker,
        [
            a_municipality(),
            a_municipality(ags=REUTLINGEN, district="08415", district_name="Reutlingen"),
            a_municipality(ags="08415099", district="08415", district_name="Reutlingen", active=False),
            a_manager(),
            a_manager(service_area=(REUTLINGEN,), active_until=yesterday),
            a_manager(service_area=(REUTLINGEN,), capacity=0),
            a_manager(service_area=(REUTLINGEN,), status=ManagerStatus.REMOVED),
        ],
    )
    found = await figures(worker)
    assert (found.coverage.municipalities, found.coverage.served, found.coverage.share) == (2, 1, 0.5)
    assert {one.ags: one.coverage.share for one in found.districts} == {"08415": 0.0, "08416": 1.0}


async def test_a_manager_of_two_districts_counts_once_in_the_total(worker: Database) -> None:
    await fold(
        worker,
        [
            a_municipality(),
            a_municipality(ags=REUTLINGEN, district="08415", district_name="Reutlingen"),
            a_manager(service_area=(TUEBINGEN, REUTLINGEN), capacity=100),
        ],
    )
    found = await figures(worker)
    assert found.capacity.managers == 1
    assert [one.capacity.managers for one in found.districts] == [1, 1]


@pytest.mark.parametrize(
    ("tenant", "arrivals"),
    [
        (Tenant(Role.STATE, "08"), 3),
        (Tenant(Role.AUDITOR, "08"), 3),
        (Tenant(Role.DISTRICT, "08416"), 2),
        (Tenant(Role.MUNICIPALITY, REUTLINGEN), 1),
        (Tenant(Role.CENTRE, "karlsruhe"), 3),
        (Tenant(Role.CENTRE, "ellwangen"), 0),
        (Tenant(Role.MANAGER, "08"), 0),
        (Tenant(Role.OPERATOR, "08"), 0),
    ],
)
async def test_a_reader_counts_only_what_is_theirs(
    worker: Database, web: Database, tenant: Tenant, arrivals: int
) -> None:
    await fold(worker, [a_household(), a_household(), a_household(municipality=REUTLINGEN)])
    assert (await figures(web, tenant)).cohort.arrivals == arrivals


async def test_without_a_tenant_there_is_nothing_to_see(worker: Database, web: Database) -> None:
    await fold(worker, [a_household()])
    assert (await figures(web)).cohort.arrivals == 0


async def test_a_district_sees_the_whole_load_of_a_manager_it_shares(worker: Database, web: Database) -> None:
    manager = a_manager(service_area=(TUEBINGEN, REUTLINGEN), capacity=100)
    here, there = a_household(), a_household(municipality=REUTLINGEN)
    await fold(
        worker,
        [
            here,
            there,
            *(a_care(household=one.id, assignee=an_assignee(manager), weight=20) for one in (here, there)),
            manager,
            a_municipality(),
        ],
    )
    found = await figures(web, Tenant(Role.DISTRICT, "08416"), "08416")
    assert found.capacity.load == 40


def test_every_state_topic_is_folded() -> None:
    by_topic = defaultdict(list)
    for state in a_story(random.Random(2)):
        by_topic[topic_of(state).name].append(state)
    assert set(by_topic) == set(HANDLERS)
