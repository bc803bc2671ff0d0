"""Commands that bring data in: the register of municipalities, the roster of managers, contact points."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.database import Tx
from geleit.failures import Failure
from geleit.services import the_service, transact
from intake.generate import generate
from intake.municipalities import Report as RegisterReport
from intake.municipalities import import_register
from intake.register import RegisterUnreadable, read
from intake.store import lock_register
from matching.roster.file import import_roster
from notifications.contacts import import_contacts

register = typer.Typer(no_args_is_help=True, help="The register of municipalities.")
roster = typer.Typer(no_args_is_help=True, help="The roster of integration managers.")
contacts = typer.Typer(no_args_is_help=True, help="Where municipalities and districts are told.")

WRONG_CONTACTS = {
    "header": "the first line has to name the columns ags and address",
    "ags": "ags is not 8 digits that begin with 08, or 5 for a district",
    "address": "address is not an e-mail address",
    "twice": "this ags came before",
    "too_many": "too many lines",
}

ReadableFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


@register.command("import")
def register_import(file: ReadableFile) -> None:
    """Import the official register: Destatis' workbook (.xlsx) or a CSV."""
    try:
        entries = read(file)
        _tell(transact(the_service("intake"), lambda tx: import_register(tx, entries)))
    except RegisterUnreadable as error:
        raise Failure(f"{file.name} cannot be imported: {error}") from None


@register.command("generate")
def register_generate() -> None:
    """Make a register from the 44 districts, with invented municipalities: for demo and training."""
    entries = generate()
    names = {(one.ags, one.name) for one in entries}

    async def work(tx: Tx) -> RegisterReport:
        if any((ags, one.entry.name) not in names for ags, one in (await lock_register(tx)).items()):
            raise Failure("There is a register that was imported; give a generated one a database of its own.")
        return await import_register(tx, entries)

    _tell(transact(the_service("intake"), work))


def _tell(report: RegisterReport) -> None:
    typer.echo(f"added {report.added}, changed {report.changed}, dissolved {report.dissolved}")


@roster.command("import")
def roster_import(
    file: ReadableFile,
    complete: Annotated[bool, typer.Option(help="who is not in the file has left")] = False,
    preview: Annotated[bool, typer.Option(help="say what would happen, and do nothing")] = False,
) -> None:
    """Import managers from a CSV file (UTF-8, semicolons); nothing is imported if a line is wrong.

    Columns: code, name, provider, fte, service_area; and if you like provider_name, languages, skills, office,
    active_from, active_until, max_new_per_week, base_load, absences, fte_changes. Values of a list are separated by
    spaces: an absence is 2022-03-14/2022-03-20, a change of a post 2022-05-01:0,5.
    """
    from matching.web.labels import FAULTS  # noqa: PLC0415 - other commands need no pages

    data, matching = file.read_bytes(), the_service("matching")
    report = transact(
        matching, lambda tx: import_roster(tx, matching.vault(), data, complete=complete, preview=preview)
    )
    for fault in report.faults:
        typer.echo(f"line {fault.line}, {fault.column}: {FAULTS[fault.code]}{' (warning)' if fault.warning else ''}")
    if report.shortage.leaving:
        typer.echo(
            f"warning: {report.shortage.leaving} persons could not stay with their managers,"
            f" {report.shortage.uncovered} of them would be left without cover"
        )
    for one in report.carrying:
        typer.echo(f"{one.provider}/{one.code} is not in the file and has {one.cases} cases")
    for other in report.altered if preview else ():
        typer.echo(f"{other.provider}/{other.code} would be changed: {', '.join(other.columns)}")
    if not report.possible:
        raise Failure("Nothing was imported. Correct the lines above; transfer the cases of managers who leave first.")
    if report.sealed_anew:
        typer.echo(
            f"warning: {report.sealed_anew} names that this master key cannot open"
            f" {'would be' if preview else 'are'} sealed anew"
        )
    typer.echo(
        f"{'would be ' if preview else ''}added {report.added}, changed {report.changed}, "
        f"unchanged {report.unchanged}, removed {report.removed}"
    )


@contacts.command("import")
def contacts_import(file: ReadableFile) -> None:
    """Import addresses from a CSV with the columns ags and address; wrong lines are named, the others imported."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Failure(f"{file.name} cannot be imported: not UTF-8 (save it as CSV UTF-8).") from None
    report = transact(the_service("notifications"), lambda tx: import_contacts(tx, lines))
    for fault in report.faults:
        typer.echo(f"line {fault.line}: {WRONG_CONTACTS[fault.code]}")
    if report.faults and not report.changed + report.unchanged:
        raise Failure("Nothing was imported. Correct the lines above.")
    typer.echo(f"changed {report.changed}, unchanged {report.unchanged}, wrong {len(report.faults)}")
