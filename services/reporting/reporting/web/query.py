"""What figures are asked for: the days, the district, and what of it the asker may see."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BeforeValidator

from chassis.access import Permission, Principal, Role
from chassis.web import N_, District, FieldError, Problem, Work, none_if_empty, not_found, require
from contracts.zone import day_of
from reporting import store
from reporting.domain import Figures, Period, PeriodRefused, period_of

Day = Annotated[date | None, BeforeValidator(none_if_empty)]


async def _asked(
    tx: Work,
    who: Annotated[Principal, require(Permission.READ_REPORTS)],
    first: Annotated[Day, Query(alias="from")] = None,
    last: Annotated[Day, Query(alias="to")] = None,
    district: District = None,
) -> Figures:
    return await store.figures(tx, _period(first, last, day_of(tx.now)), held_to(who, district))


Asked = Annotated[Figures, Depends(_asked)]
"""A parameter of this type holds the figures of the request's `from`, `to` and `district`."""


def held_to(who: Principal, district: str | None) -> str | None:
    """The district to count; a district and a municipality are held to their own, another is not found."""
    match who.role:
        case Role.DISTRICT | Role.MUNICIPALITY:
            own = who.tenant_id[:5]
            if district not in {None, own}:
                raise not_found()
            return own
        case _:
            return district


def sees_own_only(who: Principal) -> bool:
    """Whether households are counted that are only some of a district's; managers are counted all the same."""
    return who.role in {Role.CENTRE, Role.MUNICIPALITY}


def _period(first: date | None, last: date | None, today: date) -> Period:
    try:
        return period_of(first, last, today)
    except PeriodRefused:
        said = N_("A period ends after it begins and lasts ten years at most")
        error = FieldError("/query/to", "period", said)
        raise Problem(422, "invalid-request", N_("The request is not valid"), detail=said, errors=[error]) from None
