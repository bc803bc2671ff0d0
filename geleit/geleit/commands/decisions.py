"""Commands about decisions: make them again."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chassis.database import Tx
from geleit.failures import Failure
from geleit.services import the_service, transact
from matching import store
from matching.replay import Place, Replayed, replay

app = typer.Typer()
console = Console()

MOST_SHOWN = 20


@app.command("replay")
def replay_decisions(
    district: Annotated[str | None, typer.Option(help="only the decisions of this district (its 5 digits)")] = None,
    household: Annotated[UUID | None, typer.Option(help="only the decisions of this household")] = None,
) -> None:
    """Make all decisions again, or some, from what was put in, and compare each with its receipt, byte by byte.

    Exit code 1 if a decision comes out otherwise or a chain does not hold. Reads only; workers may go on meanwhile.
    """
    if district and household:
        raise Failure("Give one of --district and --household.")
    result = transact(the_service("matching"), lambda tx: _replay(tx, district, household))
    _show(result)
    if not result.holds:
        raise Failure(_what_does_not_hold(result))


async def _replay(tx: Tx, district: str | None, household: UUID | None) -> Replayed:
    only: Callable[[Place], bool] = lambda place: district in {None, place[0]}  # noqa: E731
    if household:
        places = await store.places_of(tx, household)
        if not places:
            raise Failure("No decision of such a household: it was never decided, or it was erased.")
        only = places.__contains__
    elif district and district not in await store.districts(tx):
        raise Failure(f"There is no decision in a district {district[:20]}.")
    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task("deciding again", total=None)
        return await replay(tx, only, lambda done, total: bars.update(bar, completed=done, total=total))


def _show(result: Replayed) -> None:
    table = Table("district", "the same", "of these by another solver", "otherwise", "chain")
    otherwise = [district for district, _ in result.otherwise]
    for district in sorted(result.same.keys() | set(otherwise) | result.broken.keys()):
        table.add_row(
            district or "none yet",
            str(result.same[district]),
            str(result.by_another_solver[district]),
            str(otherwise.count(district)),
            f"breaks at {result.broken[district]}" if district in result.broken else "holds",
        )
    if table.row_count:
        console.print(table)
    typer.echo(f"{result.same.total()} decisions made again, {len(result.otherwise)} otherwise")


def _what_does_not_hold(result: Replayed) -> str:
    lines = [f"{district or 'none yet'} {position}: otherwise" for district, position in result.otherwise[:MOST_SHOWN]]
    if len(result.otherwise) > MOST_SHOWN:
        lines.append(f"and {len(result.otherwise) - MOST_SHOWN} more")
    lines += [f"{district or 'none yet'}: the chain breaks at {place}" for district, place in result.broken.items()]
    lines.append("docs/operations.md says what this means and what to do.")
    return "\n".join(lines)
