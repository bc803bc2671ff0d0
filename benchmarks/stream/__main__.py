"""`make bench-stream`: the naive way, the limit and ours in one run; then all of Geleit. The last line is JSON."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stream import folds, given, limit, naive, ours, parts, whole

from geleit.interrupt import run_until_interrupted

NAIVE = 4_000
HOUSEHOLDS = int(os.environ.get("HOUSEHOLDS", "60000"))
BACKLOG = int(os.environ.get("BACKLOG", "100000"))
UPLOADED = 4_000
STEADY_SECONDS = 60
FOLDER = Path(".geleit").absolute()
PARTS = ("receipts", "telemetry", "solver")
OFF = {part: (part,) for part in PARTS} | {"all": PARTS}
"""What is switched off to see what it costs."""


def say(what: str, value: float) -> None:
    """One figure as soon as it is known."""
    print(f"{what:34} {value:10.1f}", file=sys.stderr, flush=True)  # noqa: T201 - the figures are the purpose


async def stream() -> dict[str, float]:
    """Rates side by side, in households a second."""
    now = datetime.now(UTC)
    records = [given.raw(one, now) for one in given.households(HOUSEHOLDS)]
    found: dict[str, float] = {}
    with TemporaryDirectory(prefix="bench-", dir=FOLDER) as folder:
        async with parts.servers(Path(folder)) as servers:
            found["naive"] = await naive.per_second(servers, records[:NAIVE])
            say("naive, households/s", found["naive"])
            found["limit"] = await limit.per_second(servers, records)
            say("limit, households/s", found["limit"])
            async with ours.matching(servers) as url:
                found["ours"] = await ours.per_second(servers, url, records)
                say("ours, households/s", found["ours"])
                for service in ("notifications", "reporting"):
                    found[service] = await folds.per_second(servers, url, service, len(records))
                    say(f"{service} folds, assignments/s", found[service])
            for name, parts_off in OFF.items():
                async with ours.matching(servers) as url:
                    found[f"without_{name}"] = await ours.per_second(
                        servers, url, records, ("-m", "benchmarks.stream.without", *parts_off)
                    )
                    say(f"ours without {name}, households/s", found[f"without_{name}"])
    return found


async def all_of_it() -> dict[str, float]:
    """Uploads, latency, idling and a backlog."""
    now = datetime.now(UTC)
    with TemporaryDirectory(prefix="bench-", dir=FOLDER) as folder:
        async with whole.whole(Path(folder)) as system:
            found = {"intake_per_s": await whole.intake_per_second(system, UPLOADED)}
            say("intake, households/s", found["intake_per_s"])
            taken = await whole.latencies(system, STEADY_SECONDS)
            found |= {"p50_ms": whole.percentile(taken, 50), "p99_ms": whole.percentile(taken, 99)}
            say("arrival to inbox, p50 ms", found["p50_ms"])
            say("arrival to inbox, p99 ms", found["p99_ms"])
            found["idle_cpu"] = await whole.idle_cpu(system)
            say("idle, percent of a core", found["idle_cpu"] * 100)
            backlog = [given.raw(one, now) for one in given.households(BACKLOG, first=HOUSEHOLDS)]
            found["drain_s"] = await whole.drain_seconds(system, backlog)
            say("backlog worked off, s", found["drain_s"])
    return found


async def main() -> None:
    """Both, and the ratios."""
    FOLDER.mkdir(exist_ok=True)
    # A topic's first record comes before its leader does; the producer tries again and tells of it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    rates, figures = await stream(), await all_of_it()
    figures |= {name: rates[name] for name in ("naive", "limit", "ours")}
    figures["vs_naive"] = rates["ours"] / rates["naive"]
    figures["vs_limit"] = rates["ours"] / rates["limit"]
    figures["folds_per_s"] = min(rates["notifications"], rates["reporting"])
    for name in OFF:
        figures[f"cost_of_{name}"] = 1 - rates["ours"] / rates[f"without_{name}"]
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))  # noqa: T201


if __name__ == "__main__":
    run_until_interrupted(main())
