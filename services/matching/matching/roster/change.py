"""Changes of the roster: a file, a form, absences, capacities; each is published, and who waits is looked at again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from chassis.database import Tx
from chassis.failpoint import failpoint
from chassis.timers import Due
from chassis.vault import Sealed, Unopenable, Vault
from contracts.record import State
from contracts.roster import Manager as ManagerState
from contracts.vocabulary import CareStatus, ManagerStatus, Skill
from matching import store as decisive
from matching.days import day_of, start_of
from matching.decisions import next_week, recheck
from matching.domain import Absence, Manager, Policy
from matching.field import Field
from matching.handing_over import Reason, Wanted, as_if_gone, planned
from matching.roster import store
from matching.roster.sheet import Change, Fault, Row, overlap, read, read_row
from matching.rules import capacity, next_change_of_presence
from matching.stimuli import Stimulus
from matching.wire import ROSTERED, Rostered

OPENED = date(2017, 12, 1)
"""Since when managers work where a file does not say: the begin of the administrative regulation."""


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


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change by hand did; nothing is written if there are faults."""

    faults: tuple[Fault, ...] = ()
    changed: tuple[str, ...] = ()
    """The columns that have another value now."""


def manager_id(provider: str, code: str) -> UUID:
    """The id of a manager for ever, from what her provider calls her."""
    return uuid5(NAMESPACE_URL, f"geleit:manager:{provider}/{code}")


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
    rows = {key: _columns(key, row, policy, shares[key]) for key, row in stated.items()}
    away = {key: row.absences for key, row in stated.items() if row.absences is not None}
    away = {key: some for key, some in away.items() if some != absences.get(key, ())}
    changing = {key: some for key, some in changing.items() if some != posts.get(key, ())}
    before = {key: _columns_kept(kept[key]) | {"name": name_of(kept[key], vault)} for key in rows.keys() & kept.keys()}
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
    written = [_write(key, rows[key], kept.get(key), vault) for key in sorted(news)]
    written += [_removed(row) for row in gone]
    await tx.audit("import_roster", "roster", added=report.added, changed=report.changed, removed=report.removed)
    await _keep(tx, written, away, changing)
    return report


async def change_manager(tx: Tx, manager: UUID, cells: Mapping[str, str], *, seen: str, places: str) -> Edit:
    """Change a manager by the cells of a form, read as a line of the file; whose file she is in and her name stay.

    `seen` is the revision that was changed. Of her service area the form states what is in `places`, by the begin of
    the AGS: all else of it stays. Raises KeyError.
    """
    await decisive.renew_basis(tx)
    kept = await store.kept_one(tx, manager)
    if str(kept["revision"]) != seen:
        return Edit((Fault(0, "", "changed_meanwhile"),))
    # What is on file may be stated again, also what the register has no longer; and an office may be anywhere.
    register = {one for one in (await store.register(tx)).union(kept["service_area"]) if one.startswith(places)}
    office = cells.get("office") or kept["office"]
    line = {**cells, **_line(kept), "office": "" if office == kept["office"] else office}
    row, faults = read_row(0, line, register)
    if row is None:
        return Edit(tuple(faults))
    today, stated = day_of(tx.now), row.fte_changes or ()
    beyond = [one for one in kept["service_area"] if not one.startswith(places)]
    row = replace(
        row,
        languages=_in_order(kept["languages"], row.languages),
        skills=_in_order(kept["skills"], row.skills),
        service_area=_in_order(kept["service_area"], (*beyond, *row.service_area)),
        office=office,
    )
    policy, share = await decisive.policy_in_force(tx), share_on(today, row.fte_hundredths, stated)
    columns = _columns(manager, row, policy, share)
    news = {column: columns[column] for column, value in _columns_kept(kept).items() if columns[column] != value}
    before = _later((await store.posts(tx)).get(manager, ()), today)
    # What has come is in the share. Kept, it would be the newest on a day whose change was taken back.
    changing = {manager: later} if (later := _later(stated, today)) != before else {}
    changed = (*news, *(["fte_changes"] if changing else ()))
    if changed:
        await tx.audit("change_manager", str(manager), revision=kept["revision"] + 1, changed=changed)
        await _keep(tx, [_again(kept, **news)], {}, changing)
    return Edit(changed=changed)


def _line(kept: store.Kept) -> dict[str, str]:
    """What only a file changes; her code stands for the name, which stays sealed."""
    named = {"code": kept["code"], "name": kept["code"], "provider": kept["provider"]}
    return named | {"active_from": kept["active_from"].isoformat(), "base_load": str(kept["base_load"])}


def _in_order(kept: Sequence[str], stated: Sequence[Any]) -> tuple[Any, ...]:
    """What is stated, in the order in which it is kept: what stays is no change."""
    return (*(one for one in kept if one in stated), *(one for one in stated if one not in kept))


async def _keep(
    tx: Tx,
    written: Sequence[store.Written],
    away: Mapping[UUID, Sequence[Absence]],
    changing: Mapping[UUID, Sequence[Change]],
) -> None:
    """Write what has changed, and tell everybody whom it concerns."""
    await store.write_managers(tx, written)
    await store.write_absences(tx, away)
    await store.write_posts(tx, changing)
    failpoint("roster.written")
    today = day_of(tx.now)
    await tx.dues("post", {str(key): start_of(day) for key, some in changing.items() if (day := _next(some, today))})
    changed = {one.id for one in written}
    await _publish(tx, changed)
    await tell_replay(tx, changed | away.keys())
    await look_again(tx, [*(one.id for one in written if one.status == ManagerStatus.ACTIVE), *away])


def share_on(day: date, share: int, changes: Sequence[Change]) -> int:
    """Hundredths of a post on a day: of the newest change that has come, else what was stated."""
    return next((hundredths for since, hundredths in reversed(changes) if since <= day), share)


def _next(changes: Sequence[Change], today: date) -> date | None:
    return min((since for since, _ in _later(changes, today)), default=None)


def _later(changes: Sequence[Change], today: date) -> tuple[Change, ...]:
    return tuple(change for change in changes if change[0] > today)


async def on_post(batch: Sequence[Due], tx: Tx) -> Sequence[State]:
    """Let posts have the share that begins today: capacity follows, and who waits is looked at again."""
    await decisive.renew_basis(tx)
    today, posts = day_of(tx.now), await store.posts(tx)
    concerned = {UUID(due.aggregate) for due in batch} & posts.keys()
    shares = {key: share for key in concerned if (share := share_on(today, -1, posts[key])) >= 0}
    changed = await store.resize(tx, shares, (await decisive.policy_in_force(tx)).units_per_fte)
    await tell_replay(tx, [row["id"] for row in changed])
    await tx.dues("post", {str(key): start_of(day) for key in concerned if (day := _next(posts[key], today))})
    await recheck(tx, [CareStatus.WAITING])
    return [_state(row) for row in changed]


async def with_capacities(tx: Tx, policy: Policy) -> Sequence[State]:
    """Give every manager the capacity that a new policy makes; with the basis renewed."""
    changed = await store.write_capacities(tx, policy.units_per_fte)
    await tell_replay(tx, [row["id"] for row in changed])
    return [_state(row) for row in changed]


async def add_absence(tx: Tx, manager: UUID, absence: Absence) -> bool:
    """Keep an absence from one day to another; False if it overlaps one that is there. Raises KeyError."""
    await decisive.renew_basis(tx)
    await store.kept_one(tx, manager)
    there = (await decisive.absences(tx)).get(manager, ())
    all_of_them = sorted((*there, absence), key=lambda one: one.since)
    if overlap(all_of_them):
        return False
    await store.write_absences(tx, {manager: all_of_them})
    await tell_replay(tx, [manager])
    await _look_again_at_hers(tx, manager)
    return True


async def end_absence(tx: Tx, manager: UUID, absence: UUID, last_day: date) -> bool:
    """Let an absence end on a day; whether there is such an absence that has not ended yet."""
    await decisive.renew_basis(tx)
    if not await store.end_absence(tx, manager, absence, last_day):
        return False
    await tell_replay(tx, [manager])
    await _look_again_at_hers(tx, manager)
    return True


async def _look_again_at_hers(tx: Tx, manager: UUID) -> None:
    """Have who waits where she serves decided anew, now and on the next day on which she comes or goes."""
    await tx.dues("absence", {str(manager): tx.now})


async def look_again(tx: Tx, managers: Collection[UUID]) -> None:
    """Have who waits decided anew, now, on the next day on which one of these managers comes or goes, and next week."""
    await recheck(tx, [CareStatus.WAITING])
    today, roster = day_of(tx.now), await decisive.managers(tx)
    changes = {one.id: next_change_of_presence(one, today) for one in roster}
    await tx.dues("absence", {str(key): start_of(day) for key in managers if (day := changes.get(key))})
    if Field(roster, {}).has_weeks:
        await tx.dues("week", next_week(tx.now))


async def tell_replay(tx: Tx, ids: Collection[UUID]) -> None:
    """Keep what decisions will see of these managers from now on; with the basis renewed."""
    loads = await store.base_loads(tx)
    told = [Rostered(one, loads[one.id]) for one in await decisive.managers(tx) if one.id in set(ids)]
    stimuli = [Stimulus("manager", str(one.manager.id), ROSTERED.dump_json(one)) for one in told]
    await decisive.record(tx, uuid4(), stimuli)


async def _publish(tx: Tx, ids: Collection[UUID]) -> None:
    kept = await store.kept(tx)
    await tx.publish([_state(kept[key]) for key in sorted(ids)])


async def _carrying(tx: Tx, gone: Sequence[store.Kept]) -> tuple[Carrying, ...]:
    cases = await store.active_cases(tx) if gone else {}
    return tuple(Carrying(row["provider"], row["code"], cases[row["id"]]) for row in gone if row["id"] in cases)


async def _shortage(
    tx: Tx,
    policy: Policy,
    stated: Mapping[UUID, Row],
    gone: Collection[UUID],
    posts: Mapping[UUID, Sequence[Change]],
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


def _columns(key: UUID, row: Row, policy: Policy, share: int) -> dict[str, Any]:
    return {
        "id": key,
        "code": row.code,
        "provider": row.provider,
        "status": ManagerStatus.ACTIVE.value,
        "name": row.name,
        "fte_hundredths": share,
        "capacity": capacity(share, policy),
        "base_load": row.base_load,
        "languages": " ".join(row.languages),
        "skills": " ".join(row.skills),
        "service_area": " ".join(row.service_area),
        "office": row.office,
        "active_from": row.active_from or OPENED,
        "active_until": row.active_until,
        "max_new_per_week": row.max_new_per_week,
    }


def _otherwise(row: Mapping[str, Any], before: Mapping[str, Any], changing: bool, away: bool) -> tuple[str, ...]:
    """The columns of the file in which a manager stands otherwise."""
    columns = ["fte" if one == "fte_hundredths" else one for one, value in row.items() if value != before[one]]
    # Of these no file has a column: one follows from the post, the other from being in the file.
    named = [one for one in columns if one not in {"capacity", "status"}]
    return (*named, *(["fte_changes"] if changing else ()), *(["absences"] if away else ()))


def _columns_kept(kept: store.Kept) -> dict[str, Any]:
    """All but the name, which is sealed."""
    lists = {column: " ".join(kept[column]) for column in ("languages", "skills", "service_area")}
    same = ("id", "code", "provider", "status", "fte_hundredths", "capacity", "base_load", "office", "max_new_per_week")
    dates = ("active_from", "active_until")
    return {column: kept[column] for column in (*same, *dates)} | lists


def name_of(kept: store.Kept, vault: Vault) -> str | None:
    """A manager's name; None once it is erased, or if it was sealed with another master key."""
    if kept["name_key"] is None:
        return None
    try:
        return vault.open(Sealed(kept["name_key"], kept["name_box"]), kept["id"].bytes).decode()
    except Unopenable:
        return None


def _write(key: UUID, row: Mapping[str, Any], kept: store.Kept | None, vault: Vault) -> store.Written:
    name = vault.seal(row["name"].encode(), key.bytes)
    return store.Written(
        **{column: value for column, value in row.items() if column != "name"},
        revision=kept["revision"] + 1 if kept else 1,
        name_key=name.key,
        name_box=name.box,
    )


async def manager_states(tx: Tx) -> list[ManagerState]:
    """Every manager there is or was."""
    return [_state(row) for row in (await store.kept(tx)).values()]


async def keep_strangers(tx: Tx, heard: Sequence[ManagerState]) -> None:
    """Keep managers who are heard of and not known as removed ones, newer than they were heard of."""
    known = await store.providers(tx)
    await store.write_providers(tx, {one.provider: one.provider for one in heard if one.provider not in known})
    await store.write_managers(tx, [_stranger(one) for one in heard])
    await decisive.renew_basis(tx)


def _stranger(one: ManagerState) -> store.Written:
    return store.Written(
        id=one.id,
        revision=one.revision + 1,
        code=one.code,
        provider=one.provider,
        status=ManagerStatus.REMOVED.value,
        name_key=None,
        name_box=None,
        fte_hundredths=one.fte_hundredths,
        capacity=one.capacity,
        base_load=0,
        languages=" ".join(one.languages),
        skills=" ".join(one.skills),
        service_area=" ".join(one.service_area),
        office=one.service_area[0] if one.service_area else "",
        active_from=one.active_from,
        active_until=one.active_until,
        max_new_per_week=one.max_new_per_week,
    )


def _removed(kept: store.Kept) -> store.Written:
    """What stays of who left: her code for the cares that name it, and no name."""
    return _again(kept, status=ManagerStatus.REMOVED.value, name_key=None, name_box=None)


def _again(kept: store.Kept, **news: Any) -> store.Written:
    """The row as it is kept, but for what is new."""
    row = {column: kept[column] for column in store.Written._fields}
    lists = {column: " ".join(kept[column]) for column in ("languages", "skills", "service_area")}
    return store.Written(**row | lists | news | {"revision": kept["revision"] + 1})


def _state(kept: store.Kept) -> ManagerState:
    return ManagerState(
        id=kept["id"],
        revision=kept["revision"],
        code=kept["code"],
        provider=kept["provider"],
        status=ManagerStatus(kept["status"]),
        fte_hundredths=kept["fte_hundredths"],
        capacity=kept["capacity"],
        base_load=kept["base_load"],
        languages=tuple(kept["languages"]),
        skills=tuple(map(Skill, kept["skills"])),
        service_area=tuple(kept["service_area"]),
        active_from=kept["active_from"],
        active_until=kept["active_until"],
        max_new_per_week=kept["max_new_per_week"],
        changed_at=kept["changed_at"],
    )
