"""Every way a request can fail, as one answer: a problem for programs, a page for people."""

import logging
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from chassis.database import TRANSIENT
from chassis.web.guard import current_principal
from chassis.web.pages import local_path
from chassis.web.problems import MEDIA_TYPE, Problem, of_http_exception, of_status, of_validation
from chassis.web.render import here, render
from chassis.web.translations import N_

_log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 5
# Only what opening a transaction turns its errors into: other OSErrors are faults of ours.
_AWAY = (ConnectionError, TimeoutError, *(kind for kind in TRANSIENT if kind not in {OSError, TimeoutError}))

_TITLES = {
    400: N_("This request cannot be understood"),
    401: N_("Sign in first"),
    403: N_("You may not do this"),
    404: N_("This page does not exist"),
    405: N_("This page does not exist"),
    408: N_("The line was too slow"),
    409: N_("This has changed in the meantime"),
    413: N_("This file is too large"),
    422: N_("Some entries are not valid"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong on our side"),
    503: N_("The service is briefly not available"),
}
_ADVICE = {
    403: N_("Your role does not include this page."),
    404: N_("It may have been moved, or it is not meant for your area."),
    408: N_("What you sent had not arrived after a minute. Please try again."),
    500: N_("The error has been recorded. Nothing that you saved before is lost."),
    503: N_("Please try again in a few seconds. Nothing is lost."),
}


def handle_errors(app: FastAPI) -> None:
    """Registers the handlers of all errors on an app."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return await answer(request, error)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await answer(request, of_http_exception(error))

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await answer(request, of_validation(error))

    async def on_away(request: Request, error: Exception) -> Response:
        _log.warning("database is away, or too many wait: %s", type(error).__name__)
        problem = of_status(503, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        request.state.principal = None
        return await answer(request, problem)

    async def on_disconnect(request: Request, _: Exception) -> Response:
        """Nobody reads this answer; it is counted, as the client's."""
        return await answer(request, of_status(400))

    async def on_fault(request: Request, _: Exception) -> Response:
        return await answer_fault(request)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation)
    for kind in _AWAY:
        app.add_exception_handler(kind, on_away)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    app.add_exception_handler(Exception, on_fault)


async def answer_fault(request: Request) -> Response:
    """A 500 that says nothing; without a page if pages are what does not work."""
    problem = of_status(500)
    try:
        return await answer(request, problem)
    except Exception:
        _log.error("the page of an error cannot be shown")
        return JSONResponse(problem.body(), problem.status, media_type=MEDIA_TYPE)


async def answer(request: Request, problem: Problem) -> Response:
    """The problem as JSON, or as a page for a browser; who is not signed in is sent to sign in."""
    if not _is_for_a_person(request):
        return JSONResponse(problem.body(), problem.status, problem.headers, MEDIA_TYPE)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return _sign_in_first(request)
    with suppress(*_AWAY):
        await current_principal(request)
    generic = problem.title == HTTPStatus(problem.status).phrase
    return render(
        request,
        "error.html",
        status_code=problem.status,
        headers=problem.headers,
        status=problem.status,
        title=_TITLES.get(problem.status, problem.title) if generic or not problem.title else problem.title,
        detail=problem.detail or _ADVICE.get(problem.status),
        errors=problem.errors,
        # Who it was cannot be asked then: to be sent to sign in would be wrong as a rule.
        again=local_path(here(request)) if problem.status == HTTPStatus.SERVICE_UNAVAILABLE else None,
    )


def _is_for_a_person(request: Request) -> bool:
    is_api = "/v1/" in request.url.path or "authorization" in request.headers
    # htmx asks for */*.
    is_page = "hx-request" in request.headers or "text/html" in request.headers.get("accept", "")
    return is_page and not is_api


def _sign_in_first(request: Request) -> Response:
    back = here(request)
    asked = [f"next={quote(back)}"] if back != "/" else []
    if request.method == "POST" and request.url.path != "/logout":
        asked.append("lost=true")
    target = "/login" + ("?" + "&".join(asked) if asked else "")
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)
