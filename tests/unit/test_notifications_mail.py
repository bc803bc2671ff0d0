"""Mails: what they say, how they are recognised, and which failures are worth another try."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from builders import NOW
from notifications.deliver import LONGEST_PAUSE, Outgoing, mail, pause
from notifications.letters import Kind, letter, message_id
from notifications.mail import Failure, Server, failure_of, server_of

HOUSEHOLD = UUID("11111111-2222-4333-8444-555555555555")
URL = "https://geleit.example"


def refused(code: int) -> SMTPRecipientsRefused:
    return SMTPRecipientsRefused([SMTPRecipientRefused(code, "no", "rathaus@stadt.example")])


@pytest.mark.parametrize(("kind", "page"), [("proposal", "inbox"), ("reminder", "inbox"), ("escalation", "matching")])
def test_a_letter_has_a_link_in_both_languages_and_nothing_else_of_the_case(kind: Kind, page: str) -> None:
    found = letter(kind, HOUSEHOLD, URL + "/")
    assert found.text.count(f"{URL}/{page}/households/{HOUSEHOLD}") == 2
    assert "Guten Tag" in found.text
    assert "Hello" in found.text
    assert "{" not in found.text + found.subject


def test_a_district_reads_only_what_holds_of_every_proposal_it_is_told_of() -> None:
    """Its municipality may have no address to remind it at, and the household a manager who stays."""
    told = letter("escalation", HOUSEHOLD, URL).text
    assert not re.search("remind|cares|Erinnerung|betreut", told)
    assert "has still not answered" in told


def test_the_message_id_is_that_of_the_row() -> None:
    outgoing = Outgoing(uuid4(), HOUSEHOLD, "proposal", "rathaus@stadt.example", 1, NOW, None)
    message = mail(outgoing, sender="geleit@land.example", public_url="https://geleit.example:8443/x")
    assert message["Message-ID"] == f"<{outgoing.id}@geleit.example>"
    assert message["To"] == "rathaus@stadt.example"
    assert str(message["From"]) == "Geleit <geleit@land.example>"


def test_the_same_message_has_the_same_id_and_any_other_another() -> None:
    ids = {
        message_id(household, item, kind, address)
        for household in (HOUSEHOLD, uuid4())
        for item in (1, 2)
        for kind in ("proposal", "reminder")
        for address in ("a@b.de", "c@d.de")
    }
    assert len(ids) == 16
    assert message_id(HOUSEHOLD, 1, "proposal", "a@b.de") in ids


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (refused(550), Failure("smtp_550", for_good=True)),
        (refused(450), Failure("smtp_450", for_good=False)),
        (SMTPDataError(554, "no"), Failure("smtp_554", for_good=True)),
        (SMTPSenderRefused(530, "no", "geleit@land.example"), Failure("smtp_530", for_good=False)),
        (SMTPSenderRefused(550, "no", "geleit@land.example"), Failure("smtp_550", for_good=False)),
        (SMTPAuthenticationError(535, "no"), Failure("smtp_535", for_good=False)),
        (SMTPTimeoutError("late"), Failure("timeout", for_good=False)),
        (SMTPConnectError("away"), Failure("connection", for_good=False)),
        (SMTPServerDisconnected("gone"), Failure("connection", for_good=False)),
        (ConnectionResetError(), Failure("connection", for_good=False)),
        (ValueError("rathaus@stadt.example"), Failure("ValueError", for_good=False)),
    ],
)
def test_only_what_the_server_says_about_this_mail_is_for_good(error: Exception, failure: Failure) -> None:
    assert failure_of(error) == failure


def test_pauses_double_to_an_hour_and_differ_between_messages() -> None:
    ids = [uuid4() for _ in range(50)]
    assert len({pause(one, 3) for one in ids}) > 25
    for one in ids:
        assert timedelta(seconds=2.5) <= pause(one, 1) <= timedelta(seconds=7.5)
        assert LONGEST_PAUSE / 2 <= pause(one, 19) <= LONGEST_PAUSE * 1.5


def test_an_smtp_url_says_how_to_encrypt() -> None:
    assert server_of("smtp://127.0.0.1:1025") == Server("127.0.0.1", 1025, "none")
    assert server_of("smtps://mail.land.example") == Server("mail.land.example", 465, "tls")
    assert server_of("smtp+starttls://a%40b:p%3Aw@mail.land.example") == Server(
        "mail.land.example", 587, "starttls", "a@b", "p:w"
    )


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "mail.land.example:25", "smtp://host:99999"])
def test_what_is_no_smtp_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        server_of(url)
