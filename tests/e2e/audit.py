"""What must hold whenever Geleit has come to rest, whatever was killed before: asked of tables, topics and mails."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.record import Undecodable, decode
from contracts.topics import STATE_TOPICS, Topic, centre_of, submissions, verdicts
from e2e.world import World
from matching.receipts import Receipt, broken_at, recompute
from matching.replay import replay
from stream import read_to_the_end

Place = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass
class Journal:
    """What was acknowledged: households by reference as HTTP told them, places of records as Kafka did."""

    taken: dict[str, UUID] = field(default_factory=dict)
    submitted: list[Place] = field(default_factory=list)


async def is_quiet(world: World) -> bool:
    """Whether nothing is on its way: outboxes, dues and errands are empty, and everything is consumed."""
    return not [one async for one in unrest(world)]


async def unrest(world: World) -> AsyncIterator[str]:
    """What is still on its way, one line each."""
    async for line in _unsent(world):
        yield line
    for name, behind in (await _lags(world)).items():
        if behind:
            yield f"{name}: {behind} records behind"
    # Once more: what was consumed meanwhile may have filled them.
    async for line in _unsent(world):
        yield line


async def _unsent(world: World) -> AsyncIterator[str]:
    for name in world.databases:
        if rows := await world.ask(name, "select count(*) from outbox where published_at is null"):
            yield f"{name}: {rows} rows are not published"
        if dues := await world.ask(name, "select count(*) from due where at <= now()"):
            yield f"{name}: {dues} dues"
    messages = "select count(*) from message where sent_at is null and failed_at is null"
    if mails := await world.ask("notifications", messages):
        yield f"{mails} mails are not sent"


async def _lags(world: World) -> dict[str, int]:
    """How many records each service has not committed."""
    topics = {name: [topic.name for topic in service.on] for name, service in world.services.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    reader = AIOKafkaConsumer(bootstrap_servers=world.bootstrap, group_id=None, enable_auto_commit=False)
    await admin.start()
    try:
        await reader.start()
        committed = {name: await admin.list_consumer_group_offsets(name) for name in topics}
        described = await admin.describe_topics(sorted({topic for some in topics.values() for topic in some}))
        places = [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
        ends = await reader.end_offsets(places)
    finally:
        await reader.stop()
        await admin.close()
    return {
        name: sum(
            end - (committed[name][place].offset if place in committed[name] else 0)
            for place, end in ends.items()
            if place.topic in topics[name]
        )
        for name in topics
    }


async def audit(world: World, journal: Journal) -> list[str]:
    """Every fault, one line each; to be asked at rest."""
    topics: dict[str, list[ConsumerRecord]] = {topic.name: [] for topic in _topics(world)}
    for record in await read_to_the_end(world.bootstrap, *topics):
        topics[record.topic].append(record)
    return [
        *await _nothing_lost(world, journal, topics),
        *await _nothing_doubled(world),
        *await _revisions(world, topics),
        *await _consumers(world),
        *await _capacity(world),
        *await _receipts(world),
        *await _inbox(world),
        *await _mails(world),
    ]


async def _nothing_lost(world: World, journal: Journal, topics: Mapping[str, Sequence[ConsumerRecord]]) -> list[str]:
    faults = []
    rows = await _rows(world, "intake", "select centre, reference, id from household where reference is not null")
    by_reference: defaultdict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        by_reference[row["reference"]].append(row["id"])
    for reference, household in journal.taken.items():
        if by_reference[reference] != [household]:
            faults.append(f"{reference} was acknowledged as {household} and is {by_reference[reference]}")
    ruled = Counter(await _places(world, "verdict"))
    parked = Counter(await _places(world, "parked"))
    told: Counter[Place] = Counter()
    for topic in (one for one in topics if one.startswith("verdicts.")):
        read = submissions(centre_of(topic)).name
        states = {(record.key, state.revision): state for record, state in _decoded(topics[topic], topic)}
        told.update((read, one.partition_read or 0, one.offset_read or 0) for one in states.values())
    sources = [records for name, records in topics.items() if name.startswith("submissions.")]
    offered = [(one.topic, one.partition, one.offset) for some in sources for one in some if not _is_foreign(one)]
    faults += [f"{place} was acknowledged and is not on its topic" for place in set(journal.submitted) - set(offered)]
    for place in offered:
        if ruled[place] + parked[place] != 1 or told[place] != ruled[place]:
            faults.append(f"{place}: {ruled[place]} verdicts, {told[place]} told, parked {parked[place]} times")
    return faults


async def _nothing_doubled(world: World) -> list[str]:
    faults = []
    taken_in = {row["id"] for row in await _rows(world, "intake", "select id from household")}
    cared = Counter(row["household"] for row in await _rows(world, "matching", "select household from care"))
    faults += [f"{one} has {cared[one]} cares" for one in taken_in | cared.keys() if cared[one] != 1]
    history: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in await _rows(world, "matching", "select * from assignment order by household, item"):
        history[row["household"]].append(row)
    for household, assignments in history.items():
        for before, after in pairwise(assignments):
            if before["ended_at"] is None or before["ended_at"] > after["assigned_at"]:
                faults.append(f"{household} has two managers between items {before['item']} and {after['item']}")
    held = await _rows(
        world,
        "matching",
        "select household from care c"
        " full join (select * from assignment where ended_at is null) a using (household)"
        " where (c.item, c.manager) is distinct from (a.item, a.manager)",
    )
    return faults + [f"{row['household']}: care and assignment differ" for row in held]


async def _revisions(world: World, topics: Mapping[str, Sequence[ConsumerRecord]]) -> list[str]:
    """Each aggregate's revisions are 1..n: in its writer's table and outbox, and in that order on its topic."""
    faults = []
    owned = {
        "households": ("intake", "select id::text as key, revision from household"),
        "assignments": ("matching", "select household::text as key, revision from care"),
        "responses": ("notifications", "select household::text as key, revision from response"),
        "roster": ("matching", "select id::text as key, revision from manager"),
        "municipalities": ("intake", "select ags as key, revision from municipality"),
    }
    for topic, (service, sql) in owned.items():
        newest = {row["key"]: row["revision"] for row in await _rows(world, service, sql)}
        sent: defaultdict[str, list[int]] = defaultdict(list)
        for row in await _rows(world, service, "select key, revision from outbox where topic = $1 order by id", topic):
            sent[row["key"]].append(row["revision"])
        read: defaultdict[str, list[int]] = defaultdict(list)
        places: defaultdict[str, set[int]] = defaultdict(set)
        for record, state in _decoded(topics[topic], topic):
            read[state.key].append(state.revision)
            places[state.key].add(record.partition)
        for key, revision in newest.items():
            wanted = list(range(1, revision + 1))
            if sent[key] != wanted:
                faults.append(f"{topic} {key}: outbox has {sent[key]} of {revision}")
            if list(dict.fromkeys(read[key])) != wanted or read[key][-1] != revision:
                faults.append(f"{topic} {key}: topic has {read[key]} of {revision}")
            if len(places[key]) > 1:
                faults.append(f"{topic} {key}: in partitions {places[key]}")
        faults += [f"{topic} {key} belongs to nobody" for key in read.keys() - newest.keys()]
    return faults


async def _consumers(world: World) -> list[str]:
    """Who reads holds the newest of who writes."""
    writers = {
        "household": ("intake", "select id, revision from household"),
        "care": ("matching", "select household as id, revision from care"),
        "response": ("notifications", "select household as id, revision from response"),
    }
    readers = (
        ("household", "matching", "select id, revision from household"),
        ("household", "matching", "select household as id, household_revision as revision from care"),
        ("household", "reporting", "select id, revision from household"),
        ("care", "intake", "select household as id, revision from care"),
        ("care", "notifications", "select household as id, revision from care"),
        ("care", "reporting", "select id, care_revision as revision from household"),
        (
            "response",
            "reporting",
            "select id, response_revision as revision from household where response_revision > 0",
        ),
        (
            "response",
            "matching",
            "select household as id, (last_answer ->> 'revision')::int as revision from care"
            " where last_answer is not null",
        ),
    )
    faults = []
    for what, service, sql in readers:
        written = {row["id"]: row["revision"] for row in await _rows(world, *writers[what])}
        held = {row["id"]: row["revision"] for row in await _rows(world, service, sql)}
        if written != held:
            differing = {key for key in written.keys() | held.keys() if written.get(key) != held.get(key)}
            some = [(str(key), written.get(key), held.get(key)) for key in sorted(differing)[:3]]
            faults.append(f"{service} differs from the writer of {what} in {len(differing)}: {some}")
    return faults


async def _capacity(world: World) -> list[str]:
    """Loads are what the cases weigh; a table's check held load <= capacity + tolerated at every commit."""
    rows = await _rows(
        world,
        "matching",
        "select m.id, m.load, m.capacity, m.tolerated, m.base_load + coalesce(sum(c.weight), 0)::int as carried"
        " from manager m left join care c on c.manager = m.id group by m.id",
    )
    return [
        f"{row['id']}: load {row['load']}, carries {row['carried']}, capacity {row['capacity']} + {row['tolerated']}"
        for row in rows
        if row["load"] != row["carried"] or row["load"] > row["capacity"] + row["tolerated"]
    ]


async def _receipts(world: World) -> list[str]:
    """The chains are whole, every choice follows from its receipt and from what was put in, none is over capacity."""
    faults = []
    chains: defaultdict[str, list[Receipt]] = defaultdict(list)
    rows = await _rows(world, "matching", "select * from decision order by district, position")
    for row in rows:
        chains[row["district"]].append(Receipt(row["district"], row["position"], row["hash"], row["receipt"]))
        stated = orjson.loads(row["receipt"])
        choice = recompute(stated)
        chosen = str(choice.manager) if choice.manager else None
        if (choice.status, choice.reason, chosen) != (stated["status"], stated["reason"], stated["chosen"]):
            faults.append(f"receipt {row['district']}/{row['position']} leads to {choice}")
        for one in stated["candidates"]:
            taken = one["manager"] == stated["chosen"] and stated["wish"] is None
            if taken and one["load"] + stated["weight"] > one["capacity"]:
                faults.append(f"receipt {row['district']}/{row['position']} goes over capacity")
    faults += [f"chain of {name} breaks at {at}" for name, chain in chains.items() if (at := broken_at(chain))]
    unproven = await _rows(
        world,
        "matching",
        "select a.household, a.item from assignment a left join decision_link l"
        " on l.household = a.household and l.revision = a.item where l.household is null",
    )
    async with world.databases["matching"].transaction() as tx:
        replayed = await replay(tx)
    faults += [f"receipt {district}/{position} is not made again" for district, position in replayed.otherwise]
    return faults + [f"{row['household']} item {row['item']} has no receipt" for row in unproven]


async def _inbox(world: World) -> list[str]:
    """Each proposal has its open item, each confirmed case an accepted one, and no other item is open."""
    cared = await _rows(world, "matching", "select household, item, status from care where item is not null")
    wanted = {(row["household"], row["item"]): {"proposed": "open"}.get(row["status"], "accepted") for row in cared}
    items = await _rows(world, "notifications", "select household, item, status from item where status <> 'closed'")
    shown = {(row["household"], row["item"]): row["status"] for row in items}
    return [f"item {key} is {shown.get(key)}, the care says {wanted.get(key)}" for key in _differing(wanted, shown)]


async def _mails(world: World) -> list[str]:
    """Each message was caught; twice only under the same Message-ID, as after a kill between sending and noting it."""
    rows = await _rows(world, "notifications", "select id, household, item, kind, sent_at from message")
    caught = Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in world.mails())
    known = {str(row["id"]) for row in rows}
    doubled = Counter((row["household"], row["item"], row["kind"]) for row in rows)
    sent = [str(row["id"]) for row in rows if row["sent_at"]]
    faults = [f"message {one} was sent and not caught" for one in sent if not caught[one]]
    faults += [f"mail {one} belongs to no message" for one in caught.keys() - known]
    return faults + [f"{number} messages about {one}" for one, number in doubled.items() if number > 1]


def _topics(world: World) -> Iterator[Topic]:
    yield from STATE_TOPICS
    for centre in world.services["intake"].settings.centres:
        yield submissions(centre)
        yield verdicts(centre)


def _decoded(records: Sequence[ConsumerRecord], topic: str) -> Iterator[tuple[ConsumerRecord, Any]]:
    of_verdicts = verdicts(centre_of(topic)) if "." in topic else None
    known = of_verdicts or next(one for one in STATE_TOPICS if one.name == topic)
    for record in records:
        if (state := decode(record.value, record.headers, known.known)) is not None:
            yield record, state


def _is_foreign(record: ConsumerRecord) -> bool:
    """Whether a record is of a family of types that no reader knows: it is ignored."""
    try:
        return decode(record.value, record.headers, submissions(centre_of(record.topic)).known) is None
    except Undecodable:
        return False


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any]:
    return [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]


async def _places(world: World, table: str) -> list[Place]:
    rows = await _rows(
        world, "intake", f"select topic, partition, position from {table} where topic like 'submissions.%'"
    )
    return [(row["topic"], row["partition"], row["position"]) for row in rows]


async def _rows(world: World, service: str, sql: str, *args: object) -> list[Any]:
    async with world.databases[service].transaction() as tx:
        return list(await tx.fetch(sql, *args))
