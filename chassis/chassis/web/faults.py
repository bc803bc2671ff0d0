"""What no handler expected is logged by class and place: an exception's text may hold what was sent."""

import logging
import traceback

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.web.errors import answer_fault

_log = logging.getLogger(__name__)


class Faults:
    """ASGI middleware: no exception reaches the server, which would log its text."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_answered = False

        async def send_noting(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception as error:
            if scope["type"] != "http":
                raise
            place = "".join(traceback.format_tb(error.__traceback__))
            _log.error("unhandled %s\n%s", type(error).__name__, place)
            if not is_answered:
                response = await answer_fault(Request(scope, receive))
                await response(scope, receive, send)
