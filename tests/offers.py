"""Builders of what reception centres send: JSON as it stands on the wire, and the same as domain values."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from chassis.vault import master_key, new_master_key
from contracts.topics import home_partition
from contracts.vocabulary import SubmissionKind
from intake.domain import Desk, Household, Offer, decide
from intake.forms import read_form
from intake.identity import Keys, new_private_key
from intake.reception import offer
from intake.stated import Form

NOW = datetime(2022, 3, 16, 9, 0, tzinfo=UTC)
TODAY = date(2022, 3, 16)
KNOWN = frozenset({"08416041", "08415061"})
HOUSEHOLD = UUID("6f0c2a4e-0000-4000-8000-000000000001")


def a_person(**overrides: Any) -> dict[str, Any]:
    return {
        "given_name": "Oksana",
        "family_name": "Melnyk",
        "birth_date": "1988-05-02",
        "nationality": "UA",
    } | overrides


def an_identity(*persons: Mapping[str, Any], **overrides: Any) -> dict[str, Any]:
    child = a_person(given_name="Danylo", birth_date="2015-11-30")
    return {"persons": list(persons) or [a_person(), child], "contact": {"phone": "+49 7071 123456"}} | overrides


def stated_facts(**overrides: Any) -> dict[str, Any]:
    return {
        "arrived_on": "2022-03-14",
        "municipality": "08416041",
        "languages": ["uk"],
        "legal_group": "displaced_ukrainian",
        "residence_title": "24",
        "accommodation": "private",
    } | overrides


def a_registration(reference: str = "KA-1", **overrides: Any) -> dict[str, Any]:
    return {"reference": reference, "facts": stated_facts(), "identity": an_identity()} | overrides


@cache
def some_keys() -> Keys:
    return Keys(master_key(new_master_key(), None), orjson.loads(new_private_key()))


def a_form(facts: Mapping[str, Any] | None = None, identity: Mapping[str, Any] | None = None) -> Form:
    return read_form(facts, identity)


def an_offer(
    kind: SubmissionKind = SubmissionKind.REGISTER,
    *,
    reference: str = "KA-1",
    version: int | None = None,
    facts: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
) -> Offer:
    """A registration of the default household; of another kind, what is given and no more."""
    if kind is SubmissionKind.REGISTER:
        facts, identity = facts or stated_facts(), identity or an_identity()
    return offer(some_keys(), kind, reference, version, read_form(facts, identity))


def a_desk(**overrides: Any) -> Desk:
    values: dict[str, Any] = {
        "centre": "karlsruhe",
        "now": NOW,
        "today": TODAY,
        "municipalities": KNOWN,
        "home": home_partition,
    }
    return Desk(**(values | overrides))


def a_registered(**of_offer: Any) -> Household:
    decision = decide(an_offer(**of_offer), None, None, a_desk(), HOUSEHOLD)
    assert decision.household is not None, decision
    return decision.household
