"""A roster file: what it would change, whom it would leave without cover, and its import."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chassis.database import Tx
from chassis.vault import Vault
from contracts.vocabulary import ManagerStatus, Skill
from contracts.zone import day_of
from matching import store as decisive
from matching.domain import Manager, Policy
from matching.handing_over import Reason, Wanted, as_if_gone, planned
from matching.roster import store
from matching.roster.change import keep, share_on
from matching.roster.rows import OPENED, columns_kept, columns_of, manager_id, name_of, row_of, row_removed
from matching.roster.sheet import Fault, FteChange, Row, read
from matching.rules import capacity


@dataclass(frozen=True, slots=True)
class Carrying:
    """A manager that a complete file leaves out and who still has cases."""

    provider: str
    code: str
    cases: int


@dataclass(frozen=True, slots=True)
class Altered:
    """A manager who stands otherwise in a file than in the roster, and in which columns of the file."""

    provider: str
    code: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shortage:
    """Persons whose manager could not keep them if the file were imported, and those of them nobody could take.

    Whoever has a last day in the file counts as gone, and a post as cut, even if that day is still to come.
    """

    leaving: int = 0
    uncovered: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or would do; nothing is done if there are faults beyond warnings, or `carrying`.

    Who is `carrying` cannot be removed: give her an `active_until` in the file, so that she gets no new cases, have
    her cases transferred or decided by a person, then import again.
    """

    added: int = 0
    altered: tuple[Altered, ...] = ()
    unchanged: int = 0
    removed: int = 0
    sealed_anew: int = 0
    """Names of the changed ones that this master key cannot open: with a wrong key the right one would lose them."""
    faults: tuple[Fault, ...] = ()
    carrying: tuple[Carrying, ...] = ()
    shortage: Shortage = Shortage()
    """In a preview only."""

    @property
    def changed(self) -> int:
        """How many managers stand otherwise in the file."""
        return len(self.altered)

    @property
    def possible(self) -> bool:
        """Whether the file can be imported."""
        return not self.carrying and all(fault.warning for fault in self.faults)


async def import_roster(tx: Tx, vault: Vault, data: bytes, *, complete: bool = False, preview: bool = False) -> Report:
    """Import a CSV file (roster/sheet.py): managers are added or replaced by provider and code, and published.

    With `complete`, who is not in the file is removed. With `preview`, nothing is written. Raises NotSeeded.
    """
    if not preview:
        await decisive.renew_basis(tx)
    register = await store.register(tx)
    sheet = read(data, register)
    if not register:
        return Report(faults=(Fault(1, "service_area", "no_register_yet"),))
    if not sheet.usable:
        return Report(faults=sheet.faults)
    policy = await decisive.policy_in_force(tx)
    kept, absences, posts = await store.kept(tx), await decisive.absences(tx), await store.posts(tx)
    stated = {manager_id(row.provider, row.code): row for row in sheet.rows}
    gone = [
        row for key, row in kept.items() if complete and key not in stated and row["status"] == ManagerStatus.ACTIVE
    ]
    shortage = await _shortage(tx, policy, stated, {row["id"] for row in gone}, posts) if preview else Shortage()
    if carrying := await _carrying(tx, gone):
        return Report(faults=sheet.faults, carrying=carrying, shortage=shortage)
    changing = {key: row.fte_changes for key, row in stated.items() if row.fte_changes is not None}
    today = day_of(tx.now)
    # A file that says nothing of changes says what holds today; what was to change later still does.
    shares = {key: share_on(today, row.fte_hundredths, changing.get(key, ())) for key, row in stated.items()}
    rows = {key: columns_of(key, row, policy, shares[key]) for key, row in stated.items()}
    away = {key: row.absences for key, row in stated.items() if row.absences is not None}
    away = {key: some for key, some in away.items() if some != absences.get(key, ())}
    changing = {key: some for key, some in changing.items() if some != posts.get(key, ())}
    before = {key: columns_kept(kept[key]) | {"name": name_of(kept[key], vault)} for key in rows.keys() & kept.keys()}
    # Changes of a post are of her revision too: whoever has her form open has seen those that there were.
    news = {key for key, row in rows.items() if row != before.get(key) or key in changing}
    report = Report(
        added=len(news - kept.keys()),
        altered=tuple(
            Altered(row.provider, row.code, _otherwise(rows[key], before[key], key in changing, key in away))
            for key, row in stated.items()
            if key in kept and (key in news or key in away)
        ),
        unchanged=len(stated.keys() - news - away.keys()),
        removed=len(gone),
        sealed_anew=sum(kept[key]["name_key"] is not None and was["name"] is None for key, was in before.items()),
        faults=sheet.faults,
        shortage=shortage,
    )
    if preview:
        return report
    await store.write_providers(tx, {row.provider: row.provider_name for row in sheet.rows})
    written = [row_of(key, rows[key], kept.get(key), vault) for key in sorted(news)]
    written += [row_removed(row) for row in gone]
    await tx.audit("import_roster", "roster", added=report.added, changed=report.changed, removed=report.removed)
    await keep(tx, written, away, changing)
    return report


def _otherwise(row: Mapping[str, Any], before: Mapping[str, Any], changing: bool, away: bool) -> tuple[str, ...]:
    """The columns of the file in which a manager stands otherwise."""
    columns = ["fte" if one == "fte_hundredths" else one for one, value in row.items() if value != before[one]]
    # Of these no file has a column: one follows from the post, the other from being in the file.
    named = [one for one in columns if one not in {"capacity", "status"}]
    return (*named, *(["fte_changes"] if changing else ()), *(["absences"] if away else ()))


async def _carrying(tx: Tx, gone: Sequence[store.Kept]) -> tuple[Carrying, ...]:
    cases = await store.active_cases(tx) if gone else {}
    return tuple(Carrying(row["provider"], row["code"], cases[row["id"]]) for row in gone if row["id"] in cases)


async def _shortage(
    tx: Tx,
    policy: Policy,
    stated: Mapping[UUID, Row],
    gone: Collection[UUID],
    posts: Mapping[UUID, Sequence[FteChange]],
) -> Shortage:
    """What a file would leave without cover; the basis is read, so the transaction must not renew it."""
    held, loads, base = await decisive.basis(tx), await decisive.loads(tx), await store.base_loads(tx)
    now, today = held.field.managers, day_of(tx.now)
    then = {key: replace(one, removed=one.removed or key in gone) for key, one in now.items()}
    for key, row in stated.items():
        share = share_on(today, row.fte_hundredths, row.fte_changes or ())
        changes = posts.get(key, ()) if row.fte_changes is None else row.fte_changes
        least = min([share, *(later for since, later in changes if since > today)])
        then[key] = as_if_gone(_manager(key, row, now.get(key), capacity(least, policy)), today)
    loads |= {key: loads.get(key, 0) - base.get(key, 0) + row.base_load for key, row in stated.items()}
    future = replace(held, field=held.field.with_managers(list(then.values())))
    found = await planned(tx, future, loads, Wanted(Reason.LEAVING))
    persons = sum(move.persons for move in found.moves) + found.persons_uncovered
    return Shortage(persons, found.persons_uncovered)


def _manager(key: UUID, row: Row, known: Manager | None, units: int) -> Manager:
    """A manager as decisions would see her, with a capacity of so many units."""
    absences = row.absences if row.absences is not None else known.absences if known else ()
    return Manager(
        id=key,
        code=row.code,
        provider=row.provider,
        fte_hundredths=row.fte_hundredths,
        capacity=units,
        languages=frozenset(row.languages),
        skills=frozenset(map(Skill, row.skills)),
        service_area=frozenset(row.service_area),
        office=row.office,
        active_from=row.active_from or OPENED,
        active_until=row.active_until,
        max_new_per_week=row.max_new_per_week,
        absences=tuple(absences),
    )
