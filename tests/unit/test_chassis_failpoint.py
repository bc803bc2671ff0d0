"""A fail point does nothing until a file arms it, and then once."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from chassis import failpoint
from chassis.database import TRANSIENT
from chassis.failpoint import VARIABLE, Injected, clock_shift

PASSES_TWICE = "from chassis.failpoint import failpoint; failpoint('a.place'); print('on'); failpoint('a.place')"


def passing(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PASSES_TWICE], env={VARIABLE: str(folder)}, capture_output=True, text=True, check=False
    )


def test_a_place_that_nobody_has_armed_does_nothing(tmp_path: Path) -> None:
    assert passing(tmp_path).stdout == "on\n"


def test_a_crash_is_a_kill_and_only_the_first_process_dies(tmp_path: Path) -> None:
    (tmp_path / "a.place.crash").touch()
    died, next_one = passing(tmp_path), passing(tmp_path)
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "")
    assert (next_one.returncode, next_one.stdout) == (0, "on\n")
    assert [one.name for one in tmp_path.iterdir()] == ["a.place.crash.hit"]


def test_an_error_is_one_that_is_tried_again_and_comes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoint, "_folder", tmp_path)
    (tmp_path / "a.place.error").touch()
    with pytest.raises(Injected) as raised:
        failpoint.failpoint("a.place")
    assert isinstance(raised.value, TRANSIENT)
    failpoint.failpoint("a.place")


def test_a_clock_is_as_wrong_as_a_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoint, "_folder", tmp_path)
    monkeypatch.setenv("INSTANCE", "matching.0")
    assert clock_shift() == timedelta(0)
    (tmp_path / "clock.matching.0").write_text("-3600")
    assert clock_shift() == timedelta(hours=-1)
