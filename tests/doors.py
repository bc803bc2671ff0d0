"""A service's door on a real database: clients with an API key or a signed-in session of any role."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import asyncpg
import httpx
from fastapi import APIRouter, FastAPI

from chassis.access import Role
from chassis.access.accounts import SignedIn, create_account, sign_in
from chassis.access.keys import issue_key
from chassis.access.tokens import csrf_token
from chassis.database import Database, Tx
from chassis.web.app import assemble
from chassis.web.guard import CSRF_FIELD, SESSION_COOKIE
from chassis.web.surroundings import Mounted, Site


@dataclass(frozen=True)
class Door:
    """One mounted site with the databases of its two uses; the owner makes keys and accounts."""

    mounted: Mounted
    web: Database
    worker: Database
    owner_url: str

    @cached_property
    def app(self) -> FastAPI:
        """Everybody comes to the same one."""
        return assemble([self.mounted], lambda _: self.web)

    @asynccontextmanager
    async def program(self, role: Role, tenant: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client with an API key."""
        async with self._owner() as tx:
            key = await issue_key(tx, role=role, tenant=tenant, label="test")
        async with self._client(headers={"Authorization": f"Bearer {key.secret}"}) as client:
            yield client

    @asynccontextmanager
    async def person(self, role: Role, tenant: str, language: str = "en") -> AsyncIterator["Browser"]:
        """A browser with a session."""
        name, password = secrets.token_hex(8), secrets.token_urlsafe(16)
        async with self._owner() as tx:
            await create_account(tx, name=name, password=password, role=role, tenant=tenant)
        signed_in = await sign_in(self.web, name=name, password=password)
        assert isinstance(signed_in, SignedIn)
        headers = {"Accept": "text/html", "Accept-Language": language}
        async with self._client(headers=headers, cookies={SESSION_COOKIE: signed_in.token}) as client:
            yield Browser(client, csrf_token(signed_in.token))

    @asynccontextmanager
    async def _owner(self) -> AsyncIterator[Tx]:
        async with asyncpg.create_pool(self.owner_url, min_size=1, max_size=1) as pool, pool.acquire() as connection:
            yield Tx(connection, datetime.now(UTC), datetime.now(UTC))

    def _client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://geleit.example", **options)


@dataclass(frozen=True, slots=True)
class Browser:
    """A client that sends forms with their anti-forgery token."""

    client: httpx.AsyncClient
    csrf: str

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def send(self, path: str, **fields: object) -> httpx.Response:
        return await self.client.post(path, data={CSRF_FIELD: self.csrf, **fields})


def probe_door(router: APIRouter, web: Database, worker: Database, owner_url: str) -> Door:
    """The door of a page that every service has, at the probe's tables."""
    mounted = Mounted(name="probe", prefix="/probe", package="chassis", site=Site(title="Probe", router=router))
    return Door(mounted, web, worker, owner_url)
