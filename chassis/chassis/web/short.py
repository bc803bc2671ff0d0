"""A household's short form: what its id begins with, as offices say it to each other and look for it."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BeforeValidator

_HEX = re.compile(r"[0-9a-f]{1,32}")


def short(household: UUID | str) -> str:
    """The first eight characters of the id."""
    return str(household)[:8]


def _lower_hex(value: object) -> object:
    return value.strip().lower().replace("-", "") if isinstance(value, str) else value


Prefix = Annotated[str, BeforeValidator(_lower_hex), Query(max_length=36)]
"""What somebody has typed of an id."""


def ids_from(prefix: str) -> tuple[UUID, UUID] | None:
    """The smallest and the largest id that begin so; None if none can."""
    if not _HEX.fullmatch(prefix):
        return None
    return UUID(prefix.ljust(32, "0")), UUID(prefix.ljust(32, "f"))
