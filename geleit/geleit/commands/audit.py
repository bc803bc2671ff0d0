"""The command that says whether the invariants hold."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer

from chassis.broker import Broker
from geleit.audit.finding import Finding
from geleit.audit.journal import Journal
from geleit.audit.run import PATIENCE, Asked, audit
from geleit.failures import Failure
from geleit.services import all_services, installation
from geleit.settings import Settings

app = typer.Typer()

MOST_SHOWN = 20


@app.command("audit")
def audit_all(
    journal: Annotated[Path | None, typer.Option(exists=True, help="what a client was promised, as JSON lines")] = None,
    canaries: Annotated[Path | None, typer.Option(exists=True, help="names that must be nowhere, one a line")] = None,
    look_in: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="a file to look for canaries in: an export")
    ] = None,
    patience: Annotated[
        float,
        typer.Option(min=0, help="seconds after which what is unsent or unread is a fault; 0 at rest: whatever waits"),
    ] = PATIENCE.total_seconds(),
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, with every fault")] = False,
) -> None:
    """Check the invariants I1 to I11 over all tables and topics: one line each, exit code 1 if one does not hold.

    Reads only, with the rights of the workers; everything may go on meanwhile. docs/operations.md says what each
    line means.
    """
    asked = Asked(
        journal=_journal(journal) if journal else Journal(),
        canaries=_names(canaries) if canaries else (),
        state_dir=Settings().state_dir,
        files=look_in or (),
        patience=timedelta(seconds=patience),
    )
    findings = asyncio.run(audit(all_services(), Broker.of(installation()), asked))
    if as_json:
        typer.echo(orjson.dumps([_as_json(one) for one in findings], option=orjson.OPT_INDENT_2).decode())
    else:
        for one in findings:
            typer.echo(line(one))
    if broken := [one for one in findings if one.faults]:
        raise Failure(_what_does_not_hold(broken))


def line(finding: Finding) -> str:
    """A finding as one line."""
    said = f"{finding.checked} checked" if finding.checked else "nothing to check"
    if finding.faults:
        said += f", {len(finding.faults)} faults"
    if finding.waiting:
        said += f", {finding.waiting} waiting"
    return f"{finding.name:<4} {'FAULT' if finding.faults else 'holds'}  {finding.invariant.value:<53} {said}"


def _journal(file: Path) -> Journal:
    try:
        return Journal.read(file)
    except ValueError as error:
        raise Failure(f"{file.name}: {error}.") from None


def _names(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Failure(f"{file.name}: not UTF-8 (save it as text in UTF-8).") from None


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "invariant": finding.name,
        "says": finding.invariant.value,
        "checked": finding.checked,
        "waiting": finding.waiting,
        "faults": finding.faults,
    }


def _what_does_not_hold(broken: list[Finding]) -> str:
    lines = []
    for finding in broken:
        lines += [f"{finding.name}: {fault}" for fault in finding.faults[:MOST_SHOWN]]
        if len(finding.faults) > MOST_SHOWN:
            lines.append(f"{finding.name}: and {len(finding.faults) - MOST_SHOWN} more")
    lines.append("docs/operations.md says what this means and what to do.")
    return "\n".join(lines)
