"""What breaks things counts what it has broken, and tells what nobody may meet."""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.nemesis import Nemesis
from contracts.topics import HOUSEHOLDS


class Victim:
    """A process, as far as who freezes it sees."""

    name = "web"

    def __init__(self, *, lives: bool) -> None:
        self._lives = lives
        self.told: list[str] = []

    def alive(self) -> bool:
        return self._lives

    def freeze(self) -> None:
        self.told.append("freeze")

    def thaw(self) -> None:
        self.told.append("thaw")


class Away:
    """A database of which every transaction fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def transaction(self) -> Any:
        raise self._error


def a_nemesis(victim: Victim | None = None, database: Away | None = None) -> Nemesis:
    running = SimpleNamespace(kafka=object(), postgres=object(), process=lambda _: victim)
    services = {"reporting": SimpleNamespace(on={HOUSEHOLDS: None})}
    world: Any = SimpleNamespace(running=running, services=services, databases={"reporting": database})
    return Nemesis(world, Random(1), Path(), None)


async def test_a_freeze_is_counted_when_it_is_done_and_of_who_is_alive() -> None:
    for lives, told in ((True, ["freeze", "thaw"]), (False, [])):
        victim = Victim(lives=lives)
        nemesis = a_nemesis(victim)
        await nemesis.freeze()
        await nemesis.mend()
        assert (nemesis.counts["freezes"], victim.told) == (0, []), "it ended before it began"
        await nemesis._zombie("web", 0, loses_sessions=False)
        assert (nemesis.counts["freezes"], victim.told) == (int(lives), told)


async def test_a_zombie_is_counted_once_whatever_many_sessions_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended(_: Nemesis, role: str) -> int:
        return 7 if role == "intake_worker" else 0

    monkeypatch.setattr(Nemesis, "_end_sessions_of", ended)
    nemesis = a_nemesis(Victim(lives=True))
    for name in ("intake.0", "intake.1", "matching.0"):
        await nemesis._zombie(name, 0, loses_sessions=True)
    assert (nemesis.counts["freezes"], nemesis.counts["zombies"]) == (3, 2)


@pytest.mark.parametrize(
    ("error", "broken_off", "faults"),
    [
        (ConnectionResetError("away"), 1, []),
        (ValueError("no month 13"), 0, ["redelivered: reporting, households: ValueError: no month 13"]),
    ],
)
async def test_who_is_given_records_again_may_meet_what_passes_and_nothing_else(
    error: Exception, broken_off: int, faults: list[str]
) -> None:
    nemesis = a_nemesis(database=Away(error))
    await nemesis.redeliver()
    assert (nemesis.counts["redeliveries_broken_off"], nemesis.faults) == (broken_off, faults)
