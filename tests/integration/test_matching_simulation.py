"""What a simulation says beforehand is what happens when the policy is enacted."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN, a_household
from contracts import households
from contracts.policy import Eligibility, Load, Policy
from contracts.vocabulary import Accommodation, Answer, CareReason, CareStatus, HouseholdStatus, LegalGroup
from contracts.zone import day_of
from matching import decisions, own_way, settlement, store
from matching.policy import publish_policy, shipped
from matching.rules import years_after
from matching.simulation import Change, Effect, simulate
from matching.wire import policy_of
from matching_stage import Stage


def with_rule(version: str, **rule: Any) -> Policy:
    """The shipped policy with one more rule, and another load."""
    more = Eligibility(source="A decree of this test", **rule)
    return shipped().model_copy(
        update={
            "version": version,
            "units_per_fte": 600,
            "load": Load(per_case=5, per_person=8, per_skill=5),
            "eligibility": (*shipped().eligibility, more),
        }
    )


def counselled_for(version: str, years: int) -> Policy:
    """The shipped policy with another counselling period."""
    rules = (one.model_copy(update={"counselling_years": years}) for one in shipped().eligibility)
    return shipped().model_copy(update={"version": version, "eligibility": tuple(rules)})


async def standing(stage: Stage) -> dict[str, Counter[str]]:
    rows = await stage.rows("select district, status, weight from care")
    found: dict[str, Counter[str]] = {}
    for row in rows:
        of = found.setdefault(row["district"], Counter())
        of[row["status"]] += 1
        of["load"] += row["weight"]
    return found


async def simulated(stage: Stage, policy: Policy, since: date) -> dict[str, Change]:
    async with stage.database.transaction() as tx:
        found = await simulate(tx, policy_of(policy), since)
    counted = Counter((one.district, one.effect) for one in found.concerned)
    for district, change in found.changes.items():
        by_effect = tuple(counted[district, effect] for effect in Effect)
        assert by_effect == (change.added, change.removed, change.staying), "whom it concerns adds up"
    return found.changes


async def test_a_decree_adds_whom_the_simulation_named(stage: Stage) -> None:
    await stage.roster(
        f"A;Anna;P;0,25;{TUEBINGEN};uk;;;2022-03-20/2022-03-25",
        f"B;Berta;P;0,5;{TUEBINGEN} {REUTLINGEN};ru;;50;",
        f"C;Carla;P;0,25;{STUTTGART};uk;;;",
    )
    refused: dict[str, Any] = {"legal_group": LegalGroup.OBLIGED_TO_LEAVE}
    cares = await stage.tell(
        *(
            a_household(
                size=number % 5 + 1,
                municipality=(TUEBINGEN, REUTLINGEN, STUTTGART)[number % 3],
                registered_at=NOW + timedelta(seconds=number),
                **(refused if number % 2 else {}),
            )
            for number in range(40)
        )
    )
    accepted = [one for one in cares if one.status is CareStatus.PROPOSED][:5]
    for one in accepted:
        await stage.answer(one, Answer.ACCEPTED)
    await stage.pass_time(timedelta(days=3))
    today = day_of(stage.clock.now)
    decree = with_rule(
        "decree", valid_from=date(2022, 3, 1), legal_group=LegalGroup.OBLIGED_TO_LEAVE, stages=tuple(Accommodation)
    )
    before = await standing(stage)
    changes = await simulated(stage, decree, today + timedelta(days=1))
    assert sum(one.added for one in changes.values()) == 20
    assert await standing(stage) == before, "a simulation does nothing"
    stage.clock.now += timedelta(days=1) - timedelta(hours=stage.clock.now.hour + 1)
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, decree))
    await stage.pass_time()
    after = await standing(stage)
    for district, change in changes.items():
        assigned = [one["proposed"] + one["confirmed"] for one in (before[district], after[district])]
        assert change.assigned == tuple(assigned)
        assert change.waiting == (before[district]["waiting"], after[district]["waiting"])
        assert change.load == (before[district]["load"], after[district]["load"])


async def test_a_rule_that_ends_removes_proposals_and_leaves_who_is_in_care(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    proposed, confirmed = await stage.tell(a_household(), a_household())
    await stage.answer(confirmed, Answer.ACCEPTED)
    today = day_of(stage.clock.now)
    ends = with_rule(
        "ends", valid_from=today + timedelta(days=1), legal_group=LegalGroup.DISPLACED_UKRAINIAN, stages=()
    )
    changes = await simulated(stage, ends, today + timedelta(days=1))
    (change,) = [one for one in changes.values() if one.is_change]
    assert (change.added, change.removed, change.staying, change.assigned) == (0, 1, 1, (2, 1))
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, ends))
    await stage.pass_time()
    assert stage.cares[proposed.household][-1].status is CareStatus.PROPOSED, "the rule has not begun"
    await stage.pass_time(timedelta(days=1))
    assert stage.cares[proposed.household][-1].status is CareStatus.NOT_ELIGIBLE
    assert stage.cares[confirmed.household][-1].status is CareStatus.CONFIRMED
    assert await stage.load("A") == stage.cares[confirmed.household][-1].weight


async def test_a_shorter_period_ends_on_its_own_day_as_simulated(stage: Stage) -> None:
    """Who waits, whom nobody serves, and who is proposed."""
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    today = day_of(stage.clock.now)
    begun: dict[str, Any] = {"allotted_on": years_after(today, -2) + timedelta(days=30)}
    told = await stage.tell(a_household(**begun), a_household(**begun, municipality=STUTTGART))
    shorter = counselled_for("shorter", 2)
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, shorter))
    await stage.pass_time(timedelta(days=29))
    assert {stage.cares[one.household][-1].status for one in told} == {CareStatus.PROPOSED, CareStatus.WAITING}
    await stage.pass_time(timedelta(days=1))
    assert {stage.cares[one.household][-1].reason for one in told} == {CareReason.COUNSELLING_PERIOD_OVER}
    changes = await simulated(stage, shorter, day_of(stage.clock.now))
    assert not any(one.is_change for one in changes.values())


async def test_who_is_in_care_is_told_by_a_new_policy_when_the_period_is_over(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk;;;")
    begun = a_household(allotted_on=date(2019, 4, 10))
    await stage.tell(begun, a_household())
    await stage.answer(stage.cares[begun.id][-1], Answer.ACCEPTED)
    longer = counselled_for("longer", 4)
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, longer))
    (told,) = await stage.pass_time()
    assert told.case
    assert (told.status, told.household, told.case.counselling_over_on) == (
        CareStatus.CONFIRMED,
        begun.id,
        date(2023, 4, 10),
    )


async def test_what_comes_free_goes_to_who_fits_though_many_come_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (settlement, decisions, own_way):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;;")
    singles = [a_household(size=1) for _ in range(20)]
    await stage.tell(*singles)
    await stage.tell(*(a_household(size=8, registered_at=NOW + timedelta(seconds=1)) for _ in range(5)))
    late = await stage.tell(*(a_household(size=1, registered_at=NOW + timedelta(minutes=1)) for _ in range(5)))
    assert {one.status for one in late} == {CareStatus.WAITING}
    gone = [one.model_copy(update={"revision": 2, "status": HouseholdStatus.WITHDRAWN}) for one in singles[:3]]
    await stage.tell(*gone)
    await stage.pass_time()
    changes = await simulated(stage, shipped(), day_of(stage.clock.now))
    there = await standing(stage)
    (change,) = changes.values()
    assert change.assigned[0] == there[TUEBINGEN[:5]]["proposed"] == 20
    assert change.load[0] == there[TUEBINGEN[:5]]["load"]


async def test_an_answer_after_a_move_counts(stage: Stage) -> None:
    await stage.roster(f"B;Berta;P;1;{TUEBINGEN} {REUTLINGEN};uk;;;")
    care = await stage.arrive()
    (moved,) = await stage.tell(a_household(id=care.household, revision=2, municipality=REUTLINGEN))
    await stage.answer(moved, Answer.ACCEPTED)
    tomorrow = day_of(stage.clock.now) + timedelta(days=1)
    ends = with_rule("ends", valid_from=tomorrow, legal_group=LegalGroup.DISPLACED_UKRAINIAN, stages=())
    (change,) = (await simulated(stage, ends, tomorrow)).values()
    assert (change.removed, change.staying, change.assigned) == (0, 1, (1, 1))


async def test_what_was_enacted_meanwhile_is_how_things_are(stage: Stage) -> None:
    await stage.roster(f"A;Anna;P;0,25;{TUEBINGEN};uk;;;", f"B;Berta;P;1;{REUTLINGEN} {TUEBINGEN};uk;;;")
    refused: dict[str, Any] = {"legal_group": LegalGroup.OBLIGED_TO_LEAVE}
    await stage.tell(*(a_household(size=number + 1) for number in range(9)))
    await stage.tell(*(a_household(**refused, registered_at=NOW + timedelta(seconds=1)) for _ in range(5)))
    await stage.pass_time(timedelta(days=3))
    decree = with_rule(
        "decree", valid_from=date(2022, 3, 1), legal_group=LegalGroup.OBLIGED_TO_LEAVE, stages=tuple(Accommodation)
    )
    async with stage.database.transaction() as tx:
        await tx.publish(await publish_policy(tx, decree))
    await stage.pass_time(timedelta(days=100))
    today = day_of(stage.clock.now)
    assert not any(one.is_change for one in (await simulated(stage, decree, today)).values())
    back = await simulated(stage, shipped(), today)
    assert sum(one.removed for one in back.values()) == 5
    there = await standing(stage)
    for district, change in back.items():
        assert change.assigned[0] == there[district]["proposed"] + there[district]["confirmed"]
        assert change.load[0] == there[district]["load"]


async def test_a_world_left_to_itself_counts_a_family_as_the_service_does(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (households, own_way):
        monkeypatch.setattr(module, "MAX_FAMILY", 3)
    await stage.roster(*(f"{code};Anna;P;1;{TUEBINGEN};uk;;;" for code in "ABCDEFGH"))
    for _ in range(6):
        family, other = uuid4(), uuid4()
        here = [await stage.arrive(family_group=family, size=1) for _ in range(4)]
        await stage.tell(*(a_household(id=one.household, revision=2, size=1) for one in here[2:]))
        for _ in range(2):
            await stage.arrive(family_group=family, size=1)
        await stage.tell(*(a_household(family_group=other, size=1) for _ in range(4)))
    world = own_way.OwnWay()
    async with stage.database.transaction() as tx:
        async for batches in store.chunks(tx):
            for batch in batches:
                world.follow(batch)
    rows = await stage.rows("select h.alias, c.manager from care c join household h on h.id = c.household")
    found = {alias: case.care.manager for alias, case in world.cases.items() if case.care}
    assert found == {row["alias"]: row["manager"] for row in rows}
