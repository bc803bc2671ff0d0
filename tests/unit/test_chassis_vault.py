"""The vault opens what it sealed, for the same owner, and nothing else."""

from base64 import b64encode
from pathlib import Path

import pytest

from chassis.vault import Sealed, Unopenable, Vault, VaultKeyInvalid, master_key

MASTER = bytes(range(32))


def test_opens_what_it_sealed() -> None:
    vault = Vault(MASTER)
    sealed = vault.seal("Олена".encode(), b"household/1")
    assert vault.open(sealed, b"household/1").decode() == "Олена"
    assert "Олена".encode() not in sealed.box + sealed.key


def test_the_same_record_is_never_sealed_to_the_same_bytes() -> None:
    vault = Vault(MASTER)
    assert vault.seal(b"x", b"a") != vault.seal(b"x", b"a")


@pytest.mark.parametrize("damage", ["owner", "master", "key", "box", "empty"])
def test_refuses_what_does_not_belong_together(damage: str) -> None:
    vault = Vault(MASTER)
    one, other = vault.seal(b"one", b"a"), vault.seal(b"other", b"a")
    reader, sealed, owner = {
        "owner": (vault, one, b"b"),
        "master": (Vault(bytes(32)), one, b"a"),
        "key": (vault, Sealed(other.key, one.box), b"a"),
        "box": (vault, Sealed(one.key, one.box[:-1] + bytes([one.box[-1] ^ 1])), b"a"),
        "empty": (vault, Sealed(b"", b""), b"a"),
    }[damage]
    with pytest.raises(Unopenable):
        reader.open(sealed, owner)


def test_reads_the_master_key_from_a_setting_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_text(b64encode(MASTER).decode() + "\n")
    assert master_key(None, file) == MASTER
    assert master_key(b64encode(bytes(32)).decode(), file) == MASTER
    assert master_key(b64encode(bytes(32)).decode(), None) == bytes(32)


@pytest.mark.parametrize("value", [None, "", "short", "%%%", b64encode(bytes(31)).decode()])
def test_refuses_a_master_key_that_is_none(value: str | None) -> None:
    with pytest.raises(VaultKeyInvalid):
        master_key(value, None)


def test_refuses_a_file_that_is_not_base64(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(b"\xff" * 32)
    with pytest.raises(VaultKeyInvalid):
        master_key(None, file)
