"""Imports a register: writes what changed and publishes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import Tx
from intake import store
from intake.register import Entry, compare
from intake.shapes import municipality_state


@dataclass(frozen=True, slots=True)
class Report:
    """How many municipalities an import added, changed and dissolved."""

    added: int
    changed: int
    dissolved: int


async def import_register(tx: Tx, entries: Sequence[Entry]) -> Report:
    """Make these the register; raises RegisterUnreadable if that would dissolve more than half of it."""
    changes = compare(await store.lock_register(tx), entries)
    held = sorted((*changes.added, *changes.changed, *changes.dissolved), key=lambda one: one.entry.ags)
    await store.save_register(tx, held)
    await tx.publish([municipality_state(one) for one in held])
    report = Report(len(changes.added), len(changes.changed), len(changes.dissolved))
    await tx.audit("register.imported", "municipalities", added=report.added, changed=report.changed,
                   dissolved=report.dissolved)  # fmt: skip
    return report
