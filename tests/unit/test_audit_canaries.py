"""Names are found in the forms that logs, spans and mails give them, and what goes meanwhile stops nobody."""

import json
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from geleit.audit.canaries import Canaries, files
from geleit.logs import log_file, mail_dir

NAME = "Оксана Müller"


def found_in(state: Path) -> list[str]:
    names = Canaries([NAME])
    for place, content in files(state, ()):
        names.look(place, content)
    return [fault.partition(":")[0] for fault in names.finding().faults]


@pytest.mark.parametrize("escaped", [True, False])
def test_a_name_is_found_as_json_writes_it(tmp_path: Path, escaped: bool) -> None:
    log = log_file(tmp_path, "web")
    log.parent.mkdir()
    log.write_text(json.dumps({"event": f"for {NAME}"}, ensure_ascii=escaped), "utf-8")
    assert found_in(tmp_path) == ["log/web.log"]


@pytest.mark.parametrize("where", ["subject", "text", "page"])
def test_a_name_is_found_in_a_mail_as_people_read_it(tmp_path: Path, where: str) -> None:
    told = {"subject": "A case", "text": "She waits.", "page": "<p>She waits.</p>"}
    told[where] += f" {NAME}"
    mail = EmailMessage(SMTP)
    mail["Subject"] = told["subject"]
    mail.set_content(told["text"], cte="base64")
    mail.add_alternative(told["page"], subtype="html", cte="base64")
    mail_dir(tmp_path).mkdir()
    (mail_dir(tmp_path) / "1.eml").write_bytes(bytes(mail))
    assert found_in(tmp_path) == ["mail/1.eml"]


def test_a_file_that_is_gone_or_is_a_draft_is_not_looked_at(tmp_path: Path) -> None:
    mail_dir(tmp_path).mkdir()
    for name in ("1.eml", "2.eml", ".3"):
        (mail_dir(tmp_path) / name).write_bytes(b"Subject: a case\r\n\r\n")
    seen = set()
    for place, _ in files(tmp_path, ()):
        seen.add(place)
        (mail_dir(tmp_path) / "2.eml").unlink(missing_ok=True)
    assert seen == {"mail/1.eml"}
