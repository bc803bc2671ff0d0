"""Which answers an inbox item takes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies

from builders import NOW
from contracts.vocabulary import CLOSE_REASONS, DECLINE_REASONS, Answer, AnswerReason, reason_fits, reasons_of
from notifications.domain import (
    Given,
    ItemStatus,
    NotNow,
    Same,
    Stale,
    Standing,
    Taken,
    Wish,
    judge,
)

LATER = NOW + timedelta(hours=1)
OPEN = Standing(item=3, status=ItemStatus.OPEN, current_item=3, undoable=False)
ACCEPTED = replace(OPEN, status=ItemStatus.ACCEPTED)
DECLINE = Wish(3, Answer.DECLINED, AnswerReason.LANGUAGE)


def an_answer(answer: Answer, *, item: int = 3, reason: AnswerReason | None = None, revision: int = 1) -> Given:
    accepted = NOW if answer in {Answer.ACCEPTED, Answer.CONTACTED} else None
    return Given(revision, item, answer, reason, NOW, accepted_at=accepted)


def test_the_first_answer_is_taken_as_revision_one() -> None:
    assert judge(OPEN, None, Wish(3, Answer.ACCEPTED), NOW) == Taken(
        Given(1, 3, Answer.ACCEPTED, None, NOW, accepted_at=NOW)
    )


def test_a_request_for_a_transfer_stands_beside_the_contact_that_follows() -> None:
    asked = judge(ACCEPTED, an_answer(Answer.ACCEPTED), Wish(3, Answer.TRANSFER_REQUESTED, AnswerReason.OTHER), NOW)
    assert isinstance(asked, Taken)
    assert asked.given.transfer_requested_at == NOW
    met = judge(ACCEPTED, asked.given, Wish(3, Answer.CONTACTED), LATER)
    assert isinstance(met, Taken)
    assert (met.given.transfer_requested_at, met.given.contacted_at) == (NOW, LATER)


def test_a_contact_stays_known_to_whoever_asks_for_a_transfer_after_it() -> None:
    met = judge(OPEN, None, Wish(3, Answer.CONTACTED), NOW)
    assert isinstance(met, Taken)
    asked = judge(ACCEPTED, met.given, Wish(3, Answer.TRANSFER_REQUESTED, AnswerReason.OTHER), LATER)
    assert isinstance(asked, Taken)
    assert (asked.given.accepted_at, asked.given.contacted_at) == (NOW, NOW)
    assert asked.given.transfer_requested_at == LATER


def test_an_answer_after_an_acceptance_keeps_its_time() -> None:
    verdict = judge(ACCEPTED, an_answer(Answer.ACCEPTED), Wish(3, Answer.CONTACTED), LATER)
    assert verdict == Taken(Given(2, 3, Answer.CONTACTED, None, LATER, accepted_at=NOW, contacted_at=LATER))


def test_a_contact_counts_as_an_acceptance() -> None:
    verdict = judge(OPEN, None, Wish(3, Answer.CONTACTED), NOW)
    assert isinstance(verdict, Taken)
    assert verdict.given.accepted_at == NOW


def test_the_times_of_another_item_do_not_stay() -> None:
    before = an_answer(Answer.ACCEPTED, item=1)
    verdict = judge(OPEN, before, DECLINE, LATER)
    assert verdict == Taken(Given(2, 3, Answer.DECLINED, AnswerReason.LANGUAGE, LATER))


def test_a_decline_after_an_acceptance_has_an_effect() -> None:
    assert isinstance(judge(ACCEPTED, an_answer(Answer.ACCEPTED), DECLINE, LATER), Taken)


def test_the_same_answer_again_changes_nothing_even_when_its_item_has_moved_on() -> None:
    before = an_answer(Answer.DECLINED, reason=AnswerReason.LANGUAGE)
    moved_on = Standing(item=3, status=ItemStatus.CLOSED, current_item=5, undoable=False)
    assert judge(moved_on, before, DECLINE, LATER) == Same(before)


def test_another_reason_is_another_answer() -> None:
    before = an_answer(Answer.DECLINED, reason=AnswerReason.OVERLOADED)
    declined = replace(OPEN, status=ItemStatus.DECLINED, undoable=True)
    assert judge(declined, before, DECLINE, LATER) == NotNow(ItemStatus.DECLINED)


def test_an_answer_to_an_item_that_is_not_current_is_stale_and_told_what_is() -> None:
    assert judge(replace(OPEN, item=1), None, Wish(1, Answer.ACCEPTED), NOW) == Stale(3)
    assert judge(replace(OPEN, current_item=None), None, Wish(3, Answer.ACCEPTED), NOW) == Stale(None)


def test_a_decline_is_undone_while_that_is_possible() -> None:
    before = an_answer(Answer.DECLINED, reason=AnswerReason.LANGUAGE)
    waiting = Standing(item=3, status=ItemStatus.DECLINED, current_item=None, undoable=True)
    assert judge(waiting, before, Wish(3, Answer.UNDONE), LATER) == Taken(Given(2, 3, Answer.UNDONE, None, LATER))
    chosen_again = Standing(item=3, status=ItemStatus.CLOSED, current_item=7, undoable=False)
    assert judge(chosen_again, before, Wish(3, Answer.UNDONE), LATER) == Stale(7)


def test_what_is_not_declined_cannot_be_undone() -> None:
    assert judge(OPEN, None, Wish(3, Answer.UNDONE), NOW) == NotNow(ItemStatus.OPEN)


@pytest.mark.parametrize("answer", [Answer.CLOSED, Answer.TRANSFER_REQUESTED])
def test_only_an_accepted_case_is_closed_or_transferred(answer: Answer) -> None:
    wish = Wish(3, answer, AnswerReason.OTHER)
    assert judge(OPEN, None, wish, NOW) == NotNow(ItemStatus.OPEN)
    assert isinstance(judge(ACCEPTED, an_answer(Answer.ACCEPTED), wish, LATER), Taken)


@pytest.mark.parametrize("answer", list(Answer))
def test_a_closed_item_takes_no_answer(answer: Answer) -> None:
    reason = next(iter(sorted(reasons_of(answer))), None)
    closed = replace(OPEN, status=ItemStatus.CLOSED)
    assert judge(closed, None, Wish(3, answer, reason), NOW) == NotNow(ItemStatus.CLOSED)


def test_declines_and_closes_want_a_reason_of_their_own() -> None:
    assert not reason_fits(Answer.DECLINED, None)
    assert not reason_fits(Answer.DECLINED, AnswerReason.NO_CONTACT)
    assert not reason_fits(Answer.ACCEPTED, AnswerReason.LANGUAGE)
    assert all(reason_fits(Answer.DECLINED, reason) for reason in DECLINE_REASONS)
    assert all(reason_fits(Answer.CLOSED, reason) for reason in CLOSE_REASONS)


@given(
    standing=strategies.builds(
        Standing,
        item=strategies.integers(1, 4),
        status=strategies.sampled_from(list(ItemStatus)),
        current_item=strategies.none() | strategies.integers(1, 4),
        undoable=strategies.booleans(),
    ),
    answer=strategies.sampled_from(list(Answer)),
)
def test_an_answer_that_is_taken_once_is_the_same_the_second_time(standing: Standing, answer: Answer) -> None:
    wanted = Wish(standing.item, answer, min(reasons_of(answer), default=None))
    first = judge(standing, None, wanted, NOW)
    if isinstance(first, Taken):
        assert judge(standing, first.given, wanted, LATER) == Same(first.given)
