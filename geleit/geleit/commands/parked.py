"""Commands for records that could not be applied: list, show, retry, discard."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from chassis import parked
from chassis.consumer import APPLIED, Consumer
from chassis.database import Database
from chassis.health import Health
from geleit.failures import Failure
from geleit.services import ServiceName, database_of, the_service, transact

app = typer.Typer(no_args_is_help=True, help="Records that could not be applied: list, show, retry, discard.")
LISTED = 500
"""Records in one list, and in one step of retrying many."""


Id = Annotated[int, typer.Argument(help="the id that list shows")]
OfClass = Annotated[str | None, typer.Option("--error", help="only those with this error")]


@app.command("list")
def list_(
    name: ServiceName,
    error: OfClass = None,
    settled: Annotated[bool, typer.Option(help="also those that are settled")] = False,
    after: Annotated[int, typer.Option(help="go on after this id")] = 0,
) -> None:
    """Show parked records, oldest first: place and error, not content; two lines each."""
    rows = transact(
        the_service(name), lambda tx: parked.listed(tx, resolved=settled, error=error, after=after, limit=LISTED)
    )
    if not rows:
        typer.echo(_nothing(name, error))
        return
    for one in rows:
        # Lines and no table: it would break what is copied into the next command.
        typer.echo(f"{one.id}  {one.place}  {one.error}")
        ends = one.resolution or f"kept until {one.expires_at:%Y-%m-%d}"
        typer.echo(f"    parked {one.parked_at:%Y-%m-%d %H:%M} UTC, {ends}")
    if len(rows) == LISTED:
        typer.echo(f"There may be more: --after {rows[-1].id}")


@app.command()
def show(name: ServiceName, record: Id) -> None:
    """Show what is known of one parked record; its content stays sealed."""
    one = transact(the_service(name), lambda tx: parked.one(tx, record))
    if one is None:
        raise Failure(f"{record} is unknown, or forgotten after {parked.KEPT.days} days.")
    facts = {
        "place": one.place,
        "type": one.ce_type or "-",
        "error": one.error,
        "traceparent": one.traceparent or "-",
        "parked at": f"{one.parked_at:%Y-%m-%d %H:%M:%S} UTC",
        "kept until": f"{one.expires_at:%Y-%m-%d %H:%M:%S} UTC",
        "last tried": f"{one.tried_at:%Y-%m-%d %H:%M:%S} UTC" if one.tried_at else "-",
        "settled": f"{one.resolved_at:%Y-%m-%d %H:%M:%S} UTC: {one.resolution}" if one.resolved_at else "-",
    }
    for label, value in facts.items():
        typer.echo(f"{label:12} {value}")


@app.command()
def retry(
    name: ServiceName,
    record: Annotated[int | None, typer.Argument(help="the id that list shows")] = None,
    error: OfClass = None,
    every: Annotated[bool, typer.Option("--all", help="all that are parked")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would become of them")] = False,
) -> None:
    """Apply parked records now: one, those with an error, or all.

    What is newer and applied already stays: an older state is passed over, an older submission rejected as overtaken.
    """
    if [record is not None, error is not None, every].count(True) != 1:
        raise typer.BadParameter("say which records: an id, --error or --all")
    fates = asyncio.run(_retried(name, record, error, trial=dry_run))
    if not fates:
        if record is not None:
            raise Failure(_unknown(name, record))
        typer.echo(_nothing(name, error))
        return
    if applied := fates.pop(APPLIED, 0):
        typer.echo(f"{'would be applied' if dry_run else 'applied'}: {applied}")
    still = ", ".join(f"{number} × {fate}" for fate, number in fates.items())
    if still and dry_run:
        typer.echo(f"would stay parked: {still}")
    elif still:
        raise Failure(f"still parked: {still}. Retry later, or discard with a reason.")


async def _retried(name: ServiceName, record: int | None, error: str | None, *, trial: bool) -> Counter[str]:
    """What became of them: `applied` or an error class, and how many."""
    service, fates = the_service(name), Counter[str]()
    async with database_of(service) as database:
        consumer = Consumer(database, service.vault(), service.on, Health())
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), console=Console(stderr=True)
        ) as bars:
            bar = bars.add_task("retrying", total=None)
            async for one in _these(database, record, error):
                if fate := await consumer.retry(one, trial=trial):
                    fates[fate] += 1
                bars.advance(bar)
    return fates


async def _these(database: Database, record: int | None, error: str | None) -> AsyncIterator[int]:
    """Ids, oldest first."""
    if record is not None:
        yield record
        return
    after = 0
    while True:
        async with database.transaction() as tx:
            rows = await parked.listed(tx, error=error, after=after, limit=LISTED)
        for one in rows:
            yield one.id
        if len(rows) < LISTED:
            return
        after = rows[-1].id


@app.command()
def discard(
    name: ServiceName, record: Id, reason: Annotated[str, typer.Option(help="why; it is written down", prompt=True)]
) -> None:
    """Destroy the content of a parked record and write down why."""
    if not reason.strip():
        raise Failure("Say why: nobody can bring it back.")
    if not transact(the_service(name), lambda tx: parked.discard(tx, record, reason)):
        raise Failure(_unknown(name, record))
    typer.echo(f"{record} discarded")


def _nothing(name: ServiceName, error: str | None) -> str:
    if error is None:
        return "nothing is parked"
    return f"nothing is parked with this error: `geleit parked list {name}` shows which there are"


def _unknown(name: ServiceName, record: int) -> str:
    return f"{record} is not parked, or is settled already: see `geleit parked list {name} --settled`."
