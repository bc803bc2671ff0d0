"""The managers of a municipality in the light of a household: gates, integer points, and lots between equals."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from contracts.vocabulary import CareReason
from matching import solver
from matching.ask import Ask, is_new, turn_of
from matching.domain import Carried, Manager
from matching.field import Round
from matching.rules import FILLING, GATE_ORDER, LASTING, Need, first_shut, need_of, room

NOTHING = Carried(0)


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
class View:
    """The managers of a household's municipality as the household finds them.

    `lots` has those that may be chosen, by place in the outlook's managers, each with its lot.
    """

    ask: Ask
    turn: datetime
    need: Need
    outlook: Outlook
    lots: Mapping[int, int]

    @property
    def open_to(self) -> Iterator[Manager]:
        """Who may be chosen."""
        return (self.outlook.managers[place] for place in self.lots)


class Views:
    """Makes the views of one batch: households that are alike share their outlook."""

    def __init__(self, around: Round) -> None:
        self._around = around
        self._outlooks: dict[tuple[object, ...], Outlook] = {}

    def of(self, ask: Ask, rooms: Mapping[UUID, int]) -> View:
        """A household's view; `rooms` says how heavy a case each manager can take."""
        around = self._around
        need = need_of(ask.facts, around.policy, ask.excluded, around.day)
        outlook = self._outlook(ask, need)
        # In an order that only seed, household and manager make: nobody is always the first of equals.
        start = crc32(around.seed + ask.household.alias.bytes)
        drawn = sorted(
            [
                (crc32(outlook.ids[place], start), place)
                for place, manager in enumerate(outlook.managers)
                if outlook.gates[place] is None and need.weight <= rooms[manager.id]
            ]
        )
        lots = {place: lot for lot, (_, place) in enumerate(drawn)}
        return View(ask, turn_of(ask, around.policy), need, outlook, lots)

    def _outlook(self, ask: Ask, need: Need) -> Outlook:
        facts = ask.facts
        alike = (
            facts.municipality,
            facts.languages,
            facts.skills_needed,
            ask.excluded,
            ask.former,
            ask.relatives,
            ask.settled,
        )
        if alike not in self._outlooks:
            self._outlooks[alike] = _outlook(ask, need, self._around)
        return self._outlooks[alike]


class Candidates:
    """Everybody a household could have had as she stands once all of the batch is decided, the household itself apart.

    `standing` has what each manager then carries.
    """

    def __init__(self, standing: Mapping[UUID, Carried], balance: int) -> None:
        self._standing = standing
        self._balance = balance
        self._shared: dict[tuple[int, int], tuple[Candidate, ...]] = {}

    def of(self, view: View, chosen: Manager | None) -> tuple[Candidate, ...]:
        """The candidates of a household, in the order of its outlook, and whom it got among them."""
        candidates = self._all(view)
        if chosen is None:
            return candidates
        place = view.outlook.managers.index(chosen)
        carried = self._standing[chosen.id]
        apart = Carried(carried.load - view.need.weight, carried.new - is_new(view.ask.wish))
        return (*candidates[:place], self._candidate(view, place, apart), *candidates[place + 1 :])

    def _all(self, view: View) -> tuple[Candidate, ...]:
        alike = (id(view.outlook), view.need.weight)
        if alike not in self._shared:
            self._shared[alike] = tuple(
                [
                    self._candidate(view, place, self._standing[one.id])
                    for place, one in enumerate(view.outlook.managers)
                ]
            )
        return self._shared[alike]

    def _candidate(self, view: View, place: int, carried: Carried) -> Candidate:
        outlook, need = view.outlook, view.need
        manager = outlook.managers[place]
        # What the rest of the batch took counts too, also where there was no room before.
        gate = outlook.gates[place]
        if gate is None and need.weight > room(manager, carried):
            gate = first_shut(FILLING, manager, carried, need)
        points = None
        if gate is None:
            strained = solver.strain(manager.capacity, carried.load, need.weight)
            points = outlook.points[place]._replace(balance=self._balance * strained)
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


def _outlook(ask: Ask, need: Need, around: Round) -> Outlook:
    facts, managers = ask.facts, around.field.serving(need.municipality)
    wanted = ask.settled
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
