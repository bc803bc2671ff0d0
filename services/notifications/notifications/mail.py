"""Mail over SMTP: a few connections that are used again, and which errors are worth another try."""

import asyncio
import time
from dataclasses import dataclass
from email.message import Message
from typing import Literal
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from chassis.failpoint import failpoint

STEP_SECONDS = 10.0
"""How long the server may take for one answer."""
SEND_SECONDS = 20.0
"""How long one mail may take in all: a server that drips its answers hangs too."""
IDLE_SECONDS = 5.0

_TLS: dict[str, tuple[Literal["none", "starttls", "tls"], int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
_WANTED = (
    "an SMTP URL begins with smtp://, smtps:// or smtp+starttls:// and names a host;"
    " what a password has besides letters and digits is percent-encoded"
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to hand mail in."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    user: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a mail was not taken: a code without the server's words, which may repeat addresses."""

    code: str
    for_good: bool


def server_of(url: str) -> Server:
    """The server of an SMTP URL; ValueError if it is none."""
    try:
        parts = urlsplit(url)
        given = parts.port
    except ValueError:  # which quotes what may be a piece of the password
        raise ValueError(_WANTED) from None
    if parts.scheme not in _TLS or not parts.hostname:
        raise ValueError(_WANTED)
    tls, port = _TLS[parts.scheme]
    return Server(
        parts.hostname,
        given or port,
        tls,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def failure_of(error: Exception) -> Failure:
    """What an error of sending means: 5xx for this mail is for good; the way to the server, and what it says of the
    account or the sender, which all mails share, may get better."""
    match error:
        case SMTPRecipientsRefused(recipients=[first, *_]):
            return _answered(first.code, about_this_mail=True)
        case SMTPAuthenticationError() | SMTPHeloError() | SMTPConnectResponseError() | SMTPSenderRefused():
            return _answered(error.code, about_this_mail=False)
        case SMTPResponseException():
            return _answered(error.code, about_this_mail=True)
        case TimeoutError():
            return Failure("timeout", for_good=False)
        case OSError():
            return Failure("connection", for_good=False)
        case _:
            return Failure(type(error).__name__, for_good=False)


def _answered(code: int, *, about_this_mail: bool) -> Failure:
    return Failure(f"smtp_{code}", for_good=about_this_mail and code >= 500)


class Mailer:
    """Sends mail; a connection that has just served one mail serves the next."""

    def __init__(
        self, server: Server, *, step_seconds: float = STEP_SECONDS, send_seconds: float = SEND_SECONDS
    ) -> None:
        self._server = server
        self._step_seconds = step_seconds
        self._send_seconds = send_seconds
        self._idle: list[tuple[float, SMTP]] = []

    async def send(self, message: Message) -> None:
        """Hand one mail in. Raises aiosmtplib.SMTPException, TimeoutError or OSError."""
        async with asyncio.timeout(self._send_seconds):
            client = await self._connected()
            try:
                failpoint("mail.connected")
                await client.send_message(message)
            except BaseException:
                client.close()
                raise
        self._idle.append((time.monotonic(), client))

    async def _connected(self) -> SMTP:
        fresh = time.monotonic() - IDLE_SECONDS
        while self._idle:
            used_at, client = self._idle.pop()
            if used_at >= fresh and client.is_connected:
                return client
            client.close()
        client = SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.tls == "tls",
            start_tls=self._server.tls == "starttls",
            timeout=self._step_seconds,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client
