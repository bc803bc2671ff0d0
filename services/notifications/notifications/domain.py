"""What an inbox item is, and which answers it takes."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from contracts.vocabulary import Answer, AnswerReason


class ItemStatus(StrEnum):
    """How an item shows in the inbox; `declined` as long as that can be undone."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CLOSED = "closed"


MOVED_ON = "moved_on"
"""The reason of an item that closed because the household has another assignment, or waits for one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an answer is judged by."""

    item: int
    status: ItemStatus
    current_item: int | None
    """The household's current item; None if it has none, or none that the asker may know of."""
    undoable: bool


@dataclass(frozen=True, slots=True)
class Given:
    """The newest answer of a household, as the next state on `responses` says it."""

    revision: int
    item: int
    answer: Answer
    reason: AnswerReason | None
    answered_at: datetime
    accepted_at: datetime | None = None
    contacted_at: datetime | None = None
    transfer_requested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """An answer somebody wants to give."""

    item: int
    answer: Answer
    reason: AnswerReason | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer counts: a new state."""

    given: Given


@dataclass(frozen=True, slots=True)
class Same:
    """It was given before: the request came twice, the state stays."""

    given: Given


@dataclass(frozen=True, slots=True)
class Stale:
    """It names an item that is no longer current."""

    current_item: int | None


@dataclass(frozen=True, slots=True)
class NotNow:
    """The item is current, but this answer does not follow from where it stands."""

    status: ItemStatus


Verdict: TypeAlias = Taken | Same | Stale | NotNow

_FOLLOWS = {
    ItemStatus.OPEN: frozenset({Answer.ACCEPTED, Answer.DECLINED, Answer.CONTACTED}),
    ItemStatus.ACCEPTED: frozenset({Answer.CONTACTED, Answer.CLOSED, Answer.DECLINED, Answer.TRANSFER_REQUESTED}),
    ItemStatus.DECLINED: frozenset[Answer](),
    ItemStatus.CLOSED: frozenset[Answer](),
}


def judge(standing: Standing, given: Given | None, wish: Wish, now: datetime) -> Verdict:
    """What becomes of an answer to the item in `standing`; `given` is the household's newest answer.

    The same content again is the same request again, whatever has become of the item since: a retry over
    a bad line must not be told that its own first try has made it stale.
    """
    before = given if given is not None and given.item == wish.item else None
    if before is not None and _repeats(before, wish):
        return Same(before)
    if wish.answer is Answer.UNDONE:
        if not standing.undoable:
            return NotNow(standing.status) if standing.current_item == wish.item else Stale(standing.current_item)
    elif standing.current_item != wish.item:
        return Stale(standing.current_item)
    elif wish.answer not in _FOLLOWS[standing.status]:
        return NotNow(standing.status)
    fresh = Given(given.revision + 1 if given else 1, wish.item, wish.answer, wish.reason, now)
    if before is not None:
        fresh = replace(
            fresh,
            accepted_at=before.accepted_at,
            contacted_at=before.contacted_at,
            transfer_requested_at=before.transfer_requested_at,
        )
    match wish.answer:
        case Answer.ACCEPTED:
            fresh = replace(fresh, accepted_at=now)
        case Answer.CONTACTED:
            # Who has met the family has accepted the case.
            fresh = replace(fresh, accepted_at=fresh.accepted_at or now, contacted_at=now)
        case Answer.TRANSFER_REQUESTED:
            fresh = replace(fresh, transfer_requested_at=now)
        case _:
            pass
    return Taken(fresh)


def _repeats(before: Given, wish: Wish) -> bool:
    if (before.answer, before.reason) == (wish.answer, wish.reason):
        return True
    return (before.answer, wish.answer) == (Answer.CONTACTED, Answer.ACCEPTED)
