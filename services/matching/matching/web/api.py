"""Decisions for programs: receipts to recompute, and a person's decision."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.access import Permission, Principal
from chassis.web import Problem, Work, not_found, require
from contracts.vocabulary import CareReason, CareStatus
from matching import explain
from matching.apart import keep_apart
from matching.domain import OverrideReason
from matching.override import NOT_FOUND, Refusal, override
from matching.receipts import statement_of
from matching.web import store

router = APIRouter(prefix="/v1", tags=["decisions"])


class Decision(BaseModel):
    """A decision of a household: its place in its district's chain, and the receipt whose SHA-256 is `hash`.

    `content` is what was hashed, as text; `receipt` says the same, each figure of a candidate by its name.
    """

    revision: int
    decided_at: datetime
    district: str
    position: int
    hash: str
    content: str
    receipt: dict[str, Any]


class Decisions(BaseModel):
    """All decisions of a household, newest first."""

    household: UUID
    decisions: list[Decision]


class Override(BaseModel):
    """A person's decision: who is to care, why, and the care's revision that was looked at."""

    model_config = ConfigDict(extra="forbid")

    household: UUID
    manager: UUID
    reason: OverrideReason
    revision: Annotated[int, Field(ge=1)]


class Overridden(BaseModel):
    """The care after a person's decision."""

    household: UUID
    revision: int
    status: CareStatus
    reason: CareReason
    receipt: str | None


@router.get("/decisions/{household}")
async def decisions(tx: Work, who: Annotated[Principal, require(Permission.READ_CASES)], household: UUID) -> Decisions:
    """Every decision of a household with its receipt."""
    if await store.care(tx, household) is None:
        raise not_found()
    return Decisions(
        household=household,
        decisions=[
            Decision(
                revision=row["revision"],
                decided_at=row["decided_at"],
                district=row["district"],
                position=row["position"],
                hash=row["hash"].hex(),
                content=row["receipt"].decode(),
                receipt=statement_of(row["receipt"]),
            )
            for row in await store.receipts(tx, household)
        ],
    )


class WhyNot(BaseModel):
    """Why a manager did not get a household, all other decisions being made as they were.

    A gate stopped her, or a person decided, or the household `stays` with whom it had when it moved, or she had so many
    points fewer than the manager who was chosen. With `units` more capacity, or one case more that week, she
    `would_be_chosen` or not.
    """

    household: UUID
    manager: UUID
    revision: int
    chosen: bool
    gate: CareReason | None = None
    units: int | None = None
    points_missing: int | None = None
    would_be_chosen: bool | None = None
    by_person: bool = False
    stays: bool = False


@router.get("/decisions/{household}/why-not/{manager}")
async def why_not(
    tx: Work, who: Annotated[Principal, require(Permission.READ_CASES)], household: UUID, manager: UUID
) -> WhyNot:
    """Why the newest decision of a household did not choose a manager. 409 where managers were not looked at."""
    receipts = await store.receipts(tx, household)
    if not receipts or not await store.is_manager(tx, manager):
        raise not_found()
    revision, receipt = receipts[0]["revision"], statement_of(receipts[0]["receipt"])
    if receipt["chosen"] == str(manager):
        return WhyNot(household=household, manager=manager, revision=revision, chosen=True)
    why = explain.why_not(receipt, str(manager))
    if why is None:
        raise Problem(409, "no-manager-was-looked-at", "The decision did not depend on any manager")
    return WhyNot(household=household, manager=manager, revision=revision, chosen=False, **asdict(why))


class Apart(BaseModel):
    """A conflict of interest: who may not get the household, and the care's revision that was looked at."""

    model_config = ConfigDict(extra="forbid")

    household: UUID
    manager: UUID
    revision: Annotated[int, Field(ge=1)]


@router.post("/apart", status_code=204)
async def apart(tx: Work, who: Annotated[Principal, require(Permission.OVERRIDE_DECISIONS)], wanted: Apart) -> None:
    """Let a manager never get a household. 409 if the care has changed since, or if it cannot be done."""
    refusal = await keep_apart(tx, wanted.household, wanted.manager, wanted.revision, places=store.places_of(who))
    if refusal == NOT_FOUND:
        raise not_found()
    if refusal:
        raise Problem(409, refusal.code.replace("_", "-"), "This cannot be done")


@router.post("/overrides", status_code=201)
async def overrides(
    tx: Work, who: Annotated[Principal, require(Permission.OVERRIDE_DECISIONS)], wanted: Override
) -> Overridden:
    """Decide against the proposal. 409 if the care has changed since, or if it cannot be decided so."""
    match await override(
        tx, wanted.household, wanted.manager, wanted.reason, wanted.revision, places=store.places_of(who)
    ):
        case Refusal() as refusal if refusal == NOT_FOUND:
            raise not_found()
        case Refusal(code):
            raise Problem(409, code.replace("_", "-"), "The decision cannot be carried out")
        case care:
            return Overridden(
                household=care.household,
                revision=care.revision,
                status=care.status,
                reason=care.reason,
                receipt=care.receipt,
            )
