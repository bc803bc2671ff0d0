"""What retention and compaction take away is no fault, and what neither can explain is one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from builders import NOW, a_household
from contracts.households import Household
from contracts.topics import HOUSEHOLDS, Topic, all_topics, submissions, verdicts
from geleit.audit.folds import everything_accounted, revisions_ascend, rows_are_folds
from geleit.audit.journal import Journal
from geleit.audit.promises import all_published, ruled_once, taken_once
from geleit.audit.store import FOLDS, WRITTEN, Counted, Kept, Sent
from geleit.audit.stream import Marks, Read, Told

WEEKS = timedelta(weeks=3)
PATIENCE = timedelta(minutes=5)
SUBMISSIONS, VERDICTS = submissions("karlsruhe"), verdicts("karlsruhe")


def a_kept(**overrides: Any) -> Kept:
    values: dict[str, Any] = {
        "now": NOW,
        "started": NOW - WEEKS,
        "reads": frozenset(),
        "outbox": [],
        "counted": {},
        "parked": {},
        "folded": [],
        "written": [],
        "own": {"reference": []},
    }
    return Kept(**(values | overrides))


A_HOUSEHOLD = next(fold for fold in WRITTEN["intake"] if fold.topic is HOUSEHOLDS)
NO_ANSWERS = a_kept(own={"response": []})


def topics(*told: Household, first: int = 0, unreadable: int | None = None) -> dict[str, Read]:
    """All topics, empty but for `households`, of which these states are left from an offset on."""
    found = {
        topic.name: Read(topic, dict.fromkeys(range(topic.partitions), 0), dict.fromkeys(range(topic.partitions), 9))
        for topic in all_topics(["karlsruhe"])
    }
    read = found[HOUSEHOLDS.name]
    for offset, state in enumerate(told, first):
        read.told.append(Told(state.home, offset, state.key, state.revision, state.home))
        read.offsets.setdefault(state.home, {})[offset] = milliseconds(NOW)
        read.newest[state.key] = state
    if unreadable is not None:
        read.offsets.setdefault(0, {})[unreadable] = None
        read.unreadable.append((0, unreadable, milliseconds(NOW)))
    return found


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def marks(committed: Mapping[TopicPartition, int] | None = None) -> Marks:
    places = [TopicPartition(topic.name, n) for topic in all_topics(["karlsruhe"]) for n in range(topic.partitions)]
    return Marks({"reporting": committed or {}}, dict.fromkeys(places, 9))


def sent(state: Household, revision: int, *, topic: Topic = HOUSEHOLDS, at: datetime = NOW) -> Sent:
    return Sent(topic.name, state.key, revision, at, at, state.home)


@pytest.mark.parametrize(
    ("left", "since", "faults"),
    [
        ([1, 2, 3, 4], timedelta(0), 0),
        ([3, 4], WEEKS, 0),
        ([], WEEKS, 0),
        ([3, 4], timedelta(days=6), 1),
        ([2, 4], WEEKS, 1),
        ([3], WEEKS, 1),
        ([3, 4, 4], WEEKS, 1),
    ],
)
def test_an_outbox_may_have_forgotten_its_beginning_and_nothing_else(
    left: list[int], since: timedelta, faults: int
) -> None:
    household = a_household(revision=4)
    intake = a_kept(
        started=NOW - since,
        outbox=[sent(household, revision) for revision in left],
        written=[(A_HOUSEHOLD, {household.key: (4,)})],
    )
    assert len(revisions_ascend({"intake": intake}, topics(household), marks()).faults) == faults


@pytest.mark.parametrize("there", [3, None])
def test_what_an_outbox_has_forgotten_is_on_its_topic(there: int | None) -> None:
    household = a_household(revision=4)
    told = [household.model_copy(update={"revision": there})] if there else []
    finding = revisions_ascend(
        {"intake": a_kept(written=[(A_HOUSEHOLD, {household.key: (4,)})])}, topics(*told), marks()
    )
    assert len(finding.faults) == 1


def test_a_compacted_topic_needs_to_tell_the_newest_only() -> None:
    household = a_household(revision=2)
    kept = {"intake": a_kept(outbox=[sent(household, 1), sent(household, 2)])}
    assert all_published(kept, topics(household), PATIENCE).faults == []
    assert len(all_published(kept, topics(household.model_copy(update={"revision": 1})), PATIENCE).faults) == 1


@pytest.mark.parametrize(
    ("first", "behind", "age", "faults"),
    [
        (0, 0, timedelta(0), 1),
        (0, 1, timedelta(0), 0),
        (5, 0, timedelta(0), 0),
        (5, 0, timedelta(days=-2), 1),
        (5, 1, timedelta(days=-2), 0),
    ],
    ids=["whole", "a-gap-at-the-end", "a-gap-before", "since-the-gap", "a-gap-at-the-end-since"],
)
def test_where_compaction_took_nothing_every_revision_is_there(
    first: int, behind: int, age: timedelta, faults: int
) -> None:
    household = a_household(revision=3)
    read = topics(household.model_copy(update={"revision": 1}), household, first=first)
    read[HOUSEHOLDS.name].ends = {household.home: first + 2 + behind}
    kept = {"intake": a_kept(outbox=[sent(household, revision, at=NOW - age) for revision in (1, 2, 3)])}
    assert len(all_published(kept, read, PATIENCE).faults) == faults


def test_a_verdict_is_forgotten_after_two_weeks() -> None:
    for age, faults in ((timedelta(days=13), 1), (timedelta(days=15), 0)):
        kept = {"intake": a_kept(outbox=[sent(a_household(), 1, topic=VERDICTS, at=NOW - age)])}
        assert len(all_published(kept, topics(), PATIENCE).faults) == faults


OURS, OLDER = b"ours", b"of a broker that was lost"


def ruled_and_told(*digests: bytes, told: int, unsent: int | None = None, **overrides: Any) -> tuple[int, int]:
    """How many wait and how many are faults, of one submission with these verdicts on its place."""
    read = topics()
    read[SUBMISSIONS.name].told.append(Told(0, 0, "H-1", 1, 0, OURS))
    read[VERDICTS.name].told += [Told(0, n, "H-1", n + 1, 0, (0, 0)) for n in range(told)]
    place = {"topic": SUBMISSIONS.name, "partition": 0, "position": 0}
    own: dict[str, Any] = {
        "verdict": [
            {**place, "at": NOW, "outcome": "accepted", "reference": None, "digest": digest} for digest in digests
        ],
        "unsent": [] if unsent is None else [{**place, "topic": VERDICTS.name, "position": unsent}],
    }
    counted = {(SUBMISSIONS.name, 0): Counted(1, 1)}
    finding = ruled_once(a_kept(counted=counted, own=own, **overrides), read)
    return finding.waiting, len(finding.faults)


def test_a_place_that_was_taken_twice_has_as_many_verdicts_as_submissions() -> None:
    assert ruled_and_told(OURS, told=1) == (0, 0)
    assert ruled_and_told(OURS, told=2) == (0, 1)
    assert ruled_and_told(OURS, OLDER, told=2) == (0, 0)
    assert ruled_and_told(OURS, OLDER, told=3) == (0, 1)


@pytest.mark.parametrize(
    ("reference", "outcome", "of_another", "unsent", "expected"),
    [
        ("H-1", "accepted", False, False, (0, 0)),
        ("H-1", "rejected", False, False, (0, 1)),
        ("H-2", "accepted", False, False, (0, 1)),
        ("H-1", "accepted", True, False, (0, 1)),
        ("H-1", "accepted", True, True, (1, 0)),
        (None, "corrected", False, False, (0, 0)),
    ],
    ids=["same", "outcome", "reference", "household", "on-its-way-after-a-restore", "written-by-a-restore"],
)
def test_a_verdict_is_told_as_the_book_has_it(
    reference: str | None, outcome: str, of_another: bool, unsent: bool, expected: tuple[int, int]
) -> None:
    household, read = uuid4(), topics()
    read[SUBMISSIONS.name].told.append(Told(0, 0, "H-1", 1, 0, OURS))
    read[VERDICTS.name].told.append(Told(0, 0, "H-1", 1, 0, (0, 0), uuid4() if of_another else household, "accepted"))
    place = {"topic": SUBMISSIONS.name, "partition": 0, "position": 0}
    row = {**place, "at": NOW, "outcome": outcome, "reference": reference, "household": household, "digest": OURS}
    own: dict[str, Any] = {"verdict": [row], "unsent": [{**place, "topic": VERDICTS.name}] if unsent else []}
    finding = ruled_once(a_kept(counted={(SUBMISSIONS.name, 0): Counted(1, 1)}, own=own), read)
    assert (finding.waiting, len(finding.faults)) == expected


@pytest.mark.parametrize(("restored", "expected"), [(timedelta(hours=-1), (0, 0)), (timedelta(hours=-3), (0, 1))])
def test_a_verdict_that_a_restore_has_lost_does_not_count(restored: timedelta, expected: tuple[int, int]) -> None:
    """Also when the outbox has forgotten the one that was given after it."""
    read, of = topics(), Told(0, 0, "H-1", 1, 0, (0, 0))
    read[SUBMISSIONS.name].told.append(Told(0, 0, "H-1", 1, 0, OURS))
    read[VERDICTS.name].told += [of, of._replace(offset=1, revision=2)]
    read[VERDICTS.name].offsets[0] = {0: milliseconds(NOW - timedelta(hours=2)), 1: milliseconds(NOW)}
    place = {"topic": SUBMISSIONS.name, "partition": 0, "position": 0}
    own: dict[str, Any] = {"verdict": [{**place, "at": NOW, "reference": None, "digest": OURS}], "unsent": []}
    kept = a_kept(started=NOW + restored, counted={(SUBMISSIONS.name, 0): Counted(1, 1)}, own=own)
    finding = ruled_once(kept, read)
    assert (finding.waiting, len(finding.faults)) == expected


def test_a_verdict_waits_for_its_own_row_only() -> None:
    outbox = [Sent(VERDICTS.name, "H-2", 1, NOW, None, 0)]
    assert ruled_and_told(OURS, told=0, unsent=0, outbox=outbox) == (1, 0)
    assert ruled_and_told(OURS, told=0, unsent=1, outbox=outbox) == (0, 1)


def test_a_retry_is_applied_before_it_is_settled() -> None:
    for resolution, expected in ((None, (1, 0)), ("applied", (0, 0)), ("expired", (0, 1))):
        parked = {(SUBMISSIONS.name, 0, 0): resolution}
        assert ruled_and_told(OURS, told=1, parked=parked) == expected
    assert ruled_and_told(told=0, parked={(SUBMISSIONS.name, 0, 0): None}) == (0, 0)


def test_a_centre_that_is_none_any_more_was_told_its_verdicts() -> None:
    for topic, published, faults in ((verdicts("ellwangen").name, NOW, 0), ("weather", NOW, 1)):
        row = Sent(topic, "H-1", 1, NOW, published, 0)
        assert len(all_published({"intake": a_kept(outbox=[row])}, topics(), PATIENCE).faults) == faults
    unsent = Sent(verdicts("ellwangen").name, "H-1", 1, NOW - WEEKS, None, 0)
    assert len(all_published({"intake": a_kept(outbox=[unsent])}, topics(), PATIENCE).faults) == 1


def test_what_is_young_waits_and_what_is_old_is_stuck() -> None:
    for age, expected in ((timedelta(minutes=1), (1, 0)), (timedelta(hours=1), (0, 1))):
        row = Sent(HOUSEHOLDS.name, "k", 1, NOW - age, None, 0)
        finding = all_published({"intake": a_kept(outbox=[row])}, topics(), PATIENCE)
        assert (finding.waiting, len(finding.faults)) == expected


@pytest.mark.parametrize(
    ("counted", "committed", "faults"),
    [
        (Counted(8, 8), 8, 0),
        (Counted(8, 1), 8, 0),
        (Counted(7, 7), 7, 0),
        (Counted(7, 7), 8, 1),
        (Counted(8, 0), 8, 1),
        (Counted(8, 9), 8, 1),
        (Counted(10, 10), 8, 1),
        (Counted(), 0, 0),
    ],
)
def test_compaction_leaves_fewer_records_than_are_counted_and_never_more(
    counted: Counted, committed: int, faults: int
) -> None:
    household = a_household()
    place = TopicPartition(HOUSEHOLDS.name, household.home)
    reporting = a_kept(reads=frozenset({HOUSEHOLDS.name}), counted={tuple(place): counted})
    read = topics(household, first=7)
    assert (
        len(everything_accounted({"reporting": reporting}, read, marks({place: committed}), PATIENCE).faults) == faults
    )


def test_what_nobody_can_read_is_parked_as_long_as_that_is_kept() -> None:
    for parked, now, faults in (({}, NOW, 1), ({(HOUSEHOLDS.name, 0, 3): None}, NOW, 0), ({}, NOW + 2 * WEEKS, 0)):
        reporting = a_kept(
            now=now, reads=frozenset({HOUSEHOLDS.name}), counted={(HOUSEHOLDS.name, 0): Counted(4, 4)}, parked=parked
        )
        finding = everything_accounted({"reporting": reporting}, topics(unreadable=3), marks(), PATIENCE)
        assert len(finding.faults) == faults


def test_what_is_parked_waits_for_nothing_that_comes_by_itself() -> None:
    household = a_household()
    (fold,) = (one for one in FOLDS["reporting"] if one.topic is HOUSEHOLDS and one.columns)
    for parked, waiting in (({}, 1), ({(HOUSEHOLDS.name, household.home, 0): None}, 0)):
        reporting = a_kept(folded=[(fold, {})], parked=parked)
        assert rows_are_folds({"reporting": reporting}, topics(household)).waiting == waiting
    corrected = household.model_copy(update={"revision": 2})
    reporting = a_kept(folded=[(fold, {})], parked={(HOUSEHOLDS.name, household.home, 0): None})
    assert rows_are_folds({"reporting": reporting}, topics(household, corrected)).waiting == 1, "the newer one comes"


@pytest.mark.parametrize(
    ("age", "since", "by_the_broker", "expected"),
    [
        (timedelta(minutes=1), WEEKS, True, (1, 0)),
        (timedelta(hours=1), WEEKS, True, (0, 1)),
        (timedelta(hours=1), timedelta(minutes=61), True, (0, 1)),
        (timedelta(hours=1), timedelta(minutes=1), True, (1, 0)),
        (timedelta(hours=1), WEEKS, False, (1, 0)),
    ],
    ids=["young", "stands", "since-a-restore", "after-a-restore", "by-its-writers-clock"],
)
def test_what_nobody_reads_for_long_stands(
    age: timedelta, since: timedelta, by_the_broker: bool, expected: tuple[int, int]
) -> None:
    household = a_household()
    read = topics(household)
    if not by_the_broker:
        read[HOUSEHOLDS.name].offsets[household.home][0] = None
    reporting = a_kept(now=NOW + age, started=NOW + age - since, reads=frozenset({HOUSEHOLDS.name}))
    finding = everything_accounted({"reporting": reporting}, read, marks(), PATIENCE)
    assert (finding.waiting, len(finding.faults)) == expected


@pytest.mark.parametrize(
    ("promised", "reference", "faults"), [(0, "H-1", 0), (1, "H-1", 0), (0, "H-2", 1), (2, "H-3", 0), (3, "H-1", 1)]
)
def test_a_promise_is_kept_by_the_household_it_names(promised: int, reference: str, faults: int) -> None:
    ids = [uuid4() for _ in range(4)]
    rows = [
        {"id": ids[0], "centre": "karlsruhe", "reference": "H-1", "status": "active", "revision": 1},
        {"id": ids[1], "centre": "ellwangen", "reference": "H-1", "status": "active", "revision": 1},
        {"id": ids[2], "centre": "karlsruhe", "reference": None, "status": "erased", "revision": 2},
    ]
    accepted = [{"household": row["id"], "outcome": "accepted", "topic": None} for row in rows]
    own: dict[str, Any] = {"household": rows, "verdict": accepted}
    finding = taken_once(a_kept(own=own), NO_ANSWERS, topics(), Journal({(reference, ids[promised])}))
    assert len(finding.faults) == faults


def test_a_reference_is_promised_to_all_households_that_it_was_answered_with() -> None:
    there, lost = uuid4(), uuid4()
    row = {"id": there, "centre": "karlsruhe", "reference": "H-1", "status": "active", "revision": 1}
    own: dict[str, Any] = {
        "household": [row],
        "verdict": [{"household": there, "outcome": "accepted", "topic": None}],
    }
    journal = Journal({("H-1", lost), ("H-1", there)})
    (fault,) = taken_once(a_kept(own=own), NO_ANSWERS, topics(), journal).faults
    assert fault == f"H-1 was acknowledged as {lost} and is nothing"


@pytest.mark.parametrize(
    ("told", "there", "is_lost"),
    [
        (["accepted", "declined"], "accepted", True),
        (["accepted", "contacted", "closed"], "accepted", True),
        (["declined", "undone", "accepted", "closed"], "accepted", True),
        (["accepted", "accepted"], "accepted", False),
        (["accepted"], "declined", False),
        (["contacted", "accepted"], "contacted", False),
        (["accepted", "declined", "undone"], "accepted", False),
        (["accepted", "contacted", "transfer_requested"], "contacted", False),
    ],
)
def test_an_answer_that_was_taken_does_not_give_way_to_one_before(told: list[str], there: str, is_lost: bool) -> None:
    """But the next answer, of which nobody was told, may be the same as one before."""
    household = uuid4()
    rows = [{"id": household, "centre": "karlsruhe", "reference": None, "status": "active", "revision": 1}]
    book = a_kept(own={"household": rows, "verdict": [{"household": household, "outcome": "accepted", "topic": None}]})
    answers = a_kept(own={"response": [{"household": household, "item": 2, "answer": there}]})
    journal = Journal()
    for answer in told:
        journal.answer(household, 2, answer)
    assert bool(taken_once(book, answers, topics(), journal).faults) is is_lost


@pytest.mark.parametrize(
    ("household", "revision", "item", "faults"),
    [(0, 3, 2, []), (0, 2, 1, []), (0, 4, 2, ["revision 4"]), (0, 3, 3, ["item 3"]), (1, 9, 9, [])],
)
def test_what_was_told_of_corrections_and_answers_is_there(
    household: int, revision: int, item: int, faults: list[str]
) -> None:
    """Of who was erased nothing has to be."""
    ids = [uuid4(), uuid4()]
    rows = [
        {"id": ids[0], "centre": "karlsruhe", "reference": "H-1", "status": "active", "revision": 3},
        {"id": ids[1], "centre": "karlsruhe", "reference": None, "status": "erased", "revision": 4},
    ]
    accepted = [{"household": row["id"], "outcome": "accepted", "topic": None} for row in rows]
    answers = a_kept(own={"response": [{"household": ids[0], "item": 2, "answer": "accepted"}]})
    journal = Journal()
    journal.revise(ids[household], revision)
    journal.revise(ids[household], 1)
    journal.answer(ids[household], item, "accepted")
    journal.answer(ids[household], item - 1, "declined")
    finding = taken_once(a_kept(own={"household": rows, "verdict": accepted}), answers, topics(), journal)
    assert len(finding.faults) == len(faults)
    assert all(fault in line for fault, line in zip(faults, finding.faults, strict=True))
