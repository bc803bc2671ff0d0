"""No request body beyond a limit is read, whether its length is announced or it comes in chunks, and not too many."""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.web.errors import RETRY_AFTER_SECONDS

DEFAULT_LIMIT = 1_000_000
MOST_HELD = 64_000_000
"""Bytes of all bodies at once: an eighth of the memory that a container has. Slow lines hold theirs for long."""
READ_SECONDS = 60.0
"""How long a request may take until its body is there: the largest, two megabytes, by a line of 300 kbit/s."""


class BodyLimit:
    """ASGI middleware: 413 beyond `limits[path]` bytes, or `default` where the path has no limit of its own.

    503 with Retry-After for what would make all bodies that are held more than MOST_HELD, 408 for one that does not
    come to its end: bodies that nobody ends would keep everybody else's out.
    """

    def __init__(self, app: ASGIApp, limits: Mapping[str, int], default: int = DEFAULT_LIMIT) -> None:
        self.app = app
        self.limits = limits
        self.default = default
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limits.get(scope["path"], self.default)
        announced = Headers(scope=scope).get("content-length", "0")
        too_long = announced.isdecimal() and int(announced) > limit
        received = 0
        until: float | None = asyncio.get_running_loop().time() + READ_SECONDS

        async def receive_limited() -> Message:
            nonlocal received, until
            if too_long:
                raise HTTPException(413)
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            if not message.get("more_body", False):
                until = None  # what comes now is the end of the connection
            size = len(message.get("body", b""))
            received += size
            self._held += size
            if received > limit:
                raise HTTPException(413)
            if self._held > MOST_HELD:
                raise HTTPException(503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
            return message

        try:
            await self.app(scope, receive_limited, send)
        finally:
            self._held -= received
