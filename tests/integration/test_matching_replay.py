"""Every decision can be made again from what was put in; what was changed afterwards is found."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN, a_household
from clocks import SetClock
from contracts.vocabulary import Answer, AnswerReason, CareReason, CareStatus, HouseholdChange, HouseholdStatus
from matching import solver
from matching.apart import keep_apart
from matching.authority import ASSIGNMENTS
from matching.domain import OverrideReason
from matching.override import CHANGED, override
from matching.replay import Replayed, replay
from matching.roster.rows import manager_id
from matching_stage import Stage


@pytest.fixture
async def stage(stage: Stage) -> AsyncIterator[Stage]:
    yield stage
    stage.cares.clear()  # What a person decides is not told by a handler: revisions are not looked at here.


@pytest.fixture
async def tampered(database: Any) -> Stage:
    """A stage that is not right when the test ends, and where somebody may change what no service may."""
    clock = SetClock()
    stage = Stage(await database("matching", clock=clock), clock)
    await stage.begin()
    owner = await database("matching", "owner")
    stage.rows = Stage(owner, clock).rows  # type: ignore[method-assign]
    return stage


async def replayed(stage: Stage) -> Replayed:
    async with stage.database.transaction() as tx:
        return await replay(tx)


async def a_story(stage: Stage) -> UUID:
    """Arrivals together and alone, relatives, answers, an override, moves, an absence; one household of it."""
    await stage.roster(
        f"A;Anna;P;0,25;{TUEBINGEN};uk;;;",
        f"B;Berta;P;0,25;{TUEBINGEN} {REUTLINGEN};ru;;;",
        f"C;Carla;P;1;{STUTTGART};uk;;100;2022-03-20/2022-03-25",
    )
    family = UUID(int=5)
    there = await stage.arrive(municipality=REUTLINGEN, size=1)
    cares = await stage.tell(
        *(a_household(size=size, family_group=family if size < 3 else None) for size in range(1, 9)),
        a_household(municipality=STUTTGART),
        a_household(municipality=None),
    )
    proposed = [one for one in cares if one.status is CareStatus.PROPOSED]
    await stage.answer(proposed[0], Answer.DECLINED, reason=AnswerReason.OTHER)
    await stage.answer(proposed[1], Answer.ACCEPTED)
    await stage.answer(proposed[2], Answer.DECLINED, reason=AnswerReason.WRONG_MUNICIPALITY)
    async with stage.database.transaction() as tx:
        waits = stage.cares[proposed[2].household][-1]
        await override(tx, waits.household, manager_id("P", "C"), OverrideReason.HARDSHIP, waits.revision, places="08")
    await stage.tell(a_household(id=proposed[3].household, revision=2, municipality=STUTTGART, size=2))
    told = await stage.tell(a_household(id=there.household, revision=2, size=2, family_group=family))
    assert (there.household, CareReason.MANAGER_STAYS) in {(one.household, one.reason) for one in told}
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;", f"D;Dora;P;0,5;{REUTLINGEN} {TUEBINGEN};uk ru;;;")
    await stage.pass_time(timedelta(days=100))
    return proposed[1].household


async def test_every_decision_is_made_again_byte_by_byte(stage: Stage) -> None:
    await a_story(stage)
    result = await replayed(stage)
    assert result.holds
    (row,) = await stage.rows("select count(*) from decision")
    assert result.same.total() == row["count"] > 8
    assert result.by_another_solver.total() == 0


async def test_after_an_erasure_chain_and_replay_still_hold(stage: Stage) -> None:
    household = await a_story(stage)
    before = await replayed(stage)
    await stage.tell(
        a_household(id=household, revision=9, status=HouseholdStatus.ERASED, change=HouseholdChange.ERASED)
    )
    assert await stage.rows("select from decision_link where household = $1", household) == []
    (row,) = await stage.rows("select alias from household where id = $1", household)
    traces = await stage.rows(
        "select from stimulus where aggregate = any($1) or payload::text like any($2)",
        [str(household), str(row["alias"])],
        [f"%{household}%", f"%{row['alias']}%"],
    )
    assert traces == [], "nothing leads from what is kept to whom it was about"
    by_hash = "select d.receipt from care c join decision d on d.hash = c.receipt where c.household = $1"
    assert await stage.rows(by_hash, household) == []
    by_time = (
        "select s.id from stimulus s, care c left join assignment a using (household) where c.household = $1"
        " and (s.at in (c.decided_at, c.ended_at, a.assigned_at, a.ended_at)"
        " or s.payload ->> 'registered_at' = to_json(c.registered_at) #>> '{}')"
    )
    assert await stage.rows(by_time, household) == []
    after = await replayed(stage)
    assert after.holds
    assert after.same.total() >= before.same.total()


async def test_who_is_kept_apart_never_gets_the_household(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;", f"B;Berta;P;0;{TUEBINGEN};uk;;;")
    anna, berta = manager_id("P", "A"), manager_id("P", "B")
    first, second = await stage.tell(a_household(), a_household())

    async def apart(household: UUID, manager: UUID) -> None:
        (row,) = await stage.rows("select revision from care where household = $1", household)
        async with stage.database.transaction() as tx:
            assert await keep_apart(tx, household, manager, row["revision"], places="08") is None

    await apart(second.household, berta)
    await apart(first.household, anna)
    (waits,) = await stage.rows("select status, reason from care where household = $1", first.household)
    assert (waits["status"], waits["reason"]) == ("waiting", "no_capacity")
    await apart(first.household, berta)
    await stage.pass_time()
    (waits,) = await stage.rows("select status, reason from care where household = $1", first.household)
    assert (waits["status"], waits["reason"]) == ("waiting", "all_excluded")
    await stage.roster(f"B;Berta;P;1;{TUEBINGEN};uk;;;")
    await stage.pass_time()
    (waits,) = await stage.rows("select manager from care where household = $1", first.household)
    assert waits["manager"] is None
    async with stage.database.transaction() as tx:
        assert await keep_apart(tx, first.household, anna, 1, places="08") == CHANGED


async def test_who_is_kept_apart_comes_back_by_no_decline_that_is_taken_back(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    anna = manager_id("P", "A")
    care = await stage.arrive()
    await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    declined = stage.cares[care.household][-1]
    async with stage.database.transaction() as tx:
        assert await keep_apart(tx, care.household, anna, declined.revision, places="08") is None
    await stage.answer(care, Answer.UNDONE, revision=2)
    assert stage.cares[care.household][-1].reason is CareReason.ALL_EXCLUDED
    assert (await replayed(stage)).holds


async def test_an_input_that_was_changed_is_found(tampered: Stage) -> None:
    household = await a_story(tampered)
    await tampered.rows(
        "update stimulus set payload = jsonb_set(payload, '{facts,size}', '9') where kind = 'household'"
        " and aggregate = (select alias::text from household where id = $1)",
        household,
    )
    place, *_ = await tampered.rows("select district, position from decision_link where household = $1", household)
    result = await replayed(tampered)
    assert (place["district"], place["position"]) in result.otherwise
    assert result.broken == {}


async def test_a_decision_without_input_and_a_changed_receipt_are_found(tampered: Stage) -> None:
    await tampered.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    await tampered.tell(*(a_household() for _ in range(3)))
    await tampered.rows("update decision set batch = gen_random_uuid() where position = 2")
    assert (TUEBINGEN[:5], 2) in (await replayed(tampered)).otherwise
    await tampered.rows("update decision set batch = o.batch from decision o where o.position = 1")
    await tampered.rows("update decision set receipt = receipt || '\\x20' where position = 3")
    result = await replayed(tampered)
    assert (result.otherwise, result.broken) == ([(TUEBINGEN[:5], 3)], {TUEBINGEN[:5]: 3})


@pytest.mark.parametrize("tampering", ["replace(receipt, '\"lots\":', '\"lost\":')", "'[1]'", "'no json'"])
async def test_a_receipt_that_cannot_be_read_is_named_and_no_other(tampered: Stage, tampering: str) -> None:
    household = await a_story(tampered)
    place, *_ = await tampered.rows("select district, position from decision_link where household = $1", household)
    await tampered.rows(
        "update decision d set receipt = convert_to(r.said, 'UTF8') from"
        f" (select {tampering} as said from (select convert_from(receipt, 'UTF8') as receipt from decision"
        " where (district, position) = ($1, $2)) as o) as r where (d.district, d.position) = ($1, $2)",
        *place,
    )
    result = await replayed(tampered)
    assert result.otherwise == [tuple(place)]
    assert result.broken == dict([place])


async def test_another_version_of_the_solver_is_held_to_value_and_feasibility(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setattr(solver, "CP_SAT", "cp-sat 0.1")
        await a_story(stage)
    result = await replayed(stage)
    assert result.holds
    assert result.by_another_solver.total() > 0


async def test_another_version_that_chose_worse_is_found(tampered: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that calls optimal what leaves somebody out."""

    def lazy(problem: solver.Problem, *, exactly: bool = True) -> solver.Solution:
        return solver.Solution((None,) * len(problem.cases), True, "cp-sat 0.1")

    await tampered.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    with monkeypatch.context() as other:
        other.setattr(solver, "solve", lazy)
        await tampered.tell(a_household(registered_at=NOW), a_household())
    result = await replayed(tampered)
    assert len(result.otherwise) == 2


async def test_an_answer_that_comes_after_an_erasure_leaves_everything_replayable(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN}")
    care = await stage.arrive()
    await stage.tell(
        a_household(id=care.household, revision=2, status=HouseholdStatus.ERASED, change=HouseholdChange.ERASED)
    )
    await stage.answer(care, Answer.ACCEPTED)
    assert await stage.rows("select from stimulus where kind = 'response'") == []
    assert (await stage.arrive()).status is CareStatus.PROPOSED


async def test_who_was_heard_of_by_the_broker_only_is_decided_the_same_again(stage: Stage) -> None:
    """After a restore a household keeps the numbers of what is known of it, and nothing of it once it is erased."""
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN}", f"B;Berta;P;1;{TUEBINGEN}")
    known = await stage.arrive()
    heard = known.model_copy(update={"household": uuid4(), "revision": 7})
    async with stage.database.transaction() as tx:
        await ASSIGNMENTS.adopt(tx, [heard])
    care = await stage.arrive(id=heard.household, revision=3)
    assert (care.status, care.item) == (CareStatus.PROPOSED, 9)
    await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OTHER)
    assert (await replayed(stage)).holds
    await stage.tell(
        a_household(id=heard.household, revision=4, status=HouseholdStatus.ERASED, change=HouseholdChange.ERASED)
    )
    assert (await replayed(stage)).holds
    left = await stage.rows(
        "select s.kind from stimulus s, care c left join assignment a using (household) where c.household = $1"
        " and s.at in (c.decided_at, c.ended_at, a.assigned_at, a.ended_at)",
        heard.household,
    )
    assert left == []
