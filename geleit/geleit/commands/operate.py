"""Commands for operations: install, serve, rebuild."""

import asyncio
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn

from chassis import telemetry
from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.failpoint import failpoint
from chassis.health import Health
from chassis.process import run
from chassis.replay import replay
from geleit.install import install, reachable
from geleit.probe import until
from geleit.services import all_services, database_of, installation, the_service
from reporting.store import clear, state_hash

app = typer.Typer(no_args_is_help=True)
rebuild = typer.Typer(no_args_is_help=True, help="Fold a service's tables again from the stream.")
console = Console()


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
    async with database_of(service) as database:
        async with database.transaction() as tx:
            before = await state_hash(tx)

        async def empty() -> None:
            async with database.transaction() as tx:
                await clear(tx)
            failpoint("rebuild.cleared")
            typer.echo("reporting is empty and is folded now; if this does not come to its end, give it again")

        with Progress(*Progress.get_default_columns(), TimeRemainingColumn(), console=console) as bars:
            bar = bars.add_task("folding", total=None)
            read = await replay(
                Consumer(database, service.vault(), service.on, Health()),
                [topic.name for topic in service.on],
                broker=Broker.of(service.settings),
                begin=empty,
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
            )
        async with database.transaction() as tx:
            return before, await state_hash(tx), read
