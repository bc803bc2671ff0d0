"""What intake counts: the verdicts on what it was offered. An arrival is one that was accepted."""

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import Counter

from chassis.database import Tx
from contracts.vocabulary import Outcome

verdicts_total = Counter("geleit_verdicts", "Verdicts on what centres offered", ["centre", "channel", "outcome"])


def count_verdicts(tx: Tx, centre: str, channel: str, outcomes: Sequence[Outcome]) -> None:
    """Count verdicts when they are committed."""

    def tell(_: object) -> None:
        for outcome, verdicts in Tally(outcomes).items():
            verdicts_total.labels(centre, channel, outcome).inc(verdicts)

    tx.afterwards(tell)
