"""The outbox and its relay: nothing that was rolled back, everything that was committed, in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

import chassis.relay
from builders import a_household, a_municipality
from chassis import failpoint
from chassis.broker import Broker
from chassis.database import AWAY, Database
from chassis.failpoint import Injected
from chassis.health import Health
from chassis.outbox import StateTooLarge
from chassis.relay import Relay
from chassis.topics import TopicDiffers, create_topics
from contracts.municipalities import Municipality
from contracts.record import event_id
from contracts.topics import HOME_PARTITIONS, Topic, all_topics
from stream import at_work, eventually, read_to_the_end

NO_PRODUCER: Any = None


@pytest.fixture
async def topics(kafka_bootstrap: str) -> None:
    await create_topics(Broker(kafka_bootstrap), all_topics(["karlsruhe"]))


@asynccontextmanager
async def relaying(probe: Database, kafka_bootstrap: str, kind: type[Relay] = Relay) -> AsyncIterator[None]:
    relay = kind(probe, service="probe", broker=Broker(kafka_bootstrap), batch=500, health=Health())
    async with at_work(relay.run):
        yield


def everything_sent(probe: Database) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        async with probe.transaction() as tx:
            return bool(await tx.fetchval("select not exists (select from outbox where published_at is null)"))

    return check


async def test_what_is_rolled_back_is_never_sent(probe: Database) -> None:
    async def fails() -> None:
        async with probe.transaction() as tx:
            await tx.publish([a_municipality()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with probe.transaction() as tx:
        assert await tx.fetchval("select count(*) from outbox") == 0


async def test_a_state_that_no_broker_would_take_never_reaches_the_outbox(probe: Database) -> None:
    grown = a_municipality(ags="08000001").model_copy(update={"name": "n" * 1_000_000})
    with pytest.raises(StateTooLarge):
        async with probe.transaction() as tx:
            await tx.publish([a_municipality(), grown])
    async with probe.transaction() as tx:
        assert await tx.fetchval("select count(*) from outbox") == 0


async def test_records_arrive_in_order_at_their_home_with_their_headers(
    probe: Database, kafka_bootstrap: str, topics: None
) -> None:
    households = [a_household(municipality=f"08{number % 40 + 100:03d}001") for number in range(50)]
    revisions = [one.model_copy(update={"revision": revision}) for revision in range(1, 21) for one in households]
    async with relaying(probe, kafka_bootstrap):
        for start in range(0, len(revisions), 100):
            async with probe.transaction() as tx:
                await tx.publish(revisions[start : start + 100])
        await eventually(everything_sent(probe))
    ours = {one.key for one in households}
    found = [one for one in await read_to_the_end(kafka_bootstrap, "households") if one.key.decode() in ours]
    assert len(found) == len(revisions)
    assert len({one.partition for one in found}) == HOME_PARTITIONS
    by_id = {str(event_id(state)): state for state in revisions}
    last: dict[str, int] = {}
    for record in sorted(found, key=lambda one: (one.partition, one.offset)):
        state = by_id[dict(record.headers)["ce_id"].decode()]
        assert record.partition == state.home
        assert state.revision == last.get(state.key, 0) + 1
        last[state.key] = state.revision
    assert dict(found[0].headers)["ce_source"] == b"/geleit/probe"


async def test_what_a_clock_far_ahead_has_written_is_sent_and_stops_nothing_behind_it(
    probe: Database, kafka_bootstrap: str, topics: None
) -> None:
    ahead, behind = a_municipality(ags="08999998", revision=2), a_municipality(ags="08999999", revision=2)
    async with probe.transaction() as tx:
        await tx.publish([ahead])
        await tx.execute("update outbox set created_at = created_at + interval '1 day'")
    async with probe.transaction() as tx:
        await tx.publish([behind])
    async with relaying(probe, kafka_bootstrap):
        await eventually(everything_sent(probe))
    ours = {ahead.key, behind.key}
    found = [one.key.decode() for one in await read_to_the_end(kafka_bootstrap, "municipalities")]
    assert [key for key in found if key in ours] == [ahead.key, behind.key]


async def test_a_topic_that_is_not_there_keeps_no_other_from_being_sent(
    probe: Database, kafka_bootstrap: str, topics: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.relay, "LOOK_AGAIN_SECONDS", 1.0)
    gone, health = f"gone-{uuid4().hex[:8]}", Health()
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(ags=f"08{number:06d}", revision=78) for number in range(20)])
        await tx.execute("update outbox set topic = $1", gone)
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(ags="08999997", revision=78)])
    # More wait in front for the one that is not there than are selected at once.
    relay = Relay(probe, service="probe", broker=Broker(kafka_bootstrap), batch=5, health=health)

    async def unsent() -> int:
        async with probe.transaction() as tx:
            return int(await tx.fetchval("select count(*) from outbox where published_at is null"))

    async def all_but_the_gone() -> bool:
        return await unsent() == 20

    async def is_ready() -> bool:
        return health.ready

    async with at_work(relay.run):
        await eventually(all_but_the_gone, within=10)
        assert not health.ready
        await create_topics(Broker(kafka_bootstrap), [Topic(gone, Municipality, "probe")])
        await eventually(everything_sent(probe), within=10)
        await eventually(is_ready)


async def test_two_relays_send_each_row_once(probe: Database, kafka_bootstrap: str, topics: None) -> None:
    states = [a_municipality(ags=f"08{number:06d}", revision=77) for number in range(400)]
    async with relaying(probe, kafka_bootstrap), relaying(probe, kafka_bootstrap):
        async with probe.transaction() as tx:
            await tx.publish(states)
        await eventually(everything_sent(probe))
    ids = {str(event_id(state)).encode() for state in states}
    found = [
        record
        for record in await read_to_the_end(kafka_bootstrap, "municipalities")
        if dict(record.headers)["ce_id"] in ids
    ]
    assert len(found) == len(states)


async def test_another_relay_takes_over_when_the_owners_session_ends(
    probe: Database, kafka_bootstrap: str, topics: None
) -> None:
    async with relaying(probe, kafka_bootstrap), relaying(probe, kafka_bootstrap):

        async def owner() -> Any:
            async with probe.transaction() as tx:
                return await tx.fetchval(
                    "select pid from pg_locks where locktype = 'advisory' and granted"
                    " and database = (select oid from pg_database where datname = current_database())"
                )

        first = await eventually(owner)
        async with probe.transaction() as tx:
            await tx.execute("select pg_terminate_backend($1)", first)
            await tx.publish([a_municipality(revision=5)])
        await eventually(everything_sent(probe))
        assert await eventually(owner) != first


async def test_an_owner_that_stands_still_is_ended(
    probe: Database, kafka_bootstrap: str, topics: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.relay, "STUCK_SECONDS", 0.2)
    frozen = await probe.dedicated()
    try:
        await frozen.execute("select pg_advisory_lock(hashtextextended('geleit.relay.' || current_schema(), 0))")
        async with probe.transaction() as tx:
            await tx.publish([a_municipality(revision=6)])
        async with relaying(probe, kafka_bootstrap):
            await eventually(everything_sent(probe))
    finally:
        await probe.release(frozen)


async def test_an_owner_whose_clock_is_behind_keeps_its_session(
    database: Any, kafka_bootstrap: str, topics: None
) -> None:
    behind: Database = await database("probe", clock=lambda: datetime.now(UTC) - timedelta(hours=1))
    owner, looked = await behind.dedicated(), asyncio.Event()

    class Looks(Relay):
        async def _woken(self, stop: asyncio.Event, seconds: float) -> None:
            looked.set()
            await super()._woken(stop, seconds)

    try:
        await owner.execute("select pg_advisory_lock(hashtextextended('geleit.relay.' || current_schema(), 0))")
        async with behind.transaction() as tx:
            await tx.publish([a_municipality(revision=7)])
        async with relaying(behind, kafka_bootstrap, Looks):
            await looked.wait()
            assert await owner.fetchval("select true")
    finally:
        await behind.release(owner)


@pytest.mark.parametrize("known", [set(), {"gone"}])
async def test_an_owner_that_has_nothing_else_to_send_keeps_its_session(
    probe: Database, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, known: set[str]
) -> None:
    monkeypatch.setattr(chassis.relay, "STUCK_SECONDS", 0.1)
    owner, looks = await probe.dedicated(), asyncio.Semaphore(0)

    class Looks(Relay):
        async def _elected(self, *session: Any) -> bool:
            self._there |= known  # as it was when this one looked last
            return await super()._elected(*session)

        async def _woken(self, stop: asyncio.Event, seconds: float) -> None:
            looks.release()
            await super()._woken(stop, seconds)

    try:
        await owner.execute("select pg_advisory_lock(hashtextextended('geleit.relay.' || current_schema(), 0))")
        async with probe.transaction() as tx:
            await tx.publish([a_municipality(revision=79)])
            await tx.execute("update outbox set topic = 'gone'")
        async with relaying(probe, kafka_bootstrap, Looks):
            for _ in range(3):
                await looks.acquire()
            assert await owner.fetchval("select true")
    finally:
        await probe.release(owner)


async def test_a_wake_up_wakes_once(probe: Database) -> None:
    """A relay that waits for its turn and stays awake takes half a core from everybody else."""
    relay, stop, loop = (
        Relay(probe, service="probe", broker=Broker(""), batch=1, health=Health()),
        asyncio.Event(),
        asyncio.get_running_loop(),
    )
    relay._on_notify()
    begin = loop.time()
    await relay._woken(stop, 60)
    woken = loop.time()
    await relay._woken(stop, 0.2)
    assert woken - begin < 10
    assert loop.time() - woken >= 0.19


class Answered(Relay):
    """Its broker takes every row, and acknowledges so many of them."""

    acknowledged = 0

    async def _send_partition(self, *_: Any, **__: Any) -> int:
        return self.acknowledged


async def sent_again(probe: Database) -> list[tuple[str, int]]:
    async with probe.transaction() as tx:
        rows = await tx.fetch("select key, revision from outbox where published_at is null order by id")
    return [(row["key"], row["revision"]) for row in rows]


@pytest.fixture
async def overtaken(probe: Database) -> list[asyncpg.Record]:
    """Rows of one key that a relay sends once more after another one has sent them and a newer one."""
    async with probe.transaction() as tx:
        await tx.publish([a_municipality(revision=revision) for revision in (1, 2, 3)])
        await tx.publish([a_municipality(ags="08000001", revision=1)])
        await tx.execute("update outbox set published_at = now()")
        columns = "id, topic, partition, key, xmin::text::bigint as version"
        return await tx.fetch(f"select {columns} from outbox where revision < 3 and key = $1", a_municipality().key)


@pytest.mark.parametrize("acknowledged", [2, 0])
async def test_a_relay_that_lost_its_lock_has_the_newest_row_of_each_key_sent_again(
    probe: Database, overtaken: list[asyncpg.Record], acknowledged: int
) -> None:
    """Of what it may have written: a row that was not acknowledged can be on the topic, too."""
    relay = Answered(probe, service="probe", broker=Broker(""), batch=500, health=Health())
    relay.acknowledged = acknowledged
    listening, lost, woken = await probe.dedicated(), await probe.dedicated(), asyncio.Event()
    await listening.add_listener("outbox_probe", lambda *_: woken.set())
    lost.terminate()
    with pytest.raises(AWAY):
        await relay._send(lost, NO_PRODUCER, overtaken)
    assert await sent_again(probe) == [(a_municipality().key, 3)]
    await asyncio.wait_for(woken.wait(), 10)
    for one in (listening, lost):
        await probe.release(one)


async def test_what_is_to_be_sent_again_is_not_taken_for_sent_by_who_has_sent_it_before(
    probe: Database, overtaken: list[asyncpg.Record]
) -> None:
    """Whoever was elected meanwhile has sent the newest row too early, and marks it only now."""
    zombie, owner = (Answered(probe, service="probe", broker=Broker(""), batch=500, health=Health()) for _ in range(2))
    lost, elected = await probe.dedicated(), await probe.dedicated()
    await elected.execute("update outbox set published_at = null where revision = 3")
    newest = await elected.fetch(chassis.relay._SELECT, 500, [])
    lost.terminate()
    with pytest.raises(AWAY):
        await zombie._send(lost, NO_PRODUCER, overtaken)
    owner.acknowledged = 1
    await owner._send(elected, NO_PRODUCER, newest)
    assert await sent_again(probe) == [(a_municipality().key, 3)]
    for one in (lost, elected):
        await probe.release(one)


async def test_what_is_to_be_sent_again_is_not_forgotten_with_the_transaction_that_fails_to_say_so(
    probe: Database, overtaken: list[asyncpg.Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Answered(probe, service="probe", broker=Broker(""), batch=500, health=Health())
    lost, owner = await probe.dedicated(), await probe.dedicated()
    await owner.execute("select pg_advisory_lock(hashtextextended('geleit.relay.' || current_schema(), 0))")
    lost.terminate()
    monkeypatch.setattr(failpoint, "_folder", tmp_path)
    (tmp_path / "outbox.unmarked.error").touch()
    with pytest.raises(Injected):
        await relay._send(lost, NO_PRODUCER, overtaken)
    assert await sent_again(probe) == []
    async with at_work(relay.run):
        await eventually(lambda: sent_again(probe))
        assert await sent_again(probe) == [(a_municipality().key, 3)], "though another one is the owner"
    for one in (lost, owner):
        await probe.release(one)


async def test_what_is_sent_again_is_not_looked_for_in_a_week_of_rows(
    probe: Database, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "insert into probe.outbox (topic, partition, key, ce_id, ce_type, revision, payload, created_at, published_at)"
        " select 'households', 0, n % 99, gen_random_uuid(), 't', 1, '', now(), now() from generate_series(1, 20000) n"
    )
    await owner.execute("analyze probe.outbox")
    async with probe.transaction() as tx:
        plan = await tx.fetch(f"explain {chassis.relay._UNMARK_NEWEST}", ["households"] * 2, ["7", "8"], 19990)
    assert "Seq Scan on outbox" not in "\n".join(row[0] for row in plan)


async def test_a_topic_with_another_number_of_partitions_is_refused(kafka_bootstrap: str, topics: None) -> None:
    households = next(one for one in all_topics([]) if one.name == "households")
    with pytest.raises(TopicDiffers, match="12 partitions instead of 3"):
        await create_topics(Broker(kafka_bootstrap), [Topic("households", households.schema, "intake", 3)])
