"""What watches the mail besides chassis' counts of errands, and the proposals that nobody answers."""

from datetime import timedelta

from prometheus_client import Gauge

from chassis.database import Tx
from notifications import store

LATELY = timedelta(days=7)

messages_given_up = Gauge("geleit_messages_given_up", "Mails of the last seven days that are not tried any more")

overdue_proposals = Gauge("geleit_overdue_proposals", "Proposals that nobody has answered in time")
longest_overdue_seconds = Gauge("geleit_longest_overdue_seconds", "Since when the time of the first of them is over")


async def measure_given_up(tx: Tx) -> None:
    """Set how many mails have failed for good lately."""
    messages_given_up.set(await store.given_up(tx, tx.now - LATELY))


async def measure_overdue(tx: Tx) -> None:
    """Set how many proposals wait beyond their time, and how long the first one does."""
    items, first = await store.overdue(tx)
    overdue_proposals.set(items)
    longest_overdue_seconds.set((tx.now - first).total_seconds() if first else 0)
