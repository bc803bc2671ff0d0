"""The mail catcher keeps what it accepts, whole, and nothing else."""

import asyncio
import os
import smtplib
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest

from geleit.logs import mail_dir
from geleit.progress import Steps
from geleit.supervisor import Program, Supervised

CATCHER = Program("smtp-catcher", (sys.executable, "-m", "geleit.catcher"), port_variable="SMTP_PORT", ready=None)


@pytest.fixture
async def catcher(tmp_path: Path) -> AsyncIterator[Supervised]:
    env = {**os.environ, "GELEIT_STATE_DIR": str(tmp_path)}
    one = Supervised(CATCHER, tmp_path, env, Steps(quiet=True))
    await one.start()
    await one.ready()
    yield one
    await one.stop()


def send(port: int, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.send_message(mail)


def a_mail(body: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "geleit@example.org"
    mail["To"] = "sozialamt@tuebingen.example"
    mail["Subject"] = "Neue Zuweisung für Tübingen"
    mail.set_content(body)
    return mail


async def test_each_accepted_mail_is_one_whole_file(catcher: Supervised, tmp_path: Path) -> None:
    await asyncio.gather(*(asyncio.to_thread(send, catcher.port, a_mail(f"Nummer {n}")) for n in range(5)))
    kept = [BytesParser(policy=default).parsebytes(file.read_bytes()) for file in mail_dir(tmp_path).iterdir()]
    assert {mail["Delivered-To"] for mail in kept} == {"sozialamt@tuebingen.example"}
    assert {mail["Subject"] for mail in kept} == {"Neue Zuweisung für Tübingen"}
    assert sorted(mail.get_content().strip() for mail in kept) == [f"Nummer {n}" for n in range(5)]


async def test_a_mail_that_is_too_large_is_refused_and_not_kept(catcher: Supervised, tmp_path: Path) -> None:
    with pytest.raises(smtplib.SMTPException):
        await asyncio.to_thread(send, catcher.port, a_mail("x" * 70 + "\n" + ("y" * 70 + "\n") * 20_000))
    assert not list(mail_dir(tmp_path).iterdir())
