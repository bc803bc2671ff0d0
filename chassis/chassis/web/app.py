"""One app out of the sites of the services: everything that all of them share is decided here."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan

from chassis.database import Database
from chassis.health import Health
from chassis.process import web_databases
from chassis.service import Service
from chassis.web import pages
from chassis.web.body_limit import BodyLimit
from chassis.web.counted import Counted
from chassis.web.errors import handle_errors
from chassis.web.faults import Faults
from chassis.web.guard import assert_permissions_declared
from chassis.web.headers import SecurityHeaders
from chassis.web.language import LANGUAGES
from chassis.web.menu import MENU, Area
from chassis.web.problems import OPENAPI_RESPONSE
from chassis.web.spans import QuietSpans
from chassis.web.static import PackageFiles
from chassis.web.surroundings import Mounted, Site, Surroundings
from chassis.web.templates import Templates
from chassis.web.translations import load

# A log or a span event of the framework's own would carry the input of a request that does not fit.
_TELEMETRY: Any = {"tracing": True, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
_SCHEMA_OF_KEYS = {"key": {"type": "http", "scheme": "bearer", "description": "An API key"}}


def build_app(services: Sequence[Service], health: Health) -> FastAPI:
    """The web process of these services: each site at its service's prefix, on the service's own database."""
    opened: Mapping[str, Database] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal opened
        async with web_databases(services, health) as opened:
            yield

    def database(name: str) -> Database:
        if name not in opened:
            raise ConnectionError("the database is not connected yet")
        return opened[name]

    return assemble(mounted(services), database, health=health.routes(), lifespan=lifespan)


def mounted(services: Sequence[Service]) -> list[Mounted]:
    """The sites of those services that have one."""
    return [
        Mounted(name=service.name, prefix=service.prefix, package=service.package, site=service.web())
        for service in services
        if service.web is not None
    ]


def assemble(
    sites: Sequence[Mounted],
    database: Callable[[str], Database],
    *,
    menu: Sequence[Area] = MENU,
    health: Sequence[BaseRoute] = (),
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """The sites under their prefixes, with overview, signing in, static files and the `health` routes.

    `database` gives the pool of a service by name, or raises ConnectionError while there is none. Raises
    UndeclaredRoute if a route of a site declares no permission.
    """
    if not (files("chassis") / "static" / "vendor" / "stamp").is_file():
        raise RuntimeError("chassis/static/vendor is missing: installing chassis fetches it")
    packages = list(dict.fromkeys(["chassis", *(at.package for at in sites)]))
    translations = {language: load(packages, language) for language in LANGUAGES}
    app = _app("Geleit", None, lifespan)
    # Signing in is the schema `access`, which every service's role reaches: the first one's will do.
    first = sites[0].name
    app.state.surroundings = Surroundings("", partial(database, first), Templates("chassis", translations), menu)
    app.include_router(pages.router)
    app.router.routes.extend(health)
    for package in packages:
        if (files(package) / "static").is_dir():
            app.mount(f"/static/{package}", PackageFiles(package))
    for at in sites:
        inner = _site_app(at.site)
        templates = Templates(at.package, translations)
        inner.state.surroundings = Surroundings(at.prefix, partial(database, at.name), templates, menu)
        app.mount(at.prefix, inner)
        app.router.routes.append(Route(at.prefix, partial(_into, at.prefix)))
    limits = {at.prefix + path: limit for at in sites for path, limit in at.site.body_limits.items()}
    app.add_middleware(BodyLimit, limits=limits)
    app.add_middleware(Faults)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Counted)
    app.add_middleware(QuietSpans)
    open_paths = [*(getattr(route, "path", "") for route in health), *(at.prefix for at in sites)]
    assert_permissions_declared(app, exempt=frozenset(open_paths))
    return app


async def _into(prefix: str, _: Request) -> Response:
    """People type a site's address without the slash at its end."""
    return RedirectResponse(f"{prefix}/", 308)


def openapi_of(service: Service) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a service's site, as it is served at `<prefix>/openapi.json`."""
    assert service.web is not None, f"{service.name} has no site"
    return {**_site_app(service.web()).openapi(), "servers": [{"url": service.prefix}]}


def _site_app(site: Site) -> FastAPI:
    app = _app(site.title, "/openapi.json")
    for name, value in site.state.items():
        setattr(app.state, name, value)
    app.include_router(site.router)
    describe = app.openapi

    def with_keys() -> dict[str, Any]:
        document = describe()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMA_OF_KEYS
        document["security"] = [{"key": []}]
        return document

    app.openapi = with_keys  # type: ignore[method-assign]
    return app


def _app(title: str, openapi_url: str | None, lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        telemetry=_TELEMETRY,
        redirect_slashes=False,
        responses={"default": OPENAPI_RESPONSE},
    )
    handle_errors(app)
    return app
