"""Why this manager, why not another, and what would have to be otherwise: from a receipt's own figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.vocabulary import CareReason, Skill
from matching.ask import BY_A_PERSON
from matching.domain import Why
from matching.solver import strain


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a manager did not get the household, all other decisions being made as they were.

    Either a gate stopped her, or somebody had more points, or a person decided, or the household `stays` with whom it
    had when it moved. `units` are those that her capacity lacked.
    `would_be_chosen` says whether she would have got the household with that many units, or with one case more that
    week, and `points_missing` how many points fewer she then had than the manager who was chosen.
    """

    gate: CareReason | None
    units: int | None = None
    points_missing: int | None = None
    would_be_chosen: bool | None = None
    by_person: bool = False
    stays: bool = False


def why(receipt: Mapping[str, Any]) -> Why | None:
    """What spoke for the manager who was chosen; None: nobody was."""
    one = next((one for one in receipt["candidates"] if one["manager"] == receipt["chosen"]), None)
    if one is None:
        return None
    by_person = bool(receipt["wish"]) and receipt["wish"]["kind"] == "override"
    return Why(
        by_person,
        tuple(one["languages"]),
        tuple(map(Skill, one["skills"])),
        one["distance_km"],
        one["former"],
        one["relative"],
    )


def why_not(receipt: Mapping[str, Any], manager: str) -> WhyNot | None:
    """Why this manager was not chosen; None: she was, or no manager was looked at.

    A manager who is no candidate does not serve the municipality.
    """
    if receipt["chosen"] == manager or receipt["ineligible"] or receipt["household"]["municipality"] is None:
        return None
    candidates = {one["manager"]: one for one in receipt["candidates"]}
    one = candidates.get(manager)
    if one is None:
        return WhyNot(CareReason.NOT_SERVED)
    gate = CareReason(one["gate"]) if one["gate"] else None
    lacking = max(0, one["load"] + receipt["weight"] - one["capacity"])
    best = candidates.get(receipt["chosen"])
    by_person = receipt["solver"]["by"] == BY_A_PERSON
    stays = receipt["reason"] == CareReason.MANAGER_STAYS
    if by_person or stays or gate not in {None, CareReason.NO_CAPACITY, CareReason.WEEK_FULL}:
        return WhyNot(gate, lacking if gate is CareReason.NO_CAPACITY else None, by_person=by_person, stays=stays)
    if gate is CareReason.WEEK_FULL and lacking:
        # Neither units alone nor a case more would have been enough.
        return WhyNot(gate)
    standing = _points(receipt, one, one["capacity"] + lacking), one["lot"]
    to_beat = (_points(receipt, best, best["capacity"]), best["lot"]) if best else None
    chosen = to_beat is None or standing > to_beat
    missing = to_beat[0] - standing[0] if to_beat and not chosen else None
    return WhyNot(gate, lacking or None, missing, chosen if gate else None)


def _points(receipt: Mapping[str, Any], one: Mapping[str, Any], capacity: int) -> int:
    prices = receipt["policy"]["points"]
    return int(
        prices["shared_language"] * bool(one["languages"])
        + prices["per_skill"] * len(one["skills"])
        + prices["per_km"] * (one["distance_km"] or 0)
        + prices["continuity"] * one["former"]
        + prices["relatives"] * one["relative"]
        + prices["balance"] * strain(capacity, one["load"], receipt["weight"])
    )
