"""Who is counselled, what a case weighs, and the gates a manager has to pass: policy applied to facts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from math import asin, cos, radians, sin, sqrt
from uuid import UUID

from contracts.vocabulary import CareReason, Skill
from matching.days import day_after
from matching.domain import Carried, Facts, Manager, Place, Policy, Priority, Rule

EARTH_RADIUS_KM = 6371.0


def rules_in_force(policy: Policy, day: date) -> list[Rule]:
    """The newest rule of each legal group that is in force on `day`."""
    newest: dict[str, Rule] = {}
    for rule in sorted(policy.rules, key=lambda rule: rule.valid_from):
        if rule.valid_from <= day:
            newest[rule.legal_group] = rule
    return [rule for rule in newest.values() if rule.valid_until is None or day <= rule.valid_until]


def turns_of(policy: Policy) -> set[date]:
    """The days on which a rule begins, or no longer holds."""
    begin = {rule.valid_from for rule in policy.rules}
    end = {day_after(rule.valid_until) for rule in policy.rules if rule.valid_until}
    return begin | end


def ineligibility(facts: Facts, policy: Policy, day: date) -> CareReason | None:
    """Why a household is not counselled on `day`; None: it is.

    A group without a rule (persons obliged to leave) is not counselled; neither is anybody before the first rule.
    Unaccompanied minors go to youth welfare. The counselling period runs from the day of allotment, longer in
    justified cases.
    """
    if facts.unaccompanied_minor:
        return CareReason.UNACCOMPANIED_MINOR
    in_force = rules_in_force(policy, day)
    if not in_force:
        return CareReason.NO_POLICY
    rule = next((rule for rule in in_force if rule.legal_group == facts.legal_group), None)
    if rule is None or not rule.stages:
        return CareReason.LEGAL_GROUP
    if rule.residence_titles and facts.residence_title not in rule.residence_titles:
        return CareReason.RESIDENCE_TITLE
    if facts.accommodation not in rule.stages:
        return CareReason.STAGE
    over_on = _over_on(facts, rule)
    return CareReason.COUNSELLING_PERIOD_OVER if over_on and over_on <= day else None


def counselling_over_on(facts: Facts | None, policy: Policy, day: date) -> date | None:
    """From which day on the counselling period of a household is over, by the rules in force on `day`; None: nobody
    knows."""
    if facts is None or facts.allotted_on is None:
        return None
    rule = next((rule for rule in rules_in_force(policy, day) if rule.legal_group == facts.legal_group), None)
    return _over_on(facts, rule) if rule else None


def _over_on(facts: Facts, rule: Rule) -> date | None:
    years = rule.extended_years if facts.counselling_extended else rule.counselling_years
    return years_after(facts.allotted_on, years) if facts.allotted_on else None


def years_after(day: date, years: int) -> date:
    """The same day of a later year; the first of March where that year has no 29 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def weight(facts: Facts, policy: Policy, days: int = 0) -> int:
    """Load units of a household's case that its manager has had for so many days; at least one."""
    return _units(facts.size, len(facts.skills_needed), policy, days)


def lightest(policy: Policy) -> int:
    """Load units of the lightest new case: of one person without needs."""
    return _units(1, 0, policy, 0)


def _units(size: int, needs: int, policy: Policy, days: int) -> int:
    load = policy.load
    units = load.per_case + load.per_person * size + load.per_skill * needs
    percent = next((phase.percent for phase in reversed(load.phases) if phase.after_days <= days), 100)
    return max(1, -(-units * percent // 100))


def head_start(facts: Facts, policy: Policy) -> timedelta:
    """How much longer a household counts as having waited than it has, by the policy's priorities."""
    return timedelta(hours=max((one.hours for one in policy.priorities if _describes(one, facts)), default=0))


def _describes(priority: Priority, facts: Facts) -> bool:
    return (
        priority.legal_group in {None, facts.legal_group}
        and priority.accommodation in {None, facts.accommodation}
        and (priority.skill is None or priority.skill in facts.skills_needed)
        and (priority.age_band is None or facts.age_bands.get(priority.age_band, 0) > 0)
        and facts.size >= priority.min_size
    )


def capacity(fte_hundredths: int, policy: Policy) -> int:
    """Load units a post of that size carries."""
    return fte_hundredths * policy.units_per_fte // 100


def distance_km(one: Place, other: Place) -> int:
    """Great-circle distance in whole kilometres."""
    lat_1, lon_1, lat_2, lon_2 = map(radians, (*one, *other))
    half = sin((lat_2 - lat_1) / 2) ** 2 + cos(lat_1) * cos(lat_2) * sin((lon_2 - lon_1) / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * asin(sqrt(half)))


def next_change_of_presence(manager: Manager, today: date) -> date | None:
    """The next day on which the manager begins, leaves, goes or comes back."""
    after_leaving = [day_after(manager.active_until)] if manager.active_until else []
    going = [absence.since for absence in manager.absences]
    back = [day_after(absence.until) for absence in manager.absences if absence.until]
    return min((day for day in (manager.active_from, *after_leaving, *going, *back) if day > today), default=None)


@dataclass(frozen=True, slots=True)
class Need:
    """What a household asks of a manager on a day."""

    municipality: str
    weight: int
    mandatory: frozenset[Skill]
    excluded: frozenset[UUID]
    day: date


def need_of(facts: Facts, policy: Policy, excluded: frozenset[UUID], day: date) -> Need:
    """What a household of these facts asks."""
    mandatory = policy.mandatory_skills.intersection(facts.skills_needed)
    return Need(facts.municipality or "", weight(facts, policy), mandatory, excluded, day)


def serves(manager: Manager, carried: Carried, need: Need) -> bool:
    """The manager's service area has the household's municipality."""
    return need.municipality in manager.service_area


def is_active(manager: Manager, carried: Carried, need: Need) -> bool:
    """In office on that day, and not absent."""
    return is_on_duty(manager, need.day)


def is_on_duty(manager: Manager, day: date) -> bool:
    """Whether a manager is in office on a day, and not absent."""
    return (
        not manager.removed
        and manager.active_from <= day
        and (manager.active_until is None or day <= manager.active_until)
        and not any(absence.covers(day) for absence in manager.absences)
    )


def is_not_excluded(manager: Manager, carried: Carried, need: Need) -> bool:
    """Has not declined this household before, and there is no conflict of interest."""
    return manager.id not in need.excluded


def is_skilled(manager: Manager, carried: Carried, need: Need) -> bool:
    """Brings every skill that the policy makes mandatory where it is needed."""
    return need.mandatory <= manager.skills


def has_place_this_week(manager: Manager, carried: Carried, need: Need) -> bool:
    """Has had fewer new cases since Monday than she takes in a week."""
    return manager.max_new_per_week is None or carried.new < manager.max_new_per_week


def has_capacity(manager: Manager, carried: Carried, need: Need) -> bool:
    """The whole case fits: a household is never split."""
    return carried.load + need.weight <= manager.capacity


def room(manager: Manager, carried: Carried) -> int:
    """The heaviest case that both of these gates let pass; -1 for none."""
    is_open = manager.max_new_per_week is None or carried.new < manager.max_new_per_week
    return manager.capacity - carried.load if is_open else -1


Gate = Callable[[Manager, Carried, Need], bool]
Gates = tuple[tuple[CareReason, Gate], ...]

LASTING: Gates = (
    (CareReason.NOT_SERVED, serves),
    (CareReason.NOBODY_ACTIVE, is_active),
    (CareReason.ALL_EXCLUDED, is_not_excluded),
    (CareReason.SKILL_MISSING, is_skilled),
)
"""Gates that stay as they are whatever a manager carries."""
FILLING: Gates = ((CareReason.WEEK_FULL, has_place_this_week), (CareReason.NO_CAPACITY, has_capacity))
"""Gates that other decisions can shut."""
GATES: Gates = (*LASTING, *FILLING)
"""In this order; each with the reason for which a household waits if nobody passes it."""

GATE_ORDER = {reason: place for place, (reason, _) in enumerate(GATES)}


def stopped_at(manager: Manager, carried: Carried, need: Need) -> CareReason | None:
    """The first gate the manager does not pass; None: a candidate."""
    return first_shut(GATES, manager, carried, need)


def first_shut(gates: Gates, manager: Manager, carried: Carried, need: Need) -> CareReason | None:
    """The first of these gates that the manager does not pass."""
    for reason, passes in gates:
        if not passes(manager, carried, need):
            return reason
    return None
