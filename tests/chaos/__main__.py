"""`make chaos`: fail points, kills, outages, mutated inputs, replay, a race; resumable; ends with one line of JSON."""

import argparse
import asyncio
import itertools
import json
import logging
import math
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Iterator
from random import Random
from typing import Any

from chaos import again, failpoints, inputs, kills
from chaos.kills import RECOVERED_WITHIN, Round
from chaos.progress import ROOT, Progress, counted, source_digest
from chaos.stage import a_world
from chassis.failpoint import VARIABLE
from geleit.interrupt import run_until_interrupted

FOLDER = ROOT / ".geleit" / "chaos"
PARTS = ("steady", "kills", "outages")
SEEDS = (1, 2, 3)
KILLS = 1000
OUTAGES = 50
INPUTS = 10_000
"""What a whole run is to reach: kills over all seeds, outages of each server, inputs of each entrance."""
GARBAGE = 1000
ROUND_SECONDS = 120.0
AGAIN = ("raced", "replayed", "audit")
TARGETS: dict[str, dict[str, int]] = {
    "steady": {"mutated_http": INPUTS, "mutated_submissions": INPUTS},
    "kills": {"kills": KILLS},
    "outages": {"broker_restarts": OUTAGES, "db_restarts": OUTAGES},
}
"""What the last line has to say at least after a whole run of each part."""
NONE_OF = ("lost", "doubled", "order_breaks", "over_capacity", "http_5xx", "stuck_partitions")


def say(line: str) -> None:
    """A line with the time of day, at once."""
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}", flush=True)  # noqa: T201 - that is its output


class Budget:
    """How long a run may take; without `minutes` until all is reached."""

    def __init__(self, minutes: float | None) -> None:
        self._end = math.inf if minutes is None else time.monotonic() + minutes * 60
        self.minutes = minutes

    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def share(self, of_all: float, otherwise: float) -> float:
        """Seconds of a part: a share of a short run, else what it needs."""
        return otherwise if self.minutes is None else min(otherwise, of_all * self.minutes * 60)


async def run(progress: Progress, budget: Budget, seed: int, parts: Collection[str]) -> bool:
    """A piece after the other until all is reached or the time is over."""
    if "steady" in parts and steady_is_wanted(progress, seed):
        await _steady(progress, budget, seed)
    if "kills" in parts:
        await _kills(progress, budget, seed)
    if "outages" in parts:
        await _outages(progress, budget, seed)
    return True


async def _kept(progress: Progress, part: str, piece: str, work: Awaitable[dict[str, Any]]) -> bool:
    """Do a piece and keep its figures, what it could not bear as its fault; whether it has none."""
    begin = time.monotonic()
    try:
        figures = await work
    except (Exception, asyncio.CancelledError) as error:
        traceback.print_exception(error)
        if (this := asyncio.current_task()) and this.cancelling():
            raise  # somebody ends the run
        figures = {"faults": [f"{part} {piece}: {type(error).__name__}: {error}"]}
    progress.keep(part, piece, **figures)
    say(f"{part} {piece}: {json.dumps(figures)} ({time.monotonic() - begin:.0f} s)")
    return not figures["faults"]


async def _kills(progress: Progress, budget: Budget, seed: int) -> None:
    seconds = budget.share(0.25, ROUND_SECONDS)
    for number in itertools.count(1):
        for one in SEEDS if budget.minutes is None else (seed,):
            if progress.total_of("kills", "kills") >= KILLS or budget.left() < 0:
                return
            this = Round(one, number, FOLDER / f"requests-{one}-{number}.jsonl")
            if progress.knows("kills", str(this)):
                continue
            if not await _kept(progress, "kills", str(this), kills.at_once(this, seconds)):
                return  # the first fault is to be looked at


async def _outages(progress: Progress, budget: Budget, seed: int) -> None:
    for number in itertools.count(1):
        counted = min(progress.total_of("outages", f"{part}_restarts") for part in ("broker", "db"))
        # A round takes minutes: a short run has its outages among the kills.
        if counted >= OUTAGES or budget.left() < ROUND_SECONDS:
            return
        this = Round(seed, number, FOLDER / f"requests-outages-{number}.jsonl")
        if progress.knows("outages", str(this)):
            continue
        if not await _kept(progress, "outages", str(this), kills.one_by_one(this)):
            return


def steady_is_wanted(progress: Progress, seed: int) -> bool:
    """Whether anything is missing of what one system is put through: a piece that went wrong is forgotten."""
    fired = progress.of("failpoints")
    wanted = len(failpoints.reached()) * len(failpoints.EFFECTS)
    inputs_sent = min(progress.total(f"mutated_{door}") for door in ("http", "submissions"))
    pieces = (*(("inputs", piece) for piece in (*_by_chance(seed), "garbage")), *(("again", piece) for piece in AGAIN))
    return len(fired) < wanted or inputs_sent < INPUTS or not all(progress.knows(*one) for one in pieces)


def _by_chance(seed: int) -> tuple[str, str]:
    return f"http {seed}", f"submissions {seed}"


async def _steady(progress: Progress, budget: Budget, seed: int) -> None:
    """Fail points, inputs, race and replay on one system, and the auditor at its end."""
    folder, chance = FOLDER / "failpoints", Random(seed)
    async with a_world("steady", {VARIABLE: str(folder)}) as world:
        scene = failpoints.Scene(world, folder)
        scene.disarm()
        await failpoints.run(progress, scene, seconds=budget.share(0.35, math.inf), chance=chance, say=say)
        many = INPUTS if budget.minutes is None else int(INPUTS * min(1, budget.minutes / 50))
        http, submissions = _by_chance(seed)
        # Whose a fault at the end is, none of them can say.
        held = progress.knows("again", "audit")
        pieces: dict[tuple[str, str], Callable[[], Awaitable[dict[str, Any]]]] = {
            ("inputs", http): lambda: inputs.by_http(world, many, chance),
            ("inputs", submissions): lambda: inputs.by_kafka(world, many, chance),
            ("inputs", "garbage"): lambda: inputs.only_garbage(world, GARBAGE),
            ("again", "raced"): lambda: again.raced(world),
            ("again", "replayed"): lambda: again.replayed(world),
        }
        for (part, piece), do in pieces.items():
            if held and progress.knows(part, piece) and part == "again":
                continue
            await _kept(progress, part, piece, do())
        found = await failpoints.at_rest(scene)
        progress.keep("again", "audit", faults=found)
        say(f"steady: at rest {found or 'no fault'}")


def result(progress: Progress) -> dict[str, float]:
    """What has been done and found so far, over all runs on this source."""
    names, fired = failpoints.reached(), progress.of("failpoints")
    passed = [
        name for name in names if all(fired.get(f"{name}.{effect}", {}).get("passed") for effect in failpoints.EFFECTS)
    ]
    faults = progress.faults()
    http, submissions = progress.total("mutated_http"), progress.total("mutated_submissions")
    return {
        "kills": progress.total("kills"),
        **counted(faults),
        "faults": len(set(faults)),
        "failpoints": len(names),
        "failpoints_passed": len(passed),
        "broker_restarts": progress.total("broker_restarts"),
        "db_restarts": progress.total("db_restarts"),
        "mutated_inputs": http + submissions,
        "mutated_http": http,
        "mutated_submissions": submissions,
        "http_5xx": progress.total("http_500"),
        "http_503": progress.total("http_503"),
        "stuck_partitions": progress.total("stuck_partitions"),
        "recover_s_max": progress.most("recover_s"),
    }


def missed(line: dict[str, float], parts: Collection[str]) -> Iterator[str]:
    """What a whole run of these parts has not reached, in words."""
    if "steady" in parts and line["failpoints_passed"] < line["failpoints"]:
        yield f"{line['failpoints_passed']} of {line['failpoints']} fail points passed"
    for part in parts:
        for name, least in TARGETS[part].items():
            if line[name] < least:
                yield f"{name}: {line[name]} of {least}"
    if line["recover_s_max"] > RECOVERED_WITHIN:
        yield f"recover_s_max: {line['recover_s_max']}, {RECOVERED_WITHIN:g} at most"


def seed_of(minutes: float | None, source: str) -> int:
    """Of a whole run always the first, so that it goes on; of a share another one for each commit: what fires is drawn
    by it, and a share fires a part. Where there is no git, for each source."""
    if minutes is None:
        return SEEDS[0]
    command = ("git", "rev-parse", "HEAD")
    try:
        head = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    except OSError:
        head = ""
    return int((head or source)[:6], 16)


def main() -> int:
    """Run, say what was left out, and end with the line; 1 if anything was lost, doubled, wrong, or not reached."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--minutes", type=float, help="a share of a run, about so long")
    parser.add_argument("--seed", type=int, help="what a share draws by; each commit has its own")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have done")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these")
    asked = parser.parse_args()
    (FOLDER / "failpoints").mkdir(parents=True, exist_ok=True)
    # A share that begins anew, as the gate's, must not forget hours of a whole run.
    file = FOLDER / ("progress.json" if asked.minutes is None else "share.json")
    if asked.fresh:
        file.unlink(missing_ok=True)
    # What its own consumers and producers meet while everything breaks is what it is there for.
    logging.disable(logging.ERROR)
    source = source_digest()
    progress = Progress(file, source)
    progress.forget_faulty()
    seed = seed_of(asked.minutes, source) if asked.seed is None else asked.seed
    say(f"chaos: --seed {seed}, {'all of it' if asked.minutes is None else f'about {asked.minutes:g} minutes'}")
    if not run_until_interrupted(run(progress, Budget(asked.minutes), seed, asked.parts)):
        say("ended before its time; the next run goes on here")
        return 130
    if progress.total("kills") and not progress.total("disk_full"):
        say("NOT RUN: a full disk, because no volume can be mounted here or by chance")
    faults = progress.faults()
    for fault in faults:
        say(f"FAULT: {fault}")
    line = result(progress)
    # A share reaches what its minutes allow.
    short = [] if asked.minutes is not None else list(missed(line, asked.parts))
    for what in short:
        say(f"NOT REACHED: {what}")
    print(json.dumps(line))  # noqa: T201
    return int(bool(faults) or bool(short) or any(line[name] for name in NONE_OF))


if __name__ == "__main__":
    sys.exit(main())
