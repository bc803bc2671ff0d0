"""What breaks things while they run, by chance and by a seed: processes, servers, sessions, records, mail."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random

import asyncpg
from aiokafka.errors import KafkaError

from chaos.volume import Volume
from chassis.consumer import Consumer
from chassis.database import TRANSIENT
from chassis.health import Health
from chassis.relay import SEND_TIMEOUT_MS
from e2e.world import World
from geleit.embedded.postgres import database_url
from geleit.kept import KeptPart
from geleit.processes import write_atomically
from notifications.mail import SEND_SECONDS, STEP_SECONDS
from stream import eventually, read_to_the_end

PROCESSES = (
    *("web", "intake.0", "intake.1", "matching.0", "matching.1"),
    *("notifications.0", "notifications.1", "reporting.0"),
)
"""All there may be; only chaos's own world has a second one of whoever publishes."""
WORKERS = PROCESSES[1:]
ZOMBIE_SECONDS = (5.0, 60.0)
HOUR = 3600
BROKER_SECONDS = (3.0, 12.0)
LONG_BROKER_SECONDS = (SEND_TIMEOUT_MS / 1000 + 2, SEND_TIMEOUT_MS / 1000 + 15)
"""Longer than a relay waits for an acknowledgement: what it has given to the broker may be written, or not."""
DISK_SECONDS = (2.0, 6.0)
MAIL_SECONDS = (2.0, SEND_SECONDS + STEP_SECONDS)
"""Also longer than a mailer waits for one answer, and than it waits for all of them."""
OTHERS_EVERY = 3.0
MOST_FROZEN = 2
"""At once: of two cores and eight processes somebody has to work."""
SLICE = 40
"""Records that somebody is given once more, at most."""

Fault = Callable[[], Awaitable[None]]


class Nemesis:
    """Breaks what runs. What takes its time goes on beside what follows; `mend` ends all of it.

    `counts` says how often each fault came; a kill is one of `kills`, whatever was killed. `faults` are those of who
    was given records again.
    """

    def __init__(self, world: World, chance: Random, clocks: Path, volume: Volume | None) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._world = world
        self._chance = chance
        self._clocks = clocks
        self._volume = volume
        self._frozen: set[str] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._parts = asyncio.Lock()
        """One server at a time: with both away there is nothing left to observe."""
        kafka, postgres = world.running.kafka, world.running.postgres
        assert kafka, "the broker is ours to break"
        assert postgres, "the database is ours to break"
        self._kafka: KeptPart = kafka
        self._postgres: KeptPart = postgres

    async def run(self, seconds: float, every: float) -> None:
        """For so many seconds kill a process about `every` so many, and beside that break something else."""
        end = asyncio.get_running_loop().time() + seconds
        others: dict[Fault, int] = {
            self.freeze: 8,
            self.end_sessions: 8,
            self.redeliver: 6,
            self.disturb_mail: 8,
            self.shift_clock: 4,
            self.break_broker: 4,
            self.break_database: 4,
            self.fill_disk: 4,
        }
        async with asyncio.TaskGroup() as group:
            group.create_task(self._go_on({self.kill: 1}, end, every))
            group.create_task(self._go_on(others, end, OTHERS_EVERY))

    async def _go_on(self, faults: Mapping[Fault, int], end: float, every: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < end:
            (fault,) = self._chance.choices(list(faults), list(faults.values()))
            await fault()
            # The rhythm of what breaks, not a wait for something.
            await asyncio.sleep(every * self._chance.uniform(0.5, 1.5))

    async def mend(self) -> None:
        """Let whatever is still broken be whole."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    # Processes

    async def kill(self) -> None:
        """kill -9 of one process."""
        victim = self._world.running.process(self._chance.choice(PROCESSES))
        if victim.alive() and victim.name not in self._frozen:
            victim.kill()
            self.counts["kills"] += 1

    async def freeze(self) -> None:
        """A process that stands still, half of them without the sessions they believe to have: zombies."""
        name = self._chance.choice(PROCESSES)
        if name in self._frozen or len(self._frozen - {"mail"}) >= MOST_FROZEN:
            return
        self._beside(self._zombie(name, self._chance.uniform(*ZOMBIE_SECONDS), self._chance.random() < 0.5))

    async def _zombie(self, name: str, seconds: float, loses_sessions: bool) -> None:
        victim = self._world.running.process(name)
        if not victim.alive():
            return
        self._frozen.add(name)
        victim.freeze()
        self.counts["freezes"] += 1
        try:
            if loses_sessions and name in WORKERS:
                # Those of the service's other worker end too: it is no zombie.
                self.counts["zombies"] += await self._end_sessions_of(f"{name.partition('.')[0]}_worker") > 0
            await asyncio.sleep(seconds)
        finally:
            victim.thaw()
            self._frozen.discard(name)

    async def shift_clock(self) -> None:
        """One process sees a time that is an hour off for a while."""
        self.counts["clocks"] += 1
        seconds = self._chance.choice([-HOUR, HOUR])
        self._beside(self._shifted(self._chance.choice(PROCESSES), seconds, self._chance.uniform(*ZOMBIE_SECONDS)))

    async def _shifted(self, name: str, shift: int, seconds: float) -> None:
        clock = self._clocks / f"clock.{name}"
        write_atomically(clock, str(shift))
        try:
            await asyncio.sleep(seconds)
        finally:
            clock.unlink(missing_ok=True)

    # PostgreSQL

    async def end_sessions(self) -> None:
        """pg_terminate_backend of every session of one service's workers, or of the pages."""
        service, use = self._chance.choice(list(self._world.services)), self._chance.choice(["worker", "web"])
        self.counts["sessions"] += await self._end_sessions_of(f"{service}_{use}")

    async def break_database(self) -> None:
        """PostgreSQL ends at once, as by a power cut, or is restarted."""
        async with self._parts:
            match self._chance.randrange(3):
                case 0:
                    await self._restarted(self._postgres, "postgres_clean_restarts")
                case 1:
                    await self._ended(self._postgres, signal.SIGQUIT)
                case _:
                    await self._ended(self._postgres, signal.SIGKILL)

    async def end_database(self) -> None:
        """PostgreSQL ends at once: as by `pg_ctl stop -m immediate`, or as by a power cut."""
        async with self._parts:
            await self._ended(self._postgres, self._chance.choice([signal.SIGQUIT, signal.SIGKILL]))

    async def _end_sessions_of(self, role: str) -> int:
        sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = $1"
        try:
            owner = await asyncpg.connect(database_url(self._postgres.url, "postgres"), timeout=5)
            try:
                return int(await owner.fetchval(sql, role))
            finally:
                await owner.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return 0

    async def fill_disk(self) -> None:
        """The database's volume is full for a moment; what it cannot write it must not acknowledge."""
        if self._volume is None:
            return
        self.counts["disk_full"] += 1
        async with self._parts:
            try:
                await asyncio.to_thread(self._volume.fill)
                await asyncio.sleep(self._chance.uniform(*DISK_SECONDS))
            finally:
                self._volume.free()

    # Kafka

    async def break_broker(self) -> None:
        """The broker is killed, stopped, or stands still."""
        async with self._parts:
            match self._chance.randrange(3):
                case 0:
                    await self._ended(self._kafka, signal.SIGKILL)
                case 1:
                    await self._restarted(self._kafka, "kafka_restarts")
                case _:
                    long = self._chance.choice([BROKER_SECONDS, BROKER_SECONDS, LONG_BROKER_SECONDS])
                    await self._stood_still(self._kafka, self._chance.uniform(*long))

    async def redeliver(self) -> None:
        """A service is given records again that it has had: parts of a partition, twice and out of order."""
        name = self._chance.choice(list(self._world.services))
        service, database = self._world.services[name], self._world.databases[name]
        topic = self._chance.choice([topic.name for topic in service.on])
        try:
            async with database.transaction() as tx:
                rows = await tx.fetch("select partition, next from consumed where topic = $1", topic)
            had = {row["partition"]: row["next"] for row in rows}
            records = [
                record
                for record in await asyncio.wait_for(read_to_the_end(self._world.bootstrap, topic), 20)
                if record.offset < had.get(record.partition, 0)
            ]
            if not records:
                return
            slices = []
            for _ in range(4):
                begin = self._chance.randrange(len(records))
                part = [one for one in records[begin : begin + SLICE] if one.partition == records[begin].partition]
                slices += [part, part]
            self._chance.shuffle(slices)
            consumer, stop = Consumer(database, service.vault(), service.on, Health()), asyncio.Event()
            for some in slices:
                stop.set()  # one try: this consumer is not the one that has to come through
                await consumer.consume(some, stop)
                self.counts["redelivered"] += len(some)
        except (*TRANSIENT, KafkaError):
            self.counts["redeliveries_broken_off"] += 1
        except Exception as error:
            self.faults.append(f"redelivered: {name}, {topic}: {type(error).__name__}: {error}")

    # Mail

    async def disturb_mail(self) -> None:
        """The mail server hangs, refuses connections, or says no: for now or for good."""
        if "mail" in self._frozen:
            return
        self.counts["mail"] += 1
        self._beside(self._disturbed_mail(self._chance.randrange(4), self._chance.uniform(*MAIL_SECONDS)))

    async def _disturbed_mail(self, how: int, seconds: float) -> None:
        gate = self._world.gate
        self._frozen.add("mail")
        try:
            gate.drop()
            match how:
                case 0:
                    gate.hanging = 2
                case 1:
                    await gate.shut()
                case 2:
                    gate.refusal = 451
                case _:
                    gate.refusal = 550
            await asyncio.sleep(seconds)
        finally:
            gate.hanging, gate.refusal = 0, None
            gate.drop()
            if how == 1:
                await gate.open()
            self._frozen.discard("mail")

    # What is common to them

    async def _ended(self, part: KeptPart, sign: signal.Signals) -> None:
        """End a server, and wait until its keeper has begun to start it again."""
        restarts = part.restarts
        _send(part, sign)
        self.counts["kills"] += sign is signal.SIGKILL
        self.counts[f"{part.name}_restarts"] += 1

        async def is_kept() -> bool:
            return part.restarts > restarts

        await eventually(is_kept)

    async def _restarted(self, part: KeptPart, counted_as: str) -> None:
        self.counts[counted_as] += 1
        await part.stop()
        await asyncio.sleep(self._chance.uniform(0, 2))
        await part.start()

    async def _stood_still(self, part: KeptPart, seconds: float) -> None:
        self.counts[f"{part.name}_restarts"] += 1
        _send(part, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            _send(part, signal.SIGCONT)

    def _beside(self, fault: Awaitable[None]) -> None:
        task = asyncio.ensure_future(fault)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


def _send(part: KeptPart, sign: signal.Signals) -> None:
    """To a server and what it has started in its session; to PostgreSQL's first process alone, as an operator would."""
    assert part.pid, f"{part.name} runs"
    if sign is signal.SIGQUIT:
        os.kill(part.pid, sign)
    else:
        os.killpg(part.pid, sign)
