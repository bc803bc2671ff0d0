"""A system that comes to rest too late, or not at all, is a fault of the round."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from chaos import kills
from chaos.kills import Rest, Scene, partitions, too_slow


def test_a_recovery_within_the_longest_time_is_no_fault() -> None:
    assert too_slow("end_database", Rest(60.0, 80.0, ["intake: 3 dues"], [])) == []


@pytest.mark.parametrize(
    ("stuck", "named"), [([], "intake: 3 dues"), (["web is not ready", "2 dues"], "web is not ready; 2 dues")]
)
def test_a_recovery_that_took_too_long_names_what_it_waited_for(stuck: list[str], named: str) -> None:
    assert too_slow("end_database", Rest(61.0, 80.0, ["intake: 3 dues"], stuck)) == [
        f"end_database took 61 s to recover: {named}"
    ]


async def test_who_comes_to_rest_only_when_the_time_is_over_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    async def backlog(_: object) -> AsyncIterator[str]:
        yield "intake: 3 dues"

    async def unrest(_: object) -> AsyncIterator[str]:
        nothing: list[str] = []
        for line in nothing:
            yield line

    async def ends(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(kills, "backlog", backlog)
    monkeypatch.setattr(kills, "unrest", unrest)
    monkeypatch.setattr(kills, "eventually", ends)
    world: Any = SimpleNamespace(running=SimpleNamespace(processes={}))
    nobody: Any = None
    rest = await kills._until_quiet(Scene(world, nobody, nobody))
    assert rest.stuck == ["came to rest only after 0 s"]


def test_partitions_are_stuck_and_not_services() -> None:
    behind = "intake: 7 records behind in assignments/2, submissions.karlsruhe/0"
    assert partitions([behind, "matching: 1 records behind in households/3", "web (/tmp/web.log) is not ready"]) == 3
