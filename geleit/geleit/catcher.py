"""Takes every mail that is sent to it and keeps it as a file: the mail server of a machine that has none."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

from geleit.logs import mail_dir
from geleit.probe import LOOPBACK
from geleit.settings import Settings

LARGEST = 1_000_000  # bytes


class Catcher:
    """Answers "accepted" only once the mail is on the disk under its final name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        to = "".join(f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
        await asyncio.to_thread(self._keep, to.encode() + content)
        return "250 OK"

    def _keep(self, mail: bytes) -> None:
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{uuid4().hex[:8]}"
        draft = self._folder / f".{name}"
        draft.write_bytes(mail)
        draft.replace(self._folder / f"{name}.eml")


async def catch(folder: Path, port: int) -> None:
    """Serve SMTP on the loopback address until SIGTERM or SIGINT."""
    catcher = Catcher(folder)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: SMTP(catcher, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="catcher.invalid", loop=loop),
        LOOPBACK,
        port,
    )
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(catch(mail_dir(Settings().state_dir), int(os.environ["SMTP_PORT"])))
