"""Every decision can be made again from what was put in; what was changed afterwards is found."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import NOW, a_household
from clocks import SetClock
from contracts import households
from contracts.assignments import Care
from contracts.vocabulary import Answer, AnswerReason, Applied, CareReason, CareStatus, HouseholdChange, HouseholdStatus
from matching import decisions, handlers, lifecycle, settlement, solver
from matching.answers import answered, stale
from matching.apart import keep_apart
from matching.authority import ASSIGNMENTS
from matching.domain import Facts, Manager, OverrideReason, Policy
from matching.lifecycle import Case, Reply, Step, changed
from matching.match import Stay
from matching.override import CHANGED, override
from matching.receipts import chained, statement_of
from matching.replay import Replayed, replay
from matching.roster.change import manager_id
from matching.stimuli import STEPS
from matching_builders import REUTLINGEN, STUTTGART, TUEBINGEN
from matching_stage import Stage, on_stage


@pytest.fixture
async def stage(database: Any) -> AsyncIterator[Stage]:
    async with on_stage(database) as stage:
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
        await override(tx, waits.household, manager_id("P", "C"), OverrideReason.HARDSHIP, waits.revision)
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


async def test_receipts_of_an_older_form_are_made_again_in_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(decisions, "chained", partial(chained, form=2))
        await a_story(stage)
    await stage.tell(*(a_household(municipality=STUTTGART) for _ in range(3)))
    result = await replayed(stage)
    assert result.holds
    forms = {statement_of(row["receipt"])["form"] for row in await stage.rows("select receipt from decision")}
    assert forms == {2, 3}


async def test_a_move_keeps_the_item_where_an_older_release_kept_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(case: Case, before: Facts | None, manager: Manager | None, **around: Any) -> Step:
        """A move within the service area of who has the case was a correction like any other."""
        step = changed(case, before, manager, **around)
        if before is None or not isinstance(step.wish, Stay):
            return step
        return changed(case, replace(before, municipality=case.household.municipality), manager, **around)

    await stage.roster(f"B;Berta;P;1;{TUEBINGEN} {REUTLINGEN};ru;;;")
    one, other = await stage.arrive(), await stage.arrive()
    with monkeypatch.context() as before:
        before.setattr(handlers, "changed", older)
        (kept,) = await stage.tell(a_household(id=one.household, revision=2, municipality=REUTLINGEN, size=5))
    assert (kept.item, kept.weight) == (one.item, 55)
    await stage.answer(kept, Answer.DECLINED, reason=AnswerReason.OTHER)
    (moved,) = await stage.tell(a_household(id=other.household, revision=2, municipality=REUTLINGEN))
    assert moved.item == 2
    await stage.answer(moved, Answer.DECLINED, reason=AnswerReason.OTHER)
    result = await replayed(stage)
    assert result.holds
    assert result.same.total() == 5


async def test_who_was_put_aside_is_decided_at_a_correction_where_an_older_release_did(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(case: Case, before: Facts | None, manager: Manager | None, **around: Any) -> Step:
        """Every correction was one of the facts."""
        return changed(case, None, manager, **around)

    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;", f"B;Berta;P;1;{TUEBINGEN};uk;;;")
    one, other = await stage.arrive(), await stage.arrive()
    for care in (one, other):
        (aside,) = await stage.answer(care, Answer.DECLINED, reason=AnswerReason.WRONG_MUNICIPALITY)
        assert aside.reason is CareReason.TO_BE_REASSESSED
    with monkeypatch.context() as before:
        before.setattr(handlers, "changed", older)
        before.setattr(decisions, "STEPS", 1)
        (again,) = await stage.tell(a_household(id=one.household, revision=2))
    assert again.status is CareStatus.PROPOSED
    (still,) = await stage.tell(a_household(id=other.household, revision=2))
    assert (still.reason, still.household_revision) == (CareReason.TO_BE_REASSESSED, 2)
    result = await replayed(stage)
    assert result.holds
    assert result.same.total() == 3


async def test_who_was_in_care_waits_since_the_registration_where_an_older_release_did_not_remember_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;", f"B;Berta;P;1;{STUTTGART};;;;")
    cares = [await stage.arrive(registered_at=NOW - timedelta(days=700)) for _ in range(2)]
    since = {}
    for care, release in zip(cares, (1, STEPS), strict=True):
        (confirmed,) = await stage.answer(care, Answer.ACCEPTED)
        with monkeypatch.context() as before:
            before.setattr(decisions, "STEPS", release)
            async with stage.database.transaction() as tx:
                hers = manager_id("P", "B")
                moved = await override(tx, care.household, hers, OverrideReason.COVER, confirmed.revision)
            assert isinstance(moved, Care)
            if release == 1:
                await stage.rows("update assignment set in_care = false where household = $1", care.household)
        stage.clock.now += timedelta(days=1)
        await stage.roster(f"A;Anna;P;0;{TUEBINGEN};uk;;;")
        (declined,) = await stage.answer(moved, Answer.DECLINED, reason=AnswerReason.OTHER, revision=2)
        since[release] = declined.waiting_since
        await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    assert since == {1: NOW - timedelta(days=700), STEPS: NOW + timedelta(days=1)}
    assert (await replayed(stage)).holds


async def test_an_older_release_does_not_know_who_was_in_care_by_a_newer_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(case: Case, now: datetime, **_: Any) -> datetime:
        """Whom nobody has taken yet waits since the registration, whatever was before."""
        assert case.care
        return (
            case.household.registered_at if case.care.status is CareStatus.PROPOSED else case.care.waiting_since or now
        )

    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;", f"B;Berta;P;1;{STUTTGART};;;;")
    (confirmed,) = await stage.answer(await stage.arrive(registered_at=NOW - timedelta(days=700)), Answer.ACCEPTED)
    async with stage.database.transaction() as tx:
        hers = manager_id("P", "B")
        moved = await override(tx, confirmed.household, hers, OverrideReason.COVER, confirmed.revision)
    assert isinstance(moved, Care)
    await stage.roster(f"A;Anna;P;0;{TUEBINGEN};uk;;;")
    with monkeypatch.context() as before:
        before.setattr(decisions, "STEPS", 1)
        before.setattr(lifecycle, "waits_since", older)
        before.setattr(settlement, "waits_since", older)
        (declined,) = await stage.answer(moved, Answer.DECLINED, reason=AnswerReason.OTHER, revision=2)
    assert declined.waiting_since == NOW - timedelta(days=700)
    assert (await replayed(stage)).holds


async def test_who_stays_is_new_to_the_week_where_it_was_to_an_older_release(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(case: Case, before: Facts | None, manager: Manager | None, **around: Any) -> Step:
        """Who moved came anew, and gave back a place of the week in which the new item began."""
        step = changed(case, before, manager, **around)
        wish = replace(step.wish, new=True) if isinstance(step.wish, Stay) else step.wish
        return replace(step, wish=wish, older=True)

    async def new() -> int:
        (row,) = await stage.rows("select new_cases from manager")
        return int(row["new_cases"])

    await stage.roster(f"B;Berta;P;1;{TUEBINGEN} {REUTLINGEN};ru;;;")
    cares = [await stage.arrive() for _ in range(4)]
    await stage.pass_time(timedelta(weeks=1))
    counted = []
    for release, some in ((1, cares[:2]), (STEPS, cares[2:])):
        with monkeypatch.context() as before:
            before.setattr(decisions, "STEPS", release)
            before.setattr(handlers, "changed", older if release == 1 else changed)
            for care in some:
                await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN))
            await stage.arrive()
            counted.append(await new())
            gone: dict[str, Any] = {"status": HouseholdStatus.WITHDRAWN, "change": HouseholdChange.WITHDRAWN}
            await stage.tell(a_household(id=some[0].household, revision=3, municipality=REUTLINGEN, **gone))
            await stage.arrive()
            counted.append(await new())
    assert counted == [3, 3, 4, 5]
    assert (await replayed(stage)).holds


async def test_an_acceptance_undoes_no_decline_where_it_did_not_for_an_older_release(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(case: Case, reply: Reply, now: datetime, policy: Policy) -> Step | None:
        """An acceptance was of the item that stood, or stale."""
        assert case.care
        return answered(case, reply, now, policy) if case.care.assigned else stale(case, case.care, reply)

    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    given = ((Answer.ACCEPTED, None), (Answer.TRANSFER_REQUESTED, AnswerReason.OVERLOADED))
    by_release = ((1, older, Applied.STALE), (STEPS, answered, Applied.APPLIED))
    for (answer, reason), (release, then, applied) in product(given, by_release):
        care = await stage.arrive()
        (declined,) = await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
        assert declined.status is CareStatus.WAITING
        with monkeypatch.context() as before:
            before.setattr(decisions, "STEPS", release)
            before.setattr(handlers, "answered", then)
            (told,) = await stage.answer(care, answer, reason=reason, revision=3, accepted_at=NOW)
        assert told.last_answer
        assert told.last_answer.applied is applied
        assert (told.reason is CareReason.DECLINE_UNDONE) == (release == STEPS)
    assert (await replayed(stage)).holds


async def test_strangers_who_share_a_family_group_are_a_family_where_they_were_to_an_older_release(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(households, "MAX_FAMILY", 3)
    await stage.roster(*(f"{code};Anna;P;1;{TUEBINGEN};uk" for code in "ABCD"))
    with_one = []
    for most in (3, 1000):
        everybody = uuid4()
        with monkeypatch.context() as before:
            before.setattr(households, "MAX_FAMILY", most)
            told = await stage.tell(*(a_household(family_group=everybody) for _ in range(12)))
        with_one.append(len({one.assignee.id for one in told if one.assignee}) == 1)
    assert with_one == [False, True]
    assert (await replayed(stage)).holds


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
            assert await keep_apart(tx, household, manager, row["revision"]) is None

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
        assert await keep_apart(tx, first.household, anna, 1) == CHANGED


async def test_who_is_kept_apart_comes_back_by_no_decline_that_is_taken_back(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    anna = manager_id("P", "A")
    care = await stage.arrive()
    await stage.answer(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    declined = stage.cares[care.household][-1]
    async with stage.database.transaction() as tx:
        assert await keep_apart(tx, care.household, anna, declined.revision) is None
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


@pytest.mark.parametrize("tampering", ["replace(receipt, '\"form\":3', '\"form\":2')", "'[1]'", "'no json'"])
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
