"""Changes of the roster by hand: a form, absences, posts; each is published, and who waits is looked at again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from chassis.database import Tx
from chassis.failpoint import failpoint
from chassis.timers import Due
from contracts.record import State
from contracts.roster import Manager as ManagerState
from contracts.vocabulary import CareStatus, ManagerStatus
from contracts.zone import day_of
from matching import store as decisive
from matching.days import start_of
from matching.decisions import next_week, recheck
from matching.domain import Absence, Policy
from matching.field import Field
from matching.roster import store
from matching.roster.rows import columns_kept, columns_of, row_again, row_of_stranger, state_of
from matching.roster.sheet import Fault, FteChange, overlap, read_row
from matching.rules import next_change_of_presence
from matching.stimuli import Stimulus
from matching.wire import ROSTERED, Rostered


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change by hand did; nothing is written if there are faults."""

    faults: tuple[Fault, ...] = ()
    changed: tuple[str, ...] = ()
    """The columns that have another value now."""


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
    columns = columns_of(manager, row, policy, share)
    news = {column: columns[column] for column, value in columns_kept(kept).items() if columns[column] != value}
    before = _later((await store.posts(tx)).get(manager, ()), today)
    # What has come is in the share. Kept, it would be the newest on a day whose change was taken back.
    changing = {manager: later} if (later := _later(stated, today)) != before else {}
    changed = (*news, *(["fte_changes"] if changing else ()))
    if changed:
        await tx.audit("change_manager", str(manager), revision=kept["revision"] + 1, changed=changed)
        await keep(tx, [row_again(kept, **news)], {}, changing)
    return Edit(changed=changed)


async def take_no_more(tx: Tx, managers: Collection[UUID]) -> None:
    """Let those of these managers whose last day is still to come take no new cases: none a week."""
    await decisive.renew_basis(tx)
    kept, today = await store.kept(tx), day_of(tx.now)
    leaving = [kept[key] for key in sorted(managers) if today <= (kept[key]["active_until"] or date.max) < date.max]
    rows = [row_again(one, max_new_per_week=0) for one in leaving if one["max_new_per_week"] != 0]
    for row in rows:
        await tx.audit("change_manager", str(row.id), revision=row.revision, changed=("max_new_per_week",))
    if rows:
        await keep(tx, rows, {}, {})


def _line(kept: store.Kept) -> dict[str, str]:
    """What only a file changes; her code stands for the name, which stays sealed."""
    named = {"code": kept["code"], "name": kept["code"], "provider": kept["provider"]}
    return named | {"active_from": kept["active_from"].isoformat(), "base_load": str(kept["base_load"])}


def _in_order(kept: Sequence[str], stated: Sequence[Any]) -> tuple[Any, ...]:
    """What is stated, in the order in which it is kept: what stays is no change."""
    return (*(one for one in kept if one in stated), *(one for one in stated if one not in kept))


async def keep(
    tx: Tx,
    written: Sequence[store.Written],
    away: Mapping[UUID, Sequence[Absence]],
    changing: Mapping[UUID, Sequence[FteChange]],
) -> None:
    """Write what has changed, and tell everybody whom it concerns."""
    await store.write_managers(tx, written)
    await store.write_absences(tx, away)
    await store.write_posts(tx, changing)
    failpoint("roster.written")
    today = day_of(tx.now)
    await tx.undue("post", [str(key) for key, some in changing.items() if not _later(some, today)])
    await tx.dues("post", {str(key): start_of(day) for key, some in changing.items() if (day := _next(some, today))})
    changed = {one.id for one in written}
    await _publish(tx, changed)
    await tell_replay(tx, changed | away.keys())
    await look_again(tx, [*(one.id for one in written if one.status == ManagerStatus.ACTIVE), *away])


def share_on(day: date, share: int, changes: Sequence[FteChange]) -> int:
    """Hundredths of a post on a day: of the newest change that has come, else what was stated."""
    return next((hundredths for since, hundredths in reversed(changes) if since <= day), share)


def _next(changes: Sequence[FteChange], today: date) -> date | None:
    return min((since for since, _ in _later(changes, today)), default=None)


def _later(changes: Sequence[FteChange], today: date) -> tuple[FteChange, ...]:
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
    return [state_of(row) for row in changed]


async def with_capacities(tx: Tx, policy: Policy) -> Sequence[State]:
    """Give every manager the capacity that a new policy makes; with the basis renewed."""
    changed = await store.write_capacities(tx, policy.units_per_fte)
    await tell_replay(tx, [row["id"] for row in changed])
    return [state_of(row) for row in changed]


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
    await tx.publish([state_of(kept[key]) for key in sorted(ids)])


async def manager_states(tx: Tx) -> list[ManagerState]:
    """Every manager there is or was."""
    return [state_of(row) for row in (await store.kept(tx)).values()]


async def keep_strangers(tx: Tx, heard: Sequence[ManagerState]) -> None:
    """Keep managers who are heard of and not known as removed ones, newer than they were heard of."""
    known = await store.providers(tx)
    await store.write_providers(tx, {one.provider: one.provider for one in heard if one.provider not in known})
    await store.write_managers(tx, [row_of_stranger(one) for one in heard])
    await decisive.renew_basis(tx)
