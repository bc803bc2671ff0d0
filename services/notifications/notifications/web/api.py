"""The inbox for programs of municipalities: what is assigned, what changed, answers one by one or many at once."""

from datetime import date, datetime
from typing import Annotated, Literal, assert_never
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.access import Permission
from chassis.web import FieldError, Instant, Paging, Problem, Work, encode_cursor, not_found, require
from contracts.vocabulary import AgeBand, Answer, AnswerReason, Skill, reason_fits
from notifications import store
from notifications.domain import ItemStatus, NotNow, Same, Stale, Taken, Wish
from notifications.store import Item
from notifications.web.answering import Outcome, Unknown, give

router = APIRouter(prefix="/v1", tags=["inbox"])
MOST_AT_ONCE = 500


class Facts(BaseModel):
    """What a municipality knows of a case that it has, or is to take; absent once it has moved on."""

    size: int
    age_bands: dict[AgeBand, int]
    languages: tuple[str, ...]
    skills_needed: tuple[Skill, ...]
    counselling_over_on: date | None = None


class GivenAnswer(BaseModel):
    """The newest answer to the item; `fate` is pending until matching has seen it, then applied or stale."""

    answer: Answer
    reason: AnswerReason | None
    fate: Literal["pending", "applied", "stale"] | None
    answered_at: datetime | None


class Assignment(BaseModel):
    """One inbox item."""

    household: UUID
    item: int
    revision: int
    status: ItemStatus
    reason: str
    municipality: str | None
    municipality_name: str | None
    manager: str | None
    facts: Facts | None
    assigned_at: datetime
    answer_by: datetime | None
    overdue: bool
    accepted_at: datetime | None
    contacted_at: datetime | None
    ended_at: datetime | None
    answer: GivenAnswer | None
    undoable: bool
    changed_at: datetime


class Changes(BaseModel):
    """One page of changes. `cursor` is where the next request goes on, also when there is nothing more yet."""

    items: list[Assignment]
    cursor: str | None
    more: bool


class History(BaseModel):
    """All items of one household, newest first."""

    household: UUID
    items: list[Assignment]


class AnswerBody(BaseModel):
    """An answer to one item, which names it by its number."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    item: Annotated[int, Field(ge=1, le=2**31 - 1)]
    answer: Answer
    reason: AnswerReason | None = None

    @property
    def wish(self) -> Wish:
        """The answer as the rules know it."""
        return Wish(self.item, self.answer, self.reason)


class HouseholdAnswer(AnswerBody):
    """An answer of many."""

    household: UUID


class ManyAnswers(BaseModel):
    """Up to 500 answers, each judged on its own."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    answers: Annotated[list[HouseholdAnswer], Field(min_length=1, max_length=MOST_AT_ONCE)]


class AnswerResult(BaseModel):
    """What became of one answer of many."""

    household: UUID
    item: int
    result: Literal["taken", "same", "stale", "not_possible", "unknown", "wrong_reason"]
    current_item: int | None = None
    status: ItemStatus | None = None


class AnswerResults(BaseModel):
    """One result for each answer, in the order of the request."""

    results: list[AnswerResult]


@router.get("/assignments", dependencies=[require(Permission.READ_INBOX)])
async def list_changes(tx: Work, paging: Paging, since: Annotated[Instant | None, Query()] = None) -> Changes:
    """Items in the order of their changes: keep `cursor` and ask again to get only what is newer."""
    after = paging.after(str, UUID, int)
    if after is not None:
        await _refuse_a_cursor_of_the_future(tx, after[0])
    items = await store.changes(tx, after=after, since=since, limit=paging.limit + 1)
    page = items[: paging.limit]
    cursor = encode_cursor(page[-1].changed, page[-1].household, page[-1].item) if page else paging.cursor
    return Changes(items=[assignment(one, tx.now) for one in page], cursor=cursor, more=len(items) > paging.limit)


@router.get("/assignments/{household}", dependencies=[require(Permission.READ_INBOX)])
async def one_household(tx: Work, household: UUID) -> History:
    """The items of a household that the caller may see."""
    items = await store.items_of(tx, household)
    if not items:
        raise not_found()
    return History(household=household, items=[assignment(one, tx.now) for one in items])


@router.post("/assignments/{household}/answers", dependencies=[require(Permission.ANSWER_INBOX)])
async def answer(tx: Work, household: UUID, body: AnswerBody) -> History:
    """Answer an item. The same answer again is no new one; 409 if the item is not current any more."""
    if not reason_fits(body.answer, body.reason):
        error = FieldError("/body/reason", "reason", "This answer needs another reason, or takes none")
        raise Problem(422, "invalid-request", "The request is not valid", errors=[error])
    raise_unless_taken(await give(tx, household, body.wish))
    return await one_household(tx, household)


@router.post("/answers", dependencies=[require(Permission.ANSWER_INBOX)])
async def answer_many(tx: Work, body: ManyAnswers) -> AnswerResults:
    """Answer up to 500 items in one transaction; one that does not count keeps no other from counting."""
    await store.lock(tx, [one.household for one in body.answers])
    return AnswerResults(results=[await _one_of_many(tx, one) for one in body.answers])


def assignment(item: Item, now: datetime) -> Assignment:
    """An item as programs read it."""
    given = None
    if item.answer is not None:
        given = GivenAnswer(answer=item.answer, reason=item.answer_reason, fate=item.fate, answered_at=item.answered_at)
    return Assignment(
        household=item.household,
        item=item.item,
        revision=item.revision,
        status=item.status,
        reason=item.reason,
        municipality=item.municipality,
        municipality_name=item.municipality_name,
        manager=item.manager_code,
        facts=Facts.model_validate(item.facts) if item.facts else None,
        assigned_at=item.assigned_at,
        answer_by=item.answer_by,
        overdue=item.overdue(now),
        accepted_at=item.accepted_at,
        contacted_at=item.contacted_at,
        ended_at=item.ended_at,
        answer=given,
        undoable=item.undoable,
        changed_at=item.changed_at,
    )


def raise_unless_taken(outcome: Outcome) -> None:
    """The problem of an answer that does not count."""
    match outcome:
        case Taken() | Same():
            return
        case Stale(current_item):
            current = "no item is current" if current_item is None else f"item {current_item} is current"
            raise Problem(
                409,
                "stale-answer",
                "The item is no longer current",
                detail=f"For this household {current}.",
                errors=[FieldError("/body/item", "stale", current)],
            )
        case NotNow(status):
            raise Problem(
                409,
                "answer-not-possible",
                "This answer is not possible now",
                detail=f"The item is {status.value}.",
                errors=[FieldError("/body/answer", status.value, f"The item is {status.value}")],
            )
        case Unknown():
            raise not_found()
        case _:
            assert_never(outcome)


async def _one_of_many(tx: Work, one: HouseholdAnswer) -> AnswerResult:
    if not reason_fits(one.answer, one.reason):
        return AnswerResult(household=one.household, item=one.item, result="wrong_reason")
    match await give(tx, one.household, one.wish):
        case Taken():
            return AnswerResult(household=one.household, item=one.item, result="taken")
        case Same():
            return AnswerResult(household=one.household, item=one.item, result="same")
        case Stale(current_item):
            return AnswerResult(household=one.household, item=one.item, result="stale", current_item=current_item)
        case NotNow(status):
            return AnswerResult(household=one.household, item=one.item, result="not_possible", status=status)
        case Unknown():
            return AnswerResult(household=one.household, item=one.item, result="unknown")


async def _refuse_a_cursor_of_the_future(tx: Work, position: str) -> None:
    if not (position.isascii() and position.isdecimal()) or len(position) > 19:
        raise Problem(422, "invalid-request", "The request is not valid")
    if await store.is_ahead(tx, position):
        raise Problem(
            410,
            "cursor-gone",
            "This cursor is no longer valid",
            detail="Begin again without a cursor: the same items come again, and none is missed.",
        )
