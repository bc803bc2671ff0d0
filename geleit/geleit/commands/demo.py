"""The command of the demo."""

from pathlib import Path
from typing import Annotated

import typer

from geleit.interrupt import run_until_interrupted
from geleit.settings import Settings

app = typer.Typer()


@app.command()
def demo(
    arrivals: Annotated[int, typer.Option(envvar="ARRIVALS", min=1, max=50_000, help="households of the week")] = 2000,
    register: Annotated[
        Path | None,
        typer.Option(envvar="REGISTER", exists=True, dir_okay=False, help="the official register (.xlsx or .csv)"),
    ] = None,
) -> None:
    """Run a week of arrivals on real parts, check its figures, then serve (on a terminal) until Ctrl-C."""
    from geleit.demo.run import Wanted  # noqa: PLC0415 - other commands need not wait for it
    from geleit.demo.run import demo as run  # noqa: PLC0415

    counted = False

    def on_figures() -> None:
        nonlocal counted
        counted = True

    run_until_interrupted(run(Settings(), Wanted(arrivals, register), on_figures))
    if not counted:
        typer.echo("Interrupted; the next run goes on with this week.")
        raise typer.Exit(130)
