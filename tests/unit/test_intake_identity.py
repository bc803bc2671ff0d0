"""Identities open only with the right key, for the right household, and look alike only to who holds the key."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

from chassis.vault import Unopenable
from intake.fingerprint import Fingerprints
from intake.identity import ALGORITHM, ENCRYPTION, KeyMissing, Keys, Undecryptable, encrypt
from intake.stated import Identity
from offers import a_form, a_person, an_identity, some_keys, stated_facts


def identity_of(*persons: dict[str, object]) -> Identity:
    identity = a_form(None, an_identity(*persons)).identity
    assert identity is not None
    return identity


def test_what_is_encrypted_to_the_public_key_comes_back() -> None:
    keys = some_keys()
    token = encrypt(an_identity(), keys.public_jwk)
    assert keys.decrypt(token) == an_identity()
    assert "Melnyk" not in token


def test_the_public_key_has_no_private_part() -> None:
    assert not {"d", "k"} & set(some_keys().public_jwk)


@given(st.text(max_size=200))
def test_what_is_no_jwe_is_undecryptable(token: str) -> None:
    with pytest.raises(Undecryptable):
        some_keys().decrypt(token)


def test_another_key_another_algorithm_and_compression_are_undecryptable() -> None:
    keys = some_keys()
    mine = ECKey.import_key(keys.public_jwk)
    stranger = ECKey.generate_key("P-256")
    bomb = orjson.dumps("x" * 1_000_000)
    tokens = [
        jwe.encrypt_compact({"alg": ALGORITHM, "enc": ENCRYPTION}, b"{}", stranger),
        jwe.encrypt_compact({"alg": "ECDH-ES", "enc": ENCRYPTION}, b"{}", mine),
        jwe.encrypt_compact({"alg": ALGORITHM, "enc": ENCRYPTION, "zip": "DEF"}, bomb, mine),
        jwe.encrypt_compact({"alg": "dir", "enc": ENCRYPTION}, b"{}", OctKey.generate_key(256)),
        jwe.encrypt_compact({"alg": ALGORITHM, "enc": ENCRYPTION}, b"no json", mine),
    ]
    for token in tokens:
        with pytest.raises(Undecryptable):
            keys.decrypt(token)


def test_a_curve_that_is_none_is_undecryptable() -> None:
    keys = some_keys()
    header, _, rest = encrypt(an_identity(), keys.public_jwk).partition(".")
    protected = orjson.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    protected["epk"]["crv"] = "X"
    with pytest.raises(Undecryptable):
        keys.decrypt(f"{urlsafe_b64encode(orjson.dumps(protected)).rstrip(b'=').decode()}.{rest}")


def test_a_sealed_identity_opens_for_its_household_only() -> None:
    keys, household, identity = some_keys(), uuid4(), identity_of()
    sealed = keys.seal(identity, household)
    assert keys.open(sealed, household) == identity
    assert b"Melnyk" not in sealed.box
    with pytest.raises(Unopenable):
        keys.open(sealed, uuid4())


def test_keys_that_are_none_are_refused() -> None:
    for wrong in ({}, {"kty": "oct", "k": "AAAA"}, dict(some_keys().public_jwk)):
        with pytest.raises(KeyMissing):
            Keys(bytes(32), wrong)


def test_the_same_persons_have_one_digest_in_any_order_and_spelling() -> None:
    fingerprints = some_keys().fingerprints
    first = fingerprints.of_persons(identity_of(a_person(family_name="Müller-Çelik"), a_person(given_name="Danylo")))
    second = fingerprints.of_persons(
        identity_of(a_person(given_name="danylo "), a_person(family_name="MULLER  Celik", nationality="PL"))
    )
    assert first == second
    assert first != fingerprints.of_persons(identity_of(a_person(family_name="Müller-Çelik")))


def test_a_digest_cannot_be_made_without_the_key() -> None:
    identity = identity_of()
    assert Fingerprints(bytes(32)).of_persons(identity) != Fingerprints(bytes(31) + b"1").of_persons(identity)


def test_a_form_has_one_digest_however_its_json_is_written() -> None:
    fingerprints = some_keys().fingerprints
    plain = a_form(stated_facts(), an_identity())
    turned = a_form(
        dict(reversed(stated_facts(allotted_on=None).items())),
        an_identity(a_person(sex=None), *an_identity()["persons"][1:]),
    )
    assert fingerprints.of_form(plain) == fingerprints.of_form(turned)
    assert fingerprints.of_form(plain) != fingerprints.of_form(a_form(stated_facts(languages=["ru"]), an_identity()))


def test_a_form_keeps_its_digest_when_facts_are_added_that_it_leaves_out() -> None:
    fingerprints = some_keys().fingerprints
    form = a_form(stated_facts())
    facts = {
        "arrived_on": "2022-03-14",
        "legal_group": "displaced_ukrainian",
        "accommodation": "private",
        "municipality": "08416041",
        "languages": ["uk"],
        "residence_title": "24",
    }
    assert fingerprints.of_form(form) == fingerprints.of_bytes(orjson.dumps((facts, None)))
    assert fingerprints.of_form(form) != fingerprints.of_form(a_form(stated_facts(counselling_extended=True)))
