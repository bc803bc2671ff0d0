"""HTTP to what runs on this machine."""

import ssl
from typing import Any

import httpx


def client(**options: Any) -> httpx.AsyncClient:
    """An httpx client that asks no proxy, which is for other machines, and trusts no authority.

    Nothing here speaks TLS, and reading a machine's authorities takes 25 ms for each client.
    """
    return _Client(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **options)


class _Client(httpx.AsyncClient):
    """Says of a server that has ended in the middle of a connect that there is no connection."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        try:
            return await super().send(request, **options)
        except AttributeError as error:
            # uvloop has no socket left to show, and anyio, which httpx stands on, asks it for the other side's name.
            if error.name != "getpeername":
                raise
            raise httpx.ConnectError("reset while it was connected", request=request) from error
