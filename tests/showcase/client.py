"""The showcase as an app and an HTTP client of it, without a network."""

from collections.abc import Callable
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI

from chassis.database import Database
from chassis.web import Mounted, Site, assemble
from showcase.site import MENU, site


def away(_: str) -> Database:
    """A database that cannot be reached."""
    raise ConnectionError


def showcase_app(database: Callable[[str], Database] = away, router: APIRouter | None = None, **more: Any) -> FastAPI:
    """The showcase at /show, or a site with this router instead."""
    shown = site() if router is None else Site(title="Other", router=router, **more)
    return assemble([Mounted(name="probe", prefix="/show", package="showcase", site=shown)], database, menu=MENU)


def client_of(app: FastAPI, **options: Any) -> httpx.AsyncClient:
    """A client that fails if an exception leaves the app."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://geleit.test", **options)
