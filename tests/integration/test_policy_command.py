"""What `geleit policy enact` says of the run that follows."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW
from clocks import SetClock
from geleit.commands.policy import _enact, _left, _until_decided
from geleit.failures import Failure
from matching.policy import ensure_policy, shipped
from stream import eventually


@pytest.mark.parametrize("kind", ["recheck", "ageing", "serve"])
async def test_a_part_that_has_failed_is_not_taken_for_done(database: Any, kind: str) -> None:
    matching = await database("matching", clock=SetClock())
    async with matching.transaction() as tx:
        await tx.execute(
            "insert into due (kind, aggregate, at, attempts) values ($1, 'one', $2, 1)",
            kind,
            NOW + timedelta(minutes=1),
        )
    with pytest.raises(Failure, match="tried again later"):
        await _left(matching)


async def test_what_has_failed_before_is_nothing_that_the_policy_has_brought_about(database: Any) -> None:
    matching = await database("matching")
    async with matching.transaction() as tx:
        await tx.publish(await ensure_policy(tx))
        await tx.dues("serve", {"one": tx.now + timedelta(hours=1)})
        await tx.dues("ageing", {"later": tx.now + timedelta(days=84)})
        await tx.execute("update due set attempts = 1 where kind = 'serve'")
    failing = await _enact(matching, shipped().model_copy(update={"version": "newer"}))
    assert failing == ["serve one"]
    async with matching.transaction() as tx:
        await tx.execute("delete from due where kind = 'recheck'")
    await _until_decided(matching, failing)


async def test_what_is_to_be_served_a_second_later_is_still_to_come(database: Any) -> None:
    matching = await database("matching")
    async with matching.transaction() as tx:
        await tx.dues("serve", {"one": tx.now + timedelta(seconds=0.8)})
    waiting = asyncio.create_task(_until_decided(matching, []))

    async def is_due() -> bool:
        return bool(await _left(matching))

    await eventually(is_due)
    async with matching.transaction() as tx:
        await tx.execute("delete from due")
        assert not waiting.done()
    await waiting
