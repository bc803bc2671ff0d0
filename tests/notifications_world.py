"""What tests of the inbox share: stories of a care, folding, answering."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from builders import NOW, TUEBINGEN, a_care, a_record
from chassis.access import Role, Tenant
from chassis.database import Database, Tx
from contracts.assignments import Assignee, Care, EarlierAssignment, LastAnswer
from contracts.record import State
from contracts.topics import topic_of
from contracts.vocabulary import Answer, AnswerReason, Applied, CareReason, CareStatus
from contracts.zone import day_only
from notifications import app, store
from notifications.contacts import import_contacts
from notifications.domain import Wish
from notifications.store import Item
from notifications.web.answering import Outcome, give

TOWN = Tenant(Role.MUNICIPALITY, TUEBINGEN)
ADDRESS = "rathaus@tuebingen.example"
HANDLERS = {topic.name: handler for topic, handler in app.HANDLERS.items()}

_FOLDED = """
with line as (
    select
        1 as part,
        c.household::text as key,
        sha256(convert_to(c::text, 'UTF8')) as digest
    from care c
    union all
    select
        2,
        i.household::text || lpad(i.item::text, 10),
        sha256(convert_to((
            i.household, i.item, i.home, i.status, i.reason, i.facts, i.manager, i.assigned_at,
            i.answer_by, i.accepted_at, i.contacted_at, i.ended_at, i.answer, i.answer_reason,
            case when i.facts is not null then (i.revision, i.municipality, i.district, i.manager_code)::text end
        )::text, 'UTF8'))
    from item i
    union all
    select 3, m.id::text, sha256(convert_to(m::text, 'UTF8')) from manager m
    union all
    select 4, t.ags, sha256(convert_to(t::text, 'UTF8')) from municipality t
    union all
    select 5, p.id, sha256(convert_to(p::text, 'UTF8')) from policy p
)
select encode(sha256(coalesce(string_agg(digest, ''::bytea order by part, key collate "C"), ''::bytea)), 'hex')
from line
"""


def soon() -> datetime:
    """A time after the start mark of every service of this session."""
    return datetime.now(UTC) + timedelta(minutes=1)


async def fold(database: Database, *states: State, traces: dict[str, str] | None = None) -> None:
    """Apply each state in a transaction of its own."""
    for state in states:
        topic = topic_of(state).name
        async with database.transaction() as tx:
            tx.traces.update(traces or {})
            assert list(await HANDLERS[topic]([a_record(state, topic=topic)], tx)) == []


async def clear(tx: Tx) -> None:
    """Forget what is folded; answers and messages are the service's own and stay."""
    await tx.execute("truncate care, item, manager, municipality, policy")


async def state_hash(tx: Tx) -> str:
    """SHA-256 over what is folded, in key order, in hex; sending and answering are not part of it.

    Nor are the feed's position, which is the reader's own, and the place, code and revision of an item that has moved
    on, which only who has seen it before, or move on, can know.
    """
    return str(await tx.fetchval(_FOLDED))


async def know_contact(database: Database, address: str = ADDRESS, ags: str = TUEBINGEN) -> None:
    async with database.transaction() as tx:
        await import_contacts(tx, ["ags;address", f"{ags};{address}"])


async def answer(
    web: Database, care: Care, kind: Answer, reason: AnswerReason | None = None, *, tenant: Tenant = TOWN
) -> Outcome:
    assert care.item is not None
    async with web.transaction(tenant) as tx:
        return await give(tx, care.household, Wish(care.item, kind, reason))


async def items(web: Database, household: UUID, tenant: Tenant = TOWN) -> list[Item]:
    async with web.transaction(tenant) as tx:
        return await store.items_of(tx, household)


async def messages(worker: Database) -> list[dict[str, Any]]:
    async with worker.transaction() as tx:
        return [dict(row) for row in await tx.fetch("select * from message order by created_at, id")]


async def published(worker: Database) -> list[Any]:
    async with worker.transaction() as tx:
        return list(await tx.fetch("select topic, partition, key, revision, payload from outbox order by id"))


def confirmed(care: Care, *, answer_revision: int = 1) -> Care:
    """The care once matching has applied an acceptance."""
    seen = LastAnswer(item=care.item or 1, revision=answer_revision, answer=Answer.ACCEPTED, applied=Applied.APPLIED)
    return care.model_copy(
        update={
            "revision": care.revision + 1,
            "status": CareStatus.CONFIRMED,
            "reason": CareReason.ACCEPTED,
            "answer_by": None,
            "last_answer": seen,
        }
    )


def released(care: Care, reason: AnswerReason = AnswerReason.LANGUAGE, *, answer_revision: int = 1) -> Care:
    """The care once matching has applied a decline and found nobody else."""
    declined = {"answer": Answer.DECLINED, "answer_reason": reason}
    earlier = _ended(care, CareStatus.WAITING, CareReason.NO_CAPACITY, **declined)
    return care.model_copy(
        update={
            "revision": care.revision + 1,
            "status": CareStatus.WAITING,
            "reason": CareReason.NO_CAPACITY,
            "assignee": None,
            "item": None,
            "weight": 0,
            "assigned_at": None,
            "answer_by": None,
            "earlier": (*care.earlier, earlier),
            "last_answer": LastAnswer(
                item=earlier.item, revision=answer_revision, answer=Answer.DECLINED, applied=Applied.APPLIED
            ),
        }
    )


def erased(care: Care) -> Care:
    """The care of a household in care that was erased: matching leaves days, and nothing of the case."""
    assert care.assigned_at is not None
    days = {"assigned_at": day_only(care.assigned_at), "ended_at": day_only(NOW)}
    earlier = _ended(care, CareStatus.ENDED, CareReason.HOUSEHOLD_ERASED, **days)
    return care.model_copy(
        update={
            "revision": care.revision + 1,
            "status": CareStatus.ENDED,
            "reason": CareReason.HOUSEHOLD_ERASED,
            "case": None,
            "assignee": None,
            "item": None,
            "weight": 0,
            "registered_at": care.registered_at and day_only(care.registered_at),
            "decided_at": day_only(NOW),
            "assigned_at": None,
            "ended_at": day_only(NOW),
            "earlier": (*care.earlier, earlier),
        }
    )


def _ended(care: Care, status: CareStatus, reason: CareReason, **more: Any) -> EarlierAssignment:
    """The care's assignment once something else has come of it."""
    assert care.item is not None
    assert care.assignee is not None
    assert care.assigned_at is not None
    values: dict[str, Any] = {"assigned_at": care.assigned_at, "ended_at": NOW}
    return EarlierAssignment(item=care.item, manager=care.assignee.id, status=status, reason=reason, **(values | more))


def proposed_again(care: Care, **overrides: Any) -> Care:
    """The care once matching has chosen somebody else."""
    values: dict[str, Any] = {
        "revision": care.revision + 1,
        "status": CareStatus.PROPOSED,
        "reason": CareReason.MATCHED,
        "assignee": Assignee(id=uuid4(), code="TUE-02", provider="LRA-TUE"),
        "item": care.revision + 1,
        "assigned_at": soon(),
    }
    return care.model_copy(update=values | overrides)


def stayed(care: Care, **overrides: Any) -> Care:
    """The care once its household has moved within the service area of its manager."""
    times: dict[str, Any] = {"answered_at": care.answered_at, "contacted_at": care.contacted_at}
    earlier = _ended(care, CareStatus.PROPOSED, CareReason.MANAGER_STAYS, **times)
    values: dict[str, Any] = {
        "reason": CareReason.MANAGER_STAYS,
        "assignee": care.assignee,
        "answer_by": soon() + timedelta(days=3),
        "answered_at": None,
        "contacted_at": None,
        "earlier": (*care.earlier, earlier),
    }
    return proposed_again(care, **(values | overrides))


def many(number: int, **overrides: Any) -> Sequence[Care]:
    return [a_care(**overrides) for _ in range(number)]
