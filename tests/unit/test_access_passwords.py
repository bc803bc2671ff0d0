"""Computing hashes costs memory: how many sign in at once must not say how much."""

import asyncio
import threading

import pytest

from chassis.access import passwords


class Counting:
    """A hasher that lets nobody out until two are in, and sees how many were in at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self._two = threading.Barrier(passwords.AT_ONCE)

    def hash(self, _: str) -> str:
        return "a hash"

    def verify(self, *_: str) -> bool:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self._two.wait(10)
        with self._lock:
            self.inside -= 1
        return True


async def test_few_hashes_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Counting()
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    await asyncio.gather(*(passwords.password_fits("a hash", "a password") for _ in range(8 * passwords.AT_ONCE)))
    assert hasher.most == passwords.AT_ONCE
