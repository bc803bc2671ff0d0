"""The commands that keep a backup and bring Geleit back from it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from aiokafka.errors import KafkaError

from chassis.authority import Settled
from chassis.broker import Broker
from chassis.database import AWAY, refuse_unfinished
from chassis.failpoint import failpoint
from chassis.polls import Unreadable
from chassis.service import Service
from chassis.settings import Settings as Installation
from geleit.failures import Failure, advice_on
from geleit.install import install
from geleit.owner import connected
from geleit.progress import Steps
from geleit.restore.dump import drop, dump, put_back, read_through
from geleit.restore.reconcile import hold_back, nobody_is_there, reconcile
from geleit.services import all_services, installation
from geleit.settings import Settings

app = typer.Typer()

SCHEMAS = ("geleit", "access")
"""Besides those of the services: which migrations were applied, and accounts."""

AGAIN = "Start nothing, and give the same command again"


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="the file to write; it holds sealed identities")],
) -> None:
    """Write everything that is in the database to a file, in one snapshot, while Geleit runs on.

    Keep the master key elsewhere: who has both can read names. The topics need no backup.
    """
    asyncio.run(_back_up(installation().database_url, file))
    typer.echo(f"{file} ({file.stat().st_size / 1e6:.1f} MB)")


@app.command()
def restore(
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="a backup; without it the database stays")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Bring Geleit back from a backup, or, without one, tell an empty or lost broker everything again.

    Nothing of Geleit may run. What came after the backup is lost, but for answers of municipalities and what centres
    have put on their own topics; how many registered by HTTP since is said, for their centres to do so again.
    """
    if file and not yes:
        typer.confirm(f"Replace everything in the database by {file}?", abort=True)
    told, lost = asyncio.run(_restore(file))
    for name, settled in told.items():
        typer.echo(
            f"{name}: {settled.told} told again, {settled.overtaken} of them above what the broker had heard,"
            f" {len(settled.adopted)} that only the broker knew"
        )
    if lost:
        typer.echo(
            f"Households that their centres have to register again: {lost} (they came after the backup, and are erased)"
        )
    if file:
        typer.echo(
            "Keys, accounts and passwords are those of the backup: revoke and disable again what was meanwhile"
            " (`geleit key list`, `geleit key revoke`, `geleit account disable`)"
        )
    typer.echo("Geleit may start")


async def _back_up(url: str, file: Path) -> None:
    async with connected(url) as connection:
        # Half of a database would take a whole one's place.
        await refuse_unfinished(connection)
    await dump(url, file, _schemas(all_services()))


async def _restore(file: Path | None) -> tuple[Mapping[str, Settled], int]:
    with Steps() as steps:
        async with _servers(steps):
            settings, services = installation(), all_services()
            await nobody_is_there(services, settings)
            if file:
                with steps.step("Backup read to its end"):
                    await read_through(file)
            try:
                return await _bring_back(file, settings, services, steps)
            except Failure as failure:
                raise Failure(f"{failure}\n{AGAIN}.") from failure
            except Unreadable as error:
                raise Failure(f"{advice_on(error)}\n{AGAIN}.") from error
            except (*AWAY, KafkaError, asyncpg.PostgresError) as error:
                raise Failure(f"Not everything is told yet. {AGAIN} ({type(error).__name__}).") from error


async def _bring_back(
    file: Path | None, settings: Installation, services: Sequence[Service], steps: Steps
) -> tuple[Mapping[str, Settled], int]:
    url, schemas = settings.database_url, _schemas(services)
    # Without a file too: PostgreSQL's own tools may have put a backup back, and a broker that was told half of it is to
    # be told the rest.
    await hold_back(url, with_backup=file is not None)
    failpoint("restore.held_back")
    # Reading the backup took its time, and who has come meanwhile asks no more whether a restore is under way.
    await nobody_is_there(services, settings)
    if file:
        # What is there may be half of something: the roles come from a beginning that is whole.
        await drop(url, schemas)
        failpoint("restore.dropped")
    with steps.step("Roles, tables and topics"):
        await install(settings, services, restoring=True)
    if file:
        with steps.step("Backup put back"):
            await put_back(url, file, schemas)
            failpoint("restore.put_back")
        with steps.step("Migrations since the backup"):
            await install(settings, services, restoring=True)
    with steps.step("Everything told again"):
        return await reconcile(services, Broker.of(settings), url)


def _schemas(services: Sequence[Service]) -> Sequence[str]:
    return [*SCHEMAS, *(service.name for service in services)]


def _servers(steps: Steps) -> AbstractAsyncContextManager[None]:
    """Those that are given, else the embedded ones, which run only in a `geleit up` that must not run now."""
    settings = Settings()
    if settings.database_url and settings.kafka_bootstrap_servers:
        return nullcontext()
    from geleit.system import servers  # noqa: PLC0415 - installed for development only

    return servers(settings, steps)
