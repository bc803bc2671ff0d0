"""Where decisions are made: the managers by whom they serve, and what holds for all decisions of one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from matching.domain import Manager, Place, Policy
from matching.rules import distance_km


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
