"""Which inbox items the newest state of a care tells of."""

from uuid import uuid4

from builders import NOW, a_care, a_waiting_care, an_assignee, an_earlier
from contracts.assignments import Because, EarlierAssignment, LastAnswer
from contracts.vocabulary import Answer, AnswerReason, Applied, CareReason, CareStatus
from notifications.projection import head, items


def test_a_proposal_is_an_open_item_with_facts_and_the_managers_code() -> None:
    care = a_care(assignee=an_assignee(), item=2, revision=2)
    (item,) = items(care)
    assert (item.item, item.status, item.reason) == (2, "open", "matched")
    assert item.manager_code == "TUE-01"
    assert item.facts == {
        "size": 3,
        "age_bands": {"18-59": 1, "5-11": 2},
        "languages": ["uk"],
        "skills_needed": [],
    }


def test_a_confirmed_care_is_an_accepted_item() -> None:
    (item,) = items(a_care(status=CareStatus.CONFIRMED, reason=CareReason.ACCEPTED))
    assert item.status == "accepted"


def test_an_item_whose_assignment_moved_on_is_closed_and_has_no_facts() -> None:
    earlier, current = items(a_care(revision=3, item=3, earlier=(an_earlier(answer_reason=AnswerReason.OVERLOADED),)))
    assert (earlier.item, earlier.status, earlier.reason, earlier.facts) == (1, "closed", "moved_on", None)
    assert (earlier.answer, earlier.answer_reason) == ("declined", "overloaded")
    assert (current.item, current.status) == (3, "open")


def test_a_household_that_waits_has_no_current_item() -> None:
    care = a_waiting_care(revision=2, earlier=(an_earlier(),))
    assert [item.item for item in items(care)] == [1]
    assert head(care)[4:6] == (None, 1)


def test_the_head_names_the_newest_item_whether_or_not_it_is_current() -> None:
    assignee = an_assignee()
    before = (an_earlier(), an_earlier(item=3))
    current = head(a_care(revision=5, item=5, assignee=assignee, earlier=before))
    assert (current[4:6], current[8]) == ((5, 5), assignee.id)
    assert head(a_waiting_care(revision=5, earlier=before))[4:6] == (None, 3)
    assert head(a_waiting_care())[4:6] == (None, None), "it never had one"


def test_a_proposal_says_what_spoke_for_the_manager() -> None:
    (item,) = items(a_care(because=Because(by_person=False, languages=("uk",), distance_km=12)))
    assert item.facts is not None
    assert (item.facts["because"]["languages"], item.facts["because"]["distance_km"]) == (["uk"], 12)


def test_an_assignment_after_which_somebody_else_was_looked_for_has_moved_on() -> None:
    waits = an_earlier(status=CareStatus.WAITING, reason=CareReason.NO_CAPACITY)
    care = a_waiting_care(revision=4, earlier=(waits, an_earlier(item=3, status=CareStatus.ENDED)))
    assert [(item.item, item.status, item.reason) for item in items(care)] == [
        (1, "closed", "moved_on"),
        (3, "closed", "moved_on"),
    ]


def test_items_stand_in_their_order() -> None:
    care = a_care(revision=7, item=7, earlier=(an_earlier(item=5), an_earlier(item=2)))
    assert [item.item for item in items(care)] == [2, 5, 7]


def test_an_assignment_that_ended_says_why() -> None:
    ended = EarlierAssignment(
        item=1,
        manager=uuid4(),
        assigned_at=NOW,
        ended_at=NOW,
        status=CareStatus.ENDED,
        reason=CareReason.HOUSEHOLD_WITHDRAWN,
    )
    care = a_care(
        revision=2,
        status=CareStatus.ENDED,
        reason=CareReason.HOUSEHOLD_WITHDRAWN,
        assignee=None,
        item=None,
        assigned_at=None,
        earlier=(ended,),
    )
    assert [(item.status, item.reason) for item in items(care)] == [("closed", "household_withdrawn")]


def test_the_head_says_what_matching_did_with_the_newest_answer() -> None:
    seen = LastAnswer(item=1, revision=4, answer=Answer.ACCEPTED, applied=Applied.STALE)
    assert head(a_care(last_answer=seen))[-2:] == (4, "stale")
