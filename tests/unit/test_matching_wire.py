"""What matching makes of what intake tells, and what it tells of a case."""

from uuid import UUID, uuid4

from builders import NOW, a_household
from contracts.assignments import MOST_EARLIER
from contracts.vocabulary import CareReason, CareStatus
from matching.lifecycle import Earlier
from matching.wire import care_state, facts_of
from matching_builders import household, manager, proposed


def test_a_family_group_of_zeros_alone_is_none() -> None:
    """Software writes it where nothing is set: all strangers would be one family."""
    for group, read in ((UUID(int=0), None), (one := uuid4(), one), (None, None)):
        state = a_household(family_group=group)
        assert state.facts
        assert facts_of(state.facts).family_group == read


def test_a_case_that_went_round_a_thousand_times_can_still_be_told() -> None:
    hers = manager()
    rounds = tuple(Earlier(n, hers.id, NOW, NOW, CareStatus.PROPOSED, CareReason.MATCHED) for n in range(1, 5001))
    told = care_state(household(), proposed(hers, item=5001, earlier=rounds), hers, None, None)
    assert [one.item for one in told.earlier] == [1, *range(5002 - MOST_EARLIER, 5001)]
    assert len(told.model_dump_json()) < 50_000
