"""What an answer does to the care it names: apply it, or say that it came too late."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from contracts.vocabulary import Answer, Applied, CareReason, CareStatus, DeclineEffect
from matching.ask import Undo
from matching.domain import Decline, Policy
from matching.lifecycle import AnswerSeen, Care, Case, Reply, Step, ended, released_from, revised

ACCEPTING = frozenset({Answer.ACCEPTED, Answer.CONTACTED})
"""Answers that take a case on: who has contacted a household has accepted it."""


def answered(  # noqa: PLR0911 (one for each answer)
    case: Case, reply: Reply, now: datetime, policy: Policy
) -> Step | None:
    """What an answer does: it is applied if it names the item that stands, else told as stale.

    None: an answer at least as new has been seen. What a later answer tells of earlier ones that never arrived counts
    too, because only the last state of an item is sure to be read; a contact counts as acceptance. A decline of
    an accepted case releases it; a request to transfer it is noted, and its manager keeps it until a person confirms
    who takes it. An undone decline is a wish as long as nobody else has been chosen; who accepts, closes or wants to
    transfer what was declined has undone that before.
    """
    care = case.care
    assert care is not None, "an answer belongs to an item, and an item to a care"
    if care.last_answer and care.last_answer.revision >= reply.revision:
        return None
    if not care.assigned or reply.item != care.item:
        return _of_declined(case, care, reply, now)
    if reply.answer is Answer.UNDONE:
        # The decline and its undoing were read together: there is nothing to take back.
        return Step(case, revised(_seen(care, reply)))
    care = _told_before(_seen(care, reply), reply)
    match reply.answer:
        case Answer.ACCEPTED:
            return Step(case, revised(care))
        case Answer.CONTACTED:
            return Step(case, revised(replace(care, contacted_at=care.contacted_at or reply.answered_at)))
        case Answer.TRANSFER_REQUESTED if care.status is not CareStatus.CONFIRMED:
            return stale(case, care, reply)
        case Answer.TRANSFER_REQUESTED:
            return Step(case, revised(care))
        case Answer.DECLINED if care.status is CareStatus.PROPOSED and (effect := policy.after(reply.reason)):
            return _declined(case, care, reply, effect, now)
        case Answer.DECLINED:
            return Step(case, care, decide=True, exclude=care.manager, reply=reply)
        case Answer.CLOSED:
            return Step(case, ended(care, CareReason.CLOSED, now, reply=reply))
        case _:
            assert_never(reply.answer)


def _told_before(care: Care, reply: Reply) -> Care:
    care = replace(care, contacted_at=reply.contacted_at or care.contacted_at)
    implied = reply.answer in ACCEPTING or reply.accepted_at is not None
    if care.status is CareStatus.CONFIRMED or not implied:
        return care
    return replace(
        care,
        status=CareStatus.CONFIRMED,
        reason=CareReason.ACCEPTED,
        answer_by=None,
        answered_at=reply.accepted_at or reply.answered_at,
    )


def _declined(case: Case, care: Care, reply: Reply, decline: Decline, now: datetime) -> Step:
    match decline.effect:
        case DeclineEffect.CHOOSE_AGAIN:
            return Step(case, care, decide=True, exclude=care.manager, reply=reply)
        case DeclineEffect.PARK:
            after = put_aside(care, CareReason.PARKED, now, reply)
            return Step(case, after, exclude=care.manager, reply=reply, again=now + timedelta(days=decline.days))
        case DeclineEffect.REASSESS:
            after = put_aside(care, CareReason.TO_BE_REASSESSED, now, reply)
            return Step(case, after, exclude=care.manager, reply=reply)
        case DeclineEffect.WITHDRAW:
            return Step(case, ended(care, CareReason.DECLINED, now, reply=reply), exclude=care.manager, reply=reply)
        case _:
            assert_never(decline.effect)


def put_aside(care: Care, reason: CareReason, now: datetime, reply: Reply) -> Care:
    """The care without its manager, waiting without a turn on the list."""
    return replace(
        revised(released_from(care, CareStatus.WAITING, reason, now, reply)),
        status=CareStatus.WAITING,
        reason=reason,
        decided_at=now,
        waiting_since=care.waiting_since or now,
    )


def _of_declined(case: Case, care: Care, reply: Reply, now: datetime) -> Step:
    """The undoing of a decline, or an answer that tells of it, as long as nobody else has been chosen; else stale."""
    last = care.earlier[-1] if care.earlier else None
    is_open = care.status is CareStatus.WAITING or care.reason is CareReason.DECLINED
    if not is_open or last is None or (last.item, last.answer) != (reply.item, Answer.DECLINED):
        return stale(case, care, reply)
    back = None if last.manager in case.apart else last.manager
    match reply.answer:
        case Answer.DECLINED:
            return stale(case, care, reply)
        case Answer.CLOSED:
            return Step(case, ended(_seen(care, reply), CareReason.CLOSED, now, care.ended_at), readmit=back)
        case _:
            return Step(case, _seen(care, reply), decide=True, wish=Undo(last.manager), readmit=back, reply=reply)


def stale(case: Case, care: Care, reply: Reply) -> Step:
    """What an answer does to an item that does not stand any more: it is told so."""
    return Step(case, revised(_seen(care, reply, Applied.STALE)))


def _seen(care: Care, reply: Reply, applied: Applied = Applied.APPLIED) -> Care:
    seen = AnswerSeen(reply.item, reply.revision, reply.answer, applied, reply.transfer_requested_at)
    return replace(care, last_answer=seen)
