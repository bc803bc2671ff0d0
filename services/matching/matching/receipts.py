"""Receipts: everything a decision rests on, as canonical bytes in a chain, and the same choice made from them again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from contracts.vocabulary import CareReason, CareStatus
from matching.ask import Ask, Override, Stay, Undo, Wish
from matching.candidates import Candidate, Part
from matching.domain import Facts, Manager
from matching.field import Round
from matching.match import Decision
from matching.rules import GATE_ORDER, head_start, rules_in_force

FORM = 1
"""Version of the receipt's form: whoever changes what a receipt states, `COLUMNS`, `USUAL` or the order of points
begins another one."""
NO_DISTRICT = ""
"""Chain of the households that no district has yet."""
COLUMNS = (
    "manager",
    "code",
    "fte_hundredths",
    "active_from",
    "load",
    "capacity",
    "new",
    "languages",
    "skills",
    "distance_km",
    "points",
)
"""What each candidate's row has, in this order; what is not `USUAL` about her follows by name."""
USUAL: Mapping[str, Any] = {
    "serves": True,
    "removed": False,
    "active_until": None,
    "absent": False,
    "excluded": False,
    "skills_missing": [],
    "max_new_per_week": None,
    "former": False,
    "relative": False,
    "gate": None,
}
"""What holds of a candidate whose row does not say otherwise."""
SETTLED = {"override": CareReason.OVERRIDDEN, "stay": CareReason.MANAGER_STAYS}
"""Wishes that nothing else in a receipt can stop, and the reason of what follows them."""
GENESIS = bytes(32)
"""What the first receipt of a chain names as the one before."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a district's chain."""

    position: int = 0
    hash: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decision's place in its district's chain, and the bytes whose SHA-256 `hash` is."""

    district: str
    position: int
    hash: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """What a receipt's numbers lead to."""

    status: CareStatus
    reason: CareReason
    manager: UUID | None


def chained(decisions: Sequence[Decision], heads: Mapping[str, Head], around: Round, batch: UUID) -> list[Receipt]:
    """A receipt for each decision, in the same order, each chained to its district's end.

    A household is only its alias: what says whose that is stands elsewhere, and erasure deletes it.
    """
    ends, frame, rules, rows = dict(heads), _frame(around, batch), _rules(around), _Rows(around)
    receipts = []
    for decision in decisions:
        district = decision.ask.household.district or NO_DISTRICT
        end = ends[district]
        content = canonical(
            {
                **frame,
                **_statement(decision, around),
                "rule": rules.get(decision.ask.facts.legal_group),
                "candidates": rows.of(decision),
                "lots": decision.lots,
                "case": str(decision.ask.household.alias),
                "district": district,
                "position": end.position + 1,
                "previous": end.hash.hex(),
            }
        )
        receipt = Receipt(district, end.position + 1, sha256(content).digest(), content)
        ends[district] = Head(receipt.position, receipt.hash)
        receipts.append(receipt)
    return receipts


def statement_of(content: bytes) -> dict[str, Any]:
    """What a receipt states, each figure of a candidate by its name."""
    found: dict[str, Any] = orjson.loads(content)
    lots = found.pop("lots")
    found["candidates"] = [_named(row, lot) for row, lot in zip(found["candidates"], lots, strict=True)]
    return found


def _named(row: Sequence[Any], lot: int) -> dict[str, Any]:
    candidate = {**USUAL, **dict(zip(COLUMNS, row, strict=False)), "lot": lot}
    candidate.update(*row[len(COLUMNS) :])
    if points := candidate["points"]:
        candidate["points"] = dict(zip(Part._fields, points, strict=True))
    return candidate


def canonical(value: object) -> bytes:
    """JSON with sorted keys and without spaces: one value, one sequence of bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def broken_at(receipts: Iterable[Receipt]) -> int | None:
    """The first position of a district's chain, given from its beginning, that does not follow from the ones before."""
    end = Head()
    for receipt in receipts:
        if receipt.position != end.position + 1 or sha256(receipt.content).digest() != receipt.hash:
            return receipt.position
        says = orjson.loads(receipt.content)
        if (says["district"], says["position"]) != (receipt.district, receipt.position) or says[
            "previous"
        ] != end.hash.hex():
            return receipt.position
        end = Head(receipt.position, receipt.hash)
    return None


def recompute(receipt: Mapping[str, Any]) -> Choice:
    """The choice that follows from a receipt's own figures, all other decisions of its batch being made."""
    wish, candidates = receipt["wish"], receipt["candidates"]
    if wish and (reason := SETTLED.get(wish["kind"])):
        return Choice(CareStatus.PROPOSED, reason, UUID(wish["manager"]))
    if receipt["ineligible"]:
        return Choice(CareStatus.NOT_ELIGIBLE, CareReason(receipt["ineligible"]), None)
    if receipt["household"]["municipality"] is None:
        return Choice(CareStatus.WAITING, CareReason.NO_MUNICIPALITY, None)
    passed = [one for one in candidates if one["gate"] is None]
    if wish and any(one["manager"] == wish["manager"] for one in passed):
        return Choice(CareStatus.PROPOSED, CareReason.DECLINE_UNDONE, UUID(wish["manager"]))
    if passed:
        best = max(passed, key=lambda one: (sum(one["points"].values()), one["lot"]))
        return Choice(CareStatus.PROPOSED, CareReason.MATCHED, UUID(best["manager"]))
    stops = [CareReason(one["gate"]) for one in candidates]
    return Choice(CareStatus.WAITING, max(stops, key=GATE_ORDER.__getitem__, default=CareReason.NOT_SERVED), None)


def _frame(around: Round, batch: UUID) -> dict[str, Any]:
    policy = around.policy
    told = {
        "id": policy.id,
        "version": policy.version,
        "revision": policy.revision,
        "groups": sorted(rule.legal_group for rule in rules_in_force(policy, around.day)),
        "mandatory_skills": sorted(policy.mandatory_skills),
        "load": asdict(policy.load),
        "points": asdict(policy.points),
    }
    return {
        "form": FORM,
        "batch": str(batch),
        "at": around.now,
        "day": around.day,
        "policy": orjson.Fragment(canonical(told)),
    }


def _rules(around: Round) -> dict[str, orjson.Fragment]:
    """What the rule of each legal group says."""
    return {
        rule.legal_group: orjson.Fragment(
            canonical(
                {
                    "valid_from": rule.valid_from,
                    "stages": rule.stages,
                    "residence_titles": rule.residence_titles,
                    "counselling_years": rule.counselling_years,
                    "extended_years": rule.extended_years,
                }
            )
        )
        for rule in rules_in_force(around.policy, around.day)
    }


def _statement(decision: Decision, around: Round) -> dict[str, Any]:
    ask = decision.ask
    return {
        "household": _facts(ask.facts),
        "ineligible": decision.reason if decision.status is CareStatus.NOT_ELIGIBLE else None,
        "weight": decision.weight,
        "waiting_since": ask.waiting_since,
        "head_start_hours": head_start(ask.facts, around.policy) // timedelta(hours=1),
        "turn": decision.turn,
        "wish": _wish(ask.wish),
        "solver": {"by": decision.by, "optimal": decision.optimal, "together": decision.together},
        "status": decision.status,
        "reason": decision.reason,
        "chosen": str(decision.chosen.id) if decision.chosen else None,
    }


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "municipality": facts.municipality,
        "size": facts.size,
        "languages": facts.languages,
        "skills_needed": facts.skills_needed,
        "legal_group": facts.legal_group,
        "accommodation": facts.accommodation,
        "unaccompanied_minor": facts.unaccompanied_minor,
        "allotted_on": facts.allotted_on,
        "residence_title": facts.residence_title,
        "counselling_extended": facts.counselling_extended,
    }


def _wish(wish: Wish | None) -> dict[str, Any] | None:
    match wish:
        case None:
            return None
        case Undo():
            return {"kind": "undo", "manager": str(wish.manager)}
        case Override():
            return {"kind": "override", "manager": str(wish.manager), "reason": wish.reason}
        case Stay():
            return {"kind": "stay", "manager": str(wish.manager)}


class _Rows:
    """The rows of candidates; who is shared by households is written once."""

    def __init__(self, around: Round) -> None:
        self._around = around
        self._written: dict[int, Sequence[Any]] = {}
        self._lasting: dict[UUID, Mapping[str, Any]] = {}

    def of(self, decision: Decision) -> list[Sequence[Any]]:
        """The candidates of a decision, in their order."""
        written = self._written
        for one in decision.candidates:
            if id(one) not in written:
                written[id(one)] = self._row(one, decision.ask)
        return [written[id(one)] for one in decision.candidates]

    def _row(self, one: Candidate, ask: Ask) -> Sequence[Any]:
        manager, (load, new), languages, skills, distance_km, *_, points = one
        row = (
            str(manager.id),
            manager.code,
            manager.fte_hundredths,
            manager.active_from,
            load,
            manager.capacity,
            new,
            languages,
            skills,
            distance_km,
            points and tuple(points),
        )
        unusual = self._unusual(one, ask)
        return (*row, unusual) if unusual else row

    def _unusual(self, one: Candidate, ask: Ask) -> Mapping[str, Any]:
        manager = one.manager
        if manager.id not in self._lasting:
            self._lasting[manager.id] = self._of_manager(manager)
        found = dict(self._lasting[manager.id])
        if one.gate:
            found["gate"] = one.gate
        if one.former:
            found["former"] = True
        if one.relative:
            found["relative"] = True
        if manager.id in ask.excluded:
            found["excluded"] = True
        if missing := self._around.policy.mandatory_skills.intersection(ask.facts.skills_needed) - manager.skills:
            found["skills_missing"] = sorted(missing)
        if ask.facts.municipality not in manager.service_area:
            found["serves"] = False
        return found

    def _of_manager(self, manager: Manager) -> Mapping[str, Any]:
        found = {
            "removed": manager.removed,
            "active_until": manager.active_until,
            "absent": any(absence.covers(self._around.day) for absence in manager.absences),
            "max_new_per_week": manager.max_new_per_week,
        }
        return {name: value for name, value in found.items() if value != USUAL[name]}
