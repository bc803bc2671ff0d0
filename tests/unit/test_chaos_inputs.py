"""What `make chaos` sends wrong is made anew each time."""

from copy import deepcopy
from random import Random

from chaos.inputs import ODD, mutated
from e2e.world import registration


def test_no_mutation_is_left_in_the_next_one() -> None:
    before = deepcopy(ODD[8:])
    for seed in range(3000):
        mutated(registration(None), Random(seed))
    assert ODD[8:] == before
