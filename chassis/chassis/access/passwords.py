"""Passwords: argon2id, computed in a thread, and as slow for an unknown account as for a known one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 1024

AT_ONCE = 2
"""Each takes 64 MiB and a core: more of them would end a container by its limit, or stand before everything else
that is done in threads."""

MOST_SIGNING_IN = 16 * AT_ONCE
"""Each takes its turn for some hundred milliseconds: whoever would wait for more than these is told at once to come
back later, before it is counted as an attempt."""

T = TypeVar("T")
_HASHER = PasswordHasher()  # argon2id with the parameters of RFC 9106, section 4, second choice


class WeakPassword(ValueError):
    """The password is too short or too long."""


@cache
def _hash_of_nobody() -> str:
    return _HASHER.hash("the password of an account that does not exist")


def require_strong(password: str) -> None:
    """Raises WeakPassword outside 12 to 1024 characters."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise WeakPassword(f"a password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters")


async def hash_password(password: str) -> str:
    """The argon2id hash to store; raises what `require_strong` does."""
    require_strong(password)
    return await _in_turn(_HASHER.hash, password)


async def password_fits(stored: str | None, password: str) -> bool:
    """Whether the password fits the stored hash; without one it takes the same time and does not."""
    fits = await _in_turn(_verify, stored, password[: MAXIMUM_LENGTH + 1])
    return fits and stored is not None


@asynccontextmanager
async def signing_in() -> AsyncIterator[None]:
    """A place among those who sign in, until the block is left. Raises ConnectionError if none is free."""
    places = _places(asyncio.get_running_loop())
    if places.locked():
        raise ConnectionError("too many sign in")
    async with places:
        yield


async def _in_turn(compute: Callable[..., T], *args: object) -> T:
    async with _turns(asyncio.get_running_loop()):
        return await asyncio.to_thread(compute, *args)


@cache
def _turns(_: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


@cache
def _places(_: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(MOST_SIGNING_IN)


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _HASHER.verify(stored or _hash_of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
