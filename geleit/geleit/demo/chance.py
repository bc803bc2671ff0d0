"""Chance that repeats: the same week is the same people, also when it is resumed after a crash."""

from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")


def chance(*about: object) -> Random:
    """A generator of its own for what it is about: one more draw here changes nothing elsewhere."""
    return Random("/".join(map(str, about)))  # noqa: S311 - invents people, guards nothing


def one_of(rng: Random, shares: Mapping[T, float]) -> T:
    """A key, by its share; the shares need not add up to one."""
    (drawn,) = rng.choices(list(shares), list(shares.values()))
    return drawn
