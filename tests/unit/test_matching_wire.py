"""What matching makes of what intake tells."""

from uuid import UUID, uuid4

from builders import a_household
from matching.wire import facts_of


def test_a_family_group_of_zeros_alone_is_none() -> None:
    """Software writes it where nothing is set: all strangers would be one family."""
    for group, read in ((UUID(int=0), None), (one := uuid4(), one), (None, None)):
        state = a_household(family_group=group)
        assert state.facts
        assert facts_of(state.facts).family_group == read
