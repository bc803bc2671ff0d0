"""The inbox on a real PostgreSQL: what it folds, who sees what, and what an answer does."""

import asyncio
import random
from datetime import datetime, timedelta
from uuid import uuid4

import orjson
import pytest

from builders import (
    NOW,
    REUTLINGEN,
    TUEBINGEN,
    a_care,
    a_manager,
    a_municipality,
    a_policy,
    a_record,
    an_assignee,
    an_earlier,
)
from chassis.access import Role, Tenant
from chassis.database import Database
from chassis.timers import Due
from clocks import SetClock
from contracts.assignments import MOST_EARLIER, Care, LastAnswer
from contracts.record import State
from contracts.vocabulary import Answer, AnswerReason, Applied, CareReason, CareStatus
from gauged import figure
from integration.conftest import OpenDatabase
from notifications import handlers, store
from notifications.contacts import import_contacts
from notifications.domain import ItemStatus, NotNow, Same, Stale, Taken
from notifications.telemetry import measure_overdue
from notifications.web.answering import Unknown
from notifications_world import (
    ADDRESS,
    HANDLERS,
    TOWN,
    answer,
    clear,
    confirmed,
    fold,
    items,
    know_contact,
    messages,
    proposed_again,
    published,
    released,
    soon,
    state_hash,
    stayed,
)
from rows import rows, somebody_waits
from stream import eventually

DECLINED, LANGUAGE = Answer.DECLINED, AnswerReason.LANGUAGE


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await database("notifications")


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("notifications", "web")


async def hash_of(database: Database) -> str:
    async with database.transaction() as tx:
        return await state_hash(tx)


async def test_a_proposal_is_an_open_item_with_names_that_come_later(worker: Database, web: Database) -> None:
    manager = a_manager()
    care = a_care(assignee=an_assignee(manager))
    await fold(worker, care)
    (item,) = await items(web, care.household)
    assert (item.status, item.municipality_name, item.manager_code) == (ItemStatus.OPEN, None, "TUE-01")
    await fold(worker, a_municipality(), manager.model_copy(update={"code": "TUE-99"}))
    (item,) = await items(web, care.household)
    assert (item.municipality_name, item.manager_code) == ("Tübingen", "TUE-99")


async def test_an_item_that_moved_on_is_closed_and_the_new_one_is_open(worker: Database, web: Database) -> None:
    care = a_care()
    again = proposed_again(released(care))
    await fold(worker, care, released(care), again)
    new, old = await items(web, care.household)
    assert (new.item, new.status, new.current_item) == (3, ItemStatus.OPEN, 3)
    assert (old.item, old.status, old.reason, old.facts) == (1, ItemStatus.CLOSED, "moved_on", None)
    assert (old.answer, old.answer_reason, old.undoable) == (DECLINED, LANGUAGE, False)


async def test_an_older_revision_changes_nothing(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, confirmed(care), care)
    (item,) = await items(web, care.household)
    assert (item.status, item.revision) == (ItemStatus.ACCEPTED, 2)


def a_world(rng: random.Random) -> list[State]:
    manager = a_manager()
    care = a_care(assignee=an_assignee(manager), assigned_at=soon())
    waiting = released(care)
    again = proposed_again(waiting, assignee=an_assignee(a_manager()))
    town = f"08{rng.randrange(10**6):06}"
    return [
        care,
        waiting,
        again,
        *([confirmed(again)] if rng.random() < 0.5 else []),
        manager,
        manager.model_copy(update={"revision": 2, "code": "X-1"}),
        a_municipality(ags=town),
        a_policy(),
        a_policy(revision=2),
    ]


async def test_any_interleaving_of_the_topics_gives_the_same_rows(worker: Database) -> None:
    rng = random.Random(24)
    states = [state for _ in range(5) for state in a_world(rng)]
    await fold(worker, *states)
    expected = await hash_of(worker)
    for _ in range(8):
        async with worker.transaction() as tx:
            await clear(tx)
        assert await hash_of(worker) != expected
        again = [*states, *rng.sample(states, 10)]
        rng.shuffle(again)
        await fold(worker, *again)
        assert await hash_of(worker) == expected


async def test_a_replay_of_everything_twice_gives_the_same_rows_and_no_mail(worker: Database) -> None:
    await know_contact(worker)
    states = [state for number in range(5) for state in a_world(random.Random(number))]
    await fold(worker, *states)
    before, written = await hash_of(worker), await messages(worker)
    assert written
    for _ in range(2):
        await fold(worker, *states)
    async with worker.transaction() as tx:
        await clear(tx)
    await fold(worker, *states)
    assert await hash_of(worker) == before
    assert await messages(worker) == written


async def test_a_proposal_is_told_once_with_its_trace_and_at_what_address(worker: Database) -> None:
    await know_contact(worker)
    care = a_care(assigned_at=soon())
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await fold(worker, care, traces={care.key: trace})
    (message,) = await messages(worker)
    assert (message["kind"], message["address"], message["traceparent"]) == ("proposal", ADDRESS, trace)


async def test_nobody_is_told_of_what_happened_before_the_service_began(worker: Database) -> None:
    await know_contact(worker)
    await fold(worker, a_care(assigned_at=NOW, answer_by=NOW + timedelta(days=3)))
    assert await messages(worker) == []
    async with worker.transaction() as tx:
        assert await tx.fetchval("select count(*) from due") == 0


async def test_a_contact_point_is_not_told_of_what_happened_before_it_was_known(
    database: OpenDatabase, worker: Database
) -> None:
    care = a_care(assigned_at=soon())
    await fold(worker, care)
    later = await database("notifications", clock=SetClock(soon() + timedelta(hours=1)))
    await know_contact(later)
    async with worker.transaction() as tx:
        await clear(tx)
    await fold(worker, care)
    assert await messages(worker) == []


@pytest.mark.parametrize("comes_first", [True, False])
async def test_a_contact_point_that_becomes_known_meanwhile_is_told_or_knows_that_it_was_before(
    worker: Database, *, comes_first: bool
) -> None:
    async with worker.transaction() as tx:
        if comes_first:
            await import_contacts(tx, ["ags;address", f"{TUEBINGEN};{ADDRESS}"])
        async with worker.transaction() as other:
            care = a_care(assigned_at=other.now)
        if comes_first:
            second = asyncio.create_task(fold(worker, care))
        else:
            await HANDLERS["assignments"]([a_record(care, topic="assignments")], tx)
            second = asyncio.create_task(know_contact(worker))
        await eventually(lambda: somebody_waits(worker))
    await second
    async with worker.transaction() as tx:
        since = await tx.fetchval("select since from contact_point")
    assert len(await messages(worker)) == comes_first
    assert care.assigned_at is not None
    assert (since < care.assigned_at) == comes_first


async def test_without_a_contact_point_the_item_is_in_the_inbox_all_the_same(worker: Database, web: Database) -> None:
    care = a_care(assigned_at=soon())
    await fold(worker, care, a_municipality(), a_municipality(ags=REUTLINGEN, name="Reutlingen"))
    assert await messages(worker) == []
    assert len(await items(web, care.household)) == 1
    await know_contact(worker, ags=REUTLINGEN)
    async with web.transaction(Tenant(Role.OPERATOR, "08")) as tx:
        found = [tuple(row) for row in await tx.fetch(store.query("unreachable"), 10)]
    assert found == [(TUEBINGEN[:5], None), (TUEBINGEN, "Tübingen")]


async def test_a_district_can_be_told_too_while_it_has_a_municipality(database: OpenDatabase) -> None:
    worker, web = await database("notifications"), await database("notifications", "web")
    gone = a_municipality(ags=REUTLINGEN, district=REUTLINGEN[:5], active=False)
    await fold(worker, a_municipality(), gone)
    for ags in (TUEBINGEN, TUEBINGEN[:5]):
        async with web.transaction(Tenant(Role.OPERATOR, "08")) as tx:
            assert await tx.fetch(store.query("unreachable"), 10) != []
        await know_contact(worker, ags=ags)
    async with web.transaction(Tenant(Role.OPERATOR, "08")) as tx:
        assert await tx.fetch(store.query("unreachable"), 10) == []


async def test_the_same_contacts_again_change_nothing(worker: Database) -> None:
    await know_contact(worker)
    async with worker.transaction() as tx:
        before = await tx.fetchval("select since from contact_point")
    await know_contact(worker)
    async with worker.transaction() as tx:
        assert await tx.fetchval("select since from contact_point") == before


async def test_a_late_answer_is_reminded_of_once(database: OpenDatabase, worker: Database) -> None:
    await know_contact(worker)
    care = a_care(assigned_at=soon(), answer_by=soon() + timedelta(days=3))
    await fold(worker, care)
    assert care.answer_by is not None
    due = Due(care.answer_by, handlers.REMIND, care.key)
    for now in (care.answer_by - timedelta(seconds=1), care.answer_by, care.answer_by + timedelta(days=1)):
        later = await database("notifications", clock=SetClock(now))
        async with later.transaction() as tx:
            await handlers.on_reminder_due([due], tx)
    assert sorted(one["kind"] for one in await messages(worker)) == ["proposal", "reminder"]


async def test_what_stays_unanswered_is_told_to_the_district_once(database: OpenDatabase, worker: Database) -> None:
    await know_contact(worker)
    await know_contact(worker, "amt@kreis.example", TUEBINGEN[:5])
    begun = soon()
    care, again = (a_care(assigned_at=begun, answer_by=begun + timedelta(days=3)) for _ in range(2))
    await fold(worker, care, again)
    reminded = begun + timedelta(days=4)
    later = await database("notifications", clock=SetClock(reminded))
    async with later.transaction() as tx:
        await handlers.on_reminder_due([Due(reminded, handlers.REMIND, one.key) for one in (care, again)], tx)
        dues = await tx.fetch("select aggregate, at from due where kind = $1", handlers.ESCALATE)
    assert {row["aggregate"]: row["at"] for row in dues} == dict.fromkeys(
        (care.key, again.key), reminded + timedelta(days=3)
    )
    # Somebody else is asked meanwhile, and has the whole time.
    await fold(worker, proposed_again(released(again), assigned_at=reminded, answer_by=reminded + timedelta(days=3)))
    for now in (reminded, reminded + timedelta(days=3), reminded + timedelta(days=5)):
        later = await database("notifications", clock=SetClock(now))
        async with later.transaction() as tx:
            await handlers.on_escalation_due([Due(now, handlers.ESCALATE, one.key) for one in (care, again)], tx)
    told = [(one["household"], one["address"]) for one in await messages(worker) if one["kind"] == "escalation"]
    assert told == [(care.household, "amt@kreis.example")]


async def test_a_correction_of_an_overdue_proposal_does_not_put_its_escalation_off(
    database: OpenDatabase, worker: Database
) -> None:
    begun = soon()
    care = a_care(assigned_at=begun, answer_by=begun + timedelta(days=3))
    await fold(worker, care)

    async def dues() -> dict[str, datetime]:
        async with worker.transaction() as tx:
            return {row["kind"]: row["at"] for row in await tx.fetch("select kind, at from due")}

    assert await dues() == {handlers.REMIND: care.answer_by}
    reminded = begun + timedelta(days=4)
    later = await database("notifications", clock=SetClock(reminded))
    async with later.transaction() as tx:
        await handlers.on_reminder_due([Due(reminded, handlers.REMIND, care.key)], tx)
        await tx.undue(handlers.REMIND, [care.key])
    corrected = care.model_copy(update={"revision": 2, "weight": 20})
    await fold(await database("notifications", clock=SetClock(begun + timedelta(days=6))), corrected)
    assert await dues() == {handlers.ESCALATE: reminded + timedelta(days=3)}
    # Another proposal has a time of its own, even if it is over when it is read of.
    again = proposed_again(released(corrected), assigned_at=begun, answer_by=care.answer_by)
    await fold(await database("notifications", clock=SetClock(begun + timedelta(days=8))), again)
    assert (await dues())[handlers.REMIND] == care.answer_by


async def test_overdue_proposals_are_measured(database: OpenDatabase, worker: Database) -> None:
    care, answered = (a_care(assigned_at=soon(), answer_by=soon() + timedelta(days=3)) for _ in range(2))
    await fold(worker, care, answered, confirmed(answered))
    assert care.answer_by is not None
    for late, overdue in ((timedelta(seconds=-1), (0, 0)), (timedelta(hours=1), (1, 3600))):
        now = care.answer_by + late
        later = await database("notifications", clock=SetClock(now))
        async with later.transaction() as tx:
            await measure_overdue(tx)
        assert (figure("geleit_overdue_proposals"), figure("geleit_longest_overdue_seconds")) == overdue


async def test_an_old_proposal_is_reminded_of_if_its_time_is_still_to_come(
    database: OpenDatabase, worker: Database
) -> None:
    """After a restore nobody is told of it: without a reminder its time would pass unseen."""
    await know_contact(worker)
    old, over = (a_care(assigned_at=NOW, answer_by=by) for by in (soon() + timedelta(days=3), NOW))
    await fold(worker, old, over)
    assert await messages(worker) == []
    later = await database("notifications", clock=SetClock(soon() + timedelta(days=3)))
    async with later.transaction() as tx:
        assert [row["aggregate"] for row in await tx.fetch("select aggregate from due")] == [old.key]
        await handlers.on_reminder_due([Due(tx.now, handlers.REMIND, old.key)], tx)
    assert [one["kind"] for one in await messages(worker)] == ["reminder"]


async def test_a_reminder_that_was_not_sent_is_forgotten_with_the_answer(
    database: OpenDatabase, worker: Database
) -> None:
    """The mail server was away; meanwhile somebody has answered on the page."""
    await know_contact(worker)
    care, again, still = (a_care(assigned_at=soon(), answer_by=soon() + timedelta(days=3)) for _ in range(3))
    await fold(worker, care, again, still)
    later = await database("notifications", clock=SetClock(soon() + timedelta(days=3)))
    async with later.transaction() as tx:
        await handlers.on_reminder_due([Due(tx.now, handlers.REMIND, one.key) for one in (care, again, still)], tx)
        await tx.execute("update message set failed_at = $1 where household = $2", tx.now, again.household)
    await fold(worker, confirmed(care), proposed_again(released(again), answer_by=soon() + timedelta(days=9)))
    reminders = [one["household"] for one in await messages(worker) if one["kind"] == "reminder"]
    assert reminders == [still.household]


async def test_who_has_answered_is_not_reminded(database: OpenDatabase, worker: Database, web: Database) -> None:
    await know_contact(worker)
    care, other = (a_care(assigned_at=soon(), answer_by=soon() + timedelta(days=3)) for _ in range(2))
    await fold(worker, care, other)
    await answer(web, care, Answer.ACCEPTED)
    await fold(worker, confirmed(other))
    later = await database("notifications", clock=SetClock(soon() + timedelta(days=9)))
    async with later.transaction() as tx:
        dues = [row["aggregate"] for row in await tx.fetch("select aggregate from due")]
        await handlers.on_reminder_due([Due(tx.now, handlers.REMIND, one.key) for one in (care, other)], tx)
    assert dues == [care.key]
    assert {one["kind"] for one in await messages(worker)} == {"proposal"}


async def test_an_answer_is_published_and_shows_at_once(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    assert isinstance(await answer(web, care, DECLINED, LANGUAGE), Taken)
    (record,) = await published(worker)
    assert (record["topic"], record["key"], record["partition"], record["revision"]) == (
        "responses",
        care.key,
        care.home,
        1,
    )
    payload = orjson.loads(record["payload"])
    assert (payload["item"], payload["answer"], payload["reason"]) == (1, "declined", "language")
    (item,) = await items(web, care.household)
    assert (item.status, item.fate, item.undoable) == (ItemStatus.DECLINED, "pending", True)
    async with worker.transaction() as tx:
        assert await tx.fetchval("select count(*) from outbox") == 1


async def test_the_same_answer_twice_at_the_same_time_is_one(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    outcomes = await asyncio.gather(*(answer(web, care, Answer.ACCEPTED) for _ in range(4)))
    assert sorted(type(one).__name__ for one in outcomes) == ["Same", "Same", "Same", "Taken"]
    assert len(await published(worker)) == 1


async def test_a_decline_is_undone_until_matching_has_chosen_again(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, DECLINED, LANGUAGE)
    waiting = released(care)
    await fold(worker, waiting)
    (item,) = await items(web, care.household)
    assert (item.status, item.fate, item.undoable) == (ItemStatus.DECLINED, "applied", True)
    async with web.transaction(Tenant(Role.MUNICIPALITY, TUEBINGEN)) as tx:
        assert await store.counts(tx) == (0, 0)
    assert isinstance(await answer(web, care, Answer.UNDONE), Taken)
    assert [record["revision"] for record in await published(worker)] == [1, 2]
    async with web.transaction(Tenant(Role.MUNICIPALITY, TUEBINGEN)) as tx:
        assert await store.counts(tx) == (1, 0), "open again, though matching has not said so yet"

    other = a_care()
    await fold(worker, other)
    await answer(web, other, DECLINED, LANGUAGE)
    again = proposed_again(released(other))
    await fold(worker, released(other), again)
    assert await answer(web, other, Answer.UNDONE) == Stale(again.item)


async def test_a_manager_who_declined_takes_it_back_like_her_town(worker: Database, web: Database) -> None:
    """Whoever has declined has the case no more, and does not see where it stands."""
    care = a_care()
    assert care.assignee
    hers = Tenant(Role.MANAGER, str(care.assignee.id))
    await fold(worker, care)
    await answer(web, care, DECLINED, LANGUAGE, tenant=hers)
    await fold(worker, released(care))
    (item,) = await items(web, care.household, hers)
    assert (item.status, item.fate, item.undoable, item.current_item) == (ItemStatus.DECLINED, "applied", True, None)
    assert isinstance(await answer(web, care, Answer.UNDONE, tenant=hers), Taken)


async def test_a_decline_that_ends_the_care_is_taken_back_too(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, DECLINED, LANGUAGE)
    gone = released(care)
    over = {"status": CareStatus.ENDED, "reason": CareReason.DECLINED}
    (last,) = gone.earlier
    await fold(worker, gone.model_copy(update={**over, "earlier": (last.model_copy(update=over),)}))
    (item,) = await items(web, care.household)
    assert (item.status, item.reason, item.undoable) == (ItemStatus.DECLINED, "declined", True)
    assert isinstance(await answer(web, care, Answer.UNDONE), Taken)


async def test_a_decline_is_not_taken_back_once_the_household_is_elsewhere(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, DECLINED, AnswerReason.WRONG_MUNICIPALITY)
    elsewhere = {"revision": 3, "municipality": REUTLINGEN, "district": REUTLINGEN[:5]}
    await fold(worker, released(care), released(care).model_copy(update=elsewhere))
    (item,) = await items(web, care.household)
    assert (item.status, item.fate, item.undoable) == (ItemStatus.CLOSED, "applied", False)
    assert isinstance(await answer(web, care, Answer.UNDONE), Stale | NotNow)


async def test_nobody_sees_where_a_household_stands_that_is_not_theirs(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    seen = {}
    for tenant in (TOWN, Tenant(Role.MUNICIPALITY, REUTLINGEN), Tenant(Role.OPERATOR, "08")):
        async with web.transaction(tenant) as tx:
            seen[tenant.id] = await tx.fetchval("select count(*) from standing")
    assert list(seen.values()) == [1, 0, 0]


async def test_a_town_whose_household_is_elsewhere_learns_that_its_answer_came_too_late(
    worker: Database, web: Database
) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, Answer.ACCEPTED)
    seen = LastAnswer(item=1, revision=1, answer=Answer.ACCEPTED, applied=Applied.STALE)
    elsewhere = {"municipality": REUTLINGEN, "district": REUTLINGEN[:5], "last_answer": seen}
    await fold(worker, proposed_again(released(care)).model_copy(update=elsewhere))
    (item,) = await items(web, care.household)
    assert (item.status, item.stale, item.current_item) == (ItemStatus.CLOSED, True, None)


async def test_matching_may_find_an_answer_stale_and_the_item_says_so(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, DECLINED, LANGUAGE)
    seen = LastAnswer(item=1, revision=1, answer=DECLINED, applied=Applied.STALE)
    await fold(worker, proposed_again(released(care)).model_copy(update={"last_answer": seen}))
    _, old = await items(web, care.household)
    assert (old.stale, old.status, old.undoable) == (True, ItemStatus.CLOSED, False)


async def test_a_stale_or_early_answer_changes_nothing(worker: Database, web: Database) -> None:
    care = a_care()
    again = proposed_again(released(care))
    await fold(worker, care, released(care), again)
    assert await answer(web, care, Answer.ACCEPTED) == Stale(3)
    assert await answer(web, again, Answer.CLOSED, AnswerReason.NO_CONTACT) == NotNow(ItemStatus.OPEN)
    assert await published(worker) == []


async def test_a_retry_after_the_item_moved_on_is_still_the_same_answer(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, DECLINED, LANGUAGE)
    await fold(worker, released(care), proposed_again(released(care)))
    assert isinstance(await answer(web, care, DECLINED, LANGUAGE), Same)


@pytest.mark.parametrize(
    ("tenant", "sees"),
    [
        (TOWN, True),
        (Tenant(Role.MUNICIPALITY, REUTLINGEN), False),
        (Tenant(Role.DISTRICT, TUEBINGEN[:5]), True),
        (Tenant(Role.DISTRICT, REUTLINGEN[:5]), False),
        (Tenant(Role.STATE, "08"), True),
        (Tenant(Role.AUDITOR, "08"), True),
        (Tenant(Role.OPERATOR, "08"), False),
        (Tenant(Role.CENTRE, "karlsruhe"), False),
    ],
)
async def test_each_role_sees_its_own_items(worker: Database, web: Database, tenant: Tenant, sees: bool) -> None:
    care = a_care()
    await fold(worker, care)
    await answer(web, care, Answer.ACCEPTED)
    assert bool(await items(web, care.household, tenant)) is sees
    async with web.transaction(tenant) as tx:
        assert bool(await tx.fetch("select * from care")) is sees
        assert bool(await tx.fetch("select * from response")) is sees


async def test_a_manager_sees_her_own_items_and_a_stranger_gets_nowhere(worker: Database, web: Database) -> None:
    care = a_care()
    await fold(worker, care)
    assert care.assignee is not None
    assert len(await items(web, care.household, Tenant(Role.MANAGER, str(care.assignee.id)))) == 1
    stranger = Tenant(Role.MANAGER, str(uuid4()))
    assert await answer(web, care, Answer.ACCEPTED, tenant=stranger) == Unknown()
    assert await published(worker) == []


async def test_a_town_that_a_household_left_keeps_its_item_without_facts(worker: Database, web: Database) -> None:
    care = a_care()
    there = proposed_again(released(care), municipality=REUTLINGEN, district=REUTLINGEN[:5])
    await fold(worker, care, there)
    (old,) = await items(web, care.household)
    assert (old.item, old.status, old.facts, old.current_item) == (1, ItemStatus.CLOSED, None, None)
    assert await answer(web, care, Answer.ACCEPTED) == Stale(None)
    (new,) = await items(web, care.household, Tenant(Role.MUNICIPALITY, REUTLINGEN))
    assert new.item == there.item


async def test_a_town_is_told_that_a_household_moved_on_and_the_next_one_is_asked(
    worker: Database, web: Database
) -> None:
    """The manager serves both: the assignment ends for the old town, though she stays."""
    there = Tenant(Role.MUNICIPALITY, REUTLINGEN)
    await know_contact(worker, "rathaus@reutlingen.example", REUTLINGEN)
    care = a_care()
    accepted = confirmed(care)
    await fold(worker, care, accepted)

    async def feed(after: store.Item | None = None) -> list[store.Item]:
        async with web.transaction(TOWN) as tx:
            cursor = (after.changed, after.household, after.item) if after else None
            return await store.changes(tx, after=cursor, since=None, limit=10)

    (seen,) = await feed()
    assert seen.status is ItemStatus.ACCEPTED
    moved = stayed(accepted, municipality=REUTLINGEN, district=REUTLINGEN[:5])
    await fold(worker, moved)
    (old,) = await feed(seen)
    assert (old.item, old.status, old.reason, old.facts) == (care.item, ItemStatus.CLOSED, "moved_on", None)
    assert [one.item for one in await items(web, care.household)] == [care.item]
    (new,) = await items(web, care.household, there)
    assert (new.item, new.status, new.answer) == (moved.item, ItemStatus.OPEN, None)
    (message,) = await messages(worker)
    assert (message["kind"], message["municipality"], message["item"]) == ("proposal", REUTLINGEN, moved.item)
    async with worker.transaction() as tx:
        assert await tx.fetchval("select at from due where kind = 'remind'") == moved.answer_by


async def test_a_town_that_had_a_case_does_not_learn_what_happens_to_it_elsewhere(
    worker: Database, web: Database
) -> None:
    care = a_care()
    there = stayed(confirmed(care), municipality=REUTLINGEN, district=REUTLINGEN[:5])
    await fold(worker, care, confirmed(care), there)
    (left,) = await items(web, care.household)
    assert (left.revision, left.status) == (there.revision, ItemStatus.CLOSED)
    met = confirmed(there)
    gone = released(met)
    again = proposed_again(gone)
    await fold(worker, met, gone, again)
    assert await items(web, care.household) == [left]
    async with web.transaction(TOWN) as tx:
        assert await store.changes(tx, after=(left.changed, left.household, left.item), since=None, limit=9) == []
    async with web.transaction(Tenant(Role.MUNICIPALITY, REUTLINGEN)) as tx:
        found = await store.changes(tx, after=None, since=None, limit=9)
    assert [(one.item, one.status) for one in found] == [
        (there.item, ItemStatus.CLOSED),
        (again.item, ItemStatus.OPEN),
    ]


async def test_a_town_is_told_what_became_of_its_answer(worker: Database, web: Database) -> None:
    """Though nothing of the item itself has changed."""
    care = a_care()
    await fold(worker, care)
    await answer(web, care, Answer.DECLINED, AnswerReason.OVERLOADED)
    gone = released(care, AnswerReason.OVERLOADED)
    await fold(worker, gone)
    async with web.transaction(TOWN) as tx:
        (declined,) = await store.changes(tx, after=None, since=None, limit=9)
    assert (declined.status, declined.undoable) == (ItemStatus.DECLINED, True)
    await fold(worker, proposed_again(gone, municipality=REUTLINGEN, district=REUTLINGEN[:5]))
    async with web.transaction(TOWN) as tx:
        place = (declined.changed, declined.household, declined.item)
        (closed,) = await store.changes(tx, after=place, since=None, limit=9)
    assert (closed.item, closed.status, closed.undoable) == (care.item, ItemStatus.CLOSED, False)


async def test_what_a_case_has_no_room_to_tell_is_no_item_any_more(worker: Database) -> None:
    care = a_care(item=1000, revision=1000)
    rounds = [an_earlier(item=one) for one in range(1, 1000)]
    first = care.model_copy(
        update={"item": MOST_EARLIER, "revision": 200, "earlier": tuple(rounds[: MOST_EARLIER - 1])}
    )
    last = care.model_copy(update={"earlier": (rounds[0], *rounds[-MOST_EARLIER + 1 :])})
    await fold(worker, first, last)
    found = await rows(worker, "select item from item order by item")
    assert [item for (item,) in found] == [*(one.item for one in last.earlier), 1000]


async def test_an_earlier_item_keeps_that_it_was_accepted_and_contacted(database: OpenDatabase) -> None:
    """Of a household's answers the newest is kept; the next town's takes its place."""
    worker, web = await database("notifications"), await database("notifications", "web")
    care = a_care()
    times = {"answered_at": NOW + timedelta(hours=1), "contacted_at": NOW + timedelta(hours=2)}
    met = confirmed(care).model_copy(update=times)
    there = stayed(met, municipality=REUTLINGEN, district=REUTLINGEN[:5])
    await fold(worker, care, met, there)
    for tenant, expected in ((TOWN, tuple(times.values())), (Tenant(Role.MUNICIPALITY, REUTLINGEN), (None, None))):
        (item,) = await items(web, care.household, tenant)
        assert (item.accepted_at, item.contacted_at) == expected
    before = await hash_of(worker)
    await answer(web, there, Answer.ACCEPTED, tenant=Tenant(Role.MUNICIPALITY, REUTLINGEN))
    (item,) = await items(web, care.household)
    assert (item.accepted_at, item.contacted_at) == tuple(times.values())
    async with worker.transaction() as tx:
        await clear(tx)
    await fold(worker, there)
    assert await hash_of(worker) == before


async def test_an_operator_sees_messages_without_household_or_address(worker: Database, web: Database) -> None:
    await know_contact(worker)
    await fold(worker, a_care(assigned_at=soon()))
    async with web.transaction(Tenant(Role.OPERATOR, "08")) as tx:
        assert len(await tx.fetch("select id, kind, municipality from message")) == 1
        granted = await tx.fetchval(
            "select array_agg(column_name::text) from information_schema.column_privileges"
            " where table_name = 'message' and grantee = 'notifications_web' and privilege_type = 'SELECT'"
        )
    assert not {"household", "item", "address", "traceparent"} & set(granted)
    async with web.transaction(TOWN) as tx:
        assert await tx.fetch("select id from message") == []


async def test_the_change_feed_misses_nothing_that_commits_late(worker: Database, web: Database) -> None:
    slow, quick = a_care(), a_care()

    async def feed(after: tuple[str, object, int] | None) -> list[store.Item]:
        async with web.transaction(TOWN) as tx:
            return await store.changes(tx, after=after, since=None, limit=10)  # type: ignore[arg-type]

    async with worker.transaction() as tx:
        await store.fold_cares(tx, [slow])
        await fold(worker, quick)
        # The slow transaction is older and still open: a reader that went past it would never see it.
        assert await feed(None) == []
    found = await feed(None)
    assert [one.household for one in found] == [slow.household, quick.household]
    assert await feed((found[-1].changed, found[-1].household, found[-1].item)) == []
    await fold(worker, confirmed(slow))
    (again,) = await feed((found[-1].changed, found[-1].household, found[-1].item))
    assert (again.household, again.status) == (slow.household, ItemStatus.ACCEPTED)


async def test_a_cursor_from_the_future_is_known_as_such(worker: Database) -> None:
    async with worker.transaction() as tx:
        assert await store.is_ahead(tx, str(2**62))
        assert not await store.is_ahead(tx, "1")


async def test_the_list_is_filtered_by_status_and_beginning_of_the_id_and_comes_in_pages(
    worker: Database,
    web: Database,
) -> None:
    cares: list[Care] = [a_care(assigned_at=NOW + timedelta(minutes=number)) for number in range(5)]
    await fold(worker, *cares, confirmed(cares[0]))
    async with web.transaction(TOWN) as tx:
        first = await store.page(tx, status=ItemStatus.OPEN, households=None, after=None, limit=3)
        last = first[-1]
        rest = await store.page(
            tx,
            status=ItemStatus.OPEN,
            households=None,
            after=(last.assigned_at, last.household, last.item),
            limit=3,
        )
        assert [one.household for one in [*first, *rest]] == [one.household for one in reversed(cares[1:])]
        wanted = cares[2].household
        found = await store.page(tx, status=None, households=(wanted, wanted), after=None, limit=9)
        assert [one.household for one in found] == [wanted]
        assert await store.counts(tx) == (4, 0)


async def test_pages_of_each_status_are_what_all_pages_have_of_it(worker: Database, web: Database) -> None:
    """Whatever stands: what an answer has made of an item shows before matching has read of it."""
    cares = [a_care(assigned_at=NOW + timedelta(minutes=n), answer_by=NOW + timedelta(days=n)) for n in range(12)]
    await fold(worker, *cares)
    _, accepted, declined, undone, waiting, back, elsewhere, contacted, closed, *_ = cares
    for care in (declined, undone, waiting, back, elsewhere):
        await answer(web, care, DECLINED, LANGUAGE)
    for care in (accepted, contacted, closed):
        await answer(web, care, Answer.ACCEPTED)
    await fold(worker, *(released(care) for care in (waiting, back, elsewhere)))
    await fold(worker, proposed_again(released(elsewhere)), confirmed(cares[-1]))
    for care in (undone, back):
        await answer(web, care, Answer.UNDONE)
    await answer(web, contacted, Answer.CONTACTED)
    await answer(web, closed, Answer.CLOSED, AnswerReason.COUNSELLING_COMPLETED)
    now = NOW + timedelta(days=4)
    async with web.transaction(TOWN) as tx:

        async def paged(status: ItemStatus | None, due_by: datetime | None = None) -> list[store.Item]:
            found: list[store.Item] = []
            while True:
                after = (found[-1].assigned_at, found[-1].household, found[-1].item) if found else None
                page = await store.page(tx, status=status, households=None, after=after, due_by=due_by, limit=2)
                found += page
                if not page:
                    return found

        everything = await paged(None)
        assert len(everything) == len(cares) + 1
        for status in ItemStatus:
            expected = [one for one in everything if one.status is status]
            assert await paged(status) == expected != []
        late = [one for one in everything if one.overdue(now)]
        assert await paged(ItemStatus.OPEN, now) == late != []
        still_open = [one for one in everything if one.status is ItemStatus.OPEN]
        tx.now = now
        assert await store.counts(tx) == (len(still_open), len(late))


async def test_a_care_that_ends_closes_its_item(worker: Database, web: Database) -> None:
    care = a_care()
    ended = released(care).model_copy(
        update={"status": CareStatus.ENDED, "reason": CareReason.HOUSEHOLD_WITHDRAWN, "last_answer": None}
    )
    await fold(worker, care, ended)
    (item,) = await items(web, care.household)
    assert (item.status, item.facts) == (ItemStatus.CLOSED, None)
    assert await answer(web, care, Answer.ACCEPTED) == Stale(None)
