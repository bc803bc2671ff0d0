"""No request body beyond a limit is read, whether its length is announced or it comes in chunks, and not too many."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.web.errors import RETRY_AFTER_SECONDS

DEFAULT_LIMIT = 1_000_000
MOST_HELD = 64_000_000
"""Bytes of all bodies at once: an eighth of the memory that a container has. Slow lines hold theirs for long."""


class BodyLimit:
    """ASGI middleware: 413 beyond `limits[path]` bytes, or `default` where the path has no limit of its own.

    503 with Retry-After for what would make all bodies that are held more than MOST_HELD.
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

        async def receive_limited() -> Message:
            nonlocal received
            if too_long:
                raise HTTPException(413)
            message = await receive()
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
