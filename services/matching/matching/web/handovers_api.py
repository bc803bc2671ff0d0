"""Handovers for programs: plan, look, confirm."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.web import Paging, Problem, Work, not_found
from contracts.vocabulary import CareReason
from matching import store as decisive
from matching.handing_over import OF_ONE_CASE, Reason, Wanted, confirm, discard, propose
from matching.handover import PATIENCE, Cause
from matching.web import store
from matching.web.handovers import Planner

router = APIRouter(prefix="/v1/handovers", tags=["handovers"])
MOVES_SHOWN = 20_000


class HandoverWanted(BaseModel):
    """For whom a plan is wanted, and why; without `managers` for everybody who cannot keep cases.

    An absence counts that goes on for more than `patience` days. With `households` exactly these change hands: for a
    transfer, and where one has grown.
    """

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    managers: Annotated[list[UUID], Field(min_length=1, max_length=2000)] | None = None
    households: Annotated[list[UUID], Field(min_length=1, max_length=200)] | None = None
    patience: Annotated[int, Field(ge=0, le=366)] = PATIENCE

    @model_validator(mode="after")
    def _households_or_managers(self) -> Self:
        if (self.reason in OF_ONE_CASE) != (self.households is not None):
            raise ValueError("households are stated for a transfer or growth, and only then")
        if self.households and self.managers:
            raise ValueError("either households or managers are stated")
        return self


class HandoverMove(BaseModel):
    """A case that cannot stay: who takes it and the points that costs, or without `to_manager` the gate that binds.

    A move that is stale was not made: the case has changed since, or `gate` stopped its receiver.
    """

    household: UUID
    revision: int
    persons: int | None
    from_manager: UUID
    to_manager: UUID | None
    cause: Cause
    points_lost: int
    status: Literal["planned", "done", "stale", "uncovered"]
    gate: CareReason | Literal["care_has_changed"] | None


class Handover(BaseModel):
    """A plan, and how far it is; `points_lost` is its continuity cost."""

    id: UUID
    reason: Reason
    status: Literal["proposed", "running", "done", "discarded"]
    made_at: datetime
    confirmed_at: datetime | None
    finished_at: datetime | None
    moves_lower_bound: int
    points_lost: int
    persons_uncovered: int
    moves: list[HandoverMove]


class HandoverListed(BaseModel):
    """A plan in the list."""

    id: UUID
    reason: Reason
    status: Literal["proposed", "running", "done", "discarded"]
    made_at: datetime
    moves_lower_bound: int


class Handovers(BaseModel):
    """Plans, newest first; `next` is the next page's `cursor`."""

    handovers: list[HandoverListed]
    next: str | None = None


@router.get("")
async def listed(tx: Work, who: Planner, paging: Paging) -> Handovers:
    """Plans the asker may see: proposals, what runs, what is finished."""
    after = paging.after(datetime, UUID)
    rows = await decisive.handovers(tx, after, paging.limit + 1)
    page = paging.take(rows, lambda one: (one["made_at"], one["id"]))
    return Handovers(handovers=[HandoverListed(**dict(row)) for row in page.items], next=page.next)


@router.post("", status_code=201)
async def plan(tx: Work, who: Planner, wanted: HandoverWanted) -> Handover:
    """Plan by the roster as it stands today. 409 if nobody has to change hands."""
    for manager in wanted.managers or ():
        if await store.manager(tx, manager, store.places_of(who)) is None:
            raise not_found()
    for household in wanted.households or ():
        if await store.care(tx, household) is None:
            raise not_found()
    managers = frozenset(wanted.managers) if wanted.managers else None
    cases = frozenset(wanted.households or ())
    key = await propose(tx, Wanted(wanted.reason, managers, wanted.patience, cases))
    if key is None:
        raise Problem(409, "nobody-has-to-change-hands", "By the roster as it stands all cases can stay")
    return await _handover(tx, key)


@router.get("/{handover}")
async def read(tx: Work, who: Planner, handover: UUID) -> Handover:
    """A plan with its moves and how far they are."""
    return await _handover(tx, handover)


@router.post("/{handover}/confirm")
async def confirm_it(tx: Work, who: Planner, handover: UUID) -> Handover:
    """Have a plan carried out; who leaves by it gets no new cases. 409 if it is no proposal any more."""
    await _handover(tx, handover)
    if not await confirm(tx, handover):
        raise Problem(409, "not-a-proposal", "The plan has been confirmed or discarded before")
    return await _handover(tx, handover)


@router.post("/{handover}/discard")
async def discard_it(tx: Work, who: Planner, handover: UUID) -> Handover:
    """Let a proposal be: everybody stays. 409 if it is no proposal any more."""
    await _handover(tx, handover)
    if not await discard(tx, handover):
        raise Problem(409, "not-a-proposal", "The plan has been confirmed or discarded before")
    return await _handover(tx, handover)


async def _handover(tx: Work, key: UUID) -> Handover:
    row = await decisive.handover(tx, key)
    if row is None:
        raise not_found()
    moves = await decisive.handover_moves(tx, key, None, MOVES_SHOWN)
    return Handover(
        id=row["id"],
        reason=row["reason"],
        status=row["status"],
        made_at=row["made_at"],
        confirmed_at=row["confirmed_at"],
        finished_at=row["finished_at"],
        moves_lower_bound=row["moves_lower_bound"],
        points_lost=row["lost"],
        persons_uncovered=row["persons_uncovered"],
        moves=_moves(moves),
    )


def _moves(rows: store.Rows) -> list[HandoverMove]:
    return [
        HandoverMove(
            household=row["household"],
            revision=row["care_revision"],
            persons=row["persons"],
            from_manager=row["from_manager"],
            to_manager=row["to_manager"],
            cause=row["cause"],
            points_lost=row["lost"],
            status=row["status"],
            gate=row["gate"],
        )
        for row in rows
    ]
