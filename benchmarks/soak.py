"""`make soak`: a million households one hundred thousand after the other, then one hundred thousand more on top.

Each lot leaves when the next one comes, as people do over the years: what is stored grows, what is under way does not.
The last line is JSON.
"""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stream import given, whole
from benchmarks.stream.given import Raw

from contracts.households import Household
from contracts.vocabulary import HouseholdChange, HouseholdStatus
from geleit.interrupt import run_until_interrupted

LOTS = int(os.environ.get("LOTS", "10"))
ARRIVALS = int(os.environ.get("ARRIVALS", "100000"))
FOLDER = Path(".geleit").absolute()


def say(line: str) -> None:
    """How far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)  # noqa: T201 - the figures are the purpose


def gone(household: Household) -> Household:
    """The household after it has left."""
    change = {"revision": 2, "status": HouseholdStatus.WITHDRAWN, "change": HouseholdChange.WITHDRAWN}
    return household.model_copy(update=change)


def records(lot: int) -> tuple[Sequence[Raw], Sequence[Raw]]:
    """The arrivals of a lot, and their leaving."""
    now = datetime.now(UTC)
    arrivals = list(given.households(ARRIVALS, first=lot * ARRIVALS))
    return [given.raw(one, now) for one in arrivals], [given.raw(gone(one), now) for one in arrivals]


async def main() -> None:
    """Ten lots, and one more on top of all of them.

    `growth` is the time of the last one by that of the second; `rss_growth` the most that any process holds more than
    at half-time. Until then an allocator comes to what it needs: matching's worker held 200, 309, 317, 343 and 352 MiB
    after the first five lots, and 351 to 355 after the other six.
    """
    FOLDER.mkdir(exist_ok=True)
    seconds: list[float] = []
    held: list[dict[str, int]] = []
    with TemporaryDirectory(prefix="soak-", dir=FOLDER) as folder:
        async with whole.whole(Path(folder)) as system:
            for lot in range(LOTS + 1):
                arrivals, departures = records(lot)
                seconds.append(await whole.drain_seconds(system, arrivals))
                left = await whole.drain_seconds(system, departures)
                held.append(whole.resident_bytes(system))
                stored = (lot + 1) * ARRIVALS
                say(f"{stored:,} households: {seconds[-1]:.1f} s, their leaving {left:.1f} s, {_mib(held[-1])}")
            assert not any(one.restarts for one in system.running.processes.values()), "another process, another memory"
    grown = {name: held[-1][name] / before - 1 for name, before in held[LOTS // 2].items()}
    most = max(grown, key=lambda name: grown[name])
    say(f"{most} holds most more: {grown[most]:.1%}")
    found = {"households": LOTS * ARRIVALS, "growth": seconds[-1] / seconds[1], "rss_growth": grown[most]}
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))  # noqa: T201 - the figures are the purpose


def _mib(holds: dict[str, int]) -> str:
    return ", ".join(f"{name} {held >> 20} MiB" for name, held in holds.items())


if __name__ == "__main__":
    run_until_interrupted(main())
