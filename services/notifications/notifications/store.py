"""The inbox's rows: heads of care, items, answers, and the words of the other topics."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from chassis import queries
from chassis.access import Role
from chassis.database import Tx, columns
from contracts.assignments import MOST_EARLIER, Care
from contracts.municipalities import Municipality
from contracts.policy import Policy
from contracts.responses import Response
from contracts.roster import Manager
from contracts.vocabulary import Answer, AnswerReason, Applied
from contracts.zone import day_of, day_only, is_day
from notifications import projection
from notifications.domain import Given, ItemStatus, Standing

query = partial(queries.query, "notifications")
"""The text of queries/<name>.sql."""

_PLACES = {
    Role.MUNICIPALITY: "i.municipality = {}",
    Role.DISTRICT: "i.district = {}",
    Role.MANAGER: "i.manager = {}::text::uuid",
}
_ANSWER_TIMES = ("answered_at", "accepted_at", "contacted_at", "transfer_requested_at")


@dataclass(frozen=True, slots=True)
class Item:
    """An inbox item as its reader sees it. `fate` says what matching did with the answer, or `pending`."""

    household: UUID
    item: int
    home: int
    revision: int
    municipality: str | None
    municipality_name: str | None
    district: str | None
    status: ItemStatus
    reason: str
    facts: dict[str, Any] | None
    manager: UUID
    manager_code: str | None
    assigned_at: datetime
    answer_by: datetime | None
    contacted_at: datetime | None
    ended_at: datetime | None
    answer: Answer | None
    answer_reason: AnswerReason | None
    answered_at: datetime | None
    accepted_at: datetime | None
    fate: str | None
    undoable: bool
    current_item: int | None
    changed_at: datetime
    changed: str
    transfer_requested_at: datetime | None

    @property
    def standing(self) -> Standing:
        """What an answer to it is judged by."""
        return Standing(self.item, self.status, self.current_item, self.undoable)

    @property
    def stale(self) -> bool:
        """Whether matching had moved on when the answer came."""
        return self.fate == Applied.STALE

    def overdue(self, now: datetime) -> bool:
        """Whether it is open beyond its time."""
        return self.status is ItemStatus.OPEN and self.answer_by is not None and self.answer_by <= now

    def counselling_over(self, now: datetime) -> bool:
        """Whether somebody has the case beyond its counselling period."""
        over_on = (self.facts or {}).get("counselling_over_on")
        if self.status is not ItemStatus.ACCEPTED or over_on is None:
            return False
        return date.fromisoformat(over_on) <= day_of(now)


async def fold_cares(tx: Tx, cares: Sequence[Care]) -> tuple[list[Care], list[Care]]:
    """Keep the cares that are newer than what is held, with their items; return those, and which of them do not ask
    for the same answer by the same time as what was held.

    `cares` has one state a household, sorted by it.
    """
    if not cares:
        return [], []
    rows = await tx.fetch(query("fold_cares"), *columns([projection.head(care) for care in cares]))
    asked_before = {row["household"]: row["asked_before"] for row in rows}
    kept = [care for care in cares if care.household in asked_before]
    if items := [item.columns for care in kept for item in projection.items(care)]:
        await tx.execute(query("fold_items"), *columns(items), tx.now)
    if cut := [care for care in kept if len(care.earlier) == MOST_EARLIER]:
        # What its state has no room for is nowhere: the topics from offset 0 would not bring it back.
        await tx.execute(
            "delete from item using unnest($1::uuid[], $2::int[], $3::int[]) as told (household, first, second)"
            " where item.household = told.household and item.item > told.first and item.item < told.second",
            *columns([(care.household, care.earlier[0].item, care.earlier[1].item) for care in cut]),
        )
    return kept, [care for care in kept if not asked_before[care.household]]


async def fold_managers(tx: Tx, managers: Sequence[Manager]) -> None:
    """Keep the newest code of each manager."""
    await tx.execute(
        query("fold_managers"),
        *columns([(one.id, one.revision, one.code) for one in managers]),
    )


async def fold_municipalities(tx: Tx, towns: Sequence[Municipality]) -> None:
    """Keep the newest name of each municipality."""
    await tx.execute(
        query("fold_municipalities"),
        *columns([(one.ags, one.revision, one.name, one.district, one.active) for one in towns]),
    )


async def fold_policies(tx: Tx, policies: Sequence[Policy]) -> None:
    """Keep how long an answer may take, by the newest version."""
    await tx.execute(
        query("fold_policies"),
        *columns([(one.id, one.revision, one.version, one.answering.remind_after_days) for one in policies]),
    )


async def lock(tx: Tx, households: Sequence[UUID]) -> None:
    """Lock the heads of care that the principal may see, in the order in which a fold locks them; then answers.

    Who takes a decline back may have no head of care any more, but has an answer.
    """
    for table in ("care", "response"):
        await tx.execute(
            f"select from {table} where household = any($1::uuid[]) order by household for no key update",
            sorted(households),
        )


async def given(tx: Tx, household: UUID) -> Given | None:
    """The household's newest answer."""
    row = await tx.fetchrow(
        "select revision, item, answer, reason, answered_at, accepted_at, contacted_at, transfer_requested_at"
        " from response where household = $1",
        household,
    )
    if row is None:
        return None
    values = dict(row)
    values["answer"] = Answer(values["answer"])
    values["reason"] = AnswerReason(values["reason"]) if values["reason"] else None
    return Given(**values)


async def write_answer(tx: Tx, household: UUID, home: int, answer: Given) -> Response:
    """Keep the answer in place of the one before; the state to publish."""
    state = Response(household=household, home=home, **asdict(answer))
    await keep_answers(tx, [state])
    return state


ANSWERED = (
    "select r.*, c.home from response r join care c on c.household = r.household"
    " where r.household > $1 order by r.household limit $2"
)


def response_of(row: asyncpg.Record) -> Response:
    """The state of an answer's row."""
    return Response.model_validate(dict(row), strict=False)


async def keep_answers(tx: Tx, answers: Sequence[Response]) -> None:
    """Keep answers as they were published."""
    await tx.executemany(
        query("write_answer"),
        [
            (
                one.household,
                one.revision,
                one.item,
                one.answer,
                one.reason,
                one.answered_at,
                one.accepted_at,
                one.contacted_at,
                one.transfer_requested_at,
            )
            for one in answers
        ],
    )


async def unanswered(tx: Tx, households: Sequence[UUID], times_more: int = 0) -> list[asyncpg.Record]:
    """The proposals of these households that nobody has answered in their time, or in so many times more than that."""
    return await tx.fetch(query("unanswered"), households, tx.now, times_more)


async def overdue(tx: Tx) -> tuple[int, datetime | None]:
    """How many proposals have had no answer in their time, and when that of the first was over."""
    row = await tx.fetchrow(
        "select count(*) as items, min(answer_by) as first from item where status = 'open' and answer_by <= $1", tx.now
    )
    assert row
    return row["items"], row["first"]


async def drop_reminders(tx: Tx, households: Sequence[UUID]) -> None:
    """Forget reminders that were not sent in time, but for what is being sent: the item has its answer, or is over."""
    await tx.execute(
        "delete from message m using care c where c.household = any($1::uuid[]) and m.household = c.household"
        " and m.kind in ('reminder', 'escalation') and m.sent_at is null and m.claimed_at is null"
        " and (c.status <> 'proposed' or c.item <> m.item)",
        households,
    )


async def has_contact(tx: Tx, municipality: str) -> bool:
    """Whether an address is known to tell a municipality of proposals."""
    known = "select exists (select from contact_point where municipality = $1)"
    return bool(await tx.fetchval(known, municipality))


async def items_of(tx: Tx, household: UUID) -> list[Item]:
    """Every item of a household that the principal may see, newest first."""
    return _items(
        await tx.fetch("select i.* from inbox_entry i where i.household = $1 order by i.item desc", household)
    )


async def page(
    tx: Tx,
    *,
    status: ItemStatus | None,
    households: tuple[UUID, UUID] | None,
    after: tuple[datetime, UUID, int] | None,
    due_by: datetime | None = None,
    limit: int,
) -> list[Item]:
    """Items newest first: of a status, of households between two ids, due by then, after the last one seen."""
    where = (status.value if status else None, *(households or (None, None)), *(after or (None, None, None)))
    name = "inbox_few" if status in {ItemStatus.OPEN, ItemStatus.DECLINED} else "inbox"
    return _items(await _scoped(tx, name, *where, due_by, limit))


async def changes(tx: Tx, *, after: tuple[str, UUID, int] | None, since: datetime | None, limit: int) -> list[Item]:
    """Items in the order in which their changes became certain, after the last one seen."""
    return _items(await _scoped(tx, "changes", *(after or (None, None, None)), since, limit))


async def is_ahead(tx: Tx, position: str) -> bool:
    """Whether a position lies in the future: it was given out before the database was restored to a past."""
    ahead: bool = await tx.fetchval("select $1::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot())", position)
    return ahead


async def change_again(tx: Tx) -> None:
    """Let changes that lie in the future be made now: on another server than the one they were made on, which counts
    its transactions anew, nobody would see them until it has come so far."""
    await tx.execute(
        "update item set changed = pg_current_xact_id() where changed >= pg_snapshot_xmin(pg_current_snapshot())"
    )


async def counts(tx: Tx) -> tuple[int, int]:
    """How many open items the principal may see, and how many of them are overdue."""
    (row,) = await _scoped(tx, "counts", tx.now)
    return row["items"], row["late"]


async def remind_after_days(tx: Tx) -> int | None:
    """Working days a proposal may wait for its answer, by the policy in force."""
    days: int | None = await tx.fetchval("select remind_after_days from policy order by id limit 1")
    return days


async def _scoped(tx: Tx, name: str, *asked: object) -> list[asyncpg.Record]:
    """A query held to the principal's place by a condition that an index serves; row-level security, which no
    index can serve, stands behind it."""
    who = tx.principal
    place = _PLACES.get(who.role) if who else None
    await tx.plan_anew()
    if who is None or place is None:
        return await tx.fetch(query(name).replace("{scope}", "true"), *asked)
    return await tx.fetch(query(name).replace("{scope}", place.format(f"${len(asked) + 1}")), *asked, who.tenant_id)


def _items(rows: Sequence[asyncpg.Record]) -> list[Item]:
    return [_item(row) for row in rows]


def _item(row: asyncpg.Record) -> Item:
    values: dict[str, Any] = dict(row)
    values["status"] = ItemStatus(values["status"])
    values["answer"] = Answer(values["answer"]) if values["answer"] else None
    values["answer_reason"] = AnswerReason(values["answer_reason"]) if values["answer_reason"] else None
    values["changed"] = str(values["changed"])
    if is_day(values["assigned_at"]):
        # Matching leaves days of an erased household; the answers to it are told by the day, too.
        values |= {name: values[name] and day_only(values[name]) for name in _ANSWER_TIMES}
    return Item(**values)


async def given_up(tx: Tx, since: datetime) -> int:
    """How many messages have failed for good since then, of those that somebody still waits for."""
    return int(await tx.fetchval("select count(*) from given_up where failed_at > $1", since))
