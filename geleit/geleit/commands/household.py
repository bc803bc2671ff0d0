"""The command for who asks to be forgotten."""

from typing import Annotated
from uuid import UUID

import typer

from geleit.failures import Failure
from geleit.services import the_service, transact
from intake.reception import erase_household

app = typer.Typer(no_args_is_help=True, help="Single households.")


@app.callback()
def _group() -> None:
    """Keep `erase` a word of its own while it is the only one."""


@app.command()
def erase(
    household: Annotated[UUID, typer.Argument(help="the household's id, as its page shows it in its address")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Destroy the names of a household for good, and have every service forget its facts; its case ends.

    What was told before stays on the topics until they are compacted, without names. What its centre has submitted
    stays on that centre's topic for two weeks, sealed for intake alone; what of it was parked is destroyed.
    """
    if not yes:
        typer.confirm(f"Erase {household}? Nobody can bring it back.", abort=True)
    if not transact(the_service("intake"), lambda tx: erase_household(tx, household)):
        raise Failure("There is no household of this id, or it is erased already.")
    typer.echo(f"{household} erased")
