"""Styles, scripts and fonts: our own, and those that the build fetches; cached for ever under their digest."""

import hashlib
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOR_EVER = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"


@cache
def static_url(path: str) -> str:
    """The address of a static file: `app.css` of chassis, `/reporting/map.css` of another package."""
    package, name = path[1:].split("/", 1) if path.startswith("/") else ("chassis", path)
    content = (files(package) / "static" / name).read_bytes()
    return f"/static/{package}/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


class PackageFiles(StaticFiles):
    """The `static` folder of a package."""

    def __init__(self, package: str) -> None:
        super().__init__(packages=[(package, "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = "v" in parse_qs(scope["query_string"].decode("latin-1"))
        response.headers["Cache-Control"] = _FOR_EVER if versioned else _A_DAY
        return response
