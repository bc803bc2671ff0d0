"""The demo from its start to its figures: starts Geleit, furnishes it, feeds a week, lets towns answer, counts."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx

from chassis.access.principal import Role
from contracts.topics import submissions
from contracts.vocabulary import Answer
from contracts.zone import day_of
from geleit.audit.stream import Stream, open_stream
from geleit.demo import by_kafka, diary, furnish, screen, store, towns
from geleit.demo.by_http import Feed, client, send
from geleit.demo.count import Beginning, Meter, count, mails_in
from geleit.demo.diary import Entry
from geleit.demo.doors import Doors, open_doors
from geleit.demo.figures import Figures, faults
from geleit.demo.furnish import Keyring
from geleit.demo.households import Town, Towns
from geleit.demo.quiet import settled
from geleit.demo.records import Channel, Kind, Week, canaries, plan
from geleit.demo.roster import manager_canaries
from geleit.demo.story import tell
from geleit.demo.witness import Witness
from geleit.failures import Failure
from geleit.processes import write_atomically
from geleit.progress import Steps
from geleit.settings import Settings
from geleit.system import Running, system

FIGURES = "demo.json"
CANARIES = "demo-canaries.json"
RECORDED = 0.05
"""Share of traces that are recorded; with Zipkin's pages all of them are."""
WATCHED = 8
"""Arrivals whose trace is recorded whatever chance says: some of them will wait, one is to be told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asks for."""

    arrivals: int = 2000
    register: Path | None = None


async def demo(settings: Settings, wanted: Wanted, on_figures: Callable[[], None] = lambda: None) -> None:
    """One week. Serves on a terminal until it is cancelled, else stops. Raises Failure if figures do not add up."""
    begun = time.monotonic()
    async with AsyncExitStack() as stack:
        steps = stack.enter_context(Steps())
        spans = 1.0 if settings.tracing else RECORDED
        running = await stack.enter_async_context(system(settings, spans=spans, steps=steps))
        doors = await stack.enter_async_context(open_doors())
        stream = await stack.enter_async_context(open_stream(doors.kafka))
        http = await stack.enter_async_context(client(running.url))
        wrong = await _Run(running, doors, stream, http, steps, wanted, begun).week()
        on_figures()
        if wrong:
            raise Failure("The figures do not add up:\n  " + "\n  ".join(wrong))
        if sys.stdout.isatty():
            steps.say(f"Geleit serves at {running.url}. Ctrl-C stops it.")
            await asyncio.Event().wait()
        steps.say("There is no terminal to wait at: it stops. `geleit up` serves the pages.")


@dataclass(frozen=True, slots=True)
class _Run:
    running: Running
    doors: Doors
    stream: Stream
    http: httpx.AsyncClient
    steps: Steps
    wanted: Wanted
    begun: float

    async def week(self) -> list[str]:
        """Furnish, feed, answer, count, tell; what does not add up."""
        with self.steps.step("Register, roster, contact points, keys") as step:
            await furnish.claim(self.doors, self.running.state_dir)
            keyring = Keyring.load(self.running.state_dir)
            known = await furnish.fill_register(self.doors, self.wanted.register)
            await furnish.fill_contacts(self.doors, known)
            managers = await furnish.fill_roster(self.doors, known)
            await keyring.issue(self.doors, Role.CENTRE, self.doors.centres)
            await settled(self.doors, self.stream)
            step.outcome = f"{len(known)} municipalities, {managers} managers"
        entry = await self._entry()
        week = await self._plan(entry, known)
        beginning = await self._beginning(entry)
        watched = _watched(week)
        await self._feed(entry, week, keyring, watched)
        with self.steps.step("Every household has its manager, or its reason"):
            await settled(self.doors, self.stream)
        households = await self._households(entry)
        await self._answer(entry, week, keyring, households)
        with self.steps.step("Everything is read, sent and answered"):
            await settled(self.doors, self.stream)
        meter = await Meter.read(self.http)
        seconds = time.monotonic() - self.begun
        figures, elsewhere, forgotten = await count(
            self.doors,
            self.stream,
            entry,
            beginning=beginning,
            meter=meter,
            mail_dir=self.running.mail_dir,
            seconds=seconds,
        )
        (self.running.state_dir / FIGURES).write_text(json.dumps(asdict(figures), indent=2) + "\n", "utf-8")
        diary.finish(self.running.state_dir, entry)
        candidates = [household for household, of in households.items() if of[1] in watched]
        await self._tell(week, figures, candidates, entry)
        # Made last: a run that is killed before it has shown their passwords must not have made them.
        accounts = await furnish.make_accounts(self.doors, known)
        self._say("Pages", screen.doors(self.running.url, accounts, self.running.environment.get("ZIPKIN_URL")))
        return faults(figures, len(week.offers), elsewhere, forgotten)

    async def _entry(self) -> Entry:
        """The week to feed: the one that was killed, else the next."""
        last = diary.last(self.running.state_dir)
        if last is not None and not last.finished:
            self.steps.say(f"  week {last.week} was interrupted: it goes on, with its {last.arrivals} households")
            return last
        topics = [submissions(centre) for centre in self.doors.centres]
        entry = Entry(
            week=0 if last is None else last.week + 1,
            arrivals=self.wanted.arrivals,
            began_at=await self._now(),
            offsets=await self.stream.written(topics),
            mails=mails_in(self.running.mail_dir),
        )
        diary.write(self.running.state_dir, entry)
        return entry

    async def _now(self) -> datetime:
        """The time that services write down."""
        async with self.doors["intake"].transaction() as tx:
            return tx.now

    async def _plan(self, entry: Entry, known: list[Town]) -> Week:
        # Intake's day: in its first hour it is not yet UTC's, and who is to be born tomorrow would be born today.
        today = day_of(await self._now())
        week = plan(entry.week, entry.arrivals, Towns(known), self.doors.centres, today)
        file = self.running.state_dir / CANARIES
        found = set(json.loads(file.read_text("utf-8"))) if file.exists() else manager_canaries()
        write_atomically(file, json.dumps(sorted(found | canaries(entry.week, entry.arrivals))))
        return week

    async def _beginning(self, entry: Entry) -> Beginning:
        async with self.doors["intake"].transaction() as tx:
            outcomes = await store.outcomes(tx, entry.began_at)
        before = sum(verdicts for (channel, _), verdicts in outcomes.items() if channel == "http")
        return Beginning(tx.now, await Meter.read(self.http), before)

    async def _feed(self, entry: Entry, week: Week, keyring: Keyring, watched: set[str]) -> None:
        async with self.doors["intake"].transaction() as tx:
            done = await store.http_verdicts(tx, entry.began_at)
        written = await self.stream.written([submissions(centre) for centre in self.doors.centres])
        left = {}
        for centre in self.doors.centres:
            topic = submissions(centre).name
            left[centre] = week.of(Channel.KAFKA, centre)[written[topic] - entry.offsets[topic] :]
        centre = self.doors.centres[0]
        key = (await send(self.http, "GET", "/intake/v1/key", keyring.keys[centre])).json()
        public_key = {name: value for name, value in key.items() if value is not None}
        witness = Witness(watched)
        feed, by_http = Feed(self.http, keyring.keys, witness), week.of(Channel.HTTP)
        try:
            with (
                self.steps.step(f"{len(by_http)} records by HTTP") as http_step,
                self.steps.step(f"{len(week.offers) - len(by_http)} records by Kafka") as kafka_step,
            ):
                async with asyncio.TaskGroup() as group:
                    group.create_task(by_kafka.offer(self.doors.kafka, left, public_key, kafka_step))
                    group.create_task(feed.offer(by_http, done, http_step))
        finally:
            await asyncio.to_thread(witness.close)

    async def _households(self, entry: Entry) -> Mapping[UUID, tuple[str, str]]:
        async with self.doors["intake"].transaction() as tx:
            return await store.references(tx, entry.began_at)

    async def _answer(
        self, entry: Entry, week: Week, keyring: Keyring, households: Mapping[UUID, tuple[str, str]]
    ) -> None:
        wishes = {one: week.wishes[of] for one, of in households.items() if of in week.wishes}
        async with self.doors["notifications"].transaction() as tx:
            items = await store.open_items(tx)
        asked = sorted({ags for household, ags in items.items() if household in wishes})
        with self.steps.step("Municipalities answer") as step:
            await keyring.issue(self.doors, Role.MUNICIPALITY, asked)
            keys = {ags: keyring.keys[ags] for ags in asked}
            taken = await towns.answer_all(self.http, keys, wishes, entry.began_at, step)
            step.outcome = f"{taken} answers of {len(asked)} municipalities"

    async def _tell(self, week: Week, figures: Figures, candidates: list[UUID], entry: Entry) -> None:
        async with self.doors["reporting"].transaction() as tx:
            reasons = await store.waiting_reasons(tx, entry.began_at)
        story = await tell(self.doors, self.running.state_dir, candidates)
        self._say(f"Week {week.number}", screen.compared(week, figures))
        self._say(f"Figures ({self.running.state_dir / FIGURES})", screen.told(figures, reasons))
        if story is not None:
            self._say("One household's way", story.lines())

    def _say(self, title: str, lines: Iterable[str]) -> None:
        self.steps.say(f"\n{title}")
        for line in lines:
            self.steps.say(line)


def _watched(week: Week) -> set[str]:
    """References of arrivals by HTTP that stay as they are, have a municipality and will be accepted."""
    followed = {one.reference for one in week.offers if one.kind is not Kind.ARRIVAL}
    found: list[str] = []
    for one in week.of(Channel.HTTP):
        wish = week.wishes.get((one.centre, one.reference))
        if (
            one.kind is Kind.ARRIVAL
            and one.reference not in followed
            and wish is not None
            and wish.answer is Answer.ACCEPTED
            and one.facts is not None
            and "municipality" in one.facts
        ):
            found.append(one.reference)
    # From the middle of the week: what comes first meets processes that are not warm yet.
    return set(found[len(found) // 2 :][:WATCHED])
