"""Every route declares what it asks for; who has no right gets no further, and an undeclared route does not start."""

import hmac
from collections.abc import Iterator
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from chassis.access import Permission, Principal, permissions_of
from chassis.access.identify import principal_of
from chassis.access.tokens import csrf_token
from chassis.web.problems import Problem, of_status
from chassis.web.surroundings import surroundings
from chassis.web.translations import N_

SESSION_COOKIE = "geleit_session"
CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
FORMS = {b"application/x-www-form-urlencoded", b"multipart/form-data"}
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_LONGEST_SECRET = 200


class Requirement:
    """A dependency that lets a principal with any of these permissions pass, or anybody signed in if it has none."""

    def __init__(self, *any_of: Permission) -> None:
        self.any_of = frozenset(any_of)

    async def __call__(self, request: Request) -> Principal:
        principal = await current_principal(request)
        if principal is None:
            raise not_signed_in()
        _refuse_charset(request)
        if principal.via == "session" and request.method not in SAFE_METHODS:
            await _refuse_forgery(request)
        if self.any_of and not self.any_of & permissions_of(principal.role):
            raise Problem(403, "not-permitted", N_("You may not do this"))
        return principal


def not_signed_in() -> Problem:
    """The answer to somebody who is nobody yet; a page sends a browser to sign in."""
    return Problem(401, "not-signed-in", N_("Sign in first"), headers={"WWW-Authenticate": "Bearer"})


def require(*any_of: Permission) -> Any:
    """Declares a route's permission and gives its principal: `who: Annotated[Principal, require(Permission.X)]`."""
    return Depends(Requirement(*any_of))


async def _anybody(request: Request) -> None:
    """A marker, and for forms without a session the one check that can be made: the browser says who sent them."""
    if request.method not in SAFE_METHODS and request.headers.get("sec-fetch-site", "none") not in {
        "same-origin",
        "none",
    }:
        raise _forged()


signed_in = Depends(Requirement())
"""Declares a route for everybody who is signed in."""

public = Depends(_anybody)
"""Declares a route that needs nobody: signing in, health."""


async def current_principal(request: Request) -> Principal | None:
    """Who asks: by API key if the request has one, else by the session's cookie. Looked up once for a request."""
    known: Principal | None
    if not hasattr(request.state, "principal"):
        request.state.principal = await _identify(request)
    known = request.state.principal
    return known


async def _identify(request: Request) -> Principal | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    token = session_token(request)
    if scheme:
        if scheme.lower() != "bearer" or not 0 < len(key) <= _LONGEST_SECRET:
            return None
        return await principal_of(surroundings(request).database(), key, "key")
    return await principal_of(surroundings(request).database(), token, "session") if token else None


def session_token(request: Request) -> str | None:
    """The secret of the session's cookie, if there is one of a possible length."""
    token = request.cookies.get(SESSION_COOKIE)
    return token if token and len(token) <= _LONGEST_SECRET else None


def _refuse_charset(request: Request) -> None:
    """A form is UTF-8. What others that Python knows ("unicode_escape") make of it may be no text at all."""
    kind, stated = parse_options_header(request.headers.get("content-type"))
    if kind in FORMS and stated.get(b"charset", b"utf-8").lower() not in {b"utf-8", b"utf8"}:
        raise of_status(400)


async def _refuse_forgery(request: Request) -> None:
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and parse_options_header(request.headers.get("content-type"))[0] in FORMS:
        # What reads the body later finds it whole: a form alone would have used it up.
        await request.body()
        in_form = (await request.form()).get(CSRF_FIELD)
        sent = in_form if isinstance(in_form, str) else None
    token = session_token(request)
    assert token is not None
    if sent is None or not hmac.compare_digest(sent.encode(), csrf_token(token).encode()):
        raise _forged()


def _forged() -> Problem:
    advice = N_("Load the page again and send it once more.")
    return Problem(403, "forged-request", N_("This form has expired"), detail=advice)


class UndeclaredRoute(RuntimeError):
    """A route says neither which permission it needs nor that it is public."""


def assert_permissions_declared(app: FastAPI, *, exempt: frozenset[str] = frozenset()) -> None:
    """Raises UndeclaredRoute for the first route without `require`, `signed_in` or `public`, in mounted apps too.

    `exempt` are paths of plain routes (health); an app's OpenAPI document and static files hold no data.
    """
    for context in iter_route_contexts(app.routes):
        route = context.route
        path = context.path or ""
        if isinstance(route, Mount):
            _assert_mount(route)
        elif path not in exempt | {app.openapi_url} and not _is_declared(getattr(context, "dependant", None)):
            raise UndeclaredRoute(f"{app.title}: {path} declares no permission")


def _assert_mount(mount: Mount) -> None:
    inner: BaseRoute | Any = mount.app
    if isinstance(inner, FastAPI):
        assert_permissions_declared(inner)
    elif not isinstance(inner, StaticFiles):
        raise UndeclaredRoute(f"{mount.path} is mounted and declares no permission")


def _is_declared(dependant: Dependant | None) -> bool:
    return dependant is not None and any(
        isinstance(call, Requirement) or call is _anybody for call in _calls(dependant)
    )


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
