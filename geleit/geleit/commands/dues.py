"""Commands for what was due and has failed: list, retry."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from chassis import timers
from geleit.services import ServiceName, the_service, transact

app = typer.Typer(no_args_is_help=True, help="What was due and has failed: list, retry.")
console = Console()
LISTED = 500
"""Dues in one list, those that come first."""


@app.command("list")
def list_(name: Annotated[ServiceName, typer.Argument(help="whose dues")]) -> None:
    """Show dues that have failed, and when they come again by themselves. The log says what was wrong."""
    dues = transact(the_service(name), lambda tx: timers.postponed(tx, LISTED + 1))
    if not dues:
        typer.echo("no due has failed")
        return
    table = Table(*(Column(title, overflow="fold") for title in ("kind", "of", "failed", "comes again (UTC)")))
    for due in dues[:LISTED]:
        table.add_row(due.kind, due.aggregate, f"{due.attempts} ×", f"{due.at:%Y-%m-%d %H:%M:%S}")
    console.print(table)
    if len(dues) > LISTED:
        typer.echo(f"There are more than these {LISTED}.")


@app.command()
def retry(name: Annotated[ServiceName, typer.Argument(help="whose dues")]) -> None:
    """Have the worker try all dues now that have failed; after a repair, instead of waiting for up to six hours."""
    hastened = transact(the_service(name), timers.hasten)
    if hastened:
        typer.echo(f"{hastened} come now; after some seconds `geleit dues list {name}` shows which have failed again")
    else:
        typer.echo("no due that has failed has to wait")
