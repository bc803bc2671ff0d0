"""Seals personal data: a data key for each record, wrapped by the installation's master key."""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class VaultKeyInvalid(Exception):
    """The master key is missing or is not 32 bytes in base64."""


class Unopenable(Exception):
    """The box, its key, its associated data or the master key do not belong together."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed record. Destroying `key` erases it, wherever copies of `box` still lie."""

    key: bytes
    """The record's data key, wrapped by the master key: nonce and ciphertext."""
    box: bytes
    """The record under its data key: nonce and ciphertext (AES-256-GCM)."""


class Vault:
    """Seals and opens records. `aad` binds a record to its owner: say its aggregate's key."""

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise VaultKeyInvalid
        self._master = AESGCM(master)

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed:
        """Encrypt under a fresh data key."""
        data_key = os.urandom(KEY_BYTES)
        return Sealed(key=_encrypt(self._master, data_key, aad), box=_encrypt(AESGCM(data_key), plaintext, aad))

    def open(self, sealed: Sealed, aad: bytes) -> bytes:
        """Decrypt; raises Unopenable."""
        return _decrypt(AESGCM(_decrypt(self._master, sealed.key, aad)), sealed.box, aad)


def new_master_key() -> str:
    """A master key for a new installation, in base64; whoever loses it loses every name."""
    return b64encode(os.urandom(KEY_BYTES)).decode()


def master_key(value: str | None, file: Path | None) -> bytes:
    """The master key from a setting or a file, either holding 32 bytes in base64; the file wins."""
    try:
        text = file.read_text(encoding="ascii") if file else value or ""
        key = b64decode(text.strip(), validate=True)
    except (NotBase64, ValueError):
        raise VaultKeyInvalid from None
    if len(key) != KEY_BYTES:
        raise VaultKeyInvalid
    return key


def _encrypt(cipher: AESGCM, plaintext: bytes, aad: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, aad)


def _decrypt(cipher: AESGCM, box: bytes, aad: bytes) -> bytes:
    try:
        return cipher.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError):
        raise Unopenable from None
