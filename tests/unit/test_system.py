"""What a system makes up for its processes gives way to what is given: keys, and the variables of OpenTelemetry."""

from pathlib import Path

import pytest

from geleit.settings import Settings
from geleit.system import _made_up, _recorded

KEYS = ("VAULT_MASTER_KEY", "INTAKE_PRIVATE_KEY")


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*_recorded(0.05, 4318, None), *KEYS, *(f"{key}_FILE" for key in KEYS)):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def made_up(state: Path) -> set[str]:
    settings = Settings(geleit_state_dir=state, database_url="postgresql:///geleit", kafka_bootstrap_servers="kafka")
    return _made_up(settings, {}, 1025).keys() & {f"{key}_FILE" for key in KEYS}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("suffix", ["", "_FILE"])
def test_a_key_that_is_given_wins(given: pytest.MonkeyPatch, tmp_path: Path, key: str, suffix: str) -> None:
    given.setenv(key + suffix, "somewhere")
    assert made_up(tmp_path) == {f"{one}_FILE" for one in KEYS if one != key}


@pytest.mark.parametrize("suffix", ["", "_FILE"])
def test_an_empty_key_is_none_that_is_given(given: pytest.MonkeyPatch, tmp_path: Path, suffix: str) -> None:
    for key in KEYS:
        given.setenv(key + suffix, "")
    assert made_up(tmp_path) == {f"{key}_FILE" for key in KEYS}


def test_spans_go_to_the_catcher_by_share_where_nothing_is_given() -> None:
    made = _recorded(0.05, 4318, "zipkin_json")
    assert made["OTEL_TRACES_EXPORTER"] == "zipkin_json,otlp_proto_http"
    assert made["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://127.0.0.1:4318/v1/traces"
    assert (made["OTEL_TRACES_SAMPLER"], made["OTEL_TRACES_SAMPLER_ARG"]) == ("parentbased_traceidratio", "0.05")
    assert made["NO_PROXY"] == "127.0.0.1"


def test_a_share_that_is_given_wins(given: pytest.MonkeyPatch) -> None:
    given.setenv("OTEL_TRACES_SAMPLER_ARG", "1.0")
    made = _recorded(0.05, 4318, None)
    assert "OTEL_TRACES_SAMPLER_ARG" not in made
    assert made["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"


def test_a_sampler_that_is_given_gets_no_argument_of_ours(given: pytest.MonkeyPatch) -> None:
    given.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    assert not _recorded(0.05, 4318, None).keys() & {"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}


def test_an_empty_variable_is_none_that_is_given(given: pytest.MonkeyPatch) -> None:
    given.setenv("OTEL_TRACES_SAMPLER", "")
    given.setenv("OTEL_TRACES_SAMPLER_ARG", "")
    assert _recorded(0.05, 4318, None)["OTEL_TRACES_SAMPLER_ARG"] == "0.05"


def test_our_address_is_added_to_those_that_no_proxy_serves(given: pytest.MonkeyPatch) -> None:
    given.setenv("NO_PROXY", "intranet")
    assert _recorded(0.05, 4318, None)["NO_PROXY"] == "intranet,127.0.0.1"
