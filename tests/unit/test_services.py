"""One environment sets up all services, and a variable with a service's name before it is that service's own."""

import getpass
import os
import re
import sys

import pytest

from chassis.process import main
from chassis.settings import Settings
from geleit.services import operator, own
from intake.settings import Settings as IntakeSettings
from notifications.app import service as notifications
from notifications.settings import Settings as NotificationsSettings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/geleit")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("KAFKA_PASSWORD", "of all")
    return monkeypatch


def test_a_service_has_what_all_have_unless_it_has_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MATCHING_KAFKA_PASSWORD", "of matching")
    passwords = own(IntakeSettings, "intake").kafka_password, own(Settings, "matching").kafka_password
    assert [one.get_secret_value() for one in passwords if one] == ["of all", "of matching"]


def test_intakes_private_key_is_not_taken_for_a_variable_of_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("INTAKE_PRIVATE_KEY_FILE", "/keys/intake.jwk")
    assert str(own(IntakeSettings, "intake").intake_private_key_file) == "/keys/intake.jwk"


def test_a_process_names_the_variables_that_are_wrong_and_quotes_none(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(sys, "argv", ["notifications", "worker"])
    environment.delenv("DATABASE_URL")
    environment.setenv("SMTP_URL", "smtp://geleit:hush#@mail.example")
    environment.setenv("POLL_RECORDS", "many")
    with pytest.raises(SystemExit) as ended:
        main(notifications, NotificationsSettings)
    lines = str(ended.value.code).split("\n")
    assert [line.partition(":")[0] for line in lines] == ["DATABASE_URL", "POLL_RECORDS", "SMTP_URL"]
    assert not {"hush", "many"} & set(re.split(r"[ ']", " ".join(lines)))


@pytest.mark.parametrize("absent", [KeyError, OSError])
def test_a_container_without_a_name_for_its_user_has_its_number(
    monkeypatch: pytest.MonkeyPatch, absent: type[Exception]
) -> None:
    def nobody() -> str:
        raise absent

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert operator() == f"cli:{os.getuid()}"


@pytest.mark.parametrize(("name", "kept"), [("n" * 500, "n" * 100), ("J\udcfcrgen", "J?rgen"), ("Jürgen", "Jürgen")])
def test_whatever_a_host_calls_somebody_can_be_written_down(
    monkeypatch: pytest.MonkeyPatch, name: str, kept: str
) -> None:
    monkeypatch.setenv("LOGNAME", name)
    assert operator() == f"cli:{kept}"
