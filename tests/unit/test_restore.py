"""What a restore makes of the records that the broker holds."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from builders import a_household
from contracts.households import Household
from contracts.topics import HOUSEHOLDS, submissions, verdicts
from contracts.vocabulary import HouseholdChange, HouseholdStatus, Outcome
from geleit.audit.stream import Read, Told, stopped
from geleit.restore.reconcile import _of_erased, _to_register_again

CENTRE = "karlsruhe"
PLACE = (0, 7)
DIGEST = bytes(32)


def heard(erased: list[UUID], ruled: list[UUID | None]) -> Mapping[str, Read]:
    """One submission, with these verdicts on it, and whose last state is `erased`."""
    topics = (HOUSEHOLDS, submissions(CENTRE), verdicts(CENTRE))
    reads = {topic.name: Read(topic, begins={}, ends={}) for topic in topics}
    reads[submissions(CENTRE).name].told.append(Told(*PLACE, "KA-1", 1, 0, about=DIGEST))
    for revision, household in enumerate(ruled, 1):
        told = Told(0, revision, "KA-1", revision, 0, about=PLACE, household=household, outcome=Outcome.ACCEPTED)
        reads[verdicts(CENTRE).name].told.append(told)
    for household in erased:
        state = Household(
            id=household, revision=2, home=0, status=HouseholdStatus.ERASED, change=HouseholdChange.ERASED
        )
        reads[HOUSEHOLDS.name].newest[state.key] = state
    return reads


FIRST, SECOND = uuid4(), uuid4()


@pytest.mark.parametrize("ruled", [[FIRST], [SECOND, FIRST], [None, FIRST], [FIRST, None]])
def test_what_was_submitted_of_somebody_erased_is_not_read_again(ruled: list[UUID | None]) -> None:
    ((partition, offset, digest, household),) = _of_erased(CENTRE, heard([FIRST, SECOND], ruled))
    assert (partition, offset, digest) == (*PLACE, DIGEST)
    assert household in ruled


@pytest.mark.parametrize("ruled", [[FIRST, SECOND], [SECOND, FIRST], [FIRST, SECOND, None], [SECOND], [None], []])
def test_what_an_earlier_restore_read_again_is_read_another_time(ruled: list[UUID | None]) -> None:
    """That restore had erased who was a stranger to its backup; what they had submitted has brought them back since."""
    assert _of_erased(CENTRE, heard([FIRST], ruled)) == []


def test_who_was_erased_or_is_read_again_does_not_have_to_be_registered_again() -> None:
    """Nor whom the broker does not know any more: a restore before this one told of them."""
    by_topic, by_http, corrected = uuid4(), uuid4(), uuid4()
    reads = heard([FIRST], [by_topic])
    told = Told(0, 2, "KA-2", 1, 0, about=PLACE, household=corrected, outcome=Outcome.CORRECTED)
    reads[verdicts(CENTRE).name].told.append(told)
    for one in (by_topic, by_http, corrected):
        reads[HOUSEHOLDS.name].newest[str(one)] = a_household(id=one)
    lost = [FIRST, by_topic, by_http, corrected, uuid4()]
    assert _to_register_again([CENTRE], reads, lost) == 2
    reads[submissions(CENTRE).name].told.clear()
    assert _to_register_again([CENTRE], reads, lost) == 3, "what was submitted long ago is not there any more"


async def test_a_reader_whose_broker_goes_away_at_the_end_ends_nothing_else() -> None:
    """aiokafka lets out that it has cancelled a task of its own; who is cancelled from outside is."""

    class Reader:
        async def stop(self) -> None:
            raise asyncio.CancelledError

    class Slow:
        async def stop(self) -> None:
            await asyncio.Event().wait()

    reader: Any = Reader()
    await stopped(reader)
    slow: Any = Slow()
    task = asyncio.create_task(stopped(slow))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
