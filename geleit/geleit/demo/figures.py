"""The figures of a week, read from databases, topics and the mail folder, and the two sums that have to hold."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Records by what became of them, households by their fate, and how fast it went; of one week."""

    offered: int
    accepted: int
    corrected: int
    withdrawals: int
    duplicate: int
    rejected: int
    parked: int
    assigned: int
    waiting: int
    not_eligible: int
    withdrawn: int
    handed_over: int
    declined: int
    reassigned: int
    mails_sent: int
    mails_caught: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    feed_per_s: float
    seconds: float


def faults(figures: Figures, planned: int, elsewhere: Mapping[str, int], forgotten: int) -> list[str]:
    """What does not add up, one line each.

    `planned` is how many records the week has, `elsewhere` how many records of the services' own topics were parked,
    `forgotten` how many declined households are neither assigned nor waiting.
    """
    one = figures
    ruled = one.accepted + one.corrected + one.withdrawals + one.duplicate + one.rejected + one.parked
    settled = one.assigned + one.waiting + one.not_eligible + one.withdrawn + one.handed_over
    found = []
    if one.offered != ruled:
        found.append(
            f"offered {one.offered} records, but accepted + corrected + withdrawals + duplicate + rejected + parked"
            f" = {one.accepted} + {one.corrected} + {one.withdrawals} + {one.duplicate} + {one.rejected}"
            f" + {one.parked} = {ruled}"
        )
    if one.accepted != settled:
        found.append(
            f"accepted {one.accepted} households, but assigned + waiting + not_eligible + withdrawn + handed_over"
            f" = {one.assigned} + {one.waiting} + {one.not_eligible} + {one.withdrawn} + {one.handed_over} = {settled}"
        )
    if one.offered < planned:
        found.append(f"offered {one.offered} records of {planned} that were planned")
    if forgotten:
        found.append(f"{forgotten} households were declined and are neither assigned nor waiting")
    found.extend(f"{service} parked {records} records of the state topics" for service, records in elsewhere.items())
    return found
