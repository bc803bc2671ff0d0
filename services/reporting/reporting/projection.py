"""What reporting keeps of each state: one tuple a row, in the order of the columns it is folded into."""

from datetime import date, datetime
from uuid import UUID

from contracts.assignments import Care
from contracts.households import Household
from contracts.municipalities import Municipality
from contracts.policy import Policy
from contracts.responses import Response
from contracts.roster import Manager
from contracts.vocabulary import Answer, CareStatus

HouseholdRow = tuple[UUID, int, str, datetime | None, str | None, str | None, str | None, int | None]
CareRow = tuple[
    UUID,
    int,
    str,
    str,
    str | None,
    str | None,
    UUID | None,
    int,
    datetime | None,
    datetime | None,
    int,
]
ResponseRow = tuple[UUID, int, str, str | None, datetime]
ManagerRow = tuple[UUID, int, str, str, str, int, int, int, list[str], date, date | None]
MunicipalityRow = tuple[str, int, str, str, str, int, bool]
PolicyRow = tuple[str, int, str, int]

_HOLDS_LOAD = frozenset({CareStatus.PROPOSED, CareStatus.CONFIRMED})


def household_row(state: Household) -> HouseholdRow:
    """The arrival: when, where, how many persons; of an erased household its centre and its day are left."""
    facts = state.facts
    return (
        state.id,
        state.revision,
        state.status.value,
        state.registered_at,
        state.centre,
        facts.district if facts else None,
        facts.municipality if facts else None,
        facts.size if facts else None,
    )


def care_row(state: Care) -> CareRow:
    """What was decided: status, reason, whom it loads and since when; the first assignment counts for speed."""
    starts = [one.assigned_at for one in state.earlier]
    if state.assigned_at is not None:
        starts.append(state.assigned_at)
    holds = state.assignee if state.status in _HOLDS_LOAD else None
    return (
        state.household,
        state.revision,
        state.status.value,
        state.reason.value,
        state.district,
        state.municipality,
        holds.id if holds else None,
        state.weight if holds else 0,
        state.registered_at,
        min(starts, default=None),
        _declines(state),
    )


def _declines(state: Care) -> int:
    """Those that stand: one that was taken back gives the case to the same manager again, whom it else excludes."""
    after = [*(one.manager for one in state.earlier[1:]), state.assignee and state.assignee.id]
    return sum(
        one.answer is Answer.DECLINED and one.manager != by for one, by in zip(state.earlier, after, strict=False)
    )


def response_row(state: Response) -> ResponseRow:
    """The newest answer; of an erased household it is not kept."""
    reason = state.reason.value if state.reason else None
    return (state.household, state.revision, state.answer.value, reason, state.answered_at)


def manager_row(state: Manager) -> ManagerRow:
    """A post: what it can carry, what it carried before the platform, and where."""
    return (
        state.id,
        state.revision,
        state.code,
        state.provider,
        state.status.value,
        state.fte_hundredths,
        state.capacity,
        state.base_load,
        sorted(set(state.service_area)),
        state.active_from,
        state.active_until,
    )


def municipality_row(state: Municipality) -> MunicipalityRow:
    """A line of the register."""
    return (
        state.ags,
        state.revision,
        state.name,
        state.district,
        state.district_name,
        state.population,
        state.active,
    )


def policy_row(state: Policy) -> PolicyRow:
    """Which policy is in force."""
    return (state.id, state.revision, state.version, state.units_per_fte)
