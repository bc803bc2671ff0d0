"""Commands about the policy: show it, check a file, simulate it, enact it."""

import asyncio
import csv
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from chassis import timers
from chassis.database import Database
from contracts.policy import Policy
from contracts.zone import day_of
from geleit.failures import Failure
from geleit.services import database_of, the_service
from matching import store
from matching.policy import publish_policy
from matching.policy_file import read
from matching.rules import rules_in_force
from matching.simulation import Change, Concerned, Effect, Simulation, simulate
from matching.wire import policy_of

T = TypeVar("T")

policy = typer.Typer(no_args_is_help=True, help="Who is counselled, what a case weighs, what points are given for.")
console = Console()
SECONDS_BETWEEN_LOOKS = 0.5
ALL, DUE = ("recheck",), ("ageing", "serve")
"""Kinds of dues that follow from a policy: every one, and those whose time has come."""

PolicyFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


@policy.command()
def show(
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day; today if not given")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the newest version as a file to edit and check")] = False,
) -> None:
    """Show the policy in force, and which versions there were."""
    versions, today = _do(_versions)
    if not versions:
        raise Failure("There is no policy yet: `geleit migrate` begins with the one of this release.")
    newest, _ = versions[0]
    if as_json:
        typer.echo(newest.model_dump_json(indent=2, exclude={"revision"}, exclude_none=True))
        return
    _show(newest, on.date() if on else today)
    table = _table("version", "enacted")
    for one, enacted in versions:
        table.add_row(one.version, enacted.isoformat(" ", "minutes"))
    console.print(table)


@policy.command()
def check(file: PolicyFile) -> None:
    """Say whether a policy can be enacted; what is wrong is named by line and reason."""
    read_or_fail(file)
    typer.echo(f"{file.name} can be enacted")


@policy.command("simulate")
def simulate_policy(
    file: PolicyFile,
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="the day it would hold from")],
    households: Annotated[
        Path | None, typer.Option(dir_okay=False, help="a CSV file to write every household to that is concerned")
    ] = None,
) -> None:
    """Say, by district, whom a policy would add and remove and at what cost. Nothing happens."""
    wanted = read_or_fail(file)
    if households and not households.parent.is_dir():
        raise Failure(f"{households.parent} is no folder: nothing could be written there.")
    found, names, ids = _do(lambda database: _simulate(database, wanted, since.date()))
    _show_changes(found.changes, names)
    _show_concerned(found.concerned, names)
    if households:
        _write_concerned(households, found.concerned, ids)


@policy.command()
def enact(
    file: PolicyFile,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    wait: Annotated[bool, typer.Option(help="wait until all who are concerned are decided anew")] = True,
) -> None:
    """Put a policy into force: everybody whom nobody has in care is decided anew by the worker.

    The run goes on where it was if the worker is stopped; it needs nobody who waits for it. Simulate first.
    """
    wanted = read_or_fail(file)
    known = {one.version for one, _ in _do(_versions)[0]}
    if wanted.version in known:
        raise Failure(f"Version {wanted.version} was enacted already: give the file another one.")
    if not yes:
        typer.confirm(
            f"Enact version {wanted.version} now? It cannot be taken back, only followed by another", abort=True
        )
    failing = _do(lambda database: _enact(database, wanted))
    typer.echo(f"{wanted.version} is in force; who is concerned is decided anew by matching's worker")
    if wait:
        _do(lambda database: _until_decided(database, failing))
        typer.echo("all are decided anew")


def read_or_fail(file: Path) -> Policy:
    """The policy of a file. Raises Failure with what is wrong."""
    wanted, faults = read(file.read_bytes())
    if wanted is None:
        lines = [f"line {one.line}{f', {one.field}' if one.field else ''}: {one.reason}" for one in faults]
        raise Failure("\n".join([*lines, f"{file.name} cannot be enacted."]))
    return wanted


def _do(work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        async with database_of(the_service("matching")) as database:
            return await work(database)

    return asyncio.run(run())


async def _versions(database: Database) -> tuple[list[tuple[Policy, datetime]], date]:
    async with database.transaction() as tx:
        return await store.policies(tx), day_of(tx.now)


async def _simulate(
    database: Database, wanted: Policy, since: date
) -> tuple[Simulation, dict[str, str], dict[UUID, UUID]]:
    async with database.transaction() as tx:
        with Progress(console=console, transient=True) as bars:
            bar = bars.add_task("simulating", total=None)
            found = await simulate(
                tx, policy_of(wanted), since, lambda done, total: bars.update(bar, completed=done, total=total)
            )
        ids = await store.ids_of(tx, [one.alias for one in found.concerned])
        return found, dict(await store.district_names(tx)), ids


async def _enact(database: Database, wanted: Policy) -> list[str]:
    """What has failed already and is tried again later, is nothing that this policy has brought about."""
    async with database.transaction() as tx:
        await tx.publish(await publish_policy(tx, wanted))
        await tx.audit("enact", wanted.version)
        return await timers.failing(tx, [*ALL, *DUE])


async def _until_decided(database: Database, failing: Sequence[str]) -> None:
    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task("deciding anew", total=None)
        quiet = 0
        # What is to be served a second later may follow from what has just been done.
        while quiet * SECONDS_BETWEEN_LOOKS <= 1:
            left = await _left(database, failing)
            quiet = 0 if left else quiet + 1
            bars.update(bar, description=f"deciding anew: {left} parts to go")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _left(database: Database, failing: Sequence[str] = ()) -> int:
    async with database.transaction() as tx:
        remaining, postponed = await timers.remaining(tx, ALL, DUE, failing)
    if postponed:
        raise Failure(
            "The policy is in force, but a part of deciding anew has failed and is tried again later: see the log"
            " of matching's worker and DuesPostponed in docs/operations.md."
        )
    return remaining


def _show(newest: Policy, day: date) -> None:
    of = policy_of(newest)
    typer.echo(f"{newest.id}, version {newest.version}")
    in_force = {(rule.legal_group, rule.valid_from) for rule in rules_in_force(of, day)}
    typer.echo(f"eligible on {day}:")
    for rule in sorted(newest.eligibility, key=lambda rule: (rule.legal_group, rule.valid_from)):
        until = f" to {rule.valid_until}" if rule.valid_until else ""
        stages = ", ".join(stage.removesuffix("_accommodation") for stage in rule.stages) or "nobody"
        holds = "" if (rule.legal_group, rule.valid_from) in in_force else " (not on that day)"
        typer.echo(f"  {rule.legal_group} from {rule.valid_from}{until}{holds}: {stages}")
        titles = f", residence titles {' '.join(rule.residence_titles)}" if rule.residence_titles else ""
        typer.echo(f"    {rule.counselling_years} years, {rule.extended_years} in justified cases{titles}")
        typer.echo(f"    {rule.source}")
    load, points = newest.load, newest.points
    typer.echo(f"a full post carries {newest.units_per_fte} units")
    typer.echo(f"a case weighs {load.per_case}, and {load.per_person} a person, {load.per_skill} a need")
    for phase in load.phases:
        typer.echo(f"  {phase.percent} percent from day {phase.after_days} on")
    typer.echo("points: " + ", ".join(f"{name} {value}" for name, value in points.model_dump().items()))
    for one in newest.priorities:
        described = one.model_dump(exclude_none=True, exclude={"hours"}, mode="json")
        typer.echo(
            f"counts as {one.hours} hours longer: {', '.join(f'{key} {value}' for key, value in described.items())}"
        )
    for decline in newest.declines:
        days = f" for {decline.days} days" if decline.effect == "park" else ""
        typer.echo(f"declined because of {decline.reason}: {decline.effect}{days}")


def _show_changes(changes: Mapping[str, Change], names: Mapping[str, str]) -> None:
    table = _table("district", "added", "removed", "stay", "assigned", "waiting", "units")
    rows = [(names.get(district, district or "none yet"), one) for district, one in sorted(changes.items())]
    shown = [(name, one) for name, one in rows if one.is_change]
    total = reduce(add, changes.values(), Change())
    for name, one in [*shown, ("all", total)]:
        table.add_row(
            name,
            str(int(one.added)),
            str(int(one.removed)),
            str(int(one.staying)),
            *(f"{int(before)} → {int(after)}" for before, after in (one.assigned, one.waiting, one.load)),
            end_section=bool(shown) and name == shown[-1][0],
        )
    console.print(table)
    typer.echo("left of → as things are, right of it with the policy; who stays is in care and no longer counselled")
    if not shown:
        typer.echo("nobody would be decided otherwise")


def _show_concerned(concerned: Sequence[Concerned], names: Mapping[str, str]) -> None:
    """Who they are, in the words a policy decides by."""
    if not concerned:
        return
    counted = Counter((one.district, one.legal_group, one.effect) for one in concerned)
    table = _table("district", "legal group", "households")
    for district, group in sorted({key[:2] for key in counted}):
        name = names.get(district, district or "none yet")
        effects = [(effect, counted[district, group, effect]) for effect in Effect]
        table.add_row(name, group, ", ".join(f"{number} {effect}" for effect, number in effects if number))
    console.print(table)


def _write_concerned(file: Path, concerned: Sequence[Concerned], ids: Mapping[UUID, UUID]) -> None:
    with file.open("w", newline="") as out:
        lines = csv.writer(out, delimiter=";")
        lines.writerow(["household", "district", "legal_group", "accommodation", "effect"])
        lines.writerows([ids[one.alias], *one[1:]] for one in sorted(concerned) if one.alias in ids)
    typer.echo(f"{file} lists them, by the numbers under which the pages show them")


def _table(*columns: str) -> Table:
    return Table(*(Column(name, overflow="fold") for name in columns), box=SIMPLE_HEAD)
