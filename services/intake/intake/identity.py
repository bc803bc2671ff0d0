"""The keys of identities: JWE of submissions, the vault's boxes, and how both are made and opened."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.vault import Sealed, Vault, master_key
from intake.fingerprint import Fingerprints
from intake.forms import read_form
from intake.settings import Settings
from intake.stated import Identity

ALGORITHM = "ECDH-ES+A256KW"
ENCRYPTION = "A256GCM"
CURVE = "P-256"
"""ECDH-ES over RSA-OAEP: a centre's software needs one short key, and every JOSE library has P-256."""


class KeyMissing(ConnectionError):
    """There is no private key of our curve: like a database that is away, it can only be waited for."""


class Undecryptable(Exception):
    """A JWE that is not to our key, not in our algorithms, or does not hold JSON."""


def new_private_key() -> str:
    """A private JWK for a new installation, as JSON; without it nobody reads what centres encrypted to it."""
    key = ECKey.generate_key(CURVE, parameters={"use": "enc", "alg": ALGORITHM}, auto_kid=True)
    return orjson.dumps(key.as_dict(private=True), option=orjson.OPT_INDENT_2).decode()


def encrypt(identity: Mapping[str, Any], public_jwk: Mapping[str, Any]) -> str:
    """The compact JWE of an identity (the JSON of IdentityForm) for a submission."""
    key = ECKey.import_key(dict(public_jwk))
    protected = (
        {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": key.kid} if key.kid else {"alg": ALGORITHM, "enc": ENCRYPTION}
    )
    return jwe.encrypt_compact(protected, orjson.dumps(identity), key)


class Keys:
    """What intake needs to read identities: its private key, the vault, the key of its digests."""

    def __init__(self, master: bytes, private_jwk: Mapping[str, Any]) -> None:
        self._vault = Vault(master)
        self.fingerprints = Fingerprints(master)
        try:
            self._private = ECKey.import_key(dict(private_jwk))
        except (JoseError, ValueError, TypeError):
            raise KeyMissing("the private key is not a JWK") from None
        if not self._private.is_private or self._private.curve_name != CURVE:
            raise KeyMissing(f"the private key is not one of {CURVE}")

    @classmethod
    def load(cls, settings: Settings) -> "Keys":
        """Read what the settings name; raises KeyMissing, and chassis' VaultKeyInvalid."""
        given, file = settings.intake_private_key, settings.intake_private_key_file
        if given is None and file is None:
            raise KeyMissing("neither INTAKE_PRIVATE_KEY nor INTAKE_PRIVATE_KEY_FILE is set")
        try:
            private = orjson.loads(file.read_bytes() if file else given.get_secret_value() if given else b"")
        except (OSError, orjson.JSONDecodeError):
            raise KeyMissing("intake's private key cannot be read as JSON") from None
        return cls(master_key(settings.vault_master_key, settings.vault_master_key_file), private)

    @cached_property
    def public_jwk(self) -> dict[str, Any]:
        """What a centre encrypts to."""
        return dict(self._private.as_dict(private=False))

    def decrypt(self, token: str) -> Any:
        """The JSON inside a compact JWE; raises Undecryptable. Compressed content is refused: it may be a bomb."""
        try:
            opened = jwe.decrypt_compact(token, self._private, algorithms=[ALGORITHM, ENCRYPTION])
            return orjson.loads(opened.plaintext or b"")
        # joserfc has a KeyError for a curve that it does not know.
        except (JoseError, ValueError, TypeError, KeyError):
            raise Undecryptable from None

    def seal(self, identity: Identity, household: UUID) -> Sealed:
        """Seal an identity; the box opens only for this household."""
        return self._vault.seal(orjson.dumps(identity), household.bytes)

    def open(self, sealed: Sealed, household: UUID) -> Identity:
        """Open a sealed identity; raises chassis' Unopenable."""
        identity = read_form(None, orjson.loads(self._vault.open(sealed, household.bytes))).identity
        assert identity is not None
        return identity
