"""Accounts and keys on a real database, as the owner makes them and as a service's web role uses them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from builders import TUEBINGEN
from chassis.access import Role
from chassis.access.accounts import SignedIn, create_account, sign_in
from chassis.access.keys import IssuedKey, issue_key
from chassis.database import OWNER, Database, Tx

PASSWORD = "correct horse battery"


@asynccontextmanager
async def owner(url: str) -> AsyncIterator[Tx]:
    """A transaction of the owner, who alone may make accounts and keys and see the tables."""
    database = await Database.open(url, service="probe", use=OWNER, connections=1)
    try:
        async with database.transaction() as tx:
            yield tx
    finally:
        await database.close()


async def an_account(
    url: str, name: str = "tuebingen", role: Role = Role.MUNICIPALITY, tenant: str = TUEBINGEN
) -> None:
    """An account with PASSWORD."""
    async with owner(url) as tx:
        await create_account(tx, name=name, password=PASSWORD, role=role, tenant=tenant)


async def a_session(database: Database, name: str = "tuebingen") -> str:
    """The token of a new session."""
    match await sign_in(database, name=name, password=PASSWORD):
        case SignedIn(token):
            return token
        case other:
            raise AssertionError(other)


async def a_key(url: str, role: Role = Role.CENTRE, tenant: str = "karlsruhe") -> IssuedKey:
    """A new key."""
    async with owner(url) as tx:
        return await issue_key(tx, role=role, tenant=tenant, label="import")
