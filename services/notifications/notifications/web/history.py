"""What happened to a household's items, told as one line of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.web import N_
from chassis.web.words import ANSWER_REASONS
from contracts.vocabulary import Answer
from notifications.store import Item
from notifications.web import labels

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of ui.timeline."""

    at: datetime
    title: str
    text: str | None = None
    kind: str = "info"


def timeline(items: Sequence[Item], now: datetime, translate: Translate) -> list[Event]:
    """The events of all items (newest first), oldest first, in words."""
    events = [event for item in reversed(items) for event in _events(item, now, translate)]
    return sorted(events, key=lambda event: event.at)


def _events(item: Item, now: datetime, translate: Translate) -> list[Event]:
    manager = item.manager_code or "–"
    reason = labels.REASONS.get(item.reason, item.reason)
    events = [
        Event(item.assigned_at, translate(N_("Proposed to %(manager)s")) % {"manager": manager}, kind="info"),
    ]
    if item.accepted_at is not None:
        events.append(Event(item.accepted_at, translate(N_("Accepted")), kind="success"))
    if item.contacted_at is not None:
        events.append(Event(item.contacted_at, translate(N_("Family contacted")), kind="success"))
    if item.transfer_requested_at is not None and item.answer is not Answer.TRANSFER_REQUESTED:
        events.append(Event(item.transfer_requested_at, translate(labels.ANSWERS[Answer.TRANSFER_REQUESTED])))
    if item.answer is not None and item.answer not in {Answer.ACCEPTED, Answer.CONTACTED}:
        events.append(_answered(item, item.answer, translate))
    if item.overdue(now) and item.answer_by is not None:
        events.append(Event(item.answer_by, translate(N_("The time to answer is over")), kind="warning"))
    if item.ended_at is not None:
        events.append(Event(item.ended_at, translate(reason), kind="warning"))
    return events


def _answered(item: Item, answer: Answer, translate: Translate) -> Event:
    parts = [translate(ANSWER_REASONS[item.answer_reason])] if item.answer_reason else []
    if item.fate is not None:
        parts.append(translate(labels.FATES[item.fate]))
    at = item.answered_at or item.ended_at or item.assigned_at
    return Event(at, translate(labels.ANSWERS[answer]), ". ".join(parts) or None, "warning")
