"""What watches the mail besides chassis' counts of errands."""

from datetime import timedelta

from prometheus_client import Gauge

from chassis.database import Tx
from notifications import store

LATELY = timedelta(days=7)

messages_given_up = Gauge("geleit_messages_given_up", "Mails of the last seven days that are not tried any more")


async def measure_given_up(tx: Tx) -> None:
    """Set how many mails have failed for good lately."""
    messages_given_up.set(await store.given_up(tx, tx.now - LATELY))
