"""The way of a household through matching: proposed, answered, corrected, moved, ended, and the waiting list."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN, a_care, a_household, a_record, a_response
from chassis.consumer import Refused
from contracts.households import MAX_FAMILY
from contracts.vocabulary import (
    Answer,
    AnswerReason,
    Applied,
    CareReason,
    CareStatus,
    HouseholdChange,
    HouseholdStatus,
    LegalGroup,
)
from matching import handlers
from matching.lifecycle import ENDED_BY
from matching.roster.rows import manager_id
from matching_stage import Stage

ONE = f"A;Anna;P;1;{TUEBINGEN};uk"
TWO = f"B;Berta;P;1;{TUEBINGEN} {REUTLINGEN};ru"


async def test_every_household_gets_a_manager_or_a_reason(stage: Stage) -> None:
    await stage.roster(ONE)
    told = await stage.tell(
        a_household(),
        a_household(municipality=STUTTGART),
        a_household(municipality=None),
        a_household(legal_group=LegalGroup.OBLIGED_TO_LEAVE),
        a_household(status=HouseholdStatus.WITHDRAWN, change=HouseholdChange.WITHDRAWN),
        a_household(status=HouseholdStatus.ERASED, change=HouseholdChange.ERASED),
    )
    assert sorted((one.status, one.reason) for one in told) == sorted(
        [
            (CareStatus.PROPOSED, CareReason.MATCHED),
            (CareStatus.WAITING, CareReason.NOT_SERVED),
            (CareStatus.WAITING, CareReason.NO_MUNICIPALITY),
            (CareStatus.NOT_ELIGIBLE, CareReason.LEGAL_GROUP),
            (CareStatus.ENDED, CareReason.HOUSEHOLD_WITHDRAWN),
            (CareStatus.ENDED, CareReason.HOUSEHOLD_ERASED),
        ]
    )
    assert await stage.load("A") == 35


async def test_a_proposal_says_all_its_municipality_needs(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive(size=2)
    assert care.assignee is not None
    assert (care.assignee.id, care.assignee.code, care.assignee.provider) == (manager_id("P", "A"), "A", "P")
    assert (care.item, care.weight, care.municipality, care.policy) == (1, 25, TUEBINGEN, "2022-03-11.2")
    assert care.case is not None
    assert care.case.size == 2
    assert care.answer_by == NOW + timedelta(days=3)
    assert care.receipt is not None
    assert care.because is not None
    assert (care.because.languages, care.because.distance_km, care.because.by_person) == (("uk",), 0, False)
    (confirmed,) = await stage.answer(care, Answer.ACCEPTED)
    assert confirmed.because == care.because, "what spoke for her stays"
    (closed,) = await stage.answer(care, Answer.CLOSED, revision=2, reason=AnswerReason.NO_CONTACT)
    assert closed.because is None


async def test_a_state_read_again_or_late_changes_nothing(stage: Stage) -> None:
    await stage.roster(ONE)
    first, second = a_household(), a_household(size=4)
    second = second.model_copy(update={"id": first.id, "revision": 2, "home": first.home})
    await stage.tell(second)
    assert await stage.tell(first) == []
    assert await stage.tell(second) == []
    assert await stage.load("A") == 45


async def test_a_correction_keeps_the_manager_and_her_load_follows(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive()
    (after,) = await stage.tell(a_household(id=care.household, revision=2, change=HouseholdChange.CORRECTED, size=6))
    assert (after.revision, after.item, after.assignee, after.weight) == (2, 1, care.assignee, 65)
    assert await stage.load("A") == 65


async def test_a_correction_beyond_capacity_is_counted_and_closes_the_door(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;250")
    care = await stage.arrive(size=4)
    (after,) = await stage.tell(a_household(id=care.household, revision=2, size=9))
    assert (after.status, await stage.load("A")) == (CareStatus.PROPOSED, 345)
    assert (await stage.arrive(size=1)).reason is CareReason.NO_CAPACITY
    await stage.tell(a_household(id=care.household, revision=3, status=HouseholdStatus.DEPARTED))
    (row,) = await stage.rows("select load, tolerated from manager")
    assert tuple(row) == (265, 0), "who waited has been served, and nothing is tolerated any more"


async def test_a_move_ends_and_decides_anew(stage: Stage) -> None:
    await stage.roster(ONE, f"C;Carla;P;1;{STUTTGART}")
    care = await stage.arrive()
    (moved,) = await stage.tell(
        a_household(id=care.household, revision=2, change=HouseholdChange.MOVED, municipality=STUTTGART)
    )
    assert moved.assignee is not None
    assert (moved.assignee.code, moved.item, moved.district) == ("C", 2, STUTTGART[:5])
    assert [(one.item, one.status, one.answer) for one in moved.earlier] == [(1, CareStatus.PROPOSED, None)]
    assert (await stage.load("A"), await stage.load("C")) == (0, 35)


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_move_within_her_service_area_is_proposed_to_the_new_town_with_the_same_manager(
    stage: Stage, *, accepted: bool
) -> None:
    await stage.roster(TWO, f"C;Carla;P;1;{REUTLINGEN};uk")
    care = await stage.arrive()
    if accepted:
        (care,) = await stage.answer(care, Answer.ACCEPTED)
    stage.clock.now += timedelta(days=1)
    (moved,) = await stage.tell(
        a_household(id=care.household, revision=2, change=HouseholdChange.MOVED, municipality=REUTLINGEN)
    )
    assert (moved.status, moved.reason, moved.municipality) == (
        CareStatus.PROPOSED,
        CareReason.MANAGER_STAYS,
        REUTLINGEN,
    )
    assert (moved.assignee, moved.item) == (care.assignee, care.revision + 1)
    assert (moved.assigned_at, moved.answered_at) == (stage.clock.now, None)
    assert (moved.answer_by, moved.receipt != care.receipt) == (NOW + timedelta(days=4), True)
    assert moved.because is not None
    assert not moved.because.by_person
    assert [(one.item, one.status, one.reason) for one in moved.earlier] == [
        (1, CareStatus.PROPOSED, CareReason.MANAGER_STAYS)
    ]
    (stale,) = await stage.answer(care, Answer.CONTACTED, revision=2)
    assert stale.last_answer is not None
    assert (stale.last_answer.applied, stale.item) == (Applied.STALE, moved.item)
    (confirmed,) = await stage.answer(moved, Answer.ACCEPTED, revision=3)
    assert (confirmed.status, confirmed.item, await stage.load("B")) == (CareStatus.CONFIRMED, moved.item, 35)


async def test_who_moves_stays_beyond_capacity_and_only_what_is_more_is_tolerated(stage: Stage) -> None:
    await stage.roster(f"B;Berta;P;0,25;{TUEBINGEN} {REUTLINGEN};ru;;240;")
    care = await stage.arrive(size=4)
    await stage.roster(f"B;Berta;P;0,25;{TUEBINGEN} {REUTLINGEN};ru;;270;2022-03-01/2022-12-31")
    (row,) = await stage.rows("select load, tolerated from manager")
    assert tuple(row) == (315, 15)
    waits = await stage.arrive(size=1)
    (moved,) = await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN, size=5))
    assert (moved.reason, moved.weight) == (CareReason.MANAGER_STAYS, 55)
    (row,) = await stage.rows("select load, tolerated from manager")
    assert tuple(row) == (325, 25)
    (back,) = await stage.tell(a_household(id=care.household, revision=3, size=2))
    assert (back.reason, back.weight, await stage.load("B")) == (CareReason.MANAGER_STAYS, 25, 295)
    assert stage.cares[waits.household] == [waits]


async def test_what_a_lighter_case_frees_by_its_move_serves_who_waits(stage: Stage) -> None:
    await stage.roster(f"B;Berta;P;0,25;{TUEBINGEN} {REUTLINGEN};ru;;255;")
    care = await stage.arrive(size=4)
    waits = await stage.arrive(size=1)
    assert waits.reason is CareReason.NO_CAPACITY
    told = await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN, size=3))
    assert {(one.household, one.reason) for one in told} == {(care.household, CareReason.MANAGER_STAYS)}
    told = await stage.tell(a_household(id=care.household, revision=3, size=2))
    assert {(one.household, one.reason) for one in told} == {
        (care.household, CareReason.MANAGER_STAYS),
        (waits.household, CareReason.MATCHED),
    }
    assert await stage.load("B") == 295


@pytest.mark.parametrize("status", list(ENDED_BY))
async def test_who_leaves_frees_capacity_for_who_waits(stage: Stage, status: HouseholdStatus) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;270")
    first = await stage.arrive(size=2)
    waits = await stage.arrive(size=2, registered_at=NOW + timedelta(hours=1))
    assert waits.reason is CareReason.NO_CAPACITY
    told = await stage.tell(a_household(id=first.household, revision=2, status=status))
    assert {(one.household, one.status) for one in told} == {
        (first.household, CareStatus.ENDED),
        (waits.household, CareStatus.PROPOSED),
    }
    assert await stage.load("A") == 295


async def test_the_waiting_list_is_served_in_order_of_registration_with_its_own_traces(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;270")
    first = await stage.arrive(size=2)
    late = await stage.arrive(size=2, registered_at=NOW + timedelta(hours=2))
    early = await stage.arrive(size=2, registered_at=NOW + timedelta(hours=1))
    told = await stage.answer(first, Answer.CLOSED, reason=AnswerReason.MOVED_AWAY)
    assert {one.household for one in told} == {first.household, early.household}
    assert stage.cares[late.household][-1].status is CareStatus.WAITING
    (row,) = await stage.rows(
        "select traceparent from outbox where key = $1 order by id desc limit 1", str(early.household)
    )
    assert early.household.hex in row["traceparent"]


async def test_an_acceptance_a_contact_and_a_close(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive()
    (accepted,) = await stage.answer(care, Answer.ACCEPTED)
    (contacted,) = await stage.answer(care, Answer.CONTACTED, revision=2, accepted_at=NOW, contacted_at=NOW)
    (closed,) = await stage.answer(care, Answer.CLOSED, revision=3, reason=AnswerReason.COUNSELLING_COMPLETED)
    assert [one.status for one in (accepted, contacted, closed)] == [
        CareStatus.CONFIRMED,
        CareStatus.CONFIRMED,
        CareStatus.ENDED,
    ]
    assert (accepted.item, contacted.contacted_at, closed.ended_at) == (1, NOW, NOW)
    assert closed.earlier[0].answer_reason is AnswerReason.COUNSELLING_COMPLETED
    (moved,) = await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN))
    for later in (closed, moved):
        (earlier,) = later.earlier
        assert (earlier.answered_at, earlier.contacted_at) == (NOW, NOW)
    assert await stage.load("A") == 0


async def test_a_decline_never_comes_back_to_the_same_manager(stage: Stage) -> None:
    await stage.roster(ONE, TWO)
    care = await stage.arrive()
    assert care.assignee is not None
    assert care.assignee.code == "A"
    (again,) = await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    assert again.assignee is not None
    assert (again.status, again.assignee.code, again.item) == (CareStatus.PROPOSED, "B", 2)
    assert [(one.answer, one.answer_reason) for one in again.earlier] == [(Answer.DECLINED, AnswerReason.OVERLOADED)]
    (waits,) = await stage.answer(again, Answer.DECLINED, revision=2, reason=AnswerReason.OTHER)
    assert (waits.status, waits.reason) == (CareStatus.WAITING, CareReason.ALL_EXCLUDED)
    assert (await stage.load("A"), await stage.load("B")) == (0, 0)


async def test_the_history_is_in_order_though_another_process_has_a_clock_behind(stage: Stage) -> None:
    await stage.roster(ONE, TWO)
    stage.clock.now += timedelta(hours=1)
    care = await stage.arrive()
    stage.clock.now -= timedelta(hours=2)
    (again,) = await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    await stage.answer(again, Answer.DECLINED, revision=2, reason=AnswerReason.OTHER)
    first, second = await stage.rows("select assigned_at, ended_at from assignment order by item")
    assert first["assigned_at"] <= first["ended_at"] <= second["assigned_at"] <= second["ended_at"]


async def test_a_decline_can_be_undone_until_somebody_else_is_chosen(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive()
    (waits,) = await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OTHER)
    assert waits.reason is CareReason.ALL_EXCLUDED
    (restored,) = await stage.answer(care, Answer.UNDONE, revision=2)
    assert restored.assignee is not None
    assert (restored.reason, restored.assignee.code, restored.item) == (CareReason.DECLINE_UNDONE, "A", 3)
    await stage.answer(restored, Answer.DECLINED, revision=3, reason=AnswerReason.OTHER)
    await stage.roster(ONE, TWO)
    await stage.pass_time()
    (stale,) = await stage.answer(restored, Answer.UNDONE, revision=4)
    assert stale.assignee is not None
    assert stale.last_answer is not None
    assert (stale.assignee.code, stale.last_answer.applied) == ("B", Applied.STALE)


async def test_a_stale_or_double_answer_changes_nobody(stage: Stage) -> None:
    await stage.roster(ONE, TWO)
    care = await stage.arrive()
    (again,) = await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OTHER)
    assert await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OTHER) == []
    (stale,) = await stage.answer(care, Answer.ACCEPTED, revision=2)
    assert stale.last_answer is not None
    assert (stale.assignee, stale.status, stale.last_answer.applied) == (again.assignee, again.status, Applied.STALE)


async def test_an_answer_to_a_household_nobody_knows_is_refused(stage: Stage) -> None:
    record = a_record(a_response(a_care(household=uuid4())))
    with pytest.raises(Refused) as refused:
        async with stage.database.transaction() as tx:
            await handlers.on_responses([record], tx)
    assert refused.value.record is record


async def test_erasure_leaves_no_facts_and_no_link(stage: Stage) -> None:
    await stage.roster(ONE)
    care = await stage.arrive()
    await stage.tell(a_household(id=care.household, revision=2, size=4))
    await stage.tell(
        a_household(id=care.household, revision=3, status=HouseholdStatus.ERASED, change=HouseholdChange.ERASED)
    )
    (row,) = await stage.rows(
        "select facts, facts_before, (select count(*) from decision_link where household = h.id) as links,"
        " (select count(*) from stimulus where aggregate = h.id::text) as stimuli from household h where id = $1",
        care.household,
    )
    assert tuple(row) == (None, None, 0, 0)
    (told,) = stage.cares[care.household][2:]
    assert (told.case, told.municipality) == (None, None)


async def test_an_identifier_stated_of_everybody_brings_nobody_to_the_same_manager(stage: Stage) -> None:
    await stage.roster(*(f"{code};Anna;P;1;{TUEBINGEN};uk" for code in "ABCD"))

    async def most_with_one(number: int, family: UUID) -> int:
        told = await stage.tell(*(a_household(family_group=family, size=1) for _ in range(number)))
        return max(Counter(one.assignee.id for one in told if one.assignee).values())

    one, everybody = uuid4(), uuid4()
    assert await most_with_one(4, one) == 4
    assert await most_with_one(MAX_FAMILY + 1, everybody) < MAX_FAMILY // 2
    assert await most_with_one(20, everybody) < 20


async def test_a_counselling_period_that_is_over_frees_who_was_only_proposed_and_leaves_who_is_in_care(
    stage: Stage,
) -> None:
    await stage.roster(ONE)
    begun: dict[str, Any] = {"allotted_on": date(2019, 3, 16), "arrived_on": date(2019, 1, 1)}
    asked = [
        a_household(**begun, **more) for more in ({}, {}, {"counselling_extended": True}, {"municipality": STUTTGART})
    ]
    await stage.tell(*asked)
    proposed, taken, longer, waits = (stage.cares[one.id][-1] for one in asked)
    await stage.answer(taken, Answer.ACCEPTED)
    assert (waits.status, waits.reason) == (CareStatus.WAITING, CareReason.NOT_SERVED)
    assert await stage.pass_time(timedelta(days=1)) == []
    told = await stage.pass_time(timedelta(days=1))
    assert {one.household: (one.status, one.reason) for one in told} == dict.fromkeys(
        (proposed.household, waits.household), (CareStatus.NOT_ELIGIBLE, CareReason.COUNSELLING_PERIOD_OVER)
    )
    for days, over in ((363, []), (3, [longer.household])):
        later = await stage.pass_time(timedelta(days=days))
        assert [one.household for one in later if one.status is CareStatus.NOT_ELIGIBLE] == over
