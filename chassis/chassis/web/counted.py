"""Counts what was answered, by route and status: the figure that everything else about requests is held against."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.telemetry import http_requests_total


class Counted:
    """ASGI middleware; the route is the template (`/intake/v1/households/{household}`), never the path with its ids."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                http_requests_total.labels(scope["method"], _route(scope), str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, send_counting)


def _route(scope: Scope) -> str:
    path: str | None = getattr(scope.get("route"), "path", None)
    return "none" if path is None else scope.get("root_path", "") + path
