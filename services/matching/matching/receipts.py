"""Receipts: everything a decision rests on, as canonical bytes in a chain, and the same choice made from them again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from contracts.vocabulary import CareReason, CareStatus
from matching.domain import Facts, Policy
from matching.match import Ask, Candidate, Decision, Override, Round, Undo
from matching.rules import GATE_ORDER, head_start, rules_in_force

FORM = 2
"""Version of the receipt's form: 1 had no solver, and loads in the order of registration."""
NO_DISTRICT = ""
"""Chain of the households that no district has yet."""
LOT = b'"lot":null,'
"""Where a candidate's lot is to stand; no text in a receipt can hold it, because JSON quotes quotes."""
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
    ends, frame, written = dict(heads), _frame(around, batch), dict[int, tuple[bytes, bytes]]()
    receipts = []
    for decision in decisions:
        district = decision.ask.household.district or NO_DISTRICT
        end = ends[district]
        stated = frame | _statement(decision, around, written)
        stated |= {
            "case": str(decision.ask.household.alias),
            "district": district,
            "position": end.position + 1,
            "previous": end.hash.hex(),
        }
        content = canonical(stated)
        receipt = Receipt(district, end.position + 1, sha256(content).digest(), content)
        ends[district] = Head(receipt.position, receipt.hash)
        receipts.append(receipt)
    return receipts


def canonical(value: object) -> bytes:
    """JSON with sorted keys and without spaces: one value, one sequence of bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def broken_at(receipts: Iterable[Receipt]) -> int | None:
    """The first position of a district's chain, given from its beginning, that does not follow from the ones before."""
    end = Head()
    for receipt in receipts:
        stated = orjson.loads(receipt.content)
        if (
            receipt.position != end.position + 1
            or sha256(receipt.content).digest() != receipt.hash
            or (stated["district"], stated["position"]) != (receipt.district, receipt.position)
            or stated["previous"] != end.hash.hex()
        ):
            return receipt.position
        end = Head(receipt.position, receipt.hash)
    return None


def recompute(receipt: Mapping[str, Any]) -> Choice:
    """The choice that follows from a receipt's own figures, all other decisions of its batch being made."""
    wish, candidates = receipt["wish"], receipt["candidates"]
    if wish and wish["kind"] == "override":
        return Choice(CareStatus.PROPOSED, CareReason.OVERRIDDEN, UUID(wish["manager"]))
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
    return {
        "form": FORM,
        "batch": str(batch),
        "at": around.now,
        "day": around.day,
        "policy": {
            "id": policy.id,
            "version": policy.version,
            "revision": policy.revision,
            "groups": sorted(rule.legal_group for rule in rules_in_force(policy, around.day)),
            "mandatory_skills": sorted(policy.mandatory_skills),
            "load": asdict(policy.load),
            "points": asdict(policy.points),
        },
    }


def _statement(decision: Decision, around: Round, written: dict[int, tuple[bytes, bytes]]) -> dict[str, Any]:
    ask = decision.ask
    return {
        "household": _facts(ask.facts),
        "rule": _rule(ask.facts, around.policy, around.day),
        "ineligible": decision.reason if decision.status is CareStatus.NOT_ELIGIBLE else None,
        "weight": decision.weight,
        "waiting_since": ask.waiting_since,
        "head_start_hours": head_start(ask.facts, around.policy) // timedelta(hours=1),
        "turn": decision.turn,
        "wish": _wish(ask.wish),
        "candidates": [
            _written(one, lot, ask, around, written)
            for one, lot in zip(decision.candidates, decision.lots, strict=True)
        ],
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


def _rule(facts: Facts, policy: Policy, day: date) -> dict[str, Any] | None:
    in_force = rules_in_force(policy, day)
    rule = next((rule for rule in in_force if rule.legal_group == facts.legal_group), None)
    if rule is None:
        return None
    return {
        "valid_from": rule.valid_from,
        "stages": rule.stages,
        "residence_titles": rule.residence_titles,
        "counselling_years": rule.counselling_years,
        "extended_years": rule.extended_years,
    }


def _wish(wish: Undo | Override | None) -> dict[str, Any] | None:
    match wish:
        case None:
            return None
        case Undo():
            return {"kind": "undo", "manager": str(wish.manager)}
        case Override():
            return {"kind": "override", "manager": str(wish.manager), "reason": wish.reason}


def _written(
    one: Candidate, lot: int, ask: Ask, around: Round, written: dict[int, tuple[bytes, bytes]]
) -> orjson.Fragment:
    """A candidate's bytes: what households share is written once, and their lots are put into it."""
    if id(one) not in written:
        before, after = canonical(_candidate(one, ask, around)).split(LOT)
        written[id(one)] = before, after
    before, after = written[id(one)]
    return orjson.Fragment(b'%b"lot":%d,%b' % (before, lot, after))


def _candidate(one: Candidate, ask: Ask, around: Round) -> dict[str, Any]:
    manager, facts = one.manager, ask.facts
    mandatory = around.policy.mandatory_skills.intersection(facts.skills_needed)
    return {
        "manager": str(manager.id),
        "code": manager.code,
        "load": one.carried.load,
        "capacity": manager.capacity,
        "new": one.carried.new,
        "max_new_per_week": manager.max_new_per_week,
        "fte_hundredths": manager.fte_hundredths,
        "serves": facts.municipality in manager.service_area,
        "active_from": manager.active_from,
        "active_until": manager.active_until,
        "removed": manager.removed,
        "absent": any(absence.covers(around.day) for absence in manager.absences),
        "excluded": manager.id in ask.excluded,
        "skills_missing": sorted(mandatory - manager.skills),
        "languages": one.languages,
        "skills": one.skills,
        "distance_km": one.distance_km,
        "former": one.former,
        "relative": one.relative,
        "gate": one.gate,
        "points": one.points._asdict() if one.points else None,
        "lot": None,
    }
