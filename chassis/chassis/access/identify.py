"""From a request's secret to its principal."""

from typing import Literal

from chassis.access.principal import Principal, Role
from chassis.access.tokens import digest
from chassis.database import Database

_QUERIES = {
    "session": "select * from access.session_principal($1)",
    "key": "select * from access.key_principal($1)",
}


async def principal_of(database: Database, secret: str, via: Literal["session", "key"]) -> Principal | None:
    """Who this session token or API key belongs to; None if it is unknown, ended or expired."""
    row = await database.fetchrow(_QUERIES[via], digest(secret))
    if row is None:
        return None
    return Principal(str(row["id"]), row["name"], Role(row["role"]), row["tenant"], via)
