"""From a handler to a page: `render`, `redirect` with a notice, and the translator of a request."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, unquote

from babel.support import NullTranslations
from markupsafe import Markup
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chassis.access import Principal
from chassis.access.tokens import csrf_token
from chassis.web.guard import CSRF_FIELD, session_token
from chassis.web.language import language_of
from chassis.web.navigation import navigation_of
from chassis.web.surroundings import surroundings
from chassis.web.templates import rendered_block

_NOTICE_COOKIE = "geleit_notice"


def translations_of(request: Request) -> NullTranslations:
    """The catalog of the request's language; in a handler: `_ = translations_of(request).gettext`."""
    return surroundings(request).templates.translations[language_of(request)]


def wants_partial(request: Request) -> bool:
    """Whether htmx asks for a part of the page; not when it replaces the whole body or restores history."""
    headers = request.headers
    return "hx-request" in headers and not {"hx-boosted", "hx-history-restore-request"} & set(headers)


def render(
    request: Request,
    name: str,
    *,
    status_code: int = 200,
    partial: str | None = None,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """The page, or only its block `partial` when htmx asks; templates see what `_common` gives besides."""
    found = surroundings(request)
    template = found.templates.get(name, language_of(request))
    everything = {**_common(request), **context}
    if partial is not None and wants_partial(request):
        return HTMLResponse(rendered_block(template, partial, everything), status_code, headers)
    response = HTMLResponse(template.render(everything), status_code, headers)
    if everything["notice"] is not None:
        response.delete_cookie(_NOTICE_COOKIE)
    return response


def redirect(
    request: Request, path: str, *, notice: str | None = None, kind: Literal["success", "warning"] = "success"
) -> Response:
    """Go on to `path` (below the site's prefix) after a form was handled; the next page shows the notice once.

    `kind` is a warning where what was asked for was not done, or not all of it.
    """
    target = surroundings(request).prefix + path
    response: Response = RedirectResponse(target, 303)
    if "hx-request" in request.headers:
        response = Response(status_code=204, headers={"HX-Redirect": target})
    if notice is not None:
        response.set_cookie(_NOTICE_COOKIE, f"{kind}:{quote(notice)}", max_age=60, httponly=True, samesite="lax")
    return response


def here(request: Request) -> str:
    """The page that somebody is on, with its query: what was asked for, or where a form or a script asked from."""
    at = request.url
    if request.method != "GET" or "hx-request" in request.headers:
        at = URL(request.headers.get("hx-current-url") or request.headers.get("referer") or "/")
    try:
        return (at.path or "/") + (f"?{at.query}" if at.query else "")
    except ValueError:  # a header that no browser sends
        return "/"


def _common(request: Request) -> dict[str, Any]:
    principal: Principal | None = getattr(request.state, "principal", None)
    token = session_token(request)
    csrf = csrf_token(token) if token else ""
    # `quote` leaves no colon in the words; the release before has set them without a kind.
    kind, _, notice = request.cookies.get(_NOTICE_COOKIE, "").rpartition(":")
    return {
        "principal": principal,
        "navigation": navigation_of(request, principal),
        "csrf_token": csrf,
        "csrf_field": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, csrf),
        "prefix": surroundings(request).prefix,
        "here": here(request),
        "shows_form_again": principal is not None and request.method == "POST",
        "notice": unquote(notice)[:300] if notice else None,
        "notice_kind": "warning" if kind == "warning" else "success",
    }
