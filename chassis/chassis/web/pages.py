"""The pages that belong to no service: overview, signing in and out, language."""

from datetime import datetime, timedelta
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chassis.access import Principal, Role
from chassis.access.accounts import LIFETIME, Locked, Refused, SignedIn, sign_in, sign_out
from chassis.web.guard import SESSION_COOKIE, current_principal, public, session_token, signed_in
from chassis.web.language import LANGUAGE_COOKIE, LANGUAGES
from chassis.web.paging import NO_NUL
from chassis.web.render import render
from chassis.web.surroundings import surroundings
from chassis.web.translations import N_

router = APIRouter(include_in_schema=False)
_A_YEAR = 365 * 24 * 3600

Name = Annotated[str, Form(max_length=100, pattern=NO_NUL)]
Password = Annotated[str, Form(max_length=1024)]
Next = Annotated[str, Form(max_length=2000)]


ROLES = {
    Role.CENTRE: N_("Reception centre"),
    Role.MUNICIPALITY: N_("Municipality"),
    Role.MANAGER: N_("Integration manager"),
    Role.DISTRICT: N_("District"),
    Role.STATE: N_("State"),
    Role.OPERATOR: N_("Operations"),
    Role.AUDITOR: N_("Audit"),
}


@router.get("/")
async def overview(request: Request, who: Annotated[Principal, signed_in]) -> Response:
    """What the signed-in role may open."""
    return render(request, "overview.html", role_label=ROLES[who.role])


@router.get("/login", dependencies=[public])
async def login_page(request: Request, next: str = "/", *, lost: bool = False) -> Response:
    """The form; who is signed in already goes on. `lost` is what somebody has sent whose session had ended."""
    if await current_principal(request) is not None:
        return RedirectResponse(local_path(next), 303)
    return _login_form(request, next, lost=lost)


@router.post("/login", dependencies=[public])
async def login(request: Request, name: Name = "", password: Password = "", next: Next = "/") -> Response:
    """A new session; any session this browser had before ends."""
    database = surroundings(request).database()
    match await sign_in(database, name=name.strip(), password=password):
        case SignedIn(token):
            if before := session_token(request):
                await sign_out(database, before)
            response = RedirectResponse(local_path(next), 303)
            response.set_cookie(
                SESSION_COOKIE,
                token,
                max_age=int(LIFETIME.total_seconds()),
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https",
            )
            return response
        case Refused():
            return _login_form(request, next, name, status_code=401, refused=True)
        case Locked(until, left):
            # Both rounded up: who comes back at the time that is told must not find the name locked still.
            seconds = max(1, ceil(left.total_seconds()))
            shown = until + timedelta(minutes=1) - timedelta.resolution
            return _login_form(request, next, name, status_code=429, locked_until=shown, retry_after=seconds)


def _login_form(
    request: Request,
    next: str,
    name: str = "",
    *,
    status_code: int = 200,
    lost: bool = False,
    refused: bool = False,
    locked_until: datetime | None = None,
    retry_after: int | None = None,
) -> Response:
    headers = {"Retry-After": str(retry_after)} if retry_after else None
    return render(
        request,
        "login.html",
        status_code=status_code,
        headers=headers,
        next=local_path(next),
        user_name=name,
        lost=lost,
        refused=refused,
        locked_until=locked_until,
    )


@router.post("/logout", dependencies=[signed_in])
async def logout(request: Request) -> Response:
    """Ends the session, not only the cookie."""
    if token := session_token(request):
        await sign_out(surroundings(request).database(), token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.post("/language", dependencies=[public])
async def choose_language(language: Annotated[str, Form(max_length=2)], next: Next = "/") -> Response:
    """Remembers the language for a year and goes back to the page."""
    response = RedirectResponse(local_path(next), 303)
    if language in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=_A_YEAR, httponly=True, samesite="lax")
    return response


def local_path(path: str) -> str:
    """The path, if it stays on this site: `//host` and `/\\host` would leave it."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else "/"
