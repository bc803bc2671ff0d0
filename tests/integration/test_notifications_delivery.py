"""Sending on a real PostgreSQL and a real SMTP server: once, again after a failure, given up for good."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from builders import a_care
from chassis.access import Role, Tenant
from chassis.database import Database
from chassis.errands import Errand, Errands, NotPerformed
from chassis.health import Health
from clocks import SetClock
from contracts.vocabulary import Answer
from gauged import figure
from integration.conftest import OpenDatabase
from notifications import deliver, store
from notifications.mail import Mailer, Server
from notifications.settings import Settings
from notifications.telemetry import measure_given_up
from notifications_world import (
    ADDRESS,
    TOWN,
    answer,
    confirmed,
    fold,
    know_contact,
    messages,
    proposed_again,
    released,
    soon,
)
from rows import rows_read

OPERATOR = Tenant(Role.OPERATOR, "08")


class Post:
    """A post office that keeps what it takes and answers as told."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.connections = 0
        self.answer: Callable[[], str] = lambda: "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answer()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses


@pytest.fixture
async def worker(database: OpenDatabase) -> Database:
    return await database("notifications")


@pytest.fixture
async def web(database: OpenDatabase) -> Database:
    return await database("notifications", "web")


@pytest.fixture
def office() -> Post:
    return Post()


@pytest.fixture
async def server(office: Post) -> AsyncIterator[Server]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(office, hostname="post.example", loop=loop), "127.0.0.1", 0)
    yield Server("127.0.0.1", server.sockets[0].getsockname()[1], "none")
    server.close()


def settings() -> Settings:
    return Settings(
        database_url="postgresql://unused",
        kafka_bootstrap_servers="unused",
        public_url="https://geleit.example",
        mail_from="geleit@land.example",
    )


async def once(database: Database, errand: Errand) -> int:
    """Claim, perform and settle one batch."""
    async with database.transaction() as tx:
        claimed = await errand.claim(tx)
    for one in claimed:
        result: object = None
        try:
            result = await errand.perform(one)
        except Exception as error:
            result = error
        async with database.transaction() as tx:
            await errand.settle(tx, one, result)
    return len(claimed)


@asynccontextmanager
async def hanging_server() -> AsyncIterator[Server]:
    """A server that takes connections and never says a word."""
    over = asyncio.Event()

    async def silence(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    try:
        yield Server("127.0.0.1", server.sockets[0].getsockname()[1], "none")
    finally:
        over.set()
        server.close()


async def a_message(worker: Database, number: int = 1) -> None:
    await know_contact(worker)
    await fold(worker, *(a_care(assigned_at=soon()) for _ in range(number)))


async def let_pass(worker: Database, time: timedelta) -> None:
    """What is due is due that much sooner: the clock of PostgreSQL, which decides that, cannot be set."""
    async with worker.transaction() as tx:
        await tx.execute("update message set next_attempt_at = next_attempt_at - $1::interval", time)


async def test_a_message_is_sent_once_under_the_id_of_its_row(worker: Database, office: Post, server: Server) -> None:
    await a_message(worker)
    errand = deliver.errand(settings(), Mailer(server))
    assert await once(worker, errand) == 1
    assert await once(worker, errand) == 0
    (row,) = await messages(worker)
    (mail,) = office.mails
    assert mail["Message-ID"] == f"<{row['id']}@geleit.example>"
    assert mail["To"] == ADDRESS
    assert row["sent_at"] is not None
    assert str(row["household"]) in mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


async def test_a_batch_goes_over_few_connections(worker: Database, office: Post, server: Server) -> None:
    await a_message(worker, 40)
    stop = asyncio.Event()
    running = asyncio.create_task(Errands(worker, deliver.errand(settings(), Mailer(server)), Health()).run(stop))
    async with asyncio.timeout(20):
        while True:
            if all(one["sent_at"] for one in await messages(worker)):
                break
            await asyncio.wait([running], timeout=0.05)
            assert not running.done()
    stop.set()
    await running
    assert len(office.mails) == 40
    assert office.connections <= deliver.CONCURRENCY


async def test_a_server_that_is_away_is_tried_again_later(worker: Database, office: Post, server: Server) -> None:
    await a_message(worker)
    away = deliver.errand(settings(), Mailer(Server("127.0.0.1", 1, "none")))
    assert await once(worker, away) == 1
    (row,) = await messages(worker)
    assert (row["attempts"], row["last_error_code"], row["failed_at"]) == (1, "connection", None)
    assert await once(worker, deliver.errand(settings(), Mailer(server))) == 0
    await let_pass(worker, timedelta(seconds=9))
    assert await once(worker, deliver.errand(settings(), Mailer(server))) == 1
    assert len(office.mails) == 1


async def test_a_server_that_hangs_costs_its_time_and_no_more(worker: Database) -> None:
    await a_message(worker)
    async with hanging_server() as server:
        mailer = Mailer(server, step_seconds=0.2, send_seconds=0.4)
        async with asyncio.timeout(5):
            assert await once(worker, deliver.errand(settings(), mailer)) == 1
    (row,) = await messages(worker)
    assert (row["last_error_code"], row["sent_at"], row["failed_at"]) == ("timeout", None, None)


async def given_up(worker: Database) -> float:
    async with worker.transaction() as tx:
        await measure_given_up(tx)
    return figure("geleit_messages_given_up")


async def test_an_address_that_is_refused_fails_for_good_until_an_operator_retries(
    worker: Database, web: Database, office: Post, server: Server
) -> None:
    office.answer = lambda: "550 no such mailbox"
    await a_message(worker)
    errand = deliver.errand(settings(), Mailer(server))
    await once(worker, errand)
    (row,) = await messages(worker)
    assert (row["last_error_code"], row["failed_at"] is not None) == ("smtp_550", True)
    assert await given_up(worker) == 1
    await let_pass(worker, timedelta(days=9))
    assert await once(worker, errand) == 0
    office.answer = lambda: "250 OK"
    async with web.transaction(TOWN) as tx:
        assert await deliver.retry(tx, [row["id"]]) == 0
    async with web.transaction(OPERATOR) as tx:
        assert await deliver.retry(tx, [row["id"]]) == 1
    await once(worker, errand)
    assert len(office.mails) == 1


async def test_a_retry_goes_to_the_address_that_was_corrected_meanwhile(
    worker: Database, web: Database, office: Post, server: Server
) -> None:
    office.answer = lambda: "550 no such mailbox"
    await a_message(worker)
    errand = deliver.errand(settings(), Mailer(server))
    await once(worker, errand)
    (row,) = await messages(worker)
    await know_contact(worker, "posteingang@tuebingen.example")
    office.answer = lambda: "250 OK"
    async with web.transaction(OPERATOR) as tx:
        assert await deliver.retry(tx, None) == 1
    await once(worker, errand)
    (mail,) = office.mails
    assert mail["To"] == "posteingang@tuebingen.example"
    assert mail["Message-ID"] == f"<{row['id']}@geleit.example>"


async def test_what_is_answered_or_over_is_neither_listed_as_failed_nor_sent_again(
    worker: Database, web: Database, office: Post, server: Server
) -> None:
    office.answer = lambda: "550 no such mailbox"
    await know_contact(worker)
    accepted, declined, being_read, still = (a_care(assigned_at=soon()) for _ in range(4))
    await fold(worker, accepted, declined, being_read, still)
    errand = deliver.errand(settings(), Mailer(server))
    await once(worker, errand)
    assert await given_up(worker) == 4
    await fold(worker, confirmed(accepted), proposed_again(released(declined)))
    await answer(web, being_read, Answer.ACCEPTED)
    office.answer = lambda: "250 OK"
    await once(worker, errand)
    assert await given_up(worker) == 1
    async with web.transaction(OPERATOR) as tx:
        sending = await tx.fetchrow(store.query("sending"), tx.now)
        failed = await tx.fetch(store.query("failed"), None, None, 10)
        assert await deliver.retry(tx, None) == 1
    assert sending is not None
    assert (sending["failed"], len(failed)) == (1, 1)
    office.mails.clear()
    await once(worker, errand)
    (mail,) = office.mails
    assert str(still.household) in mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


async def test_a_mail_that_is_refused_for_now_is_tried_again(worker: Database, office: Post, server: Server) -> None:
    office.answer = lambda: "450 greylisted"
    await a_message(worker)
    await once(worker, deliver.errand(settings(), Mailer(server)))
    (row,) = await messages(worker)
    assert (row["last_error_code"], row["failed_at"]) == ("smtp_450", None)


async def test_after_so_many_attempts_an_operator_has_to_look(worker: Database) -> None:
    await a_message(worker)
    async with worker.transaction() as tx:
        await tx.execute("update message set attempts = $1", deliver.MOST_ATTEMPTS - 1)
    await once(worker, deliver.errand(settings(), Mailer(Server("127.0.0.1", 1, "none"))))
    assert (await messages(worker))[0]["failed_at"] is not None


async def test_what_a_dead_process_had_claimed_is_sent_when_its_lease_is_over(
    worker: Database, office: Post, server: Server
) -> None:
    await a_message(worker)
    errand = deliver.errand(settings(), Mailer(server))
    async with worker.transaction() as tx:
        assert len(await errand.claim(tx)) == 1
    assert await once(worker, errand) == 0
    await let_pass(worker, deliver.LEASE + timedelta(seconds=1))
    assert await once(worker, errand) == 1
    assert len(office.mails) == 1


async def test_a_process_whose_clock_is_ahead_keeps_no_mail_back(
    database: OpenDatabase, worker: Database, office: Post, server: Server
) -> None:
    ahead = await database("notifications", clock=SetClock(datetime.now(UTC) + timedelta(hours=1)))
    await know_contact(worker)
    await fold(ahead, a_care(assigned_at=soon()))
    assert await once(worker, deliver.errand(settings(), Mailer(server))) == 1
    assert len(office.mails) == 1


async def test_what_died_with_a_clock_ahead_is_sent_when_its_lease_is_over(
    database: OpenDatabase, worker: Database, office: Post, server: Server
) -> None:
    ahead = await database("notifications", clock=SetClock(datetime.now(UTC) + timedelta(hours=1)))
    await a_message(worker)
    errand = deliver.errand(settings(), Mailer(server))
    async with ahead.transaction() as tx:
        assert len(await errand.claim(tx)) == 1
    await let_pass(worker, deliver.LEASE)
    assert await once(worker, errand) == 1
    assert len(office.mails) == 1


async def test_two_processes_never_claim_the_same_message(worker: Database) -> None:
    await a_message(worker, deliver.BATCH + 2)
    errand = deliver.errand(settings(), Mailer(Server("127.0.0.1", 1, "none")))
    async with worker.transaction() as one, worker.transaction() as other:
        first, second = await errand.claim(one), await errand.claim(other)
        assert (len(first), len(second)) == (deliver.BATCH, 2)
        assert not {message.id for message in first} & {message.id for message in second}


async def test_sending_is_counted_for_the_operator(worker: Database, web: Database, server: Server) -> None:
    await a_message(worker, 2)
    await once(worker, deliver.errand(settings(), Mailer(server)))
    await a_message(worker)
    async with web.transaction(OPERATOR) as tx:
        row = await tx.fetchrow(store.query("sending"), tx.now)
        later = await tx.fetchrow(store.query("sending"), tx.now + timedelta(days=8))
    assert row is not None
    assert (row["sent"], row["queued"], row["trying"], row["failed"]) == (2, 1, 0, 0)
    assert later is not None
    assert (later["sent"], later["queued"]) == (0, 1)


async def test_what_was_sent_in_all_the_years_is_not_read(
    worker: Database, web: Database, owner: asyncpg.Connection
) -> None:
    async with worker.transaction() as tx:
        await tx.execute(
            "insert into message"
            " (id, household, item, kind, municipality, address, created_at, next_attempt_at, attempts, sent_at)"
            " select gen_random_uuid(), gen_random_uuid(), 1, 'proposal', '08416041', '', at, at, 1, at"
            " from generate_series($1::timestamptz - interval '1 year', $1, interval '1 hour') as at",
            tx.now - timedelta(minutes=1),
        )
    await owner.execute("analyze notifications.message")
    async with web.transaction(OPERATOR) as tx:
        row = await tx.fetchrow(store.query("sending"), tx.now)
        read = await rows_read(tx, "message")
    assert row is not None
    assert row["sent"] == 7 * 24
    assert read <= row["sent"]


async def test_what_a_stopping_process_has_not_begun_is_free_at_once(
    worker: Database, office: Post, server: Server
) -> None:
    await a_message(worker)
    errand = deliver.errand(settings(), Mailer(server))
    async with worker.transaction() as tx:
        (claimed,) = await errand.claim(tx)
    async with worker.transaction() as tx:
        await errand.settle(tx, claimed, NotPerformed())
    assert (await messages(worker))[0]["attempts"] == 0
    assert await once(worker, errand) == 1
    assert len(office.mails) == 1
