"""What intake counts: the verdicts on what it was offered. An arrival is one that was accepted."""

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import Counter

from chassis.database import Tx
from contracts.vocabulary import Outcome

verdicts_total = Counter("geleit_verdicts", "Verdicts on what centres offered", ["centre", "channel", "outcome"])

bulk_items_total = Counter(
    "geleit_bulk_items",
    "Registrations that came in a bulk or a file, by what each alone would have been answered",
    ["status"],
)


def count_bulk_items(tx: Tx, statuses: Sequence[int]) -> None:
    """Count the items of a bulk when it is committed."""

    def tell(_: object) -> None:
        for status, items in Tally(statuses).items():
            bulk_items_total.labels(str(status)).inc(items)

    tx.afterwards(tell)


def count_verdicts(tx: Tx, centre: str, channel: str, outcomes: Sequence[Outcome]) -> None:
    """Count verdicts when they are committed."""

    def tell(_: object) -> None:
        for outcome, verdicts in Tally(outcomes).items():
            verdicts_total.labels(centre, channel, outcome).inc(verdicts)

    tx.afterwards(tell)
