"""A handover on a real database: planned, confirmed, carried out, taken up again; what has changed is left alone."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import NOW, REUTLINGEN, TUEBINGEN, a_household
from contracts.assignments import Care
from contracts.households import MAX_FAMILY
from contracts.vocabulary import Answer, AnswerReason, CareReason, CareStatus, HouseholdChange, HouseholdStatus
from matching import handing_over, store
from matching.domain import OverrideReason
from matching.handing_over import Reason, Wanted, confirm, propose
from matching.override import override
from matching.roster.file import Shortage, import_roster
from matching.roster.rows import manager_id
from matching_builders import DAY
from matching_stage import VAULT, Stage

A = f"A;Anna Öhm;P;1;{TUEBINGEN};uk"
B = f"B;Berta Uhl;P;1;{TUEBINGEN}"


async def plan(stage: Stage, reason: Reason = Reason.ABSENT, *codes: str) -> UUID | None:
    managers = frozenset(manager_id("P", code) for code in codes) or None
    async with stage.database.transaction() as tx:
        return await propose(tx, Wanted(reason, managers))


async def start(stage: Stage, key: UUID | None) -> bool:
    assert key is not None
    async with stage.database.transaction() as tx:
        return await confirm(tx, key)


async def standing(stage: Stage, key: UUID | None) -> Any:
    async with stage.database.transaction() as tx:
        row = await store.handover(tx, key or UUID(int=0))
    assert row is not None
    return row


async def some_with_her(stage: Stage, number: int) -> list[Care]:
    """Only A is there when they come; one has been accepted."""
    await stage.roster(A)
    cares = [await stage.arrive() for _ in range(number)]
    await stage.answer(cares[0], Answer.ACCEPTED)
    await stage.roster(B)
    await stage.pass_time()
    return cares


async def test_a_confirmed_plan_gives_all_cases_to_who_can_take_them(stage: Stage) -> None:
    cares = await some_with_her(stage, 3)
    await stage.fall_ill("A")
    key = await plan(stage)
    proposed = await standing(stage, key)
    assert (proposed["status"], proposed["moves"], proposed["moves_lower_bound"]) == ("proposed", 3, 3)
    assert await stage.pass_time() == [], "a proposal moves nobody"
    assert await start(stage, key)
    told = await stage.pass_time()
    assert {one.household for one in told} == {one.household for one in cares}
    for one in told:
        assert (one.status, one.reason) == (CareStatus.PROPOSED, CareReason.OVERRIDDEN)
        assert one.assignee is not None
        assert one.assignee.id == manager_id("P", "B")
        assert one.receipt is not None
    done = await standing(stage, key)
    assert (done["status"], done["done"], done["planned"]) == ("done", 3, 0)
    assert await stage.load("A") == 0


async def test_who_leaves_on_a_day_to_come_hands_over_before_it(stage: Stage) -> None:
    cares = await some_with_her(stage, 2)
    async with stage.database.transaction() as tx:
        file = (
            f"code;name;provider;fte;service_area;active_until\nA;Anna Öhm;P;1;{TUEBINGEN};{DAY + timedelta(days=20)}"
        )
        await import_roster(tx, VAULT, file.encode())
    assert await plan(stage, Reason.ABSENT, "A") is None
    key = await plan(stage, Reason.LEAVING, "A")
    await start(stage, key)
    told = await stage.pass_time()
    assert {(one.household, one.assignee.id) for one in told if one.assignee} == {
        (one.household, manager_id("P", "B")) for one in cares
    }
    assert await plan(stage, Reason.LEAVING, "B") is None, "of her no last day is known"
    new = [await stage.arrive() for _ in range(4)]
    assert {one.assignee.id for one in new if one.assignee} == {manager_id("P", "B")}, "A takes no new case"
    await stage.fall_ill("B")
    await start(stage, await plan(stage, Reason.ABSENT, "B"))
    await stage.pass_time()
    assert await stage.load("A") == 0, "nor what others give away"


async def test_who_only_has_too_much_while_others_leave_goes_on_taking_cases(stage: Stage) -> None:
    async def post(share: str) -> None:
        line = f"A;Anna Öhm;P;{share};{TUEBINGEN};{DAY + timedelta(days=700)}"
        async with stage.database.transaction() as tx:
            await import_roster(tx, VAULT, f"code;name;provider;fte;service_area;active_until\n{line}".encode())

    await post("1")
    for _ in range(10):
        await stage.arrive(size=5)
    await stage.roster(B)
    await post("0,25")
    await start(stage, await plan(stage, Reason.LEAVING))
    await stage.pass_time()
    assert await stage.load("B") > 0
    rows = await stage.rows("select max_new_per_week from manager where code = 'A'")
    assert [row["max_new_per_week"] for row in rows] == [None]


async def test_a_plan_is_confirmed_once(stage: Stage) -> None:
    await some_with_her(stage, 1)
    await stage.fall_ill("A")
    key = await plan(stage)
    assert await start(stage, key)
    assert not await start(stage, key)


async def test_nobody_changes_hands_where_all_can_stay(stage: Stage) -> None:
    await some_with_her(stage, 2)
    assert await plan(stage) is None


async def test_who_has_somebody_else_since_is_left_there_and_told(stage: Stage) -> None:
    cares = await some_with_her(stage, 3)
    await stage.fall_ill("A")
    key = await plan(stage)
    await stage.answer(cares[1], Answer.DECLINED, reason=AnswerReason.LANGUAGE)
    await start(stage, key)
    told = await stage.pass_time()
    assert cares[1].household not in {one.household for one in told}
    async with stage.database.transaction() as tx:
        moves = {row["household"]: row for row in await store.handover_moves(tx, key or UUID(int=0), None, 10)}
    assert (moves[cares[1].household]["status"], moves[cares[1].household]["gate"]) == ("stale", handing_over.CHANGED)
    assert (await standing(stage, key))["done"] == 2


async def test_an_answer_in_the_meantime_does_not_keep_a_case_from_being_handed_over(stage: Stage) -> None:
    cares = await some_with_her(stage, 3)
    await stage.fall_ill("A")
    key = await plan(stage)
    await stage.answer(cares[1], Answer.ACCEPTED)
    await start(stage, key)
    assert {one.household for one in await stage.pass_time()} == {one.household for one in cares}


async def test_nobody_is_put_above_the_capacity_that_is_left_when_it_is_done(stage: Stage) -> None:
    await some_with_her(stage, 2)
    await stage.fall_ill("A")
    key = await plan(stage)
    await stage.roster(f"B;Berta Uhl;P;0;{TUEBINGEN}")
    await start(stage, key)
    assert await stage.pass_time() == []
    async with stage.database.transaction() as tx:
        moves = await store.handover_moves(tx, key or UUID(int=0), None, 10)
    assert {(row["status"], row["gate"]) for row in moves} == {("stale", CareReason.NO_CAPACITY)}


async def test_a_run_that_was_killed_goes_on_where_it_stopped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "AT_ONCE", 2)
    await some_with_her(stage, 5)
    await stage.fall_ill("A")
    key = await plan(stage)
    await start(stage, key)
    assert key is not None
    async with stage.database.transaction() as tx:
        await stage._told(tx, await handing_over.carry_on(tx, key))
    with pytest.raises(KeyboardInterrupt):
        await killed_half_way(stage, key)
    half = await standing(stage, key)
    assert (half["status"], half["done"], half["planned"]) == ("running", 2, 3)
    await stage.pass_time()
    assert (await standing(stage, key))["done"] == 5
    async with stage.database.transaction() as tx:
        assert await handing_over.carry_on(tx, key) == (), "once more changes nothing"


async def killed_half_way(stage: Stage, key: UUID) -> None:
    async with stage.database.transaction() as tx:
        await handing_over.carry_on(tx, key)
        raise KeyboardInterrupt


async def test_a_town_that_changes_provider_hands_its_cases_over_and_a_cut_as_few_as_it_takes(stage: Stage) -> None:
    await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {REUTLINGEN};uk")
    there = await stage.arrive(municipality=REUTLINGEN)
    for _ in range(3):
        await stage.arrive(size=1)
    heavy = await stage.arrive(size=6)
    before = await stage.load("A")
    await stage.roster(f"A;Anna Öhm;P;0,01;{TUEBINGEN};uk", f"C;Carla Ast;P;1;{TUEBINGEN} {REUTLINGEN}")
    await stage.pass_time()
    key = await plan(stage, Reason.TERRITORY)
    async with stage.database.transaction() as tx:
        moves = {row["household"]: row for row in await store.handover_moves(tx, key or UUID(int=0), None, 10)}
    assert moves[there.household]["cause"] == "not_served"
    assert moves[heavy.household]["cause"] == "over_capacity"
    await start(stage, key)
    await stage.pass_time()
    assert await stage.load("A") < before


async def test_who_cannot_be_covered_is_counted_in_persons(stage: Stage) -> None:
    await stage.roster(A)
    await stage.arrive(size=4)
    await stage.fall_ill("A")
    key = await plan(stage)
    alone = await standing(stage, key)
    assert (alone["moves"], alone["uncovered"], alone["persons_uncovered"]) == (0, 1, 4)
    await start(stage, key)
    assert await stage.pass_time(timedelta(days=1)) == []
    assert (await standing(stage, key))["status"] == "done"


async def test_a_roster_that_would_leave_people_without_cover_warns_with_their_number(stage: Stage) -> None:
    await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {REUTLINGEN}", f"B;Berta Uhl;P;1;{REUTLINGEN}")
    await stage.arrive(municipality=TUEBINGEN, size=4)
    await stage.arrive(municipality=REUTLINGEN, size=2)
    keeps = await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {REUTLINGEN};uk", preview=True)
    assert keeps.shortage == Shortage(0, 0)
    area = await stage.roster(f"A;Anna Öhm;P;1;{REUTLINGEN}", preview=True)
    assert area.shortage == Shortage(4, 4)
    covered = await stage.roster(f"A;Anna Öhm;P;1;{REUTLINGEN}", f"C;Carla Ast;P;1;{TUEBINGEN}", preview=True)
    assert covered.shortage == Shortage(4, 0)
    nobody = await stage.roster(f"A;Anna Öhm;P;0;{TUEBINGEN}", f"B;Berta Uhl;P;0;{REUTLINGEN}", preview=True)
    assert nobody.shortage == Shortage(6, 6)
    gone = await stage.roster(f"C;Carla Ast;P;1;{REUTLINGEN}", complete=True, preview=True)
    assert gone.shortage == Shortage(6, 4)
    assert not gone.possible
    assert (await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {REUTLINGEN}")).shortage == Shortage()


async def test_a_cut_that_is_still_to_come_and_a_last_day_count_in_the_warning(stage: Stage) -> None:
    await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN}")
    await stage.arrive(size=4)
    header, line = "code;name;provider;fte;service_area;", f"A;Anna Öhm;P;1;{TUEBINGEN};"
    for column, value, shortage in (
        ("fte_changes", f"{DAY + timedelta(days=90)}:0", Shortage(4, 4)),
        ("active_until", f"{DAY + timedelta(days=90)}", Shortage(4, 4)),
        ("active_until", f"{date.max}", Shortage()),
    ):
        async with stage.database.transaction() as tx:
            report = await import_roster(tx, VAULT, f"{header}{column}\n{line}{value}".encode(), preview=True)
        assert report.faults == ()
        assert report.shortage == shortage, value


async def plans(stage: Stage) -> list[Any]:
    """Each move with its plan's reason, district and status, the oldest plan first."""
    return await stage.rows(
        "select h.id, h.reason, h.district, h.status, m.household, m.to_manager, m.cause, m.gate"
        " from handover h join handover_move m on m.handover = h.id order by h.made_at, m.household"
    )


async def test_who_asks_for_a_transfer_keeps_the_manager_until_a_person_confirms_the_next(stage: Stage) -> None:
    await stage.roster(A, B)
    care = await stage.arrive()
    assert care.assignee
    other = "B" if care.assignee.code == "A" else "A"
    await stage.answer(care, Answer.ACCEPTED)
    (asked,) = await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=2, reason=AnswerReason.LONG_ABSENCE)
    assert (asked.status, asked.assignee, asked.item) == (CareStatus.CONFIRMED, care.assignee, care.item)
    assert asked.last_answer
    assert (asked.last_answer.answer, asked.last_answer.applied) == (Answer.TRANSFER_REQUESTED, "applied")
    assert await stage.pass_time() == [], "nobody moves silently"
    (move,) = await plans(stage)
    assert (move["reason"], move["district"], move["cause"]) == ("transfer", TUEBINGEN[:5], "requested")
    assert move["to_manager"] == manager_id("P", other)
    await start(stage, move["id"])
    (moved,) = await stage.pass_time()
    assert moved.assignee
    assert (moved.status, moved.assignee.code, moved.answered_at) == (CareStatus.PROPOSED, other, None)


async def test_a_request_for_a_transfer_is_found_in_the_answer_that_followed_it(stage: Stage) -> None:
    """Both come in one poll, or compaction has left the newer one only."""
    await stage.roster(A, B)
    care = await stage.arrive()
    (met,) = await stage.answer(
        care, Answer.CONTACTED, revision=3, accepted_at=NOW, contacted_at=NOW, transfer_requested_at=NOW
    )
    assert (met.status, met.contacted_at) == (CareStatus.CONFIRMED, NOW)
    (move,) = await plans(stage)
    assert (move["reason"], move["cause"], move["status"]) == ("transfer", "requested", "proposed")
    async with stage.database.transaction() as tx:
        await store.discard_handover(tx, move["id"])
    await stage.answer(care, Answer.CONTACTED, revision=4, accepted_at=NOW, contacted_at=NOW, transfer_requested_at=NOW)
    assert [one["status"] for one in await plans(stage)] == ["discarded"], "it was asked for once"


async def test_a_contact_is_found_in_the_request_that_followed_it(stage: Stage) -> None:
    await stage.roster(A, B)
    care = await stage.arrive()
    asked = {"reason": AnswerReason.LANGUAGE, "accepted_at": NOW, "contacted_at": NOW, "transfer_requested_at": NOW}
    (told,) = await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=3, **asked)
    assert (told.status, told.contacted_at) == (CareStatus.CONFIRMED, NOW)
    assert len(await plans(stage)) == 1


async def test_whom_nobody_can_take_over_stays_and_the_plan_says_why(stage: Stage) -> None:
    await stage.roster(A)
    care = await stage.arrive()
    await stage.answer(care, Answer.ACCEPTED)
    await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=2, reason=AnswerReason.LANGUAGE)
    (move,) = await plans(stage)
    assert (move["to_manager"], move["gate"]) == (None, CareReason.ALL_EXCLUDED)


async def test_a_newer_proposal_for_a_case_takes_the_place_of_the_one_before(stage: Stage) -> None:
    await stage.roster(A, B)
    care = await stage.arrive()
    await stage.answer(care, Answer.ACCEPTED)
    for revision in (2, 3):
        await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=revision, reason=AnswerReason.OTHER)
    assert [one["status"] for one in await plans(stage)] == ["discarded", "proposed"]


async def test_who_plans_a_transfer_again_has_one_plan(stage: Stage) -> None:
    await stage.roster(A, B)
    care = await stage.arrive()
    for _ in range(2):
        async with stage.database.transaction() as tx:
            await propose(tx, Wanted(Reason.TRANSFER, cases=frozenset({care.household})))
    assert [one["status"] for one in await plans(stage)] == ["discarded", "proposed"]


@pytest.mark.parametrize("what", ["it ends", "somebody else gets it", "it moves and stays with her"])
async def test_what_is_proposed_for_a_case_goes_with_its_assignment(stage: Stage, what: str) -> None:
    await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {REUTLINGEN};uk", f"B;Berta Uhl;P;1;{TUEBINGEN} {REUTLINGEN}")
    care = await stage.arrive()
    await stage.answer(care, Answer.ACCEPTED)
    await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=2, reason=AnswerReason.OTHER)
    if what == "it ends":
        await stage.tell(a_household(id=care.household, revision=2, status=HouseholdStatus.WITHDRAWN))
    elif what == "it moves and stays with her":
        await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN))
    else:
        await stage.answer(care, Answer.DECLINED, revision=3, reason=AnswerReason.OTHER)
    assert [one["status"] for one in await plans(stage)] == ["discarded"]


async def test_a_discarded_proposal_moves_nobody(stage: Stage) -> None:
    await some_with_her(stage, 1)
    await stage.fall_ill("A")
    key = await plan(stage)
    assert key is not None
    async with stage.database.transaction() as tx:
        assert await handing_over.discard(tx, key)
    assert not await start(stage, key)
    async with stage.database.transaction() as tx:
        assert not await handing_over.discard(tx, key), "once"
    assert await stage.pass_time() == []


@pytest.mark.parametrize("merged_first", [True, False])
async def test_two_households_that_merge_beyond_her_capacity_are_proposed_to_who_knows_one_of_them(
    stage: Stage, *, merged_first: bool
) -> None:
    """The same in both orders, because topics keep order by household only."""
    await stage.roster(f"A;Anna Öhm;P;0,02;{TUEBINGEN};uk")
    one = await stage.arrive(size=1)
    await stage.roster(f"A;Anna Öhm;P;0,02;{TUEBINGEN};uk", f"B;Berta Uhl;P;0,5;{TUEBINGEN};uk", B.replace("B", "C"))
    await stage.pass_time()
    other, goes = await arrive_with(stage, "B", size=2)
    both = a_household(id=one.household, revision=2, change=HouseholdChange.CORRECTED, size=3)
    merged = goes.model_copy(
        update={
            "revision": 2,
            "status": HouseholdStatus.MERGED,
            "change": HouseholdChange.MERGED,
            "merged_into": one.household,
        }
    )
    for state in (merged, both) if merged_first else (both, merged):
        await stage.tell(state)
    assert stage.cares[one.household][-1].assignee == one.assignee, "a proposal moves nobody"
    move = (await plans(stage))[-1]
    assert (move["status"], move["reason"], move["household"]) == ("proposed", "growth", one.household)
    assert move["to_manager"] == manager_id("P", "B"), "who had the other one"
    assert [one["status"] for one in await plans(stage)].count("proposed") == 1
    await start(stage, move["id"])
    (moved,) = await stage.pass_time()
    assert (moved.household, moved.assignee and moved.assignee.code) == (one.household, "B")
    assert await stage.load("A") == 0
    assert other.household != moved.household


async def test_who_moves_and_outgrows_the_manager_stays_and_another_is_proposed(stage: Stage) -> None:
    await stage.roster(f"A;Anna Öhm;P;0,02;{TUEBINGEN} {REUTLINGEN};uk")
    care = await stage.arrive(size=1)
    await stage.roster(f"B;Berta Uhl;P;1;{REUTLINGEN}")
    (moved,) = await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN, size=4))
    assert (moved.reason, moved.assignee) == (CareReason.MANAGER_STAYS, care.assignee)
    (move,) = await plans(stage)
    assert (move["reason"], move["to_manager"]) == ("growth", manager_id("P", "B"))
    await start(stage, move["id"])
    (there,) = await stage.pass_time()
    assert (there.reason, there.assignee and there.assignee.code) == (CareReason.OVERRIDDEN, "B")


async def test_a_move_within_her_service_area_makes_what_was_planned_before_stale(stage: Stage) -> None:
    await stage.roster(f"A;Anna Öhm;P;1;{TUEBINGEN} {REUTLINGEN};uk")
    care = await stage.arrive()
    await stage.roster(f"B;Berta Uhl;P;1;{TUEBINGEN} {REUTLINGEN}")
    await stage.answer(care, Answer.ACCEPTED)
    await stage.answer(care, Answer.TRANSFER_REQUESTED, revision=2, reason=AnswerReason.OTHER)
    (move,) = await plans(stage)
    (moved,) = await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN))
    assert (moved.status, moved.assignee) == (CareStatus.PROPOSED, care.assignee)
    await start(stage, move["id"])
    assert await stage.pass_time() == [], "the new municipality has not been heard yet"


async def arrive_with(stage: Stage, code: str, **of_household: Any) -> tuple[Care, Any]:
    """A household that this manager has, as a person decides, and its state."""
    state = a_household(**of_household)
    (care,) = await stage.tell(state)
    if care.assignee is None or care.assignee.code != code:
        async with stage.database.transaction() as tx:
            moved = await override(
                tx, state.id, manager_id("P", code), OverrideReason.RELATIVES, care.revision, places="08"
            )
        assert isinstance(moved, Care)
        stage.cares[state.id].append(moved)
        care = moved
    return care, state


async def test_who_leaves_a_household_comes_to_its_manager_though_others_have_more_room(stage: Stage) -> None:
    """A split is a correction and a registration of the same family group: nobody who stays has to change hands."""
    family = uuid4()
    await stage.roster(A)
    whole = await stage.arrive(size=4, family_group=family)
    await stage.roster(f"B;Berta Uhl;P;1;{TUEBINGEN};uk")
    await stage.pass_time()
    rest = a_household(id=whole.household, revision=2, change=HouseholdChange.CORRECTED, size=3, family_group=family)
    part = a_household(size=1, family_group=family)
    told = await stage.tell(rest, part)
    assert {one.assignee.code for one in told if one.assignee} == {"A"}
    assert await plans(stage) == []


async def test_a_group_of_more_households_than_a_family_can_have_makes_nobody_relatives(stage: Stage) -> None:
    family = uuid4()
    await stage.roster(A, f"B;Berta Uhl;P;1;{REUTLINGEN}")
    here = await stage.arrive(family_group=family)
    there = await stage.arrive(family_group=family, municipality=REUTLINGEN)
    anna, berta = manager_id("P", "A"), manager_id("P", "B")

    async def seen() -> tuple[set[UUID], set[UUID], set[UUID]]:
        async with stage.database.transaction() as tx:
            cases = await store.cases(tx, [here.household, there.household])
            held = set(await store.held_by(tx, [berta]))
        of_here, of_there = (set(cases[one.household].relatives) for one in (here, there))
        return of_here, of_there, held & cases.keys()

    assert await seen() == ({berta}, {anna}, {here.household, there.household})
    await stage.tell(*(a_household(family_group=family) for _ in range(MAX_FAMILY - 2)))
    assert await seen() == ({anna, berta}, {anna}, {here.household, there.household})
    await stage.arrive(family_group=family)
    assert await seen() == (set(), set(), {there.household})


async def test_a_plan_keeps_no_strangers_together_who_share_an_identifier(stage: Stage) -> None:
    everybody = uuid4()
    await stage.roster(A)
    cares = await stage.tell(*(a_household(size=1, family_group=everybody) for _ in range(MAX_FAMILY + 1)))
    assert sum(one.assignee is not None for one in cares) > 40
    await stage.roster(*(f"{code};Berta Uhl;P;1;{TUEBINGEN}" for code in "BCDE"))
    await stage.fall_ill("A")
    key = await plan(stage, Reason.ABSENT, "A")
    moves = await stage.rows("select to_manager from handover_move where handover = $1", key)
    assert max(Counter(row["to_manager"] for row in moves).values()) < len(moves) / 2
