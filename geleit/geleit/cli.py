"""The command line: `geleit up`, `geleit down`, and where all other commands are put together."""

import asyncio
import logging
from typing import NoReturn

import asyncpg
import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from chassis.database import AWAY, RestoreUnfinished
from chassis.migrate import MigrationChanged
from chassis.polls import Unreadable
from chassis.settings import wrong_variables
from chassis.topics import TopicDiffers
from chassis.vault import VaultKeyInvalid
from geleit.commands import (
    access,
    audit,
    broker,
    data,
    decisions,
    demo,
    documents,
    dues,
    household,
    operate,
    parked,
    policy,
    restore,
)
from geleit.failures import Failure, advice_on
from geleit.interrupt import run_until_interrupted
from geleit.progress import Steps
from geleit.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


app.add_typer(operate.app)
app.add_typer(decisions.app)
app.add_typer(audit.app)
app.add_typer(restore.app)
app.add_typer(documents.app)
app.add_typer(demo.app)
app.add_typer(parked.app, name="parked")
app.add_typer(dues.app, name="dues")
app.add_typer(household.app, name="household")
app.add_typer(operate.rebuild, name="rebuild")
app.add_typer(policy.policy, name="policy")
app.add_typer(broker.broker, name="broker")
app.add_typer(access.account, name="account")
app.add_typer(access.key, name="key")
app.add_typer(data.register, name="register")
app.add_typer(data.roster, name="roster")
app.add_typer(data.contacts, name="contacts")


def main() -> None:
    """Entry point of `geleit` and `python -m geleit`.

    What a person can do something about is a message and exit code 1.
    """
    for driver in ("aiokafka", "asyncpg"):
        # What one meets is raised, and said below.
        logging.getLogger(driver).setLevel(logging.CRITICAL)
    try:
        app()
    except (Failure, RestoreUnfinished) as failure:
        _end(str(failure))
    except ValidationError as error:
        # Of all that is read this alone is called so.
        if error.title != Settings.__name__:
            raise
        _end(wrong_variables(error))
    except (
        *AWAY,
        asyncpg.PostgresError,
        KafkaError,
        Unreadable,
        VaultKeyInvalid,
        MigrationChanged,
        TopicDiffers,
    ) as error:
        _end(advice_on(error))


def _end(message: str) -> NoReturn:
    typer.secho(message, fg=typer.colors.RED, err=True)
    raise SystemExit(1) from None


@app.command()
def up() -> None:
    """Run all of Geleit until Ctrl-C."""
    run_until_interrupted(_serve(Settings()))


async def _serve(settings: Settings) -> None:
    from geleit.system import system  # noqa: PLC0415 - other commands need not wait for it

    with Steps() as steps:
        async with system(settings, steps=steps) as running:
            steps.say(f"Geleit serves at {running.url} (logs in {running.state_dir / 'log'}). Ctrl-C stops it.")
            await asyncio.Event().wait()


@app.command()
def down() -> None:
    """Stop what runs on this state folder, also what a killed run left behind."""
    asyncio.run(_stop(Settings()))


async def _stop(settings: Settings) -> None:
    from geleit.state import end_owner  # noqa: PLC0415 - other commands need not wait for it
    from geleit.supervisor import stop_leftovers  # noqa: PLC0415
    from geleit.system import CATCHERS, stop_parts  # noqa: PLC0415

    await end_owner(settings.state_dir)
    await stop_leftovers(settings.state_dir, last=CATCHERS)
    await stop_parts(settings.state_dir, Steps(quiet=True))
