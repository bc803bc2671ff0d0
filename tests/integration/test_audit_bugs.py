"""Known bugs, switched back on one at a time: the auditor finds each, by the name of what it breaks, and no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import chassis.relay
import chassis.stream
import intake.handlers
import intake.store
import matching.decisions
import matching.store
import matching.store.cares
import matching.store.load
import notifications.handlers
import reporting.store
from audit_ground import A_CASE, Ground, of
from builders import REUTLINGEN, TUEBINGEN, a_household
from chassis.backoff import Backoff
from chassis.consumer import Consumer
from chassis.database import Connection, Tx
from chassis.health import Health
from chassis.relay import Relay
from contracts.record import Record, State, cloud_event
from contracts.topics import HOME_PARTITIONS, HOUSEHOLDS
from contracts.vocabulary import Answer, Outcome
from contracts.zone import day_of
from e2e.rest import parked
from geleit.audit.journal import Journal
from geleit.spans import spans_dir
from intake.store import Head as Reference
from matching import handing_over, handlers
from matching.domain import Absence, Carried
from matching.handing_over import Reason, Wanted
from matching.lifecycle import Care, Step
from matching.receipts import GENESIS, Head
from matching.roster.change import add_absence
from matching.roster.rows import manager_id
from notifications.domain import Wish
from notifications.web.answering import give
from stream import eventually, send

pytestmark = pytest.mark.own_servers

LONG_AGO = timedelta(hours=-1)
UNITS_OF_A_QUARTER = 300
"""Of a post: less one case from before leaves room for one and no second."""
ANNA = f"A;Anna;P;1;{TUEBINGEN};uk"


# Relays


class FromTheLastId(Relay):
    """Reads on from the last id it has seen."""

    async def _send_all(self, connection: Connection, stop: asyncio.Event, backoff: Backoff) -> None:
        last = 0
        async with self._producer() as producer:
            while not stop.is_set():
                rows = await connection.fetch(
                    "select *, xmin::text::bigint as version from outbox where id > $1 order by id", last
                )
                if rows:
                    await self._send(connection, producer, rows)
                    last = rows[-1]["id"]
                else:
                    await self._woken(stop, chassis.relay.POLL_SECONDS)


@pytest.mark.parametrize(("kind", "names"), [(Relay, []), (FromTheLastId, ["I8"])])
async def test_a_relay_that_reads_on_from_the_last_id_loses_who_commits_late(
    ground: Ground, kind: type[Relay], names: list[str]
) -> None:
    ground.clock.now += LONG_AGO
    sent = "select count(*) from outbox where published_at is not null"
    async with ground.relaying("intake", kind):
        async with ground.databases["intake"].transaction() as late:
            await ground.registered("late", tx=late)
            await ground.registered("early")
            await eventually(lambda: ground.ask("intake", f"{sent} having count(*) >= 1"))
        # The relay has looked again when this one is sent.
        last = await ground.registered("last")
        await eventually(lambda: ground.ask("intake", "select published_at from outbox where key = $1", str(last)))
    assert [*await ground.broken()] == names


async def claimed(tx: Tx) -> Sequence[asyncpg.Record]:
    columns = "*, xmin::text::bigint as version"
    return await tx.fetch(
        f"select {columns} from outbox where published_at is null order by id limit 1 for update skip locked"
    )


async def test_two_relays_that_skip_each_others_rows_turn_the_order_round(ground: Ground) -> None:
    await ground.registered("H")
    await ground.corrected("H", languages=["ru"])
    relay, database = ground.a_relay("intake"), ground.databases["intake"]
    async with relay._producer() as producer, database.transaction() as slow:
        older = await claimed(slow)
        async with database.transaction() as fast:
            await relay._send(fast.connection, producer, await claimed(fast))
        await relay._send(slow.connection, producer, older)
    assert [*await ground.broken()] == ["I6"]


async def test_a_relay_that_wakes_up_after_its_lock_was_lost_ends_a_topic_with_what_is_old(ground: Ground) -> None:
    await ground.registered("H")
    relay = ground.a_relay("intake")
    async with relay._producer() as producer:
        async with ground.databases["intake"].transaction() as tx:
            stalled = await tx.fetch(chassis.relay._SELECT, 100, [])
        await ground.corrected("H", languages=["ru"])
        await ground.relay("intake")
        await relay._send_partition(producer, HOUSEHOLDS.name, stalled[0]["partition"], stalled)
    assert [*await ground.broken()] == ["I6"]


async def test_verdicts_on_one_reference_that_are_told_in_another_order_are_found(ground: Ground) -> None:
    for _ in range(2):
        await ground.submitted("K-1")
    await ground.consume("intake")
    relay = ground.a_relay("intake")
    async with relay._producer() as producer, ground.databases["intake"].transaction() as tx:
        for row in await tx.fetch(
            "select *, xmin::text::bigint as version from outbox where topic like 'verdicts.%' order by id desc"
        ):
            await relay._send(tx.connection, producer, [row])
    await ground.relay("intake")
    assert [*await ground.broken()] == ["I6"]


class IgnoresPartitions(Relay):
    """Publishes as `publish_batch` does: the partition is whichever comes next, not the key's."""

    async def _send(self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
        for number, row in enumerate(rows):
            told = cloud_event(
                id=row["ce_id"], type=row["ce_type"], source=self._source, time=row["created_at"], traceparent=None
            )
            place = number % HOME_PARTITIONS
            await producer.send_and_wait(
                row["topic"], row["payload"], key=row["key"].encode(), partition=place, headers=told
            )
        await self._mark(connection, rows)


class MarksFirst(Relay):
    """Marks what it is about to send, and dies."""

    async def _send(self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
        await self._mark(connection, rows)


class SendsTheNewest(Relay):
    """Sends the last revision of each key and marks all: a topic that compacts would keep no other."""

    async def _send(self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
        newest = {row["key"]: row for row in rows}
        await super()._send(connection, producer, list(newest.values()))
        await self._mark(connection, [row for row in rows if row not in newest.values()])


@pytest.mark.parametrize(
    ("kind", "names"), [(Relay, []), (IgnoresPartitions, ["I6"]), (MarksFirst, ["I8"]), (SendsTheNewest, ["I8"])]
)
async def test_a_relay_keeps_a_household_together_and_marks_what_it_has_sent(
    ground: Ground, kind: type[Relay], names: list[str]
) -> None:
    await ground.registered("H")
    await ground.corrected("H", languages=["ru"])
    await ground.relay("intake", kind)
    assert [*await ground.broken()] == names


class NeverLooksAgain(Relay):
    """Relies on being woken, on a connection that has lost its listeners."""

    def _on_notify(self, *_: object) -> None:
        pass


async def test_a_wake_up_that_is_lost_is_lost_for_ever_without_polling(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.relay, "POLL_SECONDS", 3600.0)
    ground.clock.now += LONG_AGO
    waiting = asyncio.Event()

    class Waits(NeverLooksAgain):
        async def _woken(self, stop: asyncio.Event, seconds: float) -> None:
            waiting.set()
            await super()._woken(stop, seconds)

    async with ground.relaying("intake", Waits):
        await waiting.wait()
        await ground.registered("H")
        assert [*await ground.broken()] == ["I8"]


# Consumers


class Raises(Consumer):
    """Fails on what it reads."""

    async def consume(self, raws: Sequence[ConsumerRecord], stop: asyncio.Event) -> None:
        raise ZeroDivisionError


async def test_an_acknowledgement_although_the_handler_raised_skips_a_record(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.stream, "AckPolicy", SimpleNamespace(NACK_ON_ERROR=AckPolicy.ACK))
    await ground.registered("H")
    await ground.relay("intake")

    async def committed() -> int:
        return sum(one.offset for one in (await ground.admin.list_consumer_group_offsets("reporting")).values())

    one = ground.services["reporting"]
    async with ground.subscribed("reporting", Raises(ground.databases["reporting"], one.vault(), one.on, Health())):
        await eventually(committed)
    assert [*await ground.broken()] == ["I9"]


async def test_a_partition_that_nobody_reads_does_not_wait_for_ever(ground: Ground) -> None:
    await ground.registered("H")
    await ground.relay("intake")
    assert await ground.broken() == {}
    broken = await ground.broken(patience=timedelta(milliseconds=1))
    assert list(broken) == ["I9"]
    assert all("1 records wait for" in fault for fault in broken["I9"])


async def test_offsets_that_are_committed_before_the_transaction_are_lost_with_the_process(ground: Ground) -> None:
    await ground.registered("lost")
    await ground.relay("intake")
    async with ground.reading("reporting") as reader:
        for raws in [await reader.getmany(timeout_ms=5000)]:
            assert raws
            await reader.commit()
    assert [*await ground.broken()] == ["I9"]
    await ground.registered("next")
    await ground.relay("intake")
    await ground.consume("reporting")
    assert [*await ground.broken()] == ["I5", "I9"]


async def test_a_group_that_begins_at_the_end_never_sees_what_was_there(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber = KafkaBroker.subscriber

    def from_the_end(self: KafkaBroker, *topics: str, **options: Any) -> Any:
        return subscriber(self, *topics, **options | {"auto_offset_reset": "latest"})

    monkeypatch.setattr(KafkaBroker, "subscriber", from_the_end)
    numbers = count(1)
    await ground.registered("unseen")
    await ground.relay("intake")
    async with ground.subscribed("reporting"):

        async def seen() -> bool:
            # Until the group has found its beginning, which is where the topic ends at that moment.
            await ground.registered(f"later-{next(numbers)}")
            await ground.relay("intake")
            return bool(await ground.ask("reporting", "select exists (select from consumed)"))

        await eventually(seen)
    assert [*await ground.broken()] == ["I5", "I9"]


async def test_without_the_check_of_revisions_a_late_record_takes_a_row_back(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchecked = reporting.store.FOLD_HOUSEHOLDS.replace("where t.revision < excluded.revision", "")
    monkeypatch.setattr(reporting.store, "FOLD_HOUSEHOLDS", unchecked)
    await ground.registered("H")
    await ground.corrected("H", languages=["ru"])
    await ground.relay("intake")
    first, *_ = await ground.raws("reporting", HOUSEHOLDS.name)
    await ground.consume("reporting")
    assert await ground.broken() == {}
    # As after a rebalance, when another instance still holds an old batch.
    await ground.a_consumer("reporting").consume([first], asyncio.Event())
    assert [*await ground.broken()] == ["I6"]


async def test_a_fold_that_leaves_out_a_column_differs_from_its_topic(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    partly = reporting.store.FOLD_CARES.replace("manager = excluded.manager, weight = excluded.weight,", "")
    monkeypatch.setattr(reporting.store, "FOLD_CARES", partly)
    await ground.begin(ANNA)
    await ground.registered("H", TUEBINGEN)
    await ground.flow()
    assert [*await ground.broken()] == ["I5"]


async def test_a_record_that_is_parked_is_no_fault_but_where_none_should_be(ground: Ground) -> None:
    await ground.registered("H")
    await ground.relay("intake")
    await ground.consume("reporting")
    assert await parked(ground.databases) == []
    told = [("ce_type", a_household().ce_type.encode())]
    await send(ground.broker.servers, HOUSEHOLDS.name, [("k", b"{not json", told)])
    await ground.consume("reporting")
    assert await ground.broken() == {}
    assert await parked(ground.databases) == ["parked: reporting, households/0/0: schema:json_invalid"]


async def test_a_parked_record_that_is_dropped_is_missed(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dropped(*_: object) -> None:
        return None

    monkeypatch.setattr(Consumer, "_park", dropped)
    told = [("ce_type", a_household().ce_type.encode())]
    await send(ground.broker.servers, HOUSEHOLDS.name, [("k", b"{not json", told)])
    await ground.consume("reporting")
    assert [*await ground.broken()] == ["I9"]


# Writers


@pytest.mark.parametrize(("locked", "names"), [(True, []), (False, ["I6"])])
async def test_two_corrections_that_do_not_lock_give_out_one_revision_twice(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, locked: bool, names: list[str]
) -> None:
    await ground.registered("H")

    async def without_lock(tx: Tx, centre: str, references: Any) -> dict[str, Reference]:
        rows = await tx.fetch(
            "select reference, household, verdicts from reference where centre = $1 and reference = any($2::text[])",
            centre,
            list(references),
        )
        return {row["reference"]: Reference(row["household"], row["verdicts"]) for row in rows}

    if not locked:
        monkeypatch.setattr(intake.store, "lock_references", without_lock)
    async with asyncio.TaskGroup() as group, ground.databases["intake"].transaction() as tx:
        await ground.corrected("H", tx=tx, languages=["ru"])
        group.create_task(corrected(ground, languages=["fr"]))
        await eventually(ground.waits_for_a_lock)
    assert [*await ground.broken()] == names


async def corrected(ground: Ground, **facts: Any) -> None:
    await ground.corrected("H", **facts)


async def test_what_is_told_of_whom_it_was_with_before_differs_from_its_writers_row(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = matching.decisions._told

    def of_before(tx: Tx, basis: Any, step: Step, care: Care, spoke: Any) -> State:
        before = step.case.care
        return told(tx, basis, step, replace(care, manager=before.manager) if before else care, spoke)

    monkeypatch.setattr(matching.decisions, "_told", of_before)
    await ground.begin(ANNA, f"B;Berta;P;1;{REUTLINGEN};uk")
    await ground.registered("H", TUEBINGEN)
    await ground.flow()
    assert await ground.broken() == {}
    await ground.corrected("H", municipality=REUTLINGEN)
    await ground.flow()
    broken = await ground.broken()
    assert list(broken) == ["I5"]
    assert "matching writes assignments" in broken["I5"][0]


async def test_an_answer_before_the_commit_promises_what_is_not_there(ground: Ground) -> None:
    journal = Journal()

    async def answers_and_dies() -> None:
        async with ground.databases["intake"].transaction() as tx:
            journal.taken.add(("H", await ground.registered("H", tx=tx)))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await answers_and_dies()
    assert [*await ground.broken(journal=journal)] == ["I1"]


async def test_a_correction_and_an_answer_before_the_commit_promise_what_is_not_there(ground: Ground) -> None:
    await ground.begin(f"A;Anna;P;1;{TUEBINGEN};uk")
    household = await ground.registered("H", TUEBINGEN)
    await ground.flow()
    journal = Journal()

    async def dies(service: str, work: Callable[[Tx], Awaitable[object]]) -> None:
        with suppress(ConnectionResetError):
            async with ground.databases[service].transaction() as tx:
                await work(tx)
                raise ConnectionResetError

    await dies("intake", lambda tx: ground.corrected("H", tx, languages=["fr"]))
    journal.revise(household, 2)
    await dies("notifications", lambda tx: give(tx, household, Wish(1, Answer.ACCEPTED, None)))
    journal.answer(household, 1, "accepted")
    broken = await ground.broken(journal=journal)
    assert {name: len(faults) for name, faults in broken.items()} == {"I1": 2}


async def test_a_second_answer_before_the_commit_leaves_the_first(ground: Ground) -> None:
    await ground.begin(f"A;Anna;P;1;{TUEBINGEN};uk")
    household = await ground.registered("H", TUEBINGEN)
    await ground.flow()
    journal = Journal()
    async with ground.databases["notifications"].transaction() as tx:
        await give(tx, household, Wish(1, Answer.ACCEPTED, None))
    journal.answer(household, 1, "accepted")
    await ground.flow()
    assert await ground.broken(journal=journal) == {}
    journal.answer(household, 1, "contacted")
    assert [*await ground.broken(journal=journal)] == ["I1"]


async def test_a_record_that_is_delivered_again_is_ruled_twice_by_who_does_not_look(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> set[object]:
        return set()

    monkeypatch.setattr(intake.store, "seen", nothing)
    async with ground.owner() as owner:
        await owner.execute("drop index intake.verdict_place")
    await ground.submitted("K")
    raws = await ground.raws("intake", "submissions.karlsruhe")
    for _ in range(2):
        await ground.a_consumer("intake").consume(raws, asyncio.Event())
    assert [*await ground.broken()] == ["I2"]


async def test_a_verdict_that_is_told_otherwise_than_the_book_has_it_is_found(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.submitted("K-1")
    await ground.consume("intake")
    await ground.relay("intake")
    assert await ground.broken() == {}
    monkeypatch.setattr(intake.handlers, "outcome_of", lambda _: Outcome.REJECTED)
    await ground.submitted("K-2")
    await ground.consume("intake")
    await ground.relay("intake")
    assert [*await ground.broken()] == ["I2"]


# Decisions


# The second receipt tells of a load that was not hers any more: it is not made again.
@pytest.mark.parametrize(("guarded", "names"), [(True, []), (False, ["I4", "I10"])])
async def test_without_guard_and_lock_two_decisions_take_a_manager_over_capacity(
    ground: Ground,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
    names: list[str],
) -> None:
    await ground.begin(f"A;Anna;P;0,25;{TUEBINGEN} {REUTLINGEN};uk;;{UNITS_OF_A_QUARTER - A_CASE}")
    households = [await ground.registered(town, town) for town in (TUEBINGEN, REUTLINGEN)]
    await ground.relay("intake")
    raws = await ground.raws("matching", HOUSEHOLDS.name)
    if not guarded:
        await without_any_guard(ground, monkeypatch)
    decided, go_on = asyncio.Event(), asyncio.Event()

    async def decides_and_waits(batch: Sequence[Record[Any]], tx: Tx) -> Sequence[State]:
        told = await handlers.on_households(batch, tx)
        decided.set()
        await go_on.wait()
        return told

    other = await ground.another("matching")
    vault, stop = ground.services["matching"].vault(), asyncio.Event()
    first = Consumer(ground.databases["matching"], vault, {HOUSEHOLDS: decides_and_waits}, Health())
    second = Consumer(other, vault, {HOUSEHOLDS: handlers.on_households}, Health())
    async with asyncio.TaskGroup() as group:
        group.create_task(first.consume([of(raws, households[0])], stop))
        await decided.wait()
        group.create_task(second.consume([of(raws, households[1])], stop))
        await eventually(ground.waits_for_a_lock)
        go_on.set()
    assert [*await ground.broken()] == names


@pytest.mark.parametrize(("looks_again", "names"), [(True, []), (False, ["I4"])])
async def test_a_handover_that_does_not_look_again_takes_its_receiver_over_capacity(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, looks_again: bool, names: list[str]
) -> None:
    await ground.begin(ANNA, f"B;Berta;P;0,25;{TUEBINGEN};;;{UNITS_OF_A_QUARTER - A_CASE}")
    await decided(ground, "H-1")
    async with ground.databases["matching"].transaction() as tx:
        assert await add_absence(tx, manager_id("P", "A"), Absence(day_of(tx.now), None))
        plan = await handing_over.propose(tx, Wanted(Reason.ABSENT))
        assert plan
        assert await handing_over.confirm(tx, plan)
    await decided(ground, "H-2")
    if not looks_again:
        monkeypatch.setattr(handing_over, "stopped_moves", lambda *_: {})
    async with ground.databases["matching"].transaction() as tx:
        await tx.publish(await handing_over.carry_on(tx, plan))
    assert await ground.ask("matching", "select count(*) from care where status = 'proposed'") == 2
    assert [*await ground.broken()] == names


async def decided(ground: Ground, reference: str) -> None:
    await ground.registered(reference, TUEBINGEN)
    await ground.relay("intake")
    await ground.consume("matching")


async def without_any_guard(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock before deciding, no condition in the statement, no check in the table."""

    async def without_lock(tx: Tx, ids: Any) -> dict[Any, Carried]:
        rows = await tx.fetch("select id, load, new_cases from manager where id = any($1::uuid[])", list(ids))
        return {row["id"]: Carried(row["load"], row["new_cases"]) for row in rows}

    guarded = matching.store.query("write_loads")
    monkeypatch.setattr(matching.store, "lock_managers", without_lock)
    monkeypatch.setattr(matching.store.load, "query", lambda _: guarded.rpartition("\n  and ")[0])
    async with ground.owner() as owner:
        check = await owner.fetchval(
            "select conname from pg_constraint where conrelid = 'matching.manager'::regclass"
            " and pg_get_constraintdef(oid) like '%load <= (capacity + tolerated)%'"
        )
        await owner.execute(f"alter table matching.manager drop constraint {check}")


async def test_an_assignment_that_is_not_ended_gives_a_household_two_managers(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ends_nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(matching.store.cares, "_end_assignments", ends_nothing)
    async with ground.owner() as owner:
        await owner.execute("drop index matching.assignment_one_active")
    await ground.begin(ANNA, f"B;Berta;P;1;{REUTLINGEN};uk")
    await ground.registered("H", TUEBINGEN)
    await ground.relay("intake")
    await ground.consume("matching")
    await ground.corrected("H", municipality=REUTLINGEN)
    await ground.relay("intake")
    await ground.consume("matching")
    assert [*await ground.broken()] == ["I3"]


async def test_a_chain_that_is_not_read_on_from_its_end_breaks(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    lock_heads = matching.store.lock_heads

    async def forgets_the_hash(tx: Tx, districts: Any) -> dict[str, Head]:
        return {name: Head(head.position, GENESIS) for name, head in (await lock_heads(tx, districts)).items()}

    monkeypatch.setattr(matching.store, "lock_heads", forgets_the_hash)
    await ground.begin(ANNA)
    for reference in ("H-1", "H-2"):
        await ground.registered(reference, TUEBINGEN)
        await ground.relay("intake")
        await ground.consume("matching")
    assert [*await ground.broken()] == ["I10"]


async def test_a_receipt_that_is_linked_to_another_decision_does_not_lead_to_its_own(ground: Ground) -> None:
    await ground.begin(ANNA, f"B;Berta;P;1;{REUTLINGEN};uk")
    for reference, town in (("H-1", TUEBINGEN), ("H-2", REUTLINGEN)):
        await ground.registered(reference, town)
        await ground.relay("intake")
        await ground.consume("matching")
    assert await ground.broken() == {}
    async with ground.owner() as owner:
        await owner.execute(
            "update matching.decision_link l set district = o.district, position = o.position"
            " from matching.decision_link o where o.household <> l.household"
        )
    faults = (await ground.broken())["I10"]
    assert [" has it" in fault for fault in faults].count(True) == 2


@pytest.mark.parametrize(
    ("sql", "names", "says"),
    [
        ("delete from matching.assignment where ended_at is not null", ["I10"], "nobody has it"),
        ("update matching.chain_head set hash = sha256('')", ["I10"], "does not end with its head"),
        ("update matching.chain_head set position = position - 1", ["I10"], "does not end with its head"),
        ("update matching.care set receipt = sha256('')", ["I10"], "has another receipt"),
    ],
)
async def test_what_a_receipt_stands_for_is_there(ground: Ground, sql: str, names: list[str], says: str) -> None:
    await ground.begin(ANNA, f"B;Berta;P;1;{REUTLINGEN};uk")
    await decided(ground, "H")
    await ground.corrected("H", municipality=REUTLINGEN)
    await ground.relay("intake")
    await ground.consume("matching")
    assert await ground.broken() == {}
    async with ground.owner() as owner:
        await owner.execute(sql)
    broken = await ground.broken()
    assert list(broken) == names
    assert says in broken["I10"][0]


async def test_a_message_that_is_not_written_with_its_item_is_missed(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def after_the_commit(*_: object) -> int:
        return 0

    monkeypatch.setattr(notifications.handlers, "announce", after_the_commit)
    await ground.begin(ANNA)
    await ground.registered("H", TUEBINGEN)
    await ground.flow()
    assert [*await ground.broken()] == ["I7"]


async def test_an_errand_that_nobody_runs_leaves_a_mail_untried(ground: Ground) -> None:
    await ground.begin(ANNA)
    await ground.registered("H", TUEBINGEN)
    await ground.relay("intake")
    await ground.consume("matching")
    await ground.relay("matching")
    await ground.consume("notifications")
    assert await ground.broken() == {}
    await ground.ask("notifications", "update message set created_at = created_at - interval '1 hour' returning true")
    assert [*await ground.broken()] == ["I7"]
    # As a process leaves it that dies whenever it has claimed.
    await ground.ask("notifications", "update message set attempts = 3, claimed_at = created_at returning true")
    assert [*await ground.broken()] == ["I7"]
    # As after "Retry all".
    await ground.ask("notifications", "update message set last_error_code = 'smtp_550' returning true")
    assert await ground.broken() == {}


# Names


async def test_a_name_in_a_span_is_found(ground: Ground, tmp_path: Path) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("register household") as span:
        span.set_attribute("geleit.person", "Oksana Melnyk")
    folder = spans_dir(tmp_path)
    folder.mkdir()
    lines = [
        orjson.dumps({"name": one.name, "attributes": dict(one.attributes or {})})
        for one in exporter.get_finished_spans()
    ]
    (folder / "spans.jsonl").write_bytes(b"\n".join(lines))
    found = await ground.broken(canaries=["Melnyk"], state_dir=tmp_path)
    assert found == {"I11": ["spans/spans.jsonl: 1 times"]}


async def test_a_name_in_a_record_or_a_row_or_an_export_is_found(ground: Ground, tmp_path: Path) -> None:
    await ground.registered("Melnyk-7")
    async with ground.databases["intake"].transaction() as tx:
        await tx.audit("household.read", "Melnyk")
    export = tmp_path / "export.csv"
    export.write_text("reference;name\nH;Oksana\n")
    await send(ground.broker.servers, HOUSEHOLDS.name, [("k", b"", [("x-name", b"Oksana")])])
    (found,) = (await ground.broken(canaries=["Melnyk", "Oksana"], files=[export])).values()
    places = [one.partition(":")[0] for one in found]
    tables = {"table intake.audit", "table intake.household", "table intake.reference", "table intake.verdict"}
    assert set(places) == {f"{tmp_path.name}/export.csv", *tables, f"topic {HOUSEHOLDS.name}"}
