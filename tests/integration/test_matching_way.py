"""The way of a household through matching: proposed, answered, corrected, moved, ended, and the waiting list."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from builders import a_care, a_household, a_record, a_response
from chassis.consumer import Refused
from contracts.vocabulary import (
    Answer,
    AnswerReason,
    Applied,
    CareReason,
    CareStatus,
    HouseholdChange,
    HouseholdStatus,
)
from matching import handlers
from matching_builders import REUTLINGEN, TUEBINGEN
from matching_stage import Stage

NOW = datetime(2022, 3, 14, 9, 0, tzinfo=UTC)
ONE = f"A;Anna;P;1;{TUEBINGEN};uk"
TWO = f"B;Berta;P;1;{TUEBINGEN} {REUTLINGEN};ru"


@pytest.fixture
async def stage(database: Any) -> AsyncIterator[Stage]:
    clock = Clock()
    stage = Stage(await database("matching", clock=clock), clock)
    await stage.begin()
    yield stage
    assert await invariants(stage) == []


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


async def invariants(stage: Stage) -> list[str]:
    """What must hold after every test: loads add up, nobody is beyond capacity, states count up by one."""
    loads = await stage.rows(
        "select code from manager m where load <> base_load + (select coalesce(sum(weight), 0) from care c"
        " where c.manager = m.id) or load > capacity + tolerated"
    )
    actives = await stage.rows(
        "select household from care c where (manager is not null) <> exists (select from assignment a where"
        " a.household = c.household and a.item = c.item and a.manager = c.manager and a.ended_at is null)"
    )
    skipped = [
        key for key, told in stage.cares.items() if [one.revision for one in told] != list(range(1, len(told) + 1))
    ]
    return [
        *(f"load {row['code']}" for row in loads),
        *(f"active {row['household']}" for row in actives),
        *(f"revisions {key}" for key in skipped),
    ]
    assert (accepted.item, contacted.contacted_at, closed.ended_at) == (1, NOW, NOW)
    assert closed.earlier[0].answer_reason is AnswerReason.COUNSELLING_COMPLETED
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


async def test_a_transfer_releases_a_confirmed_case(stage: Stage) -> None:
    await stage.roster(ONE, TWO)
    care = await stage.arrive()
    await stage.answer(care, Answer.ACCEPTED)
    (moved,) = await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=2, reason=AnswerReason.LONG_ABSENCE)
    assert moved.assignee is not None
    assert (moved.status, moved.assignee.code, moved.answered_at) == (CareStatus.PROPOSED, "B", None)


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
