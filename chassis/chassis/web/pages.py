"""The pages that belong to no service: overview, signing in and out, one's password, language, the trail of access."""

from datetime import datetime, timedelta
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chassis.access import Principal
from chassis.access.accounts import LIFETIME, Locked, Refused, SignedIn, change_password, sign_in, sign_out
from chassis.access.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, WeakPassword
from chassis.web import trail
from chassis.web.guard import SESSION_COOKIE, current_principal, public, session_token, signed_in
from chassis.web.language import LANGUAGE_COOKIE, LANGUAGES
from chassis.web.paging import NO_NUL
from chassis.web.problems import not_found
from chassis.web.render import redirect, render, translations_of
from chassis.web.surroundings import surroundings
from chassis.web.words import ROLES

router = APIRouter(include_in_schema=False)
router.include_router(trail.of_access)
_A_YEAR = 365 * 24 * 3600
_LENGTHS = {"least": MINIMUM_LENGTH, "most": MAXIMUM_LENGTH}

Name = Annotated[str, Form(max_length=100, pattern=NO_NUL)]
Password = Annotated[str, Form(max_length=1024)]
Next = Annotated[str, Form(max_length=2000)]


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
            return _keeping(token, request, RedirectResponse(local_path(next), 303))
        case Refused():
            return _login_form(request, next, name, status_code=401, refused=True)
        case Locked() as locked:
            return _login_form(request, next, name, status_code=429, locked=locked)


def _login_form(
    request: Request,
    next: str,
    name: str = "",
    *,
    status_code: int = 200,
    lost: bool = False,
    refused: bool = False,
    locked: Locked | None = None,
) -> Response:
    return render(
        request,
        "login.html",
        status_code=status_code,
        headers=_retry_after(locked),
        next=local_path(next),
        user_name=name,
        lost=lost,
        refused=refused,
        locked_until=_shown(locked),
    )


def _keeping(token: str, request: Request, response: Response) -> Response:
    """The answer that has the browser keep its session's token."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


# Both rounded up: who comes back at the time that is told must not find the name locked still.
def _retry_after(locked: Locked | None) -> dict[str, str] | None:
    return {"Retry-After": str(max(1, ceil(locked.left.total_seconds())))} if locked else None


def _shown(locked: Locked | None) -> datetime | None:
    return locked.until + timedelta(minutes=1) - timedelta.resolution if locked else None


async def _with_password(who: Annotated[Principal, signed_in]) -> Principal:
    """Who is signed in; a key has no password."""
    if who.via != "session":
        raise not_found()
    return who


WithPassword = Annotated[Principal, Depends(_with_password)]


@router.get("/password", dependencies=[Depends(_with_password)])
async def password_page(request: Request) -> Response:
    """The form to change one's own password."""
    return _password_form(request)


@router.post("/password")
async def new_password(request: Request, who: WithPassword) -> Response:
    """A new password and a new session; all others end."""
    _ = translations_of(request).gettext
    # Not by `read_form`: spaces around a password are a part of it, and none is shown again.
    form = await request.form()
    password, new, again = (str(form.get(name, "")) for name in ("password", "new", "again"))
    if not password:
        return _password_form(request, 422, password=_("Please fill in this field."))
    if new != again:
        return _password_form(request, 422, again=_("This is not the same as above."))
    try:
        attempt = await change_password(surroundings(request).database(), name=who.name, password=password, new=new)
    except WeakPassword:
        return _password_form(request, 422, new=_("A password has %(least)s to %(most)s characters.") % _LENGTHS)
    match attempt:
        case SignedIn(token):
            said = _("Your password is changed. All your other sessions have ended.")
            return _keeping(token, request, redirect(request, "/", notice=said))
        case Refused():
            return _password_form(request, 422, password=_("This is not your present password."))
        case Locked() as locked:
            return _password_form(request, 429, locked)


def _password_form(request: Request, status_code: int = 200, locked: Locked | None = None, **errors: str) -> Response:
    return render(
        request,
        "password.html",
        status_code=status_code,
        headers=_retry_after(locked),
        locked_until=_shown(locked),
        errors=errors,
        lengths=_LENGTHS,
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
