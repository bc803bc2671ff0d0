"""What reporting keeps of a state."""

from datetime import timedelta

from builders import NOW, a_care, a_household, a_manager, a_response, a_waiting_care, an_assignee, an_earlier
from contracts.assignments import EarlierAssignment
from contracts.vocabulary import Answer, AnswerReason, CareReason, CareStatus, HouseholdStatus
from reporting.projection import care_row, household_row, manager_row, response_row


def test_of_an_erased_household_its_centre_and_its_day_are_left() -> None:
    state = a_household(status=HouseholdStatus.ERASED, revision=4)
    assert household_row(state)[2:] == ("erased", NOW, "karlsruhe", None, None, None)


def test_the_first_assignment_counts_for_speed() -> None:
    care = a_care(revision=3, item=3, assigned_at=NOW + timedelta(hours=2), earlier=(an_earlier(),))
    *_, first_assigned_at, declines = care_row(care)
    assert first_assigned_at == NOW
    assert declines == 1


def test_a_decline_that_was_taken_back_is_none() -> None:
    first, second = an_assignee(), an_assignee()
    declined = [an_earlier(item=item, manager=one.id) for item, one in enumerate((first, first, second), 1)]
    waiting = {"status": CareStatus.WAITING, "reason": CareReason.ALL_EXCLUDED, "assignee": None, "item": None}

    def declines(*earlier: EarlierAssignment, **of_care: object) -> object:
        return care_row(a_care(earlier=earlier, **of_care))[-1]

    assert declines(declined[0], **waiting) == 1, "it may still be"
    assert declines(declined[0], assignee=first) == 0
    assert declines(declined[0], assignee=second) == 1
    assert declines(*declined[:2], **waiting) == 1, "declined once more"
    assert declines(*declined, assignee=second) == 1
    assert declines(*declined[1:], assignee=first) == 2, "somebody else had it meanwhile"


def test_a_case_weighs_on_its_manager_only_while_she_has_it() -> None:
    assignee = an_assignee()
    held = care_row(a_care(assignee=assignee, weight=12))
    over = care_row(a_care(assignee=assignee, weight=12, status=CareStatus.ENDED, reason=CareReason.CLOSED))
    assert held[6:8] == (assignee.id, 12)
    assert over[6:8] == (None, 0)


def test_who_was_never_assigned_has_no_time() -> None:
    assert care_row(a_waiting_care())[9] is None


def test_a_service_area_is_kept_sorted_and_once() -> None:
    assert manager_row(a_manager(service_area=("08416041", "08111000", "08416041")))[8] == ["08111000", "08416041"]


def test_an_answer_keeps_its_reason() -> None:
    care = a_care()
    row = response_row(a_response(care, Answer.DECLINED, reason=AnswerReason.OVERLOADED))
    assert row[2:4] == ("declined", "overloaded")
