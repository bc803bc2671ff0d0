"""What a process says of itself: /livez, /readyz, /metrics."""

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.telemetry import part_ready


class Health:
    """The parts of a process and whether each can work now; ready when all can."""

    def __init__(self, *parts: str) -> None:
        self._down: dict[str, str] = {}
        for part in parts:
            self.down(part, "starting")

    def up(self, part: str) -> None:
        """The part works."""
        self._down.pop(part, None)
        part_ready.labels(part).set(1)

    def down(self, part: str, why: str) -> None:
        """The part does not work; `why` is a short code."""
        self._down[part] = why
        part_ready.labels(part).set(0)

    @property
    def ready(self) -> bool:
        """Whether every part works."""
        return not self._down

    def routes(self) -> list[Route]:
        """The three routes, without a right: they hold no case data."""
        return [Route("/livez", _live), Route("/readyz", self._ready), Route("/metrics", _metrics)]

    async def _ready(self, _: Request) -> JSONResponse:
        status = 200 if self.ready else 503
        return JSONResponse(
            {"ready": self.ready, "down": self._down}, status, {} if self.ready else {"Retry-After": "2"}
        )


async def _live(_: Request) -> JSONResponse:
    return JSONResponse({"live": True})


async def _metrics(request: Request) -> Response:
    # Only OpenMetrics has exemplars, and only who asks for it gets it.
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(REGISTRY), headers={"Content-Type": content_type})
