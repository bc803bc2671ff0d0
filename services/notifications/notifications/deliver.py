"""Messages to people: written with what they tell of, then claimed, sent and settled one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr
from urllib.parse import urlsplit
from uuid import UUID

from chassis.database import Tx, columns
from chassis.errands import Errand, NotPerformed
from contracts.record import State
from notifications.letters import Kind, letter, message_id
from notifications.mail import SEND_SECONDS, Failure, Mailer, failure_of, server_of
from notifications.settings import Settings
from notifications.store import query

CONCURRENCY = 8
BATCH = CONCURRENCY
"""No more is claimed than is sent at once: what a process held that was killed waits for its lease to end."""
LEASE = timedelta(seconds=2 * SEND_SECONDS)
"""Twice what a batch takes when every single mail hangs: who holds it longer than that is dead."""
MOST_ATTEMPTS = 20
"""With the pauses below about half a day."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed message."""

    id: UUID
    household: UUID
    kind: Kind
    address: str
    attempts: int
    claimed_at: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class News:
    """What a municipality or district, by its AGS, is to be told of; `at` is when it happened."""

    household: UUID
    item: int
    place: str
    at: datetime
    traceparent: str | None


async def announce(tx: Tx, kind: Kind, news: Sequence[News]) -> int:
    """Write a message to each contact point that is known since before the news; how many are written.

    A municipality without one finds the item in its inbox all the same.
    """
    # Until the end of this transaction nobody else becomes a contact point: whoever does is told of what comes then.
    await tx.execute("lock table contact_point in row share mode")
    points = {
        row["municipality"]: row for row in await tx.fetch(query("contacts"), sorted({one.place for one in news}))
    }
    rows = [
        (
            message_id(one.household, one.item, kind, point["address"]),
            one.household,
            one.item,
            one.place,
            point["address"],
            one.traceparent,
        )
        for one in news
        if (point := points.get(one.place)) and point["since"] < one.at
    ]
    if rows:
        await tx.execute(query("write_messages"), *columns(rows), kind, tx.now)
        await tx.wake("errand")
    return len(rows)


def pause(message: UUID, attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubling, and by the id 50 to 150 % of that, so that the mails of
    one outage do not all come back in the same instant."""
    doubled: timedelta = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    return doubled * (0.5 + (message.int >> attempts) % 1024 / 1023)


def mail(outgoing: Outgoing, *, sender: str, public_url: str) -> Message:
    """The mail of a message. Its Message-ID is the row's: a mail that was sent twice shows as one.

    MIMEText takes a tenth of the time of EmailMessage, which was a quarter of all that sending takes.
    """
    content = letter(outgoing.kind, outgoing.household, public_url)
    message = MIMEText(content.text, "plain", "utf-8")
    message["From"] = formataddr(("Geleit", sender))
    message["To"] = outgoing.address
    message["Subject"] = content.subject
    message["Date"] = format_datetime(outgoing.claimed_at)
    message["Message-ID"] = f"<{outgoing.id}@{urlsplit(public_url).hostname or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def errand(settings: Settings, mailer: Mailer | None = None) -> Errand:
    """Sending, as chassis runs it beside everything else: a server that hangs keeps nobody else waiting."""
    mailer = mailer or Mailer(server_of(settings.smtp_url.get_secret_value()))

    async def claim(tx: Tx) -> Sequence[Outgoing]:
        rows = await tx.fetch(query("claim"), LEASE, BATCH)
        return [Outgoing(**{name: row[name] for name in Outgoing.__slots__}) for row in rows]

    async def perform(outgoing: Outgoing) -> None:
        await mailer.send(mail(outgoing, sender=settings.mail_from, public_url=settings.public_url))

    async def settle(tx: Tx, outgoing: Outgoing, result: Exception | None) -> Sequence[State]:
        match result:
            case None:
                await tx.execute(query("mark_sent"), outgoing.id, tx.now)
            case NotPerformed():
                await tx.execute(query("give_back"), outgoing.id)
            case _:
                await _mark_unsent(tx, outgoing, failure_of(result))
        return ()

    return Errand(
        name="send mail",
        claim=claim,
        perform=perform,
        settle=settle,
        concurrency=CONCURRENCY,
    )


async def retry(tx: Tx, messages: Sequence[UUID] | None) -> int:
    """Send failed messages that are still wanted again (None: all of them), as an operator asks for; how many those
    are."""
    rows = await tx.fetch(query("retry"), messages)
    await tx.audits([("retry_message", str(row["id"])) for row in rows])
    if rows:
        await tx.wake("errand")
    return len(rows)


async def _mark_unsent(tx: Tx, outgoing: Outgoing, failure: Failure) -> None:
    over = failure.for_good or outgoing.attempts >= MOST_ATTEMPTS
    again = None if over else pause(outgoing.id, outgoing.attempts)
    await tx.execute(query("mark_unsent"), outgoing.id, failure.code, again, tx.now)
