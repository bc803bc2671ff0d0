"""Imports a register: writes what changed and publishes it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.database import Tx
from chassis.failpoint import failpoint
from intake import store
from intake.quota import Ledger, rekey
from intake.register import Entry, Held, compare
from intake.shapes import municipality_state


@dataclass(frozen=True, slots=True)
class Report:
    """How many municipalities an import added, changed and dissolved."""

    added: int
    changed: int
    dissolved: int


async def import_register(tx: Tx, entries: Sequence[Entry]) -> Report:
    """Make these the register; raises RegisterUnreadable if that would dissolve more than half of it."""
    before = await store.lock_register(tx)
    changes = compare(before, entries)
    ledgers = [await _rekeyed(tx, district, key) for district, key in _new_keys(before, entries).items()]
    held = sorted((*changes.added, *changes.changed, *changes.dissolved), key=lambda one: one.entry.ags)
    await store.save_register(tx, held)
    await store.save_ledgers(tx, ledgers)
    failpoint("register.saved")
    await tx.publish([municipality_state(one) for one in held])
    report = Report(len(changes.added), len(changes.changed), len(changes.dissolved))
    await tx.audit("register.imported", "municipalities", added=report.added, changed=report.changed,
                   dissolved=report.dissolved)  # fmt: skip
    return report


def _new_keys(held: Mapping[str, Held], entries: Sequence[Entry]) -> dict[str, dict[str, int]]:
    """The population keys of those districts of the register in which it changes."""
    old = _keys(one.entry for one in held.values() if one.active)
    new = _keys(entries)
    return {district: new.get(district, {}) for district, key in old.items() if new.get(district, {}) != key}


def _keys(entries: Iterable[Entry]) -> dict[str, dict[str, int]]:
    keys: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for one in entries:
        keys[one.district][one.ags] = one.population
    return keys


async def _rekeyed(tx: Tx, district: str, key: Mapping[str, int]) -> Ledger:
    """What was due under the old key stays due; the new one holds for what comes."""
    return rekey(await store.ledger_of(tx, district), key, await store.allotted_in(tx, district))
