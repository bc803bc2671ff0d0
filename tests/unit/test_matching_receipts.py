"""A receipt holds all a decision rests on: whoever has only its numbers comes to the same choice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given, settings

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN
from contracts.vocabulary import Accommodation, LegalGroup, Skill
from geleit.audit.decisions import of_one_chain
from geleit.audit.finding import Finding, Invariant
from matching.ask import Ask, Override, Stay, Undo, Wish
from matching.domain import Absence, Carried, Manager, OverrideReason, Priority
from matching.match import Decision, match
from matching.receipts import (
    NO_DISTRICT,
    Choice,
    Head,
    Receipt,
    broken_at,
    canonical,
    chained,
    recompute,
    statement_of,
)
from matching_builders import DAY, MANDATORY, a_round, ask, manager, towns, unburdened


def receipts_of(decisions: list[Decision], *managers: Manager) -> list[Receipt]:
    heads = {decision.ask.household.district or "": Head() for decision in decisions}
    return chained(decisions, heads, a_round(*managers, **MANDATORY), uuid4())


def choice_by_hand(receipt: dict[str, Any]) -> tuple[str, str, str | None]:  # noqa: PLR0911 (an answer a rule)
    """An auditor's arithmetic, from the stored inputs alone: it knows the rules' text and none of their code."""
    wish, household, rule = receipt["wish"], receipt["household"], receipt["rule"]
    if wish and wish["kind"] in {"override", "stay"}:
        return "proposed", "overridden" if wish["kind"] == "override" else "manager_stays", wish["manager"]
    if household["unaccompanied_minor"]:
        return "not_eligible", "unaccompanied_minor", None
    if rule is None:
        return "not_eligible", "legal_group" if receipt["policy"]["groups"] else "no_policy", None
    if household["accommodation"] not in rule["stages"]:
        return "not_eligible", "stage" if rule["stages"] else "legal_group", None
    if household["allotted_on"]:
        start, today = date.fromisoformat(household["allotted_on"]), date.fromisoformat(receipt["day"])
        years = rule["extended_years"] if household["counselling_extended"] else rule["counselling_years"]
        if (today.year - start.year, today.month, today.day) >= (years, start.month, start.day):
            return "not_eligible", "counselling_period_over", None
    if household["municipality"] is None:
        return "waiting", "no_municipality", None
    load, price = receipt["policy"]["load"], receipt["policy"]["points"]
    needs = household["skills_needed"]
    weight = load["per_case"] + load["per_person"] * household["size"] + load["per_skill"] * len(needs)
    assert weight == receipt["weight"]
    standing = receipt["candidates"]
    gates: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
        ("not_served", lambda one: one["serves"] and not one["removed"]),
        (
            "nobody_active",
            lambda one: (
                not one["absent"]
                and one["active_from"] <= receipt["day"]
                and (one["active_until"] is None or receipt["day"] <= one["active_until"])
            ),
        ),
        ("all_excluded", lambda one: not one["excluded"]),
        ("skill_missing", lambda one: not one["skills_missing"]),
        ("week_full", lambda one: one["max_new_per_week"] is None or one["new"] < one["max_new_per_week"]),
        ("no_capacity", lambda one: one["load"] + weight <= one["capacity"]),
    ]
    for reason, passes in gates:
        standing = [one for one in standing if passes(one)]
        if not standing:
            return "waiting", reason, None
    if wish and wish["manager"] in [one["manager"] for one in standing]:
        return "proposed", "decline_undone", wish["manager"]
    scored = []
    for one in standing:
        tenths = sum(10 * unit // one["capacity"] for unit in range(one["load"], one["load"] + weight))
        points = (price["shared_language"] if one["languages"] else 0) + price["per_skill"] * len(one["skills"])
        points += price["per_km"] * (one["distance_km"] or 0) + price["balance"] * tenths
        points += price["continuity"] * one["former"] + price["relatives"] * one["relative"]
        assert points == sum(one["points"].values())
        scored.append((points, one["lot"], one["manager"]))
    return "proposed", "matched", max(scored)[2]


@settings(max_examples=40, deadline=None)
@given(towns())
def test_anybody_can_recompute_a_decision(town: tuple[list[Manager], list[Ask], dict[UUID, Carried]]) -> None:
    managers, asks, loads = town
    decisions = match(asks, loads, a_round(*managers, **MANDATORY))
    for decision, receipt in zip(decisions, receipts_of(decisions, *managers), strict=True):
        stated = statement_of(receipt.content)
        chosen = decision.chosen.id if decision.chosen else None
        assert choice_by_hand(stated) == (decision.status, decision.reason, str(chosen) if chosen else None)
        assert recompute(stated) == Choice(decision.status, decision.reason, chosen)


@pytest.mark.parametrize(
    "special",
    [
        {"legal_group": LegalGroup.OBLIGED_TO_LEAVE},
        {"unaccompanied_minor": True},
        {"allotted_on": date(2019, 3, 14)},
        {"wish": Override(UUID(int=1), OverrideReason.RELATIVES)},
        {"wish": Undo(UUID(int=2))},
        {"wish": Undo(UUID(int=1))},
        {"wish": Stay(UUID(int=1))},
    ],
    ids=["legal_group", "minor", "period", "override", "undo", "undo of who is full", "stay"],
)
def test_special_decisions_are_recomputed_too(special: dict[str, Any]) -> None:
    managers = [manager(id=UUID(int=1), capacity=0), manager(id=UUID(int=2)), manager(id=UUID(int=3))]
    (decision,) = match([ask(**special)], unburdened(*managers), a_round(*managers))
    (receipt,) = chained([decision], {"08416": Head()}, a_round(*managers), uuid4())
    stated = statement_of(receipt.content)
    chosen = decision.chosen.id if decision.chosen else None
    assert choice_by_hand(stated) == (decision.status, decision.reason, str(chosen) if chosen else None)
    assert recompute(stated) == Choice(decision.status, decision.reason, chosen)
    capacity, receipts = Finding(Invariant.I4), Finding(Invariant.I10)
    of_one_chain([receipt], capacity, receipts)
    assert (capacity.faults, receipts.faults) == ([], [])


def test_of_equals_a_receipt_leads_to_whom_the_lot_fell_on_and_else_to_the_most_points() -> None:
    managers = [manager(id=UUID(int=number)) for number in range(1, 4)]
    better = replace(managers[1], languages=frozenset({"uk"}))
    for hers, number in product((managers, [managers[0], better, managers[2]]), range(12)):
        (decision,) = match([ask(id=UUID(int=number))], unburdened(*hers), a_round(*hers))
        (receipt,) = receipts_of([decision], *hers)
        assert decision.chosen
        assert recompute(statement_of(receipt.content)).manager == decision.chosen.id
        assert better not in hers or decision.chosen == better


def test_what_a_receipt_states_is_that_of_its_form() -> None:
    """Whoever has to change this begins another form, and reads this one for ever."""
    needs: dict[str, Any] = {"skills_needed": (Skill.LITERACY, Skill.TRAUMA_INFORMED)}
    known = {"languages": frozenset({"uk"}), "skills": frozenset(needs["skills_needed"]), "office": REUTLINGEN}
    hers = manager(id=UUID(int=1), max_new_per_week=5, active_until=date(2022, 12, 31), **known)
    away = manager(id=UUID(int=2), code="TUE-02", absences=(Absence(DAY, None),))
    chosen = manager(id=UUID(int=3), code="S-01", service_area=frozenset({STUTTGART}), removed=True)
    ties = {"former": frozenset({hers.id}), "relatives": frozenset({hers.id}), "excluded": frozenset({away.id})}
    wish = Override(chosen.id, OverrideReason.COVER)
    one = ask(id=UUID(int=9), languages=("ru", "uk"), residence_title="24", allotted_on=DAY, wish=wish, **needs, **ties)
    around = a_round(hers, away, chosen, priorities=(Priority(hours=5),), **MANDATORY)
    decisions = match([one], dict.fromkeys(around.field.managers, Carried(100, 2)), around)
    (receipt,) = chained(decisions, {TUEBINGEN[:5]: Head(6, bytes(range(32)))}, around, UUID(int=5))
    said = orjson.loads(receipt.content)
    lacking = {"skills_missing": ["trauma_informed"]}
    full_post = (100, "2018-01-01", 100, 1000, 2)
    points = [300, 300, -36, 200, 250, -45]
    unusual = {"active_until": "2022-12-31", "max_new_per_week": 5, "former": True, "relative": True}
    assert said.pop("candidates") == [
        [str(hers.id), "TUE-01", *full_post, ["uk"], ["literacy", "trauma_informed"], 12, points, unusual],
        [
            *(str(away.id), "TUE-02", *full_post, [], [], 0, None),
            {"absent": True, "excluded": True, "gate": "nobody_active", **lacking},
        ],
        [
            *(str(chosen.id), "S-01", *full_post, [], [], 0, None),
            {"removed": True, "serves": False, "gate": "not_served", **lacking},
        ],
    ]
    assert said.pop("policy") == {
        "id": "integration-management",
        "version": "test",
        "revision": 1,
        "groups": ["displaced_ukrainian"],
        "mandatory_skills": ["trauma_informed"],
        "load": {"per_case": 5, "per_person": 10, "per_skill": 5, "phases": []},
        "points": {
            "shared_language": 300,
            "per_skill": 150,
            "per_km": -3,
            "balance": -1,
            "continuity": 200,
            "relatives": 250,
        },
    }
    assert said.pop("rule") == {
        "valid_from": "2022-03-11",
        "stages": list(Accommodation),
        "residence_titles": [],
        "counselling_years": 3,
        "extended_years": 4,
    }
    assert said.pop("household") == {
        "municipality": TUEBINGEN,
        "size": 3,
        "languages": ["ru", "uk"],
        "skills_needed": ["literacy", "trauma_informed"],
        "legal_group": "displaced_ukrainian",
        "accommodation": "private",
        "unaccompanied_minor": False,
        "allotted_on": "2022-03-14",
        "residence_title": "24",
        "counselling_extended": False,
    }
    assert said == {
        "form": 1,
        "batch": str(UUID(int=5)),
        "case": str(one.household.alias),
        "at": "2022-03-14T09:00:00+00:00",
        "day": "2022-03-14",
        "district": "08416",
        "position": 7,
        "previous": bytes(range(32)).hex(),
        "ineligible": None,
        "weight": 45,
        "waiting_since": "2022-03-14T09:00:00+00:00",
        "head_start_hours": 5,
        "turn": "2022-03-14T04:00:00+00:00",
        "wish": {"kind": "override", "manager": str(chosen.id), "reason": "cover"},
        "solver": {"by": "a person", "optimal": True, "together": 1},
        "status": "proposed",
        "reason": "overridden",
        "chosen": str(chosen.id),
        "lots": [0, 0, 0],
    }


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (None, None),
        (Undo(UUID(int=2)), {"kind": "undo", "manager": str(UUID(int=2))}),
        (Stay(UUID(int=2)), {"kind": "stay", "manager": str(UUID(int=2))}),
    ],
)
def test_a_receipt_states_the_wish_it_follows(wish: Wish | None, said: dict[str, Any] | None) -> None:
    only = manager(id=UUID(int=2))
    (receipt,) = receipts_of(match([ask(wish=wish)], unburdened(only), a_round(only)), only)
    assert statement_of(receipt.content)["wish"] == said


def test_a_household_that_no_district_has_is_in_a_chain_of_its_own() -> None:
    (receipt,) = receipts_of(match([ask(municipality=None, district=None)], {}, a_round()))
    assert (receipt.district, receipt.position) == (NO_DISTRICT, 1)


def test_a_day_without_any_rule_is_recomputed_too() -> None:
    around = a_round(manager(), rules=())
    (decision,) = match([ask()], dict.fromkeys(around.field.managers, Carried(0)), around)
    (receipt,) = chained([decision], {"08416": Head()}, around, uuid4())
    assert choice_by_hand(statement_of(receipt.content)) == ("not_eligible", "no_policy", None)


def test_a_receipt_does_not_say_whose_it_is() -> None:
    managers = [manager(), manager()]
    asks = [ask(registered_at=NOW), ask()]
    decisions = match(asks, unburdened(*managers), a_round(*managers))
    for receipt in receipts_of(decisions, *managers):
        assert not any(str(one.household.id) in receipt.content.decode() for one in asks)


@pytest.mark.parametrize("content", [b'{"form":1,"candidates":[[]],"lots":[]}', b'{"form":1}', b"[1]", b"no json"])
def test_the_auditor_names_a_receipt_that_cannot_be_read(content: bytes) -> None:
    capacity, receipts = Finding(Invariant.I4), Finding(Invariant.I10)
    of_one_chain([Receipt("08416", 7, bytes(32), content)], capacity, receipts)
    assert receipts.faults == ["receipt 08416/7 cannot be read"]


@pytest.mark.parametrize("tampering", ["content", "hash", "gap", "order"])
def test_a_chain_tells_where_it_was_tampered_with(tampering: str) -> None:
    only = manager()
    receipts = receipts_of(match([ask() for _ in range(4)], unburdened(only), a_round(only)), only)
    assert broken_at(receipts) is None
    one = receipts[1]
    changed = {
        "content": Receipt(one.district, one.position, one.hash, one.content.replace(b'"size":3', b'"size":2')),
        "hash": Receipt(one.district, one.position, bytes(32), one.content),
    }
    match tampering:
        case "gap":
            receipts.pop(1)
        case "order":
            receipts[1], receipts[2] = receipts[2], receipts[1]
        case _:
            receipts[1] = changed[tampering]
    assert broken_at(receipts) in {2, 3}


@pytest.mark.parametrize(
    ("says", "breaks_at"),
    [({"weight": 1}, 3), ({"previous": "00" * 32}, 2), ({"position": 7}, 2), ({"district": "08415"}, 2)],
    ids=["content", "previous", "position", "district"],
)
def test_a_receipt_that_was_written_anew_with_its_hash_breaks_the_chain(says: dict[str, Any], breaks_at: int) -> None:
    only = manager()
    receipts = receipts_of(match([ask() for _ in range(4)], unburdened(only), a_round(only)), only)
    content = canonical(orjson.loads(receipts[1].content) | says)
    receipts[1] = replace(receipts[1], content=content, hash=sha256(content).digest())
    assert broken_at(receipts) == breaks_at
