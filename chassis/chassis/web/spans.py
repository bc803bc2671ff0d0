"""A request's span says which route it took, not what was looked for or by whom."""

from opentelemetry import trace
from starlette.types import ASGIApp, Receive, Scope, Send

# A search by name is a query; a path may be typed by hand; an address and a browser are a person's.
_PERSONAL = ("url.query", "url.path", "client.address", "network.peer.address", "user_agent.original")


class QuietSpans:
    """ASGI middleware: overwrites what the framework wrote on the request's span before anything was known."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()
        written = getattr(span, "attributes", None) or {}
        span.set_attributes({name: "" for name in _PERSONAL if name in written})
        await self.app(scope, receive, send)
