"""Keyed digests: they tell that two forms or two families are the same, and tell nothing else."""

import hmac
import unicodedata
from dataclasses import fields
from hashlib import sha256

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from intake.stated import Form, Identity


class Fingerprints:
    """Digests under a key derived from the master key: without it, names cannot be tried out against them."""

    def __init__(self, master: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"geleit intake fingerprint")
        self._key = derived.derive(master)

    def of_form(self, form: Form) -> bytes:
        """The same for every spelling of the same JSON: what is left out says what is usual."""
        facts = form.facts and {
            field.name: value
            for field in fields(form.facts)
            if (value := getattr(form.facts, field.name)) != field.default
        }
        return self.of_bytes(orjson.dumps((facts, form.identity)))

    def of_persons(self, identity: Identity) -> bytes:
        """The same for the same persons in any order, however their names are written."""
        persons = sorted(
            "\x1f".join((_plain(one.family_name), _plain(one.given_name), str(one.birth_date)))
            for one in identity.persons
        )
        return self.of_bytes("\x1e".join(persons).encode())

    def of_bytes(self, content: bytes) -> bytes:
        """HMAC-SHA256."""
        return hmac.digest(self._key, content, sha256)


def _plain(name: str | None) -> str:
    """Without accents, case, hyphens and doubled spaces: registries differ in all of them."""
    decomposed = unicodedata.normalize("NFKD", name or "").casefold()
    letters = "".join(" " if one in "-'’`" else one for one in decomposed if not unicodedata.combining(one))
    return " ".join(letters.split())
