"""Intake on a real database: what it knows, its door and what it has ruled."""

from collections import Counter
from collections.abc import Sequence

from builders import REUTLINGEN, TUEBINGEN
from chassis.database import Database
from chassis.web.surroundings import Mounted
from doors import Door
from intake import web
from intake.municipalities import import_register
from intake.register import Entry
from offers import some_keys
from rows import rows

ENTRIES = (
    Entry(TUEBINGEN, "Tübingen", "Landkreis Tübingen", 92_000),
    Entry(REUTLINGEN, "Reutlingen", "Landkreis Reutlingen", 117_000),
)


async def with_register(worker: Database, entries: Sequence[Entry] = ENTRIES) -> Database:
    """The same, which has these municipalities now."""
    async with worker.transaction() as tx:
        await import_register(tx, entries)
    return worker


def intake_door(pages: Database, worker: Database, owner_url: str) -> Door:
    """The door of all pages of intake."""
    mounted = Mounted(name="intake", prefix="/intake", package="intake", site=web.create(some_keys))
    return Door(mounted, pages, worker, owner_url)


async def outcomes(worker: Database) -> Counter[str]:
    """Of what was sent by HTTP: how many were accepted, how many rejected and so on."""
    return Counter(outcome for (outcome,) in await rows(worker, "select outcome from verdict where channel = 'http'"))
