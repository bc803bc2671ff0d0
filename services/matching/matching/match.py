"""Chooses a manager for each household: gates, then integer points, then a seeded order; sequential, deterministic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from contracts.vocabulary import CareReason, CareStatus
from matching.domain import Facts, Household, Manager, OverrideReason, Place, Policy, Prices
from matching.rules import GATE_ORDER, Need, distance_km, ineligibility, stopped_at, weight


@dataclass(frozen=True, slots=True)
class Undo:
    """A decline was taken back: the former manager is asked again if she still passes every gate."""

    manager: UUID


@dataclass(frozen=True, slots=True)
class Override:
    """A person has chosen; gates and points are shown in the receipt but do not bind."""

    manager: UUID
    reason: OverrideReason


@dataclass(frozen=True, slots=True)
class Ask:
    """A household that wants a decision, and the managers that may not get it again."""

    household: Household
    facts: Facts
    excluded: frozenset[UUID] = frozenset()
    wish: Undo | Override | None = None


class Part(NamedTuple):
    """The named parts of a candidate's points."""

    language: int
    skills: int
    distance: int
    balance: int


class Candidate(NamedTuple):
    """A manager in the light of one household: figures at that moment, and either the gate or the points.

    A tuple, because one batch makes a hundred thousand of them.
    """

    manager: Manager
    load: int
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    distance_km: int | None
    gate: CareReason | None
    points: Part | None
    total: int
    tie: int
    """Rank among candidates of the same, highest total; 0 is chosen."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one household, and everything it rests on."""

    ask: Ask
    status: CareStatus
    reason: CareReason
    weight: int
    chosen: Manager | None
    candidates: tuple[Candidate, ...]


class Field:
    """The managers by municipality they serve, and where the municipalities lie."""

    def __init__(self, managers: Sequence[Manager], places: Mapping[str, Place]) -> None:
        self.managers = {manager.id: manager for manager in managers}
        self._places = places
        self._distances: dict[tuple[str, str], int | None] = {}

    @cached_property
    def _serving(self) -> Mapping[str, tuple[Manager, ...]]:
        serving: dict[str, list[Manager]] = {}
        for manager in sorted(self.managers.values(), key=lambda manager: manager.id):
            for ags in () if manager.removed else manager.service_area:
                serving.setdefault(ags, []).append(manager)
        return {ags: tuple(some) for ags, some in serving.items()}

    def serving(self, municipality: str) -> tuple[Manager, ...]:
        """Who has that municipality in the service area, by id."""
        return self._serving.get(municipality, ())

    def distance(self, office: str | None, municipality: str) -> int | None:
        """Kilometres between two municipalities; None where the register has no coordinates."""
        if office is None:
            return None
        if office == municipality:
            return 0
        key = (office, municipality)
        if key not in self._distances:
            one, other = self._places.get(office), self._places.get(municipality)
            self._distances[key] = distance_km(one, other) if one and other else None
        return self._distances[key]


@dataclass(frozen=True, slots=True)
class Round:
    """What holds for every decision of one batch; `seed` makes the order of equals."""

    field: Field
    policy: Policy
    day: date
    seed: bytes


def match(asks: Sequence[Ask], loads: Mapping[UUID, int], around: Round) -> list[Decision]:
    """Decide the asks in order of registration, each in sight of what the ones before have taken.

    `loads` has the units each manager of the asks' municipalities carries now. The result does not depend on the
    order in which asks or managers are given.
    """
    carried = dict(loads)
    decisions = []
    for ask in sorted(asks, key=lambda ask: (ask.household.registered_at, ask.household.id)):
        decision = _decide(ask, carried, around)
        if decision.chosen:
            carried[decision.chosen.id] += decision.weight
        decisions.append(decision)
    return decisions


def _decide(ask: Ask, loads: Mapping[UUID, int], around: Round) -> Decision:
    facts, units = ask.facts, weight(ask.facts, around.policy)
    if not isinstance(ask.wish, Override):
        if reason := ineligibility(facts, around.policy, around.day):
            return Decision(ask, CareStatus.NOT_ELIGIBLE, reason, units, None, ())
        if facts.municipality is None:
            return Decision(ask, CareStatus.WAITING, CareReason.NO_MUNICIPALITY, units, None, ())
    candidates = _candidates(ask, units, loads, around)
    passed = [one for one in candidates if one.points]
    match ask.wish:
        case Override(manager=wanted):
            chosen, reason = around.field.managers[wanted], CareReason.OVERRIDDEN
        case Undo(manager=wanted) if any(one.manager.id == wanted for one in passed):
            chosen, reason = around.field.managers[wanted], CareReason.DECLINE_UNDONE
        case _ if passed:
            best = min(passed, key=lambda one: (-one.total, one.tie))
            chosen, reason = best.manager, CareReason.MATCHED
        case _:
            return Decision(ask, CareStatus.WAITING, binding_gate(candidates), units, None, candidates)
    return Decision(ask, CareStatus.PROPOSED, reason, units, chosen, candidates)


def binding_gate(candidates: Sequence[Candidate]) -> CareReason:
    """The first gate that nobody passed: the last one that anybody came to."""
    stops = [candidate.gate for candidate in candidates if candidate.gate]
    return max(stops, key=GATE_ORDER.__getitem__, default=CareReason.NOT_SERVED)


def _candidates(ask: Ask, units: int, loads: Mapping[UUID, int], around: Round) -> tuple[Candidate, ...]:
    facts, field, policy = ask.facts, around.field, around.policy
    mandatory = policy.mandatory_skills.intersection(facts.skills_needed)
    need = Need(facts.municipality or "", units, mandatory, ask.excluded, around.day)
    managers = field.serving(need.municipality)
    if isinstance(ask.wish, Override) and all(manager.id != ask.wish.manager for manager in managers):
        managers = (*managers, field.managers[ask.wish.manager])
    candidates = []
    for manager in managers:
        load = loads[manager.id]
        languages = tuple([one for one in facts.languages if one in manager.languages])
        skills = tuple([one for one in facts.skills_needed if one in manager.skills])
        km = field.distance(manager.office, need.municipality)
        gate = stopped_at(manager, load, need)
        points = None
        if gate is None:
            tenths = (load + units) * 10 // manager.capacity if manager.capacity else 0
            points = _points(len(languages), len(skills), km, tenths, policy.points)
        total = sum(points) if points else 0
        candidates.append(Candidate(manager, load, languages, skills, km, gate, points, total, 0))
    return _with_ties_broken(candidates, ask.household.id, around.seed)


def _points(languages: int, skills: int, km: int | None, tenths: int, prices: Prices) -> Part:
    """Points of a candidate whose load would then be `tenths` of her capacity; an unknown distance costs nothing."""
    return Part(
        prices.shared_language if languages else 0,
        prices.per_skill * skills,
        prices.per_km * (km or 0),
        prices.balance * tenths * tenths,
    )


def _with_ties_broken(candidates: list[Candidate], household: UUID, seed: bytes) -> tuple[Candidate, ...]:
    top = max((one.total for one in candidates if one.points), default=None)
    tied = [one for one in candidates if one.points and one.total == top]
    if len(tied) < 2:
        return tuple(candidates)

    def lot(one: Candidate) -> bytes:
        return blake2b(household.bytes + one.manager.id.bytes, digest_size=8, key=seed).digest()

    rank = {one.manager.id: place for place, one in enumerate(sorted(tied, key=lot))}
    return tuple([one._replace(tie=rank.get(one.manager.id, 0)) for one in candidates])
