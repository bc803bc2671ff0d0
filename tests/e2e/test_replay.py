"""Every topic read again from its first record, twice: nothing changes, nobody is mailed, nothing is published."""

from typing import Any

from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.database import Tx
from chassis.health import Health
from chassis.replay import replay
from e2e.rest import is_quiet
from e2e.world import World
from notifications_world import state_hash as notified
from reporting.store import state_hash as reported
from stream import eventually

DECIDED = """
with line as (
    select 1 as part, t.household::text as key, t::text as row from care as t
    union all select 2, t.id::text, t::text from manager as t
    union all select 3, t.id::text, (t.id, t.revision, t.status, t.facts)::text from household as t
    union all select 4, t.household::text || t.item, t::text from assignment as t
    union all select 5, t.household::text || t.manager, t::text from exclusion as t
    union all select 6, t.district || t.position, t::text from decision as t
    union all select 7, t.id::text, t::text from stimulus as t
    union all select 8, t.ags, t::text from municipality as t
    union all select 9, t.household::text || t.revision, t::text from decision_link as t
    union all select 10, t.district, t::text from chain_head as t
)
select md5(string_agg(row, '' order by part, key collate "C")) from line
"""
TAKEN_IN = """
with line as (
    select 1 as part, t.id::text as key, t::text as row from household as t
    union all select 2, t.id::text, t::text from verdict as t
    union all select 3, t.household::text, (t.household, t.revision, t.status, t.state)::text from care as t
    union all select 4, t.ags, t::text from municipality as t
    union all select 5, t.centre || ' ' || t.reference, t::text from reference as t
    union all select 6, t.household::text, t::text from person_vault as t
)
select md5(string_agg(row, '' order by part, key collate "C")) from line
"""
# Not when it is due: who is put off once more is so from now on.
DUE = "select md5(string_agg(kind || ' ' || aggregate, ',' order by kind, aggregate)) from due"


async def test_a_replay_of_every_topic_changes_nothing(world: World) -> None:
    town = world.town()
    await world.manager(town, room=50)
    households = [await world.registered(town) for _ in range(3)]
    item = await world.item(town, households[0], "open")
    await world.answer(town, households[0], item["item"], "declined", reason="other")
    await world.care(households[0], "waiting")
    await eventually(lambda: is_quiet(world))
    before = await state(world)
    for _ in range(2):
        for name, service in world.services.items():
            consumer = Consumer(world.databases[name], service.vault(), service.on, Health())
            read = await replay(consumer, [topic.name for topic in service.on], broker=Broker(world.bootstrap))
            assert read > len(households)
        assert await state(world) == before
    await eventually(lambda: is_quiet(world))
    assert await state(world) == before


async def state(world: World) -> dict[str, Any]:
    """Hashes of what each service holds, and what it has sent."""
    found: dict[str, Any] = {"mails": len(world.mails())}
    for name, database in world.databases.items():
        async with database.transaction() as tx:
            found[name] = await _hash_of(name, tx)
            found[f"{name} due"] = await tx.fetchval(DUE)
            found[f"{name} outbox"] = await tx.fetchval("select max(id) from outbox")
    found["messages"] = await world.ask("notifications", "select count(*) from message")
    return found


async def _hash_of(name: str, tx: Tx) -> str:
    match name:
        case "reporting":
            return await reported(tx)
        case "notifications":
            return await notified(tx)
        case _:
            return str(await tx.fetchval(DECIDED if name == "matching" else TAKEN_IN))
