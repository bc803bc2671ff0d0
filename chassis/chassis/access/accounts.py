"""Local accounts: made by the command line, used to sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg

from chassis.access.passwords import hash_password, password_fits, require_strong, signing_in
from chassis.access.principal import Role
from chassis.access.tokens import digest, new_token
from chassis.database import Database, Tx

IDLE = timedelta(hours=1)
LIFETIME = timedelta(hours=12)


class NameTaken(ValueError):
    """An account of this name exists already."""


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What may be shown of an account; times are in UTC."""

    id: UUID
    name: str
    role: Role
    tenant: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The session's token, to be kept in the browser's cookie and nowhere else."""

    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Wrong name or wrong password: the same answer for both."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Too many failures for this name, known or not: until then, so long from now on."""

    until: datetime
    left: timedelta


@dataclass(frozen=True, slots=True)
class _Checked:
    """The account that the password fits, and the hash that it fits."""

    account: UUID
    password_hash: str


Attempt: TypeAlias = SignedIn | Refused | Locked


async def create_account(tx: Tx, *, name: str, password: str, role: Role, tenant: str) -> UUID:
    """A new account's id; raises NameTaken or WeakPassword. Names are compared in lower case."""
    try:
        account: UUID = await tx.fetchval(
            "select access.create_account($1, $2, $3, $4)", name, await hash_password(password), role, tenant
        )
    except asyncpg.UniqueViolationError:
        raise NameTaken("an account of this name exists already") from None
    return account


async def set_password(tx: Tx, *, name: str, password: str) -> bool:
    """Replaces the password, ends all sessions and a lock; False if no account of this name is enabled."""
    changed = await tx.fetchval("select access.set_password($1, $2)", name, await hash_password(password))
    return changed is not None


async def disable_account(tx: Tx, *, name: str) -> bool:
    """Ends the account's sessions and lets nobody sign in to it again; False if there is none such."""
    return await tx.fetchval("select access.disable_account($1)", name) is not None


async def enable_account(tx: Tx, *, name: str) -> bool:
    """Lets people sign in to a disabled account again; False if there is none such."""
    return await tx.fetchval("select access.enable_account($1)", name) is not None


async def list_accounts(tx: Tx, *, role: Role | None = None, tenant: str | None = None) -> Sequence[AccountInfo]:
    """All accounts of a role or tenant (or all), by name; only the database's owner may see them."""
    rows = await tx.fetch(
        "select id, name, role, tenant, created_at, disabled_at from access.account"
        " where ($1::text is null or role = $1) and ($2::text is null or tenant = $2) order by name",
        role,
        tenant,
    )
    return [AccountInfo(**{**dict(row), "role": Role(row["role"])}) for row in rows]


async def sign_in(database: Database, *, name: str, password: str) -> Attempt:
    """Checks a password between two transactions, so that the slow hash holds neither a lock nor a connection.

    Raises ConnectionError if too many sign in, and what `transaction` raises.
    """
    async with signing_in():
        checked = await _check(database, name, password)
    if not isinstance(checked, _Checked):
        return checked
    token = new_token()
    async with database.transaction() as tx:
        # Asked again with the hash that was checked: it may have been replaced meanwhile.
        opened = await tx.fetchval(
            "select access.open_session($1, $2, $3, $4, $5)",
            checked.account,
            checked.password_hash,
            digest(token),
            IDLE,
            LIFETIME,
        )
    return SignedIn(token) if opened else Refused()


async def change_password(database: Database, *, name: str, password: str, new: str) -> Attempt:
    """Signs in anew and replaces the password, which ends all sessions of before; a wrong one counts as in `sign_in`.

    Raises WeakPassword of the new one before anything is counted, and what `sign_in` raises.
    """
    require_strong(new)
    async with signing_in():
        checked = await _check(database, name, password)
        if not isinstance(checked, _Checked):
            return checked
        new_hash = await hash_password(new)
    token = new_token()
    async with database.transaction() as tx:
        changed = await tx.fetchval(
            "select access.change_password($1, $2, $3, $4, $5, $6)",
            checked.account,
            checked.password_hash,
            new_hash,
            digest(token),
            IDLE,
            LIFETIME,
        )
    return SignedIn(token) if changed else Refused()


async def _check(database: Database, name: str, password: str) -> _Checked | Refused | Locked:
    """Counts an attempt, and takes its time whatever the name is."""
    async with database.transaction() as tx:
        found = await tx.fetchrow("select * from access.begin_sign_in($1)", name)
    assert found is not None
    if (until := found["locked_until"]) is not None:
        return Locked(until, until - tx.now)
    if not await password_fits(found["password_hash"], password):
        return Refused()
    return _Checked(found["account"], found["password_hash"])


async def sign_out(database: Database, token: str) -> None:
    """Ends the session of this token, if there is one."""
    async with database.transaction() as tx:
        await tx.execute("select access.close_session($1)", digest(token))
