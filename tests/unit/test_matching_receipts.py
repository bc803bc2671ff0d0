"""A receipt holds all a decision rests on: whoever has only its numbers comes to the same choice."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings

from builders import NOW
from contracts.vocabulary import LegalGroup
from geleit.audit.decisions import of_one_chain
from geleit.audit.finding import Finding, Invariant
from matching.ask import Ask, Override, Stay, Undo
from matching.domain import Carried, Manager, OverrideReason
from matching.match import Decision, match
from matching.receipts import Choice, Head, Receipt, broken_at, chained, recompute, statement_of
from matching_builders import MANDATORY, a_round, ask, manager, towns, unburdened


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
        {"wish": Stay(UUID(int=1))},
    ],
    ids=["legal_group", "minor", "period", "override", "undo", "stay"],
)
def test_special_decisions_are_recomputed_too(special: dict[str, Any]) -> None:
    managers = [manager(id=UUID(int=1), capacity=0), manager(id=UUID(int=2))]
    (decision,) = match([ask(**special)], unburdened(*managers), a_round(*managers))
    (receipt,) = chained([decision], {"08416": Head()}, a_round(*managers), uuid4())
    stated = statement_of(receipt.content)
    chosen = decision.chosen.id if decision.chosen else None
    assert choice_by_hand(stated) == (decision.status, decision.reason, str(chosen) if chosen else None)
    assert recompute(stated) == Choice(decision.status, decision.reason, chosen)
    capacity, receipts = Finding(Invariant.I4), Finding(Invariant.I10)
    of_one_chain([receipt], capacity, receipts)
    assert (capacity.faults, receipts.faults) == ([], [])


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
