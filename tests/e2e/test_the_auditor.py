"""The auditor finds what it is there for: each fault that is brought in by hand, and none before and after."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import orjson

from contracts.vocabulary import SubmissionKind
from e2e.rest import faults, is_quiet
from e2e.world import World, geleit, registration
from geleit.audit.journal import Journal
from stream import eventually


@dataclass(frozen=True)
class Fault:
    """A statement that brings it in, one that takes it back, and a word of the line that must tell of it.

    `$1` is the household; its manager has a case, its item is open.
    """

    sql: str
    back: str
    tells: str


FAULTS = (
    Fault(
        "update matching.manager m set load = load + 1 from matching.care c where household = $1 and c.manager = m.id",
        "update matching.manager m set load = load - 1 from matching.care c where household = $1 and c.manager = m.id",
        "I4: manager",
    ),
    Fault(
        "update matching.care set revision = revision + 1 where household = $1",
        "update matching.care set revision = revision - 1 where household = $1",
        "I6: assignments",
    ),
    Fault(
        "update matching.outbox set revision = 7 where topic = 'assignments' and key = $1::uuid::text",
        "update matching.outbox set revision = 1 where topic = 'assignments' and key = $1::uuid::text",
        "the outbox has [7]",
    ),
    Fault(
        "update matching.assignment set item = 7 where household = $1",
        "update matching.assignment set item = 1 where household = $1",
        "I3: ",
    ),
    Fault(
        "update matching.decision d set receipt = convert_to(regexp_replace(convert_from(receipt, 'UTF8'),"
        " '(\"[0-9-]{10}\",[0-9]+),1200,', '\\1,1,'), 'UTF8') from matching.decision_link l"
        " where (d.district, d.position) = (l.district, l.position) and l.household = $1",
        "update matching.decision d set receipt = convert_to(regexp_replace(convert_from(receipt, 'UTF8'),"
        " '(\"[0-9-]{10}\",[0-9]+),1,', '\\1,1200,'), 'UTF8') from matching.decision_link l"
        " where (d.district, d.position) = (l.district, l.position) and l.household = $1",
        "goes over capacity",
    ),
    Fault(
        "update notifications.item set status = 'accepted' where household = $1",
        "update notifications.item set status = 'open' where household = $1",
        "is accepted instead of open",
    ),
    Fault(
        "update intake.household set revision = revision + 1 where id = $1",
        "update intake.household set revision = revision - 1 where id = $1",
        "I6: households",
    ),
    Fault(
        "update notifications.message set id = gen_random_uuid() where household = $1",
        "update notifications.message set id = (select (regexp_match(m, '[0-9a-f-]{36}'))[1]::uuid"
        " from unnest(array[current_setting('e2e.message')]) m) where household = $1",
        "belongs to no message",
    ),
)


async def test_the_auditor_finds_each_fault_that_is_brought_in(world: World) -> None:
    town = world.town()
    await world.manager(town)
    household = await world.registered(town)
    await world.item(town, household, "open")
    await world.mailed(town)
    await eventually(lambda: is_quiet(world))
    journal = Journal()
    assert await faults(world, journal) == []
    owner = await asyncpg.connect(world.running.environment["DATABASE_URL"])
    message = await owner.fetchval("select id from notifications.message where household = $1", household)
    await owner.execute("select set_config('e2e.message', $1, false)", str(message))
    try:
        for fault in FAULTS:
            await owner.execute(fault.sql, household)
        lost = f"e2e-{uuid4().hex}"
        found = "\n".join(await faults(world, Journal({(lost, household)}, [("submissions.karlsruhe", 0, 10**9)])))
    finally:
        for fault in FAULTS:
            await owner.execute(fault.back, household)
        await owner.close()
    assert [fault.tells for fault in FAULTS if fault.tells not in found] == [], found
    assert lost in found
    assert "is not on its topic" in found
    assert await faults(world, journal) == []


async def test_the_command_says_what_holds_while_everything_goes_on(world: World, tmp_path: Path) -> None:
    town = world.town()
    await world.manager(town, room=100)
    journal, names = tmp_path / "journal.jsonl", tmp_path / "names"
    names.write_text("Nobody-of-this-name\n")
    promised: list[str] = []

    async def arrive() -> None:
        form = registration(town)
        household = await world.registered(town, reference=form["reference"])
        promised.append(f'{{"reference": "{form["reference"]}", "household": "{household}"}}\n')
        await world.submit(world.submission(form["reference"] + "-k", SubmissionKind.REGISTER, facts=form["facts"]))

    auditing = [asyncio.create_task(asyncio.to_thread(geleit, world.running.environment, "audit")) for _ in range(2)]
    while not all(one.done() for one in auditing):
        await arrive()
    for one in auditing:
        assert one.result().returncode == 0, one.result().stdout + one.result().stderr
    journal.write_text("".join(promised))
    command = ("audit", "--journal", str(journal), "--canaries", str(names))
    said = await asyncio.to_thread(geleit, world.running.environment, *command)
    assert said.returncode == 0, said.stdout + said.stderr
    assert [text.split()[:2] for text in said.stdout.splitlines()] == [[f"I{n}", "holds"] for n in range(1, 12)]
    journal.write_text(f'{{"reference": "nobody", "household": "{uuid4()}"}}\n')
    said = await asyncio.to_thread(geleit, world.running.environment, "audit", "--json", "--journal", str(journal))
    assert said.returncode == 1
    assert [one["invariant"] for one in orjson.loads(said.stdout) if one["faults"]] == ["I1"]
    assert "I1: nobody was acknowledged as" in said.stderr
