"""What `geleit policy enact` says of the run that follows."""

from datetime import timedelta
from typing import Any

import pytest

from builders import NOW
from geleit.commands.policy import _left
from geleit.failures import Failure
from matching_stage import SetClock


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


async def test_what_is_to_be_served_in_a_second_is_still_to_come(database: Any) -> None:
    matching = await database("matching", clock=SetClock())
    async with matching.transaction() as tx:
        await tx.dues("serve", {"one": tx.now + timedelta(seconds=1)})
        await tx.dues("ageing", {"one": tx.now + timedelta(days=84)})
    assert await _left(matching) == 1
