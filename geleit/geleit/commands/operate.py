"""Commands for operations: install, serve, replay, settle what is parked."""

import asyncio
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Column, Table

from chassis import parked as parking
from chassis import telemetry
from chassis.broker import Broker
from chassis.consumer import Consumer, Refused
from chassis.database import AWAY
from chassis.failpoint import failpoint
from chassis.health import Health
from chassis.replay import replay
from chassis.service import Service, open_database, run
from contracts.record import Undecodable
from geleit.failures import Failure
from geleit.install import install, reachable
from geleit.probe import until
from geleit.services import all_services, installation, the_service
from reporting.store import clear, state_hash

app = typer.Typer(no_args_is_help=True)
parked = typer.Typer(no_args_is_help=True, help="Records that could not be applied: list, retry, discard.")
rebuild = typer.Typer(no_args_is_help=True, help="Fold a service's tables again from the stream.")
console = Console()


class ServiceName(StrEnum):
    """Whose records these are."""

    INTAKE = "intake"
    MATCHING = "matching"
    NOTIFICATIONS = "notifications"
    REPORTING = "reporting"


@app.command()
def migrate(wait: Annotated[float, typer.Option(help="seconds to wait for PostgreSQL and Kafka")] = 0.0) -> None:
    """Bring tables, topics and what services begin with to the newest state."""
    files, topics = asyncio.run(_migrate(wait))
    for name in files:
        typer.echo(f"applied {name}")
    for name in topics:
        typer.echo(f"created topic {name}")
    if not files and not topics:
        typer.echo("nothing to do")


async def _migrate(wait: float) -> tuple[list[str], list[str]]:
    settings, services = installation(), all_services()
    if wait:
        await until(partial(reachable, settings), within=wait, what="PostgreSQL and Kafka", every=1.0)
    return await install(settings, services)


@app.command()
def web() -> None:
    """Serve the pages and APIs of all four services on one port."""
    services = all_services()
    telemetry.setup("web", services[0].settings.log_level)
    run(services, worker=False, web=True)


@rebuild.command("reporting")
def rebuild_reporting() -> None:
    """Empty reporting's tables and fold every topic again from offset 0; the worker may go on meanwhile."""
    before, after, read = asyncio.run(_rebuild())
    typer.echo(f"{read} records folded; state {before[:12]} → {after[:12]}")


async def _rebuild() -> tuple[str, str, int]:
    service = the_service("reporting")
    database = await open_database(service, "worker")
    try:
        async with database.transaction() as tx:
            before = await state_hash(tx)
            await clear(tx)
        failpoint("rebuild.cleared")
        with Progress(*Progress.get_default_columns(), TimeRemainingColumn(), console=console) as bars:
            bar = bars.add_task("folding", total=None)
            read = await replay(
                Consumer(database, service.vault(), service.on, Health()),
                [topic.name for topic in service.on],
                broker=Broker.of(service.settings),
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
            )
        async with database.transaction() as tx:
            return before, await state_hash(tx), read
    finally:
        await database.close()


@parked.command("list")
def parked_list(
    name: Annotated[ServiceName, typer.Argument()],
    settled: Annotated[bool, typer.Option(help="also those that are settled")] = False,
) -> None:
    """Show parked records, oldest first: place and error, not content."""
    rows = asyncio.run(_parked_list(the_service(name), settled=settled))
    if not rows:
        typer.echo("nothing is parked")
        return
    names = ("id", "topic/partition/offset", "error", "parked at (UTC)", "settled")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for one in rows:
        place = f"{one.topic}/{one.partition}/{one.position}"
        table.add_row(str(one.id), place, one.error, f"{one.parked_at:%Y-%m-%d %H:%M}", one.resolution or "")
    console.print(table)


async def _parked_list(service: Service, *, settled: bool) -> list[parking.Parked]:
    database = await open_database(service, "worker")
    try:
        async with database.transaction() as tx:
            return list(await parking.listed(tx, resolved=settled, limit=1000))
    finally:
        await database.close()


@parked.command("retry")
def parked_retry(
    name: Annotated[ServiceName, typer.Argument()],
    record: Annotated[int, typer.Argument(help="the id that list shows")],
) -> None:
    """Apply a parked record now; a newer state of the same aggregate makes this harmless."""
    if not asyncio.run(_parked_retry(the_service(name), record)):
        raise Failure(f"{record} is not parked, or is settled already: see `geleit parked list {name} --settled`.")
    typer.echo(f"{record} applied")


async def _parked_retry(service: Service, record: int) -> bool:
    database = await open_database(service, "worker")
    try:
        return await Consumer(database, service.vault(), service.on, Health()).retry(record)
    except AWAY:
        raise
    except (Undecodable, Refused) as error:
        raise Failure(f"{record} is refused again: {error}. It stays parked: discard it, or retry it later.") from None
    except Exception as error:
        # A database quotes what it cannot take: the place is said, the words are not.
        raise Failure(f"{record} fails again: {telemetry.place_of(error)}. It stays parked.") from None
    finally:
        await database.close()


@parked.command("discard")
def parked_discard(
    name: Annotated[ServiceName, typer.Argument()],
    record: Annotated[int, typer.Argument(help="the id that list shows")],
    reason: Annotated[str, typer.Option(help="why; it is written down", prompt=True)],
) -> None:
    """Destroy the content of a parked record and write down why."""
    if not asyncio.run(_parked_discard(the_service(name), record, reason)):
        raise Failure(f"{record} is not parked, or is settled already: see `geleit parked list {name} --settled`.")
    typer.echo(f"{record} discarded")


async def _parked_discard(service: Service, record: int, reason: str) -> bool:
    database = await open_database(service, "worker")
    try:
        async with database.transaction() as tx:
            if await parking.opened(tx, service.vault(), record) is None:
                return False
            await parking.settle(tx, record, f"discarded: {reason[:200]}")
            return True
    finally:
        await database.close()
