"""API keys: for one scope, expiring, two valid at once so that they can be rotated without a gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from chassis.access.principal import Role
from chassis.access.tokens import digest, new_key, shown_prefix
from chassis.database import Tx

LIFETIME = timedelta(days=365)
SOON = timedelta(days=30)
"""Time enough to give a new key to whoever uses one that ends."""


class TooManyKeys(ValueError):
    """Two keys of this scope are valid already: revoke one first."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: `secret` is shown this once and can never be read again."""

    id: UUID
    secret: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key; times are in UTC."""

    id: UUID
    prefix: str
    label: str
    role: Role
    tenant: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


async def issue_key(tx: Tx, *, role: Role, tenant: str, label: str, lifetime: timedelta = LIFETIME) -> IssuedKey:
    """A new key for this role and tenant; raises TooManyKeys if two are valid."""
    secret = new_key()
    try:
        key: UUID = await tx.fetchval(
            "select access.issue_key($1, $2, $3, $4, $5, $6)",
            role, tenant, label, shown_prefix(secret), digest(secret), lifetime,
        )  # fmt: skip
    except asyncpg.PostgresError as error:
        if error.sqlstate == "GL001":
            raise TooManyKeys(f"two keys of {role} {tenant} are valid already: revoke one first") from None
        raise
    return IssuedKey(key, secret)


async def revoke_key(tx: Tx, key: UUID) -> bool:
    """Ends a key at once; False if it is unknown or ended already."""
    return bool(await tx.fetchval("select access.revoke_key($1)", key))


async def list_keys(tx: Tx, *, role: Role | None = None, tenant: str | None = None) -> Sequence[KeyInfo]:
    """All keys of a role or tenant (or all), valid or not, oldest first."""
    rows = await tx.fetch("select * from access.list_keys($1, $2)", role, tenant)
    return [KeyInfo(**{**dict(row), "role": Role(row["role"])}) for row in rows]


async def keys_ending(tx: Tx) -> Mapping[Role, int]:
    """By role how many keys that were used in the last week end within SOON, or have ended."""
    rows = await tx.fetch("select * from access.keys_ending($1)", SOON)
    return {Role(row["role"]): row["keys"] for row in rows}
