"""What people were promised: taken in once (I1), ruled on once (I2), sent on (I8), told to who has to act (I7)."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from contracts.assignments import Care
from contracts.topics import ASSIGNMENTS, CENTRE, Topic, centre_of, verdicts
from contracts.vocabulary import Answer, CareStatus, Outcome
from geleit.audit.finding import Finding, Invariant
from geleit.audit.journal import Journal
from geleit.audit.store import Counted, Kept, Sent
from geleit.audit.stream import Read, Told


def taken_once(intake: Kept, notifications: Kept, topics: Mapping[str, Read], journal: Journal) -> Finding:
    """I1: every household was accepted once, and all that a client was promised is there."""
    finding = Finding(Invariant.I1)
    accepted = Counter(row["household"] for row in intake.own["verdict"] if row["outcome"] == Outcome.ACCEPTED)
    status = {row["id"]: row["status"] for row in intake.own["household"]}
    # A reference is its centre's: another one may use the same.
    centre = {row["id"]: row["centre"] for row in intake.own["household"]}
    named: defaultdict[tuple[str, str], list[UUID]] = defaultdict(list)
    for row in intake.own["household"]:
        if row["reference"] is not None:
            named[row["centre"], row["reference"]].append(row["id"])
    finding.checked = len(status.keys() | accepted.keys()) + len(journal.taken) + len(journal.submitted)
    finding.checked += len(journal.revised) + len(journal.answered)
    for household in status.keys() | accepted.keys():
        if status.get(household) == "erased" and not accepted[household]:
            # Who came after the backup that a restore went back to is erased, and that it was accepted is not known.
            continue
        if household not in status or accepted[household] != 1:
            there = "is there" if household in status else "is not there"
            finding.faults.append(f"household {household} was accepted {accepted[household]} times and {there}")
    for reference, household in sorted(journal.taken):
        found = named[centre.get(household, ""), reference]
        if found != [household] and status.get(household) != "erased":
            there = ", ".join(map(str, found)) or "nothing"
            finding.faults.append(f"{reference} was acknowledged as {household} and is {there}")
    offered = {
        (read.topic.name, partition, offset)
        for read in topics.values()
        if read.topic.writer == CENTRE
        for partition, offsets in read.offsets.items()
        for offset in offsets
    }
    for topic, partition, offset in journal.submitted:
        forgotten = topic in topics and offset < topics[topic].begins.get(partition, 0)
        unknown = topic in topics and offset >= topics[topic].torn.get(partition, offset + 1)
        if (topic, partition, offset) not in offered and not forgotten and not unknown:
            finding.faults.append(f"{topic}/{partition}/{offset} was acknowledged and is not on its topic")
    revisions = {row["id"]: row["revision"] for row in intake.own["household"]}
    finding.faults += [
        f"household {household}: revision {number} was acknowledged, and there is {revisions.get(household, 'none')}"
        for household, number in journal.revised.items()
        if revisions.get(household, 0) < number and status.get(household) != "erased"
    ]
    answers = {row["household"]: (row["item"], row["answer"]) for row in notifications.own["response"]}
    for household, (item, taken) in journal.answered.items():
        held, answer = answers.get(household, (0, "none"))
        if (held < item or (held == item and _went_back(taken, answer))) and status.get(household) != "erased":
            finding.faults.append(
                f"household {household}: the answer {taken[-1]} to item {item} was acknowledged, and there is {answer}"
                f" to {held}"
            )
    return finding


def ruled_once(intake: Kept, topics: Mapping[str, Read]) -> Finding:
    """I2: every submission that was consumed has one verdict in the book, told to its centre as it stands there, or is
    parked."""
    finding = Finding(Invariant.I2)
    ruled: Counter[tuple[str, int, int, object]] = Counter()
    book = {}
    for row in intake.own["verdict"]:
        if row["topic"] is not None:
            what = row["topic"], row["partition"], row["position"], row["digest"]
            ruled[what] += 1
            book[what] = row
    # A topic that is made anew counts its positions from 0 again.
    at_place = Counter(what[:3] for what in ruled.elements())
    unsent = {(row["topic"], row["partition"], row["position"]) for row in intake.own["unsent"]}
    for read in topics.values():
        if read.topic.writer != CENTRE:
            continue
        topic, answers = read.topic.name, verdicts(centre_of(read.topic.name))
        ours = {(row.key, row.revision) for row in intake.outbox if row.topic == answers.name}
        told = _told(topics[answers.name], ours, intake.started)
        finding.faults += [
            f"{topic}/{partition} cannot be unpacked from {first} on:"
            f" up to {read.ends[partition] - first} records have no verdict"
            for partition, first in read.torn.items()
        ]
        for partition, offset, digest in _offered(read):
            place = topic, partition, offset
            what = *place, digest
            parked = place in intake.parked and intake.parked[place] != "applied"
            answered = told.get((partition, offset), set())
            finding.checked += 1
            if offset >= intake.counted.get((topic, partition), Counted()).next and ruled[what] + parked == 0:
                finding.waiting += 1
            elif ruled[what] == 1 and parked and intake.parked[place] is None:
                # A retry is applied before it is settled.
                finding.waiting += 1
            elif ruled[what] + parked != 1:
                fate = f"has {ruled[what]} verdicts and is {'' if parked else 'not '}parked"
                finding.faults.append(f"{topic}/{partition}/{offset} {fate}")
            elif ruled[what] and (wrong := _wrong(book[what], answered, at_place[place])):
                # After a restore there may be one that is gone, and the next on its way.
                if (answers.name, partition, offset) in unsent:
                    finding.waiting += 1
                elif not _forgotten(answers, intake.now - book[what]["at"]):
                    finding.faults.append(f"the verdict on {topic}/{partition}/{offset} {wrong}")
    return finding


def _offered(read: Read) -> Iterator[tuple[int, int, object]]:
    yield from ((one.partition, one.offset, one.about) for one in read.told)
    yield from ((partition, offset, None) for partition, offset, _ in read.unreadable)


class Answered(NamedTuple):
    """A verdict that was told."""

    key: str
    revision: int
    outcome: str | None
    household: UUID | None


def _told(read: Read, ours: Container[tuple[str, int]], started: datetime) -> Mapping[object, set[Answered]]:
    """By the place they are about, the verdicts that were told; told twice is told once.

    Those that the outbox knows, if it knows any, else those since the start: a restore goes back behind verdicts, and
    others are given.
    """
    told, since = _by_place(read.told), _by_place(read.since(started))
    return {place: {one for one in some if one[:2] in ours} or since.get(place) or some for place, some in told.items()}


def _by_place(told: Sequence[Told]) -> Mapping[object, set[Answered]]:
    found: defaultdict[object, set[Answered]] = defaultdict(set)
    for one in told:
        found[one.about].add(Answered(one.key, one.revision, one.outcome, one.household))
    return found


def _wrong(row: Record, answered: set[Answered], at_place: int) -> str | None:
    """What is wrong with the verdicts that were told of a place, one of which is this row of the book."""
    if not 1 <= len(answered) <= at_place:
        return f"was told {len(answered)} times"
    # Without its reference it is of who was erased: a restore writes such, and tells nobody.
    if at_place == 1 and row["reference"]:
        (one,) = answered
        if (one.key, one.outcome, one.household) != (row["reference"], row["outcome"], row["household"]):
            return "says another outcome or household than the book"
    return None


def _forgotten(topic: Topic, age: timedelta) -> bool:
    return topic.retention is not None and age > topic.retention


def all_published(kept: Mapping[str, Kept], topics: Mapping[str, Read], patience: timedelta) -> Finding:
    """I8: an outbox row is on its topic, or compacted away there for a newer one, or young enough to wait."""
    finding = Finding(Invariant.I8)
    there = {name: {(one.key, one.revision) for one in read.told} for name, read in topics.items()}
    whole = {
        (name, partition): since
        for name, read in topics.items()
        for partition in read.ends
        if (since := read.whole_since(partition))
    }
    for service, one in kept.items():
        for row in one.outbox:
            finding.checked += 1
            age = one.now - row.created_at
            if row.published_at is None:
                if age < patience:
                    finding.waiting += 1
                else:
                    finding.faults.append(f"{service}: {_named(row)} waits for {_seconds(age)}")
            elif row.topic not in topics:
                if centre_of(row.topic) and row.topic == verdicts(centre_of(row.topic)).name:
                    # Of a centre that is no centre any more.
                    continue
                finding.faults.append(f"{service}: {_named(row)} was sent to a topic that nobody knows")
            elif (row.key, row.revision) not in there[row.topic]:
                newest, since = topics[row.topic].newest.get(row.key), whole.get((row.topic, row.partition))
                compacted = newest and newest.revision > row.revision and not (since and since < row.created_at)
                if not compacted and not _forgotten(topics[row.topic].topic, age):
                    finding.faults.append(f"{service}: {_named(row)} was sent and is not on its topic")
    return finding


def told_to_municipalities(notifications: Kept, assignments: Read, patience: timedelta) -> Finding:
    """I7: a case that notifications have folded has the one item that is not closed, and its mail was tried."""
    finding = Finding(Invariant.I7)
    held = next(rows for fold, rows in notifications.folded if fold.topic is ASSIGNMENTS)
    current = {
        key: care
        for key, care in assignments.newest.items()
        if isinstance(care, Care) and key in held and held[key][0] == care.revision
    }
    finding.waiting = len(assignments.newest.keys() - current.keys() - notifications.set_aside(assignments))
    shown = {(str(row["household"]), row["item"]): row["status"] for row in notifications.own["item"]}
    mailed = {(str(row["household"]), row["item"]): row for row in notifications.own["message"]}
    contacts = {row["municipality"]: row["since"] for row in notifications.own["contact"]}
    wanted = {
        (key, care.item): "open" if care.status is CareStatus.PROPOSED else "accepted"
        for key, care in current.items()
        if care.item
    }
    finding.checked = len(wanted)
    for (key, item), status in shown.items():
        if status != "closed" and key in current and (key, item) not in wanted:
            finding.faults.append(f"item {item} of {key} is {status}, and the case is not with anybody")
    for (key, item), status in wanted.items():
        if shown.get((key, item)) != status:
            finding.faults.append(f"item {item} of {key} is {shown.get((key, item), 'missing')} instead of {status}")
        care = current[key]
        since = contacts.get(care.municipality or "")
        assert care.assigned_at is not None, "a case with an item is assigned"
        # Who had moved since may not have had an address at the time; who is told is told before any answer.
        never_moved = care.status is CareStatus.PROPOSED or care.revision == item + 1
        if since is None or not never_moved or not notifications.started < care.assigned_at > since:
            continue
        message = mailed.get((key, item))
        if message is None:
            finding.faults.append(f"nobody was to be told of item {item} of {key}")
        elif message["sent_at"] is None and message["error"] is None:
            # Attempts grow with a claim, also where a process dies before it tries; an error stays when tried again.
            if notifications.now - message["created_at"] < patience:
                finding.waiting += 1
            else:
                finding.faults.append(f"the mail about item {item} of {key} was never tried")
    return finding


def _went_back(taken: Sequence[str], answer: str) -> bool:
    """Whether an answer is one before the last that was taken. Another that nobody was told of may have followed, the
    same too; but who has not taken a decline back accepts and declines once."""
    if answer == taken[-1] or answer not in {Answer.ACCEPTED, Answer.DECLINED}:
        return False
    undone = max((at for at, one in enumerate(taken) if one == Answer.UNDONE), default=0)
    return answer in taken[undone:-1]


def _named(row: Sent) -> str:
    return f"{row.topic} {row.key} revision {row.revision}"


def _seconds(age: timedelta) -> str:
    return f"{age.total_seconds():.0f} s"
