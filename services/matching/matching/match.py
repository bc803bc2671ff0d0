"""Chooses a manager for each household: gates, then integer points, and what one batch brings solved together."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from contracts.vocabulary import CareReason, CareStatus, Skill
from matching import solver
from matching.ask import BY_RULES, WISHED, Ask, Override, Stay, Undo, is_new, turn_of
from matching.candidates import Candidate, Candidates, View, Views, binding_gate
from matching.domain import Carried, Manager, Why
from matching.field import Field, Round
from matching.rules import ineligibility, room, weight


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
    standing, views = dict(carried), Views(around)
    made: dict[UUID, Decision] = {}
    ordered = sorted(asks, key=lambda ask: (turn_of(ask, around.policy), ask.household.alias))
    left = []
    for ask in sorted(ordered, key=lambda ask: not isinstance(ask.wish, Stay)):
        if decision := _by_rule(ask, around) or _as_wished(ask, standing, views, around):
            made[ask.household.alias] = decision
        else:
            left.append(ask)
    chosen: dict[UUID, set[UUID]] = {}
    for wave in _waves(left):
        for decision in _together([_with_relatives(ask, chosen) for ask in wave], standing, views, around, solve):
            made[decision.ask.household.alias] = decision
            if decision.chosen and decision.ask.facts.family_group:
                chosen.setdefault(decision.ask.facts.family_group, set()).add(decision.chosen.id)
    return [made[ask.household.alias] for ask in ordered]


def _by_rule(ask: Ask, around: Round) -> Decision | None:
    """What is decided without looking at any manager."""
    if ask.settled:
        return None
    if reason := ineligibility(ask.facts, around.policy, around.day):
        status = CareStatus.NOT_ELIGIBLE
    elif ask.facts.municipality is None:
        status, reason = CareStatus.WAITING, CareReason.NO_MUNICIPALITY
    else:
        return None
    return Decision(ask, status, reason, weight(ask.facts, around.policy), turn_of(ask, around.policy))


def _as_wished(ask: Ask, standing: dict[UUID, Carried], views: Views, around: Round) -> Decision | None:
    """What follows a wish; an undone decline only as far as the gates let it pass."""
    if ask.wish is None:
        return None
    view = views.of(ask, _rooms(standing, around.field))
    if isinstance(ask.wish, Undo) and all(one.id != ask.wish.manager for one in view.open_to):
        return None
    manager = around.field.managers[ask.wish.manager]
    _put(standing, manager, view.need.weight, new=is_new(ask.wish))
    reason, by = WISHED[type(ask.wish)]
    candidates = Candidates(standing, around.policy.points.balance)
    return _decision(view, manager, candidates, reason, by=by)


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


def _together(
    asks: Sequence[Ask], standing: dict[UUID, Carried], views: Views, around: Round, solve: Solve
) -> list[Decision]:
    """Decide asks that compete for the same managers; `standing` then has what these carry."""
    rooms, balance = _rooms(standing, around.field), around.policy.points.balance
    all_of_them = [views.of(ask, rooms) for ask in asks]
    affordable = sum(bool(view.lots) for view in all_of_them) <= solver.EXACT_IN_ALL
    found: list[tuple[View, Manager | None, solver.Solution, int]] = []
    for some in _components(all_of_them):
        managers = sorted({one for view in some for one in view.open_to}, key=lambda one: one.id)
        problem = _problem(some, managers, standing, balance)
        aliases = [view.ask.household.alias for view in some]
        solution = solve(problem, aliases, [manager.id for manager in managers], affordable)
        for view, post in zip(some, solution.plan, strict=True):
            chosen = None if post is None else managers[post]
            found.append((view, chosen, solution, len(some)))
    for view, chosen, _, _ in found:
        if chosen:
            _put(standing, chosen, view.need.weight)
    candidates = Candidates(standing, balance)
    return [
        _decision(view, chosen, candidates, CareReason.MATCHED, by=solution.by, optimal=solution.optimal, together=size)
        for view, chosen, solution, size in found
    ]


def _components(views: Sequence[View]) -> list[list[View]]:
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
        for manager in view.open_to:
            other = first_of(met.setdefault(manager.id, mine))
            if other != mine:
                mine, later = min(mine, other), max(mine, other)
                first[later] = mine
    members: dict[int, list[View]] = {}
    for number, view in enumerate(views):
        members.setdefault(first_of(number), []).append(view)
    return list(members.values())


def _problem(
    views: Sequence[View], managers: Sequence[Manager], standing: Mapping[UUID, Carried], balance: int
) -> solver.Problem:
    post_of = {manager.id: post for post, manager in enumerate(managers)}
    rank = {turn: place for place, turn in enumerate(sorted({view.turn for view in views}))}
    return solver.Problem(
        tuple(
            solver.Case(
                view.need.weight,
                rank[view.turn],
                tuple(
                    solver.Option(post_of[view.outlook.managers[place].id], sum(view.outlook.points[place]), lot)
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


def _decision(
    view: View,
    chosen: Manager | None,
    candidates: Candidates,
    reason: CareReason,
    *,
    by: str,
    optimal: bool = True,
    together: int = 1,
) -> Decision:
    """What was decided for the household of a view."""
    of_it = candidates.of(view, chosen)
    return Decision(
        view.ask,
        CareStatus.PROPOSED if chosen else CareStatus.WAITING,
        reason if chosen else binding_gate(of_it),
        view.need.weight,
        view.turn,
        chosen,
        of_it,
        tuple([view.lots.get(place, 0) for place in range(len(of_it))]),
        by,
        optimal,
        together,
    )
