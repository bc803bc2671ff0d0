"""What topics say of readers' and writers' rows (I5), the order of revisions (I6), that nothing was skipped (I9)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from aiokafka import TopicPartition

from chassis.parked import KEPT as PARKED_KEPT
from chassis.retention import OUTBOX_KEPT
from contracts.topics import verdicts
from contracts.verdicts import Verdict
from geleit.audit.finding import Finding, Invariant
from geleit.audit.store import Counted, Fold, Kept
from geleit.audit.stream import Marks, Read, time_of


def rows_are_folds(kept: Mapping[str, Kept], topics: Mapping[str, Read]) -> Finding:
    """I5: who reads has a row for each key that was handled, and in it what the state of its revision says; so has who
    writes."""
    finding = Finding(Invariant.I5)
    for service, one in kept.items():
        for fold, rows in one.folded:
            read = topics[fold.topic.name]
            handled = _handled(one, read)
            finding.checked += len(handled.keys() | rows.keys())
            finding.waiting += len(read.newest.keys() - handled.keys() - rows.keys() - one.set_aside(read))
            where = f"{service}, {fold.topic.name}"
            finding.faults += [f"{where}: {key} was handled and has no row" for key in handled.keys() - rows.keys()]
            for key, row in rows.items():
                if fault := _differs(fold, read, key, row):
                    finding.faults.append(f"{where}: {key} {fault}")
        for fold, rows in one.written:
            # What is not told yet waits in the outbox (I8); what the topic is beyond is out of order (I6).
            newest = topics[fold.topic.name].newest
            told = {key: row for key, row in rows.items() if key in newest and newest[key].revision == row[0]}
            finding.checked += len(told)
            for key, row in told.items():
                if fault := _differs(fold, topics[fold.topic.name], key, row):
                    finding.faults.append(f"{service} writes {fold.topic.name}: {key} {fault}")
    return finding


def _differs(fold: Fold, read: Read, key: str, row: tuple[object, ...]) -> str | None:
    """How a row differs from what its topic says; None too where its revision is no longer the newest one."""
    newest = read.newest.get(key)
    held = row[0]
    assert isinstance(held, int), "the first column of a fold is a revision"
    if newest is None or held > newest.revision:
        return f"has revision {held}, and the topic ends with {newest.revision if newest else 'none'}"
    says = [columns(newest) for columns in (fold.columns, fold.erased) if columns]
    if held == newest.revision and says and row not in says:
        return f"differs from the topic in revision {held}"
    return None


def revisions_ascend(kept: Mapping[str, Kept], topics: Mapping[str, Read], marks: Marks) -> Finding:
    """I6: a writer numbers without gaps, its topic keeps that order in one partition, no reader is behind what it
    has handled."""
    finding = Finding(Invariant.I6)
    for service, one in kept.items():
        for fold, rows in one.written:
            read, written = topics[fold.topic.name], {key: row[0] for key, row in rows.items()}
            finding.checked += len(written)
            _numbered(finding, one, read, written)
            _in_order(finding, read, written, marks)
        for fold, rows in one.folded:
            for key, revision in _handled(one, topics[fold.topic.name]).items():
                if key in rows and (held := rows[key][0]) < revision:
                    finding.faults.append(f"{service} handled {fold.topic.name} {key} {revision} and holds {held}")
    _verdicts_in_order(finding, kept["intake"], topics, marks)
    return finding


def _verdicts_in_order(finding: Finding, intake: Kept, topics: Mapping[str, Read], marks: Marks) -> None:
    """Of a reference's verdicts; they are counted where it is kept, and those from before a restore leave gaps."""
    counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in intake.own["reference"]:
        counted[verdicts(row["centre"]).name][row["reference"]] = row["verdicts"]
    for read in topics.values():
        if read.topic.schema is Verdict:
            written = counted[read.topic.name]
            finding.checked += len(written)
            _in_order(finding, replace(read, told=read.since(intake.started)), written, marks)


def _numbered(finding: Finding, kept: Kept, read: Read, written: Mapping[str, int]) -> None:
    topic = read.topic.name
    sent: defaultdict[str, list[int]] = defaultdict(list)
    # What was sent long ago is forgotten, from the first revision on.
    forgotten = kept.now - kept.started > OUTBOX_KEPT
    told_again: set[str] = set()
    for row in kept.outbox:
        if row.topic == topic:
            if row.key not in sent and row.created_at <= kept.started:
                # A restore tells everything again as it stands, and counts the service's start from there.
                told_again.add(row.key)
            sent[row.key].append(row.revision)
    for key in written.keys() | sent.keys():
        last, found = written.get(key, 0), sent[key]
        first = (found[0] if found else last + 1) if forgotten or key in told_again else 1
        if found != list(range(first, last + 1)):
            finding.faults.append(f"{topic} {key}: the outbox has {found} of {last}")
        elif not found and last > (told := read.newest[key].revision if key in read.newest else 0):
            # The outbox forgets what was sent, and a compacted topic keeps the last of it.
            finding.faults.append(f"{topic} {key}: the topic ends with {told or 'none'} of {last}, and nothing waits")


def _in_order(finding: Finding, read: Read, written: Mapping[str, int], marks: Marks) -> None:
    topic = read.topic.name
    told: defaultdict[str, list[int]] = defaultdict(list)
    for one in read.told:
        told[one.key].append(one.revision)
        if one.partition != one.home:
            finding.faults.append(f"{topic} {one.key}: revision {one.revision} is not in its partition")
        known = one.offset < marks.ends[TopicPartition(topic, one.partition)]
        if known and one.revision > written.get(one.key, 0):
            finding.faults.append(f"{topic} {one.key}: tells {one.revision} of {written.get(one.key, 'nothing')}")
    for key, revisions in told.items():
        # A row that was sent again is not out of order.
        first_time = list(dict.fromkeys(revisions))
        if first_time != sorted(first_time) or revisions[-1] != first_time[-1]:
            finding.faults.append(f"{topic} {key}: tells {revisions}")


def everything_accounted(
    kept: Mapping[str, Kept], topics: Mapping[str, Read], marks: Marks, patience: timedelta
) -> Finding:
    """I9: what a group has committed is counted, what nobody can read is parked, and nothing stays unread for long.

    Compaction takes records away after they were counted: at least as many are counted as are still there, and at
    most as many as there ever were.
    """
    finding = Finding(Invariant.I9)
    for service, one in kept.items():
        for place in sorted(place for place in marks.ends if place.topic in one.reads):
            read, counted = topics[place.topic], one.counted.get((place.topic, place.partition), Counted())
            sum_of = counted.handled + counted.parked + counted.ignored
            finding.checked += sum_of
            there = read.offsets.get(place.partition, {})
            below = sum(offset < counted.next for offset in there)
            # After a restore all is read anew.
            ages = [
                one.now - max(time_of(at), one.started)
                for offset, at in there.items()
                if offset >= counted.next and at is not None
            ]
            old = [age for age in ages if age >= patience]
            finding.waiting += len(there) - below - len(old)
            where = f"{service}, {place.topic}/{place.partition}"
            if old:
                finding.faults.append(f"{where}: {len(old)} records wait for up to {max(old).total_seconds():.0f} s")
            committed = marks.committed[service].get(place, 0)
            skipped = sum(counted.next <= offset < committed for offset in there)
            if skipped:
                finding.faults.append(f"{where}: {skipped} records are committed and not counted")
            if not below <= sum_of <= counted.next:
                finding.faults.append(f"{where}: {sum_of} are counted of {below} to {counted.next}")
            if counted.next > read.ends[place.partition]:
                ends = read.ends[place.partition]
                finding.faults.append(f"{where}: counted to {counted.next}, and the topic ends at {ends}")
            finding.faults += [
                f"{where}/{offset}: cannot be read and is not parked"
                for partition, offset, at in read.unreadable
                if partition == place.partition
                and offset < counted.next
                and (place.topic, partition, offset) not in one.parked
                and one.now - time_of(at) < PARKED_KEPT
            ]
    return finding


def _handled(kept: Kept, read: Read) -> dict[str, int]:
    """The newest revision of each key that a service has handled; what it parked it has not."""
    found: dict[str, int] = {}
    for one in read.told:
        place = read.topic.name, one.partition
        if one.offset < kept.counted.get(place, Counted()).next and (*place, one.offset) not in kept.parked:
            found[one.key] = max(found.get(one.key, 0), one.revision)
    return found
