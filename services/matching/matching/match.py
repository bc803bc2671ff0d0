"""Chooses a manager for each household: gates, then integer points, and what one batch brings solved together."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from contracts.vocabulary import CareReason, CareStatus, Skill
from matching import solver
from matching.domain import Carried, Facts, Household, Manager, OverrideReason, Place, Policy, Why
from matching.rules import (
    FILLING,
    GATE_ORDER,
    LASTING,
    Need,
    distance_km,
    first_shut,
    head_start,
    ineligibility,
    need_of,
    room,
    weight,
)

NOTHING = Carried(0)
BY_RULES = "rules"
BY_A_PERSON = "a person"
"""How a decision came about that follows a person's wish."""


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
class Stay:
    """The household moved to where its manager serves too: it stays with her, whatever gates and points say.

    It takes a place of her week only if it is `new`, because it came to her in this one.
    """

    manager: UUID
    new: bool = False


Wish = Undo | Override | Stay

WISHED: Mapping[type[Wish], tuple[CareReason, str]] = {
    Undo: (CareReason.DECLINE_UNDONE, BY_A_PERSON),
    Override: (CareReason.OVERRIDDEN, BY_A_PERSON),
    Stay: (CareReason.MANAGER_STAYS, BY_RULES),
}
"""What is said of a decision that follows a wish: its reason, and how it came about."""


def is_new(wish: Wish | None) -> bool:
    """Whether a case that is given by this wish counts among the new ones of the week."""
    return wish.new if isinstance(wish, Stay) else True


@dataclass(frozen=True, slots=True)
class Ask:
    """A household that wants a decision.

    `excluded` may not get it again, `former` had it before, `relatives` have others of its family group.
    """

    household: Household
    facts: Facts
    waiting_since: datetime
    excluded: frozenset[UUID] = frozenset()
    wish: Wish | None = None
    former: frozenset[UUID] = frozenset()
    relatives: frozenset[UUID] = frozenset()


class Part(NamedTuple):
    """The named parts of a candidate's points."""

    language: int
    skills: int
    distance: int
    continuity: int
    relatives: int
    balance: int


class Outlook(NamedTuple):
    """What a municipality's managers are to households of the same languages, needs and ties, whatever they carry.

    For each of `managers` her id's bytes, the first gate that no decision can open, the points that last, and what
    earns them.
    """

    managers: tuple[Manager, ...]
    ids: tuple[bytes, ...]
    gates: tuple[CareReason | None, ...]
    points: tuple[Part, ...]
    languages: tuple[tuple[str, ...], ...]
    skills: tuple[tuple[str, ...], ...]
    distances: tuple[int | None, ...]


class Candidate(NamedTuple):
    """A manager in the light of a household, all other decisions of the batch being made.

    Figures, and either the gate that stops her or the points. Households with the same outlook and weight share them.
    A tuple, because one batch makes a hundred thousand.
    """

    manager: Manager
    carried: Carried
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    distance_km: int | None
    former: bool
    relative: bool
    gate: CareReason | None
    points: Part | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one household, and everything it rests on.

    Each of `candidates` has a lot, which decides between equal points: the highest is chosen. `together` counts the
    households that were weighed against each other with this one, `by` says how, `optimal` whether nothing better is
    possible for all of them.
    """

    ask: Ask
    status: CareStatus
    reason: CareReason
    weight: int
    turn: datetime
    chosen: Manager | None = None
    candidates: tuple[Candidate, ...] = ()
    lots: tuple[int, ...] = ()
    by: str = BY_RULES
    optimal: bool = True
    together: int = 1

    @property
    def why(self) -> Why | None:
        """What spoke for whom was chosen, if anybody was."""
        one = next((one for one in self.candidates if one.manager is self.chosen), None)
        if one is None:
            return None
        by_person = isinstance(self.ask.wish, Override)
        return Why(by_person, one.languages, tuple(map(Skill, one.skills)), one.distance_km, one.former, one.relative)


class Field:
    """The managers by municipality they serve, and where the municipalities lie."""

    def __init__(self, managers: Sequence[Manager], places: Mapping[str, Place]) -> None:
        self.managers = {manager.id: manager for manager in managers}
        self._places = places
        self._distances: dict[tuple[str, str], int | None] = {}

    def with_managers(self, managers: Sequence[Manager]) -> "Field":
        """The same places with other managers."""
        return Field(managers, self._places)

    @cached_property
    def _serving(self) -> Mapping[str, tuple[Manager, ...]]:
        serving: dict[str, list[Manager]] = {}
        for manager in sorted(self.managers.values(), key=lambda manager: manager.id):
            for ags in () if manager.removed else manager.service_area:
                serving.setdefault(ags, []).append(manager)
        return {ags: tuple(some) for ags, some in serving.items()}

    @cached_property
    def has_weeks(self) -> bool:
        """Whether anybody takes only so many new cases a week."""
        return any(one.max_new_per_week is not None and not one.removed for one in self.managers.values())

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
    now: datetime
    day: date
    seed: bytes
    outlooks: dict[tuple[object, ...], Outlook] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def outlook(self, ask: "Ask", need: Need) -> Outlook:
        """The managers of a household's municipality, and whom a wish settles on; the same for all that are alike."""
        facts = ask.facts
        alike = (
            facts.municipality,
            facts.languages,
            facts.skills_needed,
            ask.excluded,
            ask.former,
            ask.relatives,
            _settled(ask),
        )
        if alike not in self.outlooks:
            self.outlooks[alike] = _outlook(ask, need, self)
        return self.outlooks[alike]


Solve = Callable[[solver.Problem, Sequence[UUID], Sequence[UUID], bool], solver.Solution]
"""Solves a problem whose cases and posts are these aliases and managers, exactly if that is affordable."""


def by_solver(
    problem: solver.Problem, _aliases: Sequence[UUID], _managers: Sequence[UUID], exactly: bool
) -> solver.Solution:
    """Whom they stand for makes no difference."""
    return solver.solve(problem, exactly=exactly)


def match(
    asks: Sequence[Ask], carried: Mapping[UUID, Carried], around: Round, solve: Solve = by_solver
) -> list[Decision]:
    """Decide the asks; in the result they stand by their turn.

    `carried` has what each manager of the asks' municipalities carries now. Wishes come first, and of these who stays:
    that room was theirs. All others are weighed together, but of each family group one after the other, so that the
    next is drawn to the manager of the one before. The result does not depend on the order in which asks or managers
    are given.
    """
    standing = dict(carried)
    made: dict[UUID, Decision] = {}
    ordered = sorted(asks, key=lambda ask: (turn_of(ask, around.policy), ask.household.alias))
    left = []
    for ask in sorted(ordered, key=lambda ask: not isinstance(ask.wish, Stay)):
        if decision := _by_rule(ask, around) or _as_wished(ask, standing, around):
            made[ask.household.alias] = decision
        else:
            left.append(ask)
    chosen: dict[UUID, set[UUID]] = {}
    for wave in _waves(left):
        for decision in _together([_with_relatives(ask, chosen) for ask in wave], standing, around, solve):
            made[decision.ask.household.alias] = decision
            if decision.chosen and decision.ask.facts.family_group:
                chosen.setdefault(decision.ask.facts.family_group, set()).add(decision.chosen.id)
    return [made[ask.household.alias] for ask in ordered]


def turn_of(ask: Ask, policy: Policy) -> datetime:
    """Since when a household counts as waiting, by the policy's priorities: who has the earlier turn comes first."""
    return ask.waiting_since - head_start(ask.facts, policy)


def lasting_points(manager: Manager, ask: Ask, around: Round) -> Part:
    """The points that do not depend on what she carries; an unknown distance costs nothing."""
    facts, points = ask.facts, around.policy.points
    km = around.field.distance(manager.office, facts.municipality or "")
    return Part(
        points.shared_language if not manager.languages.isdisjoint(facts.languages) else 0,
        points.per_skill * len(manager.skills.intersection(facts.skills_needed)),
        points.per_km * (km or 0),
        points.continuity if manager.id in ask.former else 0,
        points.relatives if manager.id in ask.relatives else 0,
        0,
    )


def binding_gate(candidates: Iterable[Candidate]) -> CareReason:
    """The first gate that nobody passed: the last one that anybody came to."""
    stops = [candidate.gate for candidate in candidates if candidate.gate]
    return max(stops, key=GATE_ORDER.__getitem__, default=CareReason.NOT_SERVED)


def _by_rule(ask: Ask, around: Round) -> Decision | None:
    """What is decided without looking at any manager."""
    if _settled(ask):
        return None
    if reason := ineligibility(ask.facts, around.policy, around.day):
        status = CareStatus.NOT_ELIGIBLE
    elif ask.facts.municipality is None:
        status, reason = CareStatus.WAITING, CareReason.NO_MUNICIPALITY
    else:
        return None
    return Decision(ask, status, reason, weight(ask.facts, around.policy), turn_of(ask, around.policy))


def _settled(ask: Ask) -> UUID | None:
    """Whose the household is, whatever the gates say."""
    return ask.wish.manager if isinstance(ask.wish, Override | Stay) else None


def _as_wished(ask: Ask, standing: dict[UUID, Carried], around: Round) -> Decision | None:
    """What follows a wish; an undone decline only as far as the gates let it pass."""
    if ask.wish is None:
        return None
    view = _View(ask, _rooms(standing, around.field), around)
    if isinstance(ask.wish, Undo) and all(view.managers[place].id != ask.wish.manager for place in view.lots):
        return None
    manager = around.field.managers[ask.wish.manager]
    _put(standing, manager, view.need.weight, new=is_new(ask.wish))
    reason, by = WISHED[type(ask.wish)]
    return _Closing(standing, around).decision(view, manager, reason, by, optimal=True, together=1)


def _waves(asks: Sequence[Ask]) -> Iterator[list[Ask]]:
    """The asks in waves, of each family group one a wave."""
    before: Counter[UUID] = Counter()
    waves: list[list[Ask]] = []
    for ask in asks:
        group = ask.facts.family_group
        wave = before[group] if group else 0
        if group:
            before[group] += 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(ask)
    yield from waves


def _with_relatives(ask: Ask, chosen: Mapping[UUID, set[UUID]]) -> Ask:
    now_too = chosen.get(ask.facts.family_group) if ask.facts.family_group else None
    return replace(ask, relatives=ask.relatives | now_too) if now_too else ask


def _together(asks: Sequence[Ask], standing: dict[UUID, Carried], around: Round, solve: Solve) -> list[Decision]:
    """Decide asks that compete for the same managers; `standing` then has what these carry."""
    rooms = _rooms(standing, around.field)
    views = [_View(ask, rooms, around) for ask in asks]
    affordable = sum(bool(view.lots) for view in views) <= solver.EXACT_IN_ALL
    found: list[tuple[_View, Manager | None, solver.Solution, int]] = []
    for some in _components(views):
        managers = sorted({view.managers[place] for view in some for place in view.lots}, key=lambda one: one.id)
        problem = _problem(some, managers, standing, around.policy.points.balance)
        aliases = [view.ask.household.alias for view in some]
        solution = solve(problem, aliases, [manager.id for manager in managers], affordable)
        for view, post in zip(some, solution.plan, strict=True):
            chosen = None if post is None else managers[post]
            found.append((view, chosen, solution, len(some)))
    for view, chosen, _, _ in found:
        if chosen:
            _put(standing, chosen, view.need.weight)
    closing = _Closing(standing, around)
    return [
        closing.decision(view, chosen, CareReason.MATCHED, solution.by, optimal=solution.optimal, together=size)
        for view, chosen, solution, size in found
    ]


def _components(views: Sequence["_View"]) -> list[list["_View"]]:
    """The households in groups that share no manager with each other, each in the order given."""
    first = list(range(len(views)))

    def first_of(number: int) -> int:
        while first[number] != number:
            first[number] = first[first[number]]
            number = first[number]
        return number

    met: dict[UUID, int] = {}
    for number, view in enumerate(views):
        mine = number
        for place in view.lots:
            other = first_of(met.setdefault(view.managers[place].id, mine))
            if other != mine:
                mine, later = min(mine, other), max(mine, other)
                first[later] = mine
    members: dict[int, list[_View]] = {}
    for number, view in enumerate(views):
        members.setdefault(first_of(number), []).append(view)
    return list(members.values())


def _problem(
    views: Sequence["_View"], managers: Sequence[Manager], standing: Mapping[UUID, Carried], balance: int
) -> solver.Problem:
    post_of = {manager.id: post for post, manager in enumerate(managers)}
    rank = {turn: place for place, turn in enumerate(sorted({view.turn for view in views}))}
    return solver.Problem(
        tuple(
            solver.Case(
                view.need.weight,
                rank[view.turn],
                tuple(
                    solver.Option(post_of[view.managers[place].id], sum(view.outlook.points[place]), lot)
                    for place, lot in view.lots.items()
                ),
            )
            for view in views
        ),
        tuple(
            solver.Post(
                standing[manager.id].load,
                manager.capacity,
                len(views) if manager.max_new_per_week is None else manager.max_new_per_week - standing[manager.id].new,
            )
            for manager in managers
        ),
        -balance,
    )


def _put(standing: dict[UUID, Carried], manager: Manager, units: int, *, new: bool = True) -> None:
    carried = standing[manager.id]
    standing[manager.id] = Carried(carried.load + units, carried.new + new)


def _rooms(standing: Mapping[UUID, Carried], field: Field) -> dict[UUID, int]:
    return {key: room(manager, standing[key]) for key in standing if (manager := field.managers.get(key))}


def _outlook(ask: Ask, need: Need, around: Round) -> Outlook:
    facts, managers = ask.facts, around.field.serving(need.municipality)
    wanted = _settled(ask)
    if wanted and all(manager.id != wanted for manager in managers):
        managers = (*managers, around.field.managers[wanted])
    return Outlook(
        managers,
        tuple([manager.id.bytes for manager in managers]),
        tuple([first_shut(LASTING, manager, NOTHING, need) for manager in managers]),
        tuple([lasting_points(manager, ask, around) for manager in managers]),
        tuple([tuple([one for one in facts.languages if one in manager.languages]) for manager in managers]),
        tuple([tuple([one for one in facts.skills_needed if one in manager.skills]) for manager in managers]),
        tuple([around.field.distance(manager.office, need.municipality) for manager in managers]),
    )


class _View:
    """The managers of a household's municipality as the household finds them.

    `lots` has those that may be chosen, by place in `managers`, each with its lot; `rooms` says how heavy a case each
    can take.
    """

    def __init__(self, ask: Ask, rooms: Mapping[UUID, int], around: Round) -> None:
        facts, policy = ask.facts, around.policy
        self.ask = ask
        self.turn = turn_of(ask, policy)
        need = self.need = need_of(facts, policy, ask.excluded, around.day)
        self.outlook = around.outlook(ask, need)
        self.managers = self.outlook.managers
        # In an order that only seed, household and manager make: nobody is always the first of equals.
        start = crc32(around.seed + ask.household.alias.bytes)
        drawn = sorted(
            [
                (crc32(self.outlook.ids[place], start), place)
                for place, manager in enumerate(self.managers)
                if self.outlook.gates[place] is None and need.weight <= rooms[manager.id]
            ]
        )
        self.lots = {place: lot for lot, (_, place) in enumerate(drawn)}


class _Closing:
    """Decisions with every candidate as she stands once all of the batch is decided, the household itself apart."""

    def __init__(self, standing: Mapping[UUID, Carried], around: Round) -> None:
        self._standing = standing
        self._balance = around.policy.points.balance
        self._shared: dict[tuple[int, int], tuple[Candidate, ...]] = {}

    def decision(
        self, view: _View, chosen: Manager | None, reason: CareReason, by: str, *, optimal: bool, together: int
    ) -> Decision:
        """What was decided for the household of a view."""
        candidates = self._candidates(view)
        if chosen:
            place = view.managers.index(chosen)
            carried = self._standing[chosen.id]
            apart = Carried(carried.load - view.need.weight, carried.new - is_new(view.ask.wish))
            candidates = (*candidates[:place], self._candidate(view, place, apart), *candidates[place + 1 :])
        return Decision(
            view.ask,
            CareStatus.PROPOSED if chosen else CareStatus.WAITING,
            reason if chosen else binding_gate(candidates),
            view.need.weight,
            view.turn,
            chosen,
            candidates,
            tuple([view.lots.get(place, 0) for place in range(len(candidates))]),
            by,
            optimal,
            together,
        )

    def _candidates(self, view: _View) -> tuple[Candidate, ...]:
        alike = (id(view.outlook), view.need.weight)
        if alike not in self._shared:
            self._shared[alike] = tuple(
                [self._candidate(view, place, self._standing[one.id]) for place, one in enumerate(view.managers)]
            )
        return self._shared[alike]

    def _candidate(self, view: _View, place: int, carried: Carried) -> Candidate:
        manager, outlook, need = view.managers[place], view.outlook, view.need
        # What the rest of the batch took counts too, also where there was no room before.
        gate = outlook.gates[place]
        if gate is None and need.weight > room(manager, carried):
            gate = first_shut(FILLING, manager, carried, need)
        points = None
        if gate is None:
            strained = solver.strain(manager.capacity, carried.load, need.weight)
            points = Part(*outlook.points[place][:-1], balance=self._balance * strained)
        return Candidate(
            manager,
            carried,
            outlook.languages[place],
            outlook.skills[place],
            outlook.distances[place],
            manager.id in view.ask.former,
            manager.id in view.ask.relatives,
            gate,
            points,
        )
