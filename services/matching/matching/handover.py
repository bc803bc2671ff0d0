"""Who has to change hands, and who can take them over.

Managers fall ill, leave, are cut or serve other towns; a household outgrows its manager or is to be transferred.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from contracts.vocabulary import CareReason
from matching import solver
from matching.ask import Ask
from matching.candidates import binding_gate, lasting_points
from matching.days import day_after
from matching.domain import Carried, Facts, Household, Manager
from matching.field import Round
from matching.match import Decision, match

PATIENCE = 14
"""Days of an absence that cases wait through with their manager, unless a person says otherwise."""


class Cause(StrEnum):
    """Why a case cannot stay with its manager."""

    REMOVED = "removed"
    LEFT = "left"
    ABSENT = "absent"
    NOT_SERVED = "not_served"
    OVER_CAPACITY = "over_capacity"
    GROWN = "grown"
    """This very case has become too heavy for her, as when two households have merged."""
    REQUESTED = "requested"
    """Its municipality or a district asks for somebody else."""


@dataclass(frozen=True, slots=True)
class Held:
    """A case that somebody has: since when, the units it weighs, and the care's revision."""

    household: Household
    facts: Facts
    manager: UUID
    revision: int
    weight: int
    in_care: bool
    """Confirmed: they know each other. Else it is only proposed."""
    since: datetime
    excluded: frozenset[UUID] = frozenset()
    former: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a plan is made for.

    Only cases of managers in `of` change hands; None: of all. An absence that goes on for more than `patience` days
    counts. Where `cases` names some, exactly these change hands, and `cause` says why.
    """

    of: frozenset[UUID] | None = None
    patience: int = PATIENCE
    cases: frozenset[UUID] = frozenset()
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A case that changes hands, and its continuity cost: the points it has with its manager and not with the next."""

    household: UUID
    revision: int
    persons: int
    giver: UUID
    receiver: UUID
    cause: Cause
    lost: int


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A case that cannot stay and that nobody can take: it is where it is until a person decides; `gate` says why."""

    household: UUID
    revision: int
    persons: int
    giver: UUID
    cause: Cause
    gate: CareReason


@dataclass(frozen=True, slots=True)
class Plan:
    """Who changes hands. `moves_lower_bound`: so many at least, if nobody is to be left uncovered."""

    moves: tuple[Move, ...]
    uncovered: tuple[Uncovered, ...]
    moves_lower_bound: int

    @property
    def lost(self) -> int:
        """The continuity cost of all moves."""
        return sum(move.lost for move in self.moves)

    @property
    def persons_uncovered(self) -> int:
        """Persons, not cases, whom nobody could take."""
        return sum(one.persons for one in self.uncovered)


def plan(
    held: Sequence[Held], carried: Mapping[UUID, Carried], around: Round, occasion: Occasion | None = None
) -> Plan:
    """The plan with the fewest moves: each case that cannot stay moves once, and no other case moves at all.

    `carried` has what every manager carries today, the held cases included. The receiver passes the gates of a
    new case and gets it by the same points, but for a limit of new cases a week (`unpaced`). Managers who give all away
    receive nothing, and nobody is put above
    her capacity; a case weighs with its receiver what a new case weighs. The order of inputs makes no difference.

    *No plan that leaves nobody with a manager who cannot care has fewer moves.* The cases of who is gone and those
    of towns she does not serve have to move in any plan, one move each at least. Of who then still carries too much,
    some k cases have to go; no k cases weigh more than the k heaviest, so if the k heaviest do not suffice no k do, and
    `_beyond` stops at the first k at which they do. Managers have disjoint cases: the sum over them is
    `moves_lower_bound`. Cases that are named move once each, which no plan can do with less. Each case that cannot
    stay is in `moves` or in `uncovered`, so with nobody uncovered the bound is reached.
    """
    occasion = occasion or Occasion()
    managers, day = around.field.managers, around.day
    gone = {one.id for one in managers.values() if cause_of_going(one, day, occasion)}
    leaving = {one.household.id: (one, cause) for one, cause in who_cannot_stay(held, carried, managers, day, occasion)}
    standing = dict(carried)
    for one, _ in leaving.values():
        standing[one.manager] = Carried(standing[one.manager].load - one.weight)
    receivers = [
        replace(unpaced(one), active_until=day - timedelta(days=1) if one.id in gone else one.active_until)
        for one in managers.values()
    ]
    then = replace(around, field=around.field.with_managers(receivers))
    families = _families(one for one in held if one.household.id not in leaving)
    decisions = match([_ask(one, families, then) for one, _ in leaving.values()], standing, then, _without_cp_sat)
    moves, uncovered = [], []
    for decision in sorted(decisions, key=lambda one: one.ask.household.id):
        one, cause = leaving[decision.ask.household.id]
        what = (one.household.id, one.revision, one.facts.size, one.manager)
        if decision.chosen:
            moves.append(Move(*what, decision.chosen.id, cause, _lost(decision, managers[one.manager], then)))
        else:
            uncovered.append(Uncovered(*what, cause, _gate(decision, one, cause)))
    return Plan(tuple(moves), tuple(uncovered), len(leaving))


def unpaced(manager: Manager) -> Manager:
    """A manager without her limit of new cases a week: it paces acquaintances that can wait, and who loses her manager
    cannot. Whose limit is none at all takes nobody any more."""
    return replace(manager, max_new_per_week=None) if manager.max_new_per_week else manager


def _without_cp_sat(
    problem: solver.Problem, _aliases: Sequence[UUID], _managers: Sequence[UUID], _exactly: bool
) -> solver.Solution:
    """By local search also where it is few: plans are made by pages, which do not load OR-Tools, and a person looks."""
    return solver.solve(problem, exactly=False)


def cause_of_going(manager: Manager, day: date, occasion: Occasion) -> Cause | None:
    """Why a manager can keep none of her cases, as of a day; None: she can."""
    if manager.removed:
        return Cause.REMOVED
    if manager.active_until is not None and manager.active_until < day:
        return Cause.LEFT
    back = _back_on(manager, day)
    return Cause.ABSENT if back is None or (back - day).days > occasion.patience else None


def _back_on(manager: Manager, day: date) -> date | None:
    """The first day from `day` on that she is not absent; None: that is not known."""
    for absence in sorted(manager.absences, key=lambda one: one.since):
        if absence.covers(day):
            if absence.until is None or absence.until == date.max:
                return None
            day = day_after(absence.until)
    return day


def who_cannot_stay(
    held: Sequence[Held],
    carried: Mapping[UUID, Carried],
    managers: Mapping[UUID, Manager],
    day: date,
    occasion: Occasion,
) -> Iterable[tuple[Held, Cause]]:
    """The cases that have to change hands, and why."""
    if occasion.cause:
        yield from ((one, occasion.cause) for one in held if one.household.id in occasion.cases)
        return
    cases: dict[UUID, list[Held]] = {}
    for one in held:
        if occasion.of is None or one.manager in occasion.of:
            cases.setdefault(one.manager, []).append(one)
    for key, some in cases.items():
        manager = managers[key]
        if cause := cause_of_going(manager, day, occasion):
            yield from ((one, cause) for one in some)
            continue
        served = [one for one in some if _is_served(one, manager)]
        elsewhere = [one for one in some if not _is_served(one, manager)]
        yield from ((one, Cause.NOT_SERVED) for one in elsewhere)
        excess = carried[key].load - sum(one.weight for one in elsewhere) - manager.capacity
        yield from ((one, Cause.OVER_CAPACITY) for one in _beyond(served, excess))


def _is_served(one: Held, manager: Manager) -> bool:
    return one.facts.municipality is None or one.facts.municipality in manager.service_area


def _beyond(cases: Collection[Held], excess: int) -> Iterable[Held]:
    """The fewest cases that weigh at least `excess`: the heaviest; of equals proposals, then who came last."""
    for one in sorted(cases, key=lambda one: (-one.weight, one.in_care, -one.since.timestamp(), one.household.id)):
        if excess <= 0:
            return
        excess -= one.weight
        yield one


def _families(staying: Iterable[Held]) -> dict[UUID, set[UUID]]:
    """By family group the managers who keep cases of it."""
    found: dict[UUID, set[UUID]] = {}
    for one in staying:
        if one.facts.family_group:
            found.setdefault(one.facts.family_group, set()).add(one.manager)
    return found


def _ask(one: Held, families: Mapping[UUID, set[UUID]], around: Round) -> Ask:
    """As a new case that nobody prefers but the policy's priorities; its own manager counts as one it knows."""
    group = one.facts.family_group
    return Ask(
        one.household,
        one.facts,
        around.now,
        one.excluded | {one.manager},
        former=one.former | {one.manager},
        relatives=frozenset(families.get(group, ())) if group else frozenset(),
    )


def _gate(decision: Decision, one: Held, cause: Cause) -> CareReason:
    """What binds; her own case does not come back to who has too many, and that is for want of capacity."""
    if not decision.candidates or cause not in {Cause.OVER_CAPACITY, Cause.GROWN} or one.manager in one.excluded:
        return decision.reason
    full = [
        candidate._replace(gate=CareReason.NO_CAPACITY) if candidate.manager.id == one.manager else candidate
        for candidate in decision.candidates
    ]
    return binding_gate(full)


def _lost(decision: Decision, giver: Manager, around: Round) -> int:
    assert decision.chosen, "only a move loses"
    had = lasting_points(giver, decision.ask, around)
    return sum(had) - sum(lasting_points(decision.chosen, decision.ask, around))
