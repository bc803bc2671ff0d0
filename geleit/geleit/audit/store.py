"""What the tables say: a service's schema in one snapshot, as its worker sees it."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from chassis.database import Tx
from contracts.assignments import Care
from contracts.topics import ASSIGNMENTS, CENTRE, HOUSEHOLDS, MUNICIPALITIES, POLICY, RESPONSES, ROSTER, Topic
from geleit.audit.stream import Read
from notifications import projection as inbox
from reporting import projection as figures

Rows = list[asyncpg.Record]

CHUNK = 5000
"""Rows that are fetched at once."""


class Sent(NamedTuple):
    """An outbox row."""

    topic: str
    key: str
    revision: int
    created_at: datetime
    published_at: datetime | None
    partition: int


class Counted(NamedTuple):
    """What a service has counted of a partition, up to the position `next`."""

    next: int = 0
    handled: int = 0
    parked: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that a service makes of a topic: key, revision, and what follows from the state of that revision."""

    topic: Topic
    sql: str
    columns: Callable[[Any], tuple[object, ...]] | None = None
    """The same of a state: its revision, and what follows."""
    erased: Callable[[Any], tuple[object, ...]] | None = None
    """What follows instead where the household is erased, as only another topic says."""


def _items(care: Care) -> list[list[object]]:
    names = ("item", "home", "status", "reason", "facts", "manager", "answer", "answer_reason")
    rows = [[getattr(one, name) for name in names] for one in inbox.items(care)]
    return [[str(value) if isinstance(value, UUID) else value for value in row] for row in rows]


_REGISTER = Fold(
    MUNICIPALITIES,
    "select ags, revision, name, district, active from municipality",
    lambda one: (one.revision, one.name, one.district, one.active),
)
FOLDS: Mapping[str, tuple[Fold, ...]] = {
    "intake": (
        Fold(
            ASSIGNMENTS,
            "select household::text, revision, state from care",
            lambda care: (care.revision, care.model_dump(mode="json", exclude_none=True)),
        ),
    ),
    "matching": (
        Fold(
            HOUSEHOLDS,
            "select id::text, revision, home, status, facts from household",
            lambda one: (
                one.revision,
                one.home,
                one.status.value,
                one.facts.model_dump(mode="json", exclude_none=True) if one.facts else None,
            ),
        ),
        Fold(HOUSEHOLDS, "select household::text, household_revision from care"),
        Fold(
            RESPONSES,
            "select household::text, (last_answer ->> 'revision')::int from care where last_answer is not null",
        ),
        _REGISTER,
    ),
    "notifications": (
        Fold(
            ASSIGNMENTS,
            "select household::text, revision, home, status, item, last_item, municipality, district, manager,"
            " answer_by, answer_seen, answer_applied from care",
            lambda care: inbox.head(care)[1:],
        ),
        # Not the place and code of an earlier item, which only who has seen it before can know.
        Fold(
            ASSIGNMENTS,
            "select c.household::text, c.revision, coalesce(jsonb_agg(jsonb_build_array(i.item, i.home, i.status,"
            " i.reason, i.facts, i.manager, i.answer, i.answer_reason) order by i.item)"
            " filter (where i.item is not null), '[]') from care c left join item i using (household)"
            " group by c.household",
            lambda care: (care.revision, _items(care)),
        ),
        Fold(ROSTER, "select id::text, revision, code from manager", lambda one: (one.revision, one.code)),
        _REGISTER,
        Fold(
            POLICY,
            "select id, revision, version, remind_after_days from policy",
            lambda one: (one.revision, one.version, one.answering.remind_after_days),
        ),
    ),
    "reporting": (
        Fold(
            HOUSEHOLDS,
            "select id::text, revision, status, registered_at, centre, stated_district, stated_municipality, persons"
            " from household where revision > 0",
            lambda one: figures.household_row(one)[1:],
        ),
        Fold(
            ASSIGNMENTS,
            "select id::text, care_revision, care_status, care_reason, care_district, care_municipality, manager,"
            " weight, care_registered_at, first_assigned_at, declines from household where care_revision > 0",
            lambda one: figures.care_row(one)[1:],
        ),
        Fold(
            RESPONSES,
            "select id::text, response_revision, answer, answer_reason, answered_at, status is not distinct from"
            " 'erased' from household where response_revision > 0",
            lambda one: (*figures.response_row(one)[1:], False),
            lambda one: (one.revision, None, None, None, True),
        ),
        Fold(
            ROSTER,
            "select id::text, revision, code, provider, status, fte_hundredths, capacity, base_load, service_area,"
            " active_from, active_until from manager",
            lambda one: figures.manager_row(one)[1:],
        ),
        Fold(
            MUNICIPALITIES,
            "select ags, revision, name, district, district_name, population, active from municipality",
            lambda one: figures.municipality_row(one)[1:],
        ),
        Fold(
            POLICY,
            "select id, revision, version, units_per_fte from policy",
            lambda one: figures.policy_row(one)[1:],
        ),
    ),
}

WRITTEN: Mapping[str, tuple[Fold, ...]] = {
    "intake": (
        Fold(
            HOUSEHOLDS,
            "select id::text, revision, home, status, municipality, district from household",
            lambda one: (
                one.revision,
                one.home,
                one.status.value,
                *((one.facts.municipality, one.facts.district) if one.facts else (None, None)),
            ),
        ),
        _REGISTER,
    ),
    "matching": (
        Fold(
            ASSIGNMENTS,
            "select household::text, revision, household_revision, status, reason, item, manager, municipality,"
            " district, weight from care",
            lambda one: (
                one.revision,
                one.household_revision,
                one.status.value,
                one.reason.value,
                one.item,
                one.assignee.id if one.assignee else None,
                one.municipality,
                one.district,
                one.weight,
            ),
        ),
        Fold(
            ROSTER,
            "select id::text, revision, code, provider, status, capacity, base_load from manager",
            lambda one: (one.revision, one.code, one.provider, one.status.value, one.capacity, one.base_load),
        ),
        Fold(
            POLICY,
            "select distinct on (id) id, revision, version from policy order by id, revision desc",
            lambda one: (one.revision, one.version),
        ),
    ),
    "notifications": (
        Fold(
            RESPONSES,
            "select household::text, revision, item, answer, reason from response",
            lambda one: (one.revision, one.item, one.answer.value, one.reason.value if one.reason else None),
        ),
    ),
    "reporting": (),
}
"""What a service tells of its own rows."""


@dataclass(slots=True)
class Kept:
    """One schema in one snapshot: what chassis keeps in each, what it folds, what it writes, and `own` by name."""

    now: datetime
    started: datetime
    reads: frozenset[str]
    """The topics that its service consumes."""
    outbox: list[Sent]
    counted: Mapping[tuple[str, int], Counted]
    parked: Mapping[tuple[str, int, int], str | None]
    """Topic, partition, offset → how it ended, or None."""
    folded: Sequence[tuple[Fold, Mapping[str, tuple[Any, ...]]]]
    """Rows by key: revision, and what follows."""
    written: Sequence[tuple[Fold, Mapping[str, tuple[Any, ...]]]]
    """The rows that its topics tell of, in the same way."""
    own: dict[str, Rows] = field(default_factory=dict)

    def set_aside(self, read: Read) -> set[str]:
        """The keys of a topic whose newest record was parked: nothing more comes of them by itself."""
        name, newest = read.topic.name, {one.key: one for one in sorted(read.told, key=lambda one: one.revision)}
        return {one.key for one in newest.values() if (name, one.partition, one.offset) in self.parked}


_OWN: Mapping[str, Mapping[str, str]] = {
    "intake": {
        "household": "select id, centre, reference, status, revision from household",
        "verdict": "select at, outcome, reference, household, topic, partition, position, digest from verdict",
        "reference": "select centre, reference, verdicts from reference",
        "unsent": (
            "select topic, (told ->> 'partition_read')::int as partition, (told ->> 'offset_read')::bigint as position"
            " from (select topic, convert_from(payload, 'UTF8')::jsonb as told from outbox"
            " where published_at is null) o where told ? 'offset_read'"
        ),
    },
    "matching": {
        "assignment": "select household, item, manager, assigned_at, ended_at from assignment order by household, item",
        "manager": (
            "select m.id, m.load, m.capacity, m.tolerated, m.base_load + coalesce(sum(c.weight), 0)::int as carried"
            " from manager m left join care c on c.manager = m.id group by m.id"
        ),
        "differing": (
            "select household from care c full join (select * from assignment where ended_at is null) a"
            " using (household) where (c.item, c.manager) is distinct from (a.item, a.manager)"
        ),
        "unproven": (
            "select a.household, a.item from assignment a join household h on h.id = a.household"
            " left join decision_link l on l.household = a.household and l.revision = a.item"
            " where l.household is null and h.status <> 'erased'"
        ),
        "proven": (
            "select l.district, l.position, a.manager, t.at is not null as moved from decision_link l"
            " join decision d on d.district = l.district and d.position = l.position"
            " left join assignment a on a.household = l.household and a.item = l.revision"
            " left join audit t on t.action = 'hand_over' and t.subject = a.household::text and t.at = d.decided_at"
        ),
        "receipt": (
            "select c.household from care c left join lateral (select d.hash from decision_link l"
            " join decision d using (district, position) where l.household = c.household"
            " order by l.revision desc limit 1) newest on true where c.receipt is distinct from newest.hash"
        ),
        "head": "select district, position, hash from chain_head",
    },
    "notifications": {
        "item": "select household, item, status from item",
        "response": "select household, item, answer from response",
        "message": (
            "select household, item, max(sent_at) as sent_at,"
            " max(last_error_code) as error, min(created_at) as created_at"
            " from message where kind = 'proposal' group by household, item"
        ),
        "contact": "select municipality, since from contact_point",
    },
    "reporting": {},
}


async def kept(tx: Tx, service: str, reads: Collection[Topic]) -> Kept:
    """Read a service's schema, which consumes these topics. `tx` is a snapshot."""
    # After a restore they are read anew: what was parked of them before may have stood in a broker that is lost.
    read_anew = [topic.name for topic in reads if topic.writer == CENTRE]
    return Kept(
        now=await tx.fetchval("select clock_timestamp()"),
        started=tx.started,
        reads=frozenset(topic.name for topic in reads),
        outbox=[
            Sent(*row)
            for row in await _all(
                tx, "select topic, key, revision, created_at, published_at, partition from outbox order by id"
            )
        ],
        counted={
            (row["topic"], row["partition"]): Counted(row["next"], row["handled"], row["parked"], row["ignored"])
            for row in await _all(tx, "select * from consumed")
        },
        parked={
            (row["topic"], row["partition"], row["position"]): row["resolution"]
            for row in await _all(
                tx,
                "select topic, partition, position, resolution from parked"
                " where parked_at >= $1 or topic <> all($2::text[])",
                tx.started,
                read_anew,
            )
        },
        folded=await _rows(tx, FOLDS[service]),
        written=await _rows(tx, WRITTEN[service]),
        own={name: await _all(tx, sql) for name, sql in _OWN[service].items()},
    )


async def _rows(tx: Tx, folds: Iterable[Fold]) -> list[tuple[Fold, Mapping[str, tuple[Any, ...]]]]:
    return [(fold, {row[0]: tuple(row)[1:] for row in await _all(tx, fold.sql)}) for fold in folds]


async def _all(tx: Tx, sql: str, *args: object) -> Rows:
    """Every row, some at a time: all at once would take longer than a statement may."""
    return [row async for row in tx.connection.cursor(sql, *args, prefetch=CHUNK)]


async def tables(tx: Tx) -> AsyncIterator[tuple[str, str]]:
    """Every row of every table that the worker may read, as text, with its table's name."""
    names = await tx.fetch(
        "select tablename from pg_tables where schemaname = current_schema()"
        " and has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'select')"
    )
    for (name,) in names:
        quoted = '"' + name.replace('"', '""') + '"'
        async for row in tx.connection.cursor(f"select t::text from {quoted} t", prefetch=CHUNK):  # noqa: S608
            yield name, row[0]
