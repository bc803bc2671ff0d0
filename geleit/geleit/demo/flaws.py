"""What is wrong with some records of a week: forms that intake rejects, and records that nobody can read."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from contracts.record import Headers
from contracts.submissions import Submission
from contracts.vocabulary import Skill
from geleit.demo.chance import chance
from geleit.demo.households import Fate, Towns, facts, identity

FURTHER_NEED = str(Skill.SCHOOL_ENROLMENT)
"""What a correction adds to the needs of a household; intake counts one that is there already once."""
FIRST = 1_000_000
"""Numbers of households that exist in flawed forms only."""
TOO_MANY = 60


class Flaw(StrEnum):
    """What is wrong with a form."""

    UNKNOWN_MUNICIPALITY = "unknown_municipality"
    BORN_TOMORROW = "born_tomorrow"
    NOBODY = "nobody"
    SIXTY_PERSONS = "sixty_persons"
    WRONG_TYPES = "wrong_types"


class Poison(StrEnum):
    """What is wrong with a record on the topic, before anybody could read a form in it."""

    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    UNKNOWN_VERSION = "unknown_version"
    GARBAGE_HEADERS = "garbage_headers"
    NO_HEADERS = "no_headers"
    NO_VALUE = "no_value"


def flaw_of(number: int) -> Flaw:
    """Every flaw in turn, each on both channels and from every centre."""
    return tuple(Flaw)[number % len(Flaw)]


def identity_of(week: int, number: int, today: date) -> dict[str, Any]:
    """Who the household of a flawed form is."""
    match flaw_of(number):
        case Flaw.NOBODY:
            return identity(week, FIRST + number, size=0)
        case Flaw.SIXTY_PERSONS:
            return identity(week, FIRST + number, size=TOO_MANY)
        case Flaw.BORN_TOMORROW:
            who = identity(week, FIRST + number)
            who["persons"][0]["birth_date"] = (today + timedelta(days=1)).isoformat()
            return who
        case Flaw.UNKNOWN_MUNICIPALITY | Flaw.WRONG_TYPES:
            return identity(week, FIRST + number)


def facts_of(week: int, number: int, towns: Towns) -> dict[str, Any]:
    """What a flawed form states."""
    stated = facts(week, FIRST + number, Fate.COUNSELLED, towns, ())
    match flaw_of(number):
        case Flaw.UNKNOWN_MUNICIPALITY:
            # No district has the number 999.
            return stated | {"municipality": "08999999"}
        case Flaw.WRONG_TYPES:
            return stated | {"arrived_on": 20220314, "languages": "uk", "accommodation": None}
        case Flaw.BORN_TOMORROW | Flaw.NOBODY | Flaw.SIXTY_PERSONS:
            return stated


def poisoned(poison: Poison, reference: str) -> tuple[bytes | None, Headers]:
    """Value and headers of a record nobody can read."""
    rng = chance("poison", reference)
    ce_type = [("ce_type", Submission.ce_type.encode())]
    form = f'{{"reference": "{reference}", "kind": "register"}}'.encode()
    match poison:
        case Poison.NOT_JSON:
            return b"<household/>", ce_type
        case Poison.NOT_UTF8:
            return form[:20] + b"\xff\xfe\xfa" + form[20:], ce_type
        case Poison.UNKNOWN_VERSION:
            return form, [("ce_type", b"geleit.submission.v99")]
        case Poison.GARBAGE_HEADERS:
            return form, [("ce_type", b"\xff" + rng.randbytes(16)), ("traceparent", b"\xfe" + rng.randbytes(16))]
        case Poison.NO_HEADERS:
            return form, []
        case Poison.NO_VALUE:
            return None, ce_type
