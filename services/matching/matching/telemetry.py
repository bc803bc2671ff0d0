"""What matching counts: its decisions, how long households wait for the first one, and who waits now."""

from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from chassis.database import Tx
from chassis.telemetry import exemplar_of
from matching import store
from matching.lifecycle import Care, Step

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

decisions_total = Counter("geleit_decisions", "Decisions by what they say and why", ["status", "reason"])
first_decision_seconds = Histogram(
    "geleit_first_decision_seconds",
    "From a household's registration to the commit of its first decision; proposed is an assignment",
    ["status"],
    buckets=SECONDS,
)
waiting_households = Gauge("geleit_waiting_households", "Households on the waiting list", ["reason"])
longest_wait_seconds = Gauge("geleit_longest_wait_seconds", "Since when the first of them waits", ["reason"])


def count_decisions(tx: Tx, decided: Sequence[tuple[Step, Care]]) -> None:
    """Count decisions when they are committed, each first one with its time and, where recorded, its trace."""
    # Not `tx` itself: it would hold all of a batch until the garbage collector comes, and that is seldom.
    traces = tx.traces

    def tell(committed: datetime) -> None:
        for (status, reason), decisions in Tally((care.status, care.reason) for _, care in decided).items():
            decisions_total.labels(status, reason).inc(decisions)
        # Looking a label up takes longer than counting, and a poll brings thousands of decisions.
        of_status = {status: first_decision_seconds.labels(status) for status in {care.status for _, care in decided}}
        for step, care in decided:
            if step.case.care is None:
                taken = (committed - step.case.household.registered_at).total_seconds()
                trace = exemplar_of(traces.get(str(care.household)))
                of_status[care.status].observe(max(0.0, taken), trace)

    tx.afterwards(tell)


async def measure_waiting(tx: Tx) -> None:
    """Set how many wait for which reason, and since when."""
    waiting = await store.waiting(tx)
    for gauge in (waiting_households, longest_wait_seconds):
        gauge.clear()
    for reason, (households, since) in waiting.items():
        waiting_households.labels(reason).set(households)
        longest_wait_seconds.labels(reason).set((tx.now - since).total_seconds())
