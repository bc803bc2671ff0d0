"""Names of people who do not exist: recognisable anywhere, and nobody's."""

from random import Random

from intake.stated import Sex

_BEGINNINGS = ("Qua", "Xel", "Zyr", "Qor", "Vyx", "Jaq", "Wex", "Yzo", "Xan", "Qim", "Zux", "Hyq", "Vaz", "Kwy", "Xod")
_MIDDLES = ("bli", "dro", "fyl", "gru", "kje", "lym", "mro", "nux", "pri", "sta", "tlo", "vry", "zwa", "rhe", "ska")
_FAMILY_ENDS = ("venkq", "xuk", "tschyq", "rakzo", "lyndq", "worx", "ymenq", "otzki", "arenx", "ubiq")
_GIVEN_ENDS = {
    Sex.FEMALE: ("yla", "inqa", "ozja", "exa", "uryna"),
    Sex.MALE: ("omyr", "eqlan", "ustyx", "avij", "ozlo"),
}

# Numbers that the Bundesnetzagentur keeps free for films and books, in five cities.
_FREE_NUMBERS = ("30 23125", "69 90009", "40 66969", "221 4710", "89 99998")


def family_name(rng: Random) -> str:
    """A family's name."""
    return rng.choice(_BEGINNINGS) + rng.choice(_MIDDLES) + rng.choice(_MIDDLES) + rng.choice(_FAMILY_ENDS)


def given_name(rng: Random, sex: Sex) -> str:
    """A person's name."""
    return rng.choice(_BEGINNINGS) + rng.choice(_MIDDLES) + rng.choice(_GIVEN_ENDS[sex])


def phone(rng: Random) -> str:
    """A number that reaches nobody."""
    return f"+49 {rng.choice(_FREE_NUMBERS)} {rng.randrange(1000):03}"


def email(given: str, family: str) -> str:
    """An address that reaches nobody: `.example` belongs to no one for ever (RFC 2606)."""
    return f"{given}.{family}@flucht.example".lower()
