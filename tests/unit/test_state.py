"""One geleit at a time uses a state folder, and others learn from it where the embedded parts are."""

import stat
from pathlib import Path

import pytest

from geleit.failures import Failure
from geleit.state import AlreadyRunning, addresses, master_key, owner, publish_addresses, sole_owner


def test_a_second_one_on_the_same_folder_is_refused_and_told_how_to_stop_the_first(tmp_path: Path) -> None:
    with sole_owner(tmp_path), pytest.raises(AlreadyRunning, match="make down"), sole_owner(tmp_path):
        pass
    assert owner(tmp_path) is None


def test_addresses_are_known_while_it_runs_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "given:9092")
    with sole_owner(tmp_path):
        publish_addresses(tmp_path, {"DATABASE_URL": "postgresql:///ours", "KAFKA_BOOTSTRAP_SERVERS": "ours:1"})
        found = addresses(tmp_path)
        assert (found["DATABASE_URL"], found["KAFKA_BOOTSTRAP_SERVERS"]) == ("postgresql:///ours", "given:9092")
    with pytest.raises(Failure, match="DATABASE_URL"):
        addresses(tmp_path)


def test_the_master_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = master_key(tmp_path).read_text()
    assert master_key(tmp_path).read_text() == first
    assert stat.S_IMODE(master_key(tmp_path).stat().st_mode) == 0o600
