"""Every fail point of the product, how it is reached, and that nothing is lost or doubled when it fires."""

import ast
import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from chaos.progress import ROOT, Progress
from chassis.access import Role
from chassis.broker import Broker
from chassis.failpoint import CRASH, ERROR
from chassis.parked import park
from contracts.submissions import Submission
from contracts.topics import MUNICIPALITIES, submissions
from contracts.vocabulary import SubmissionKind
from e2e.rest import faults, is_quiet, unrest
from e2e.world import A_MANAGER, CENTRE, HOUSEHOLDS, UNITS_PER_FTE, World, geleit, key_header, registration, roster_csv
from folders import fresh, remove
from geleit.audit.journal import Journal
from geleit.audit.run import Asked, audit
from geleit.embedded import create_database, drop_database, postgres
from intake.generate import generate
from reporting.store import state_hash
from stream import eventually, read_to_the_end

EFFECTS = (CRASH, ERROR)
WITHIN = 90.0
"""Seconds for whatever a step leads to."""
DISTRICT = 5
MANAGERS = 12
"""Each takes 48 households."""
GIVEN = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_PASSWORD")
"""What says that servers are there: without it a command starts its own."""
Say = Callable[[str], None]
Reach = Callable[["Scene"], Awaitable[object]]


def names() -> list[str]:
    """The fail points in the product's source, in its order; a name that is no literal is an error."""
    found = []
    for folder in ("chassis", "contracts", "services", "geleit"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
                    (name,) = node.args
                    assert isinstance(name, ast.Constant), f"{path.name}:{node.lineno} names no fail point"
                    found.append(str(name.value))
    return found


class Scene:
    """A running system, a town with room, and what people do there: again and again until it is answered."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.journal = Journal()
        self.town = world.town()
        self._folder = folder

    def arm(self, name: str, effect: str) -> None:
        (self._folder / f"{name}.{effect}.hit").unlink(missing_ok=True)
        (self._folder / f"{name}.{effect}").touch()

    async def was_hit(self, name: str, effect: str) -> bool:
        return (self._folder / f"{name}.{effect}.hit").exists()

    def disarm(self) -> None:
        for file in self._folder.iterdir():
            file.unlink()

    # How fail points are reached

    async def arrives(self) -> UUID:
        """A household by HTTP, until it has a manager and a mail to its town is written."""
        centre = await self.world.client(Role.CENTRE, CENTRE)
        form = registration(self.town)
        answer = await answered(centre, "POST", HOUSEHOLDS, form)
        assert answer.status_code == 202, answer.text
        household = UUID(answer.json()["id"])
        self.journal.taken.add((form["reference"], household))
        await self._proposed(household)
        return household

    async def submits(self) -> None:
        """A household by Kafka."""
        form = registration(self.town)
        record = self.world.submission(
            form["reference"], SubmissionKind.REGISTER, facts=form["facts"], identity=form["identity"]
        )
        self.journal.submitted.append(await self.world.submit(record))
        await self._proposed(await self.world.household(form["reference"], within=WITHIN))

    async def sends_poison(self) -> None:
        """A record that nobody can read, until it is parked."""
        told = [("ce_type", Submission.ce_type.encode())]
        place = await self.world.send(submissions(CENTRE).name, f"p-{uuid4().hex}", b'{"reference": 7', told)
        parked = "select exists (select from parked where (topic, partition, position) = ($1, $2::int, $3::bigint))"
        counted = "select next > $3 from consumed where (topic, partition) = ($1, $2::int)"
        for sql in (parked, counted):
            await self.world.sees("intake", sql, *place, within=WITHIN)

    async def retries(self) -> None:
        """An operator has a parked record applied: one of the register that reporting has folded long ago."""
        (raw, *_) = await read_to_the_end(self.world.bootstrap, MUNICIPALITIES.name)
        vault = self.world.services["reporting"].vault()
        async with self.world.databases["reporting"].transaction() as tx:
            await tx.execute("delete from parked")
            await park(tx, vault, raw, "error:of_a_test", None)
            record = await tx.fetchval("select id from parked")
        await self._until_done("parked", "retry", "reporting", str(record))
        assert await self.world.ask("reporting", "select resolution from parked where id = $1", record) == "applied"

    async def answers(self) -> None:
        """A municipality accepts."""
        household = await self.arrives()
        item = (await self.world.item(self.town, household, "open"))["item"]
        town = await self.world.client(Role.MUNICIPALITY, self.town)
        path = f"/inbox/v1/assignments/{household}/answers"
        answer = await answered(town, "POST", path, {"item": item, "answer": "accepted"})
        assert answer.is_success, answer.text
        await self.world.care(household, "confirmed", within=WITHIN)

    async def is_due(self) -> None:
        """Who waits is looked at again."""
        await self._due("matching", "recheck", "waiting")
        await self.world.sees("matching", "select not exists (select from due where kind = 'recheck')", within=WITHIN)

    async def reminds(self) -> None:
        """A municipality is asked once more, though its time is not over yet."""
        household = await self.arrives()
        await self._due("notifications", "remind", str(household))
        gone = "select not exists (select from due where kind = 'remind' and aggregate = $1)"
        await self.world.sees("notifications", gone, str(household), within=WITHIN)

    async def escalates(self) -> None:
        """A district is told, though the time is not over yet."""
        household = await self.arrives()
        await self._due("notifications", "escalate", str(household))
        gone = "select not exists (select from due where kind = 'escalate' and aggregate = $1)"
        await self.world.sees("notifications", gone, str(household), within=WITHIN)

    async def fails_when_due(self) -> None:
        """A due that nobody can handle."""
        await self._due("matching", "serve", "nobody")
        postponed = "select attempts > 0 from due where kind = 'serve' and aggregate = 'nobody'"
        await self.world.sees("matching", postponed, within=WITHIN)
        async with self.world.databases["matching"].transaction() as tx:
            await tx.execute("delete from due where aggregate = 'nobody'")

    async def changes_hands(self) -> None:
        """A handover is planned, confirmed and carried out."""
        household = await self.arrives()
        district = await self.world.client(Role.DISTRICT, self.town[:DISTRICT])
        wanted = {"reason": "transfer", "households": [str(household)]}
        planned = await answered(district, "POST", "/matching/v1/handovers", wanted)
        assert planned.status_code == 201, planned.text
        path = f"/matching/v1/handovers/{planned.json()['id']}"
        confirmed = await answered(district, "POST", f"{path}/confirm", {})
        assert confirmed.status_code in {200, 409}, confirmed.text
        done = "select status = 'done' from handover where id = $1"
        await self.world.sees("matching", done, UUID(planned.json()["id"]), within=WITHIN)

    async def dies_at_start(self) -> None:
        """A worker is started again."""
        for name in ("intake.0", "intake.1"):  # the one that lives on would stay the elected one
            self.world.running.process(name).kill()
        await self.arrives()

    async def stops(self) -> None:
        """A worker is asked to end, and started again."""
        pid = self.world.running.process("intake.0").pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        await self.arrives()

    async def imports_a_roster(self) -> None:
        """A manager more."""
        code = f"r-{uuid4().hex[:8]}"
        row = {"code": code, "name": A_MANAGER, "provider": f"town-{self.town}", "fte": "1"}
        file = self._folder / "roster.csv"
        file.write_text(roster_csv([row | {"service_area": self.town, "languages": "de"}]))
        await self._until_done("roster", "import", str(file))
        assert await self.world.ask("matching", "select count(*) from manager where code = $1", code) == 1

    async def imports_contacts(self) -> None:
        """An address again."""
        file = self._folder / "contacts.csv"
        file.write_text(f"ags;address\n{self.town};inbox-{self.town}@towns.example\n")
        await self._until_done("contacts", "import", str(file))

    async def rebuilds(self) -> None:
        """Reporting folds everything again."""
        await eventually(lambda: is_quiet(self.world), within=WITHIN)
        before = await self._reported()
        await self._until_done("rebuild", "reporting")
        assert await self._reported() == before

    async def installs(self) -> None:
        """An empty database is migrated."""
        async with self._installed() as (_, found):
            assert found == await _installed_in(self.world.running.environment["DATABASE_URL"])

    async def imports_a_register(self) -> None:
        """A new installation gets its municipalities."""
        async with self._installed() as (environment, _):
            await self._until_done("register", "generate", environment=environment)
            database = await asyncpg.connect(environment["DATABASE_URL"])
            added = await database.fetchval("select count(*) from intake.municipality")
            told = await database.fetchval("select count(*) from intake.outbox where topic = $1", MUNICIPALITIES.name)
            await database.close()
            assert added == told == len(generate())

    async def restores(self) -> None:
        """A backup is brought back on servers of its own, where there is nothing yet."""
        there = await _held(self.world.running.environment["DATABASE_URL"])
        state = await fresh("chaos-restored")
        try:
            await self._until_done("backup", str(state / "backup"))
            ours = {"GELEIT_STATE_DIR": str(state)}
            given = {name: one for name, one in self.world.running.environment.items() if name not in GIVEN}
            await self._until_done("restore", str(state / "backup"), "--yes", environment={**given, **ours})
            async with postgres(state) as server:
                assert await _held(server.url) == there
                told = await asyncpg.connect(server.url)
                waits = "select count(*) from intake.outbox where topic = 'households' and published_at is null"
                assert await told.fetchval(waits) == len(there["households"]), "each is told once"
                await told.close()
        finally:
            await remove(state)

    @asynccontextmanager
    async def _installed(self) -> AsyncIterator[tuple[dict[str, str], tuple[int, int]]]:
        """The environment of an installation of its own, and what stands in it."""
        url, name = self.world.running.environment["DATABASE_URL"], f"empty_{uuid4().hex}"
        environment = {**self.world.running.environment, "DATABASE_URL": await create_database(url, name)}
        try:
            await self._until_done("migrate", environment=environment)
            yield environment, await _installed_in(environment["DATABASE_URL"])
        finally:
            await drop_database(url, name)

    # What is common to them

    async def _proposed(self, household: UUID) -> None:
        await self.world.care(household, "proposed", within=WITHIN)
        # Not until it is sent: what was claimed by somebody who died comes again after its lease.
        written = "select exists (select from message where household = $1)"
        await self.world.sees("notifications", written, household, within=WITHIN)

    async def _due(self, service: str, kind: str, aggregate: str) -> None:
        async with self.world.databases[service].transaction() as tx:
            await tx.due(tx.now, kind, aggregate)

    async def _reported(self) -> str:
        async with self.world.databases["reporting"].transaction() as tx:
            return await state_hash(tx)

    async def _until_done(self, *command: str, environment: Any = None) -> None:
        """Run a command as an operator would: again, if it did not end well the first time."""
        for _ in range(2):
            done = await asyncio.to_thread(geleit, environment or self.world.running.environment, *command)
            if done.returncode == 0:
                return
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")


REACHED_BY: dict[Reach, tuple[str, ...]] = {
    Scene.arrives: (
        *("web.handled", "web.committed", "once.decided", "intake.saved", "intake.sealed", "intake.ruled"),
        *("outbox.inserted", "outbox.selected", "outbox.batch_sent", "outbox.sent", "outbox.marking"),
        *("outbox.unmarked", "outbox.marked", "consume.decoded", "consume.handled", "consume.tallied"),
        *("consume.committed", "stream.consumed", "matching.decided", "matching.receipted", "matching.loaded"),
        *("matching.assigned", "matching.recorded", "inbox.folded", "inbox.told", "stream.told"),
        *("errands.claiming", "errands.claimed", "errands.performed", "errands.settled", "errands.committed"),
        "mail.connected",
    ),
    Scene.submits: ("submissions.ruled",),
    Scene.sends_poison: ("park.written", "park.committed", "tally.written"),
    Scene.retries: ("retry.applied", "retry.settled"),
    Scene.answers: ("inbox.answered",),
    Scene.is_due: ("timers.handled", "timers.deleted", "timers.committed"),
    Scene.reminds: ("inbox.reminded",),
    Scene.escalates: ("inbox.escalated",),
    Scene.fails_when_due: ("timers.postponed",),
    Scene.changes_hands: (
        *("handover.planned", "handover.begun", "handover.moved", "handover.ended", "handover.finished"),
    ),
    Scene.dies_at_start: ("service.connected", "outbox.elected", "retention.deleted", "retention.expired"),
    Scene.stops: ("service.consumed",),
    Scene.imports_a_roster: ("roster.written",),
    Scene.imports_contacts: ("contacts.written",),
    Scene.rebuilds: ("rebuild.cleared", "replay.applied"),
    Scene.installs: (
        *("migrate.applied", "migrate.committed", "migrate.granted", "install.migrated", "install.topics_made"),
        *("seed.published", "policy.added"),
    ),
    Scene.imports_a_register: ("register.saved",),
    Scene.restores: (
        *("restore.held_back", "restore.dropped", "restore.put_back", "restore.told", "restore.placed"),
        "restore.let_in",
    ),
}
ONLY_AFTER = {"outbox.unmarked": ("outbox.marking", ERROR)}
"""Steps that are there only where another one has failed."""


def reached() -> dict[str, Reach]:
    """Every fail point that is tested, and how it is reached."""
    return {name: reach for reach, some in REACHED_BY.items() for name in some}


async def run(progress: Progress, scene: Scene, *, seconds: float, chance: Random, say: Say) -> None:
    """Each fail point × each effect that is not done yet, in an order by chance, for about so many seconds."""
    wanted = [(name, effect) for name in sorted(reached()) for effect in EFFECTS]
    wanted = [one for one in wanted if not progress.knows("failpoints", ".".join(one))]
    chance.shuffle(wanted)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    for _ in range(MANAGERS if wanted else 0):
        await scene.world.manager(scene.town, room=UNITS_PER_FTE)
    done = []
    for name, effect in wanted:
        if loop.time() > end:
            break
        begin = loop.time()
        found = await _one(scene, name, effect)
        say(f"failpoint {name}:{effect} {'; '.join(found) or 'passed'} ({loop.time() - begin:.1f} s)")
        progress.keep("failpoints", f"{name}.{effect}", passed=not found, faults=found)
        done.append(f"{name}.{effect}")
        scene.disarm()
    found = await at_rest(scene)
    say(f"failpoints: {len(done)} of {len(wanted)} fired now; at rest {found or 'no fault'}")
    if found:
        # Whose fault it is, none of them can say: all are fired again.
        for one in done:
            progress.keep("failpoints", one, passed=False, faults=found[:1])


async def _one(scene: Scene, name: str, effect: str) -> list[str]:
    """Fire one, have it recover and audited; its faults."""
    world = scene.world
    if name in ONLY_AFTER:
        scene.arm(*ONLY_AFTER[name])
    scene.arm(name, effect)
    try:
        await reached()[name](scene)
        await eventually(lambda: scene.was_hit(name, effect))
        await asyncio.gather(*(process.ready(WITHIN) for process in world.running.processes.values()))
    except (AssertionError, TimeoutError, httpx.HTTPError) as error:
        return [f"{name}:{effect} {type(error).__name__}: {error}"]
    asked = Asked(journal=scene.journal, patience=timedelta(minutes=2))
    found = await audit(list(world.services.values()), Broker(world.bootstrap), asked)
    return [f"{name}:{effect} {one.name}: {fault}" for one in found for fault in one.faults]


async def at_rest(scene: Scene) -> list[str]:
    """What is wrong once nothing is on its way any more, or what still is."""
    try:
        await eventually(lambda: is_quiet(scene.world), within=120)
    except TimeoutError:
        return [line async for line in unrest(scene.world)]
    return await faults(scene.world, scene.journal)


async def _held(url: str) -> Mapping[str, list[tuple[object, ...]]]:
    """Every household and every care that a database holds, and the revision of each."""
    database = await asyncpg.connect(url)
    try:
        households = await database.fetch("select id, revision, status from intake.household order by id")
        cares = await database.fetch("select household, revision, status from matching.care order by household")
        return {"households": [tuple(row) for row in households], "cares": [tuple(row) for row in cares]}
    finally:
        await database.close()


async def _installed_in(url: str) -> tuple[int, int]:
    """How many migrations an installation has had, and how many versions of the policy."""
    database = await asyncpg.connect(url)
    try:
        migrations = await database.fetchval("select count(*) from geleit.migration")
        return migrations, await database.fetchval("select count(*) from matching.policy")
    finally:
        await database.close()


async def answered(client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer that counts, asked for under one key until it comes. Raises TimeoutError."""
    key = key_header()

    async def asked() -> httpx.Response | None:
        try:
            answer = await client.request(method, path, json=body, headers=key)
        except httpx.TransportError:
            return None
        return answer if answer.status_code < 500 else None

    found: httpx.Response = await eventually(asked, within=WITHIN)
    return found
