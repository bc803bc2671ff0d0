"""Every record ever written is read, schemas only grow, and none has a place for a name."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pytest

from contracts.compatibility import STATES, as_text, breaks, committed, schema_of
from contracts.record import LARGEST, State, Undecodable, decode, encode, event_id
from contracts.topics import HOUSEHOLDS, STATE_TOPICS, all_topics, home_partition, topic_of

EXAMPLES = sorted((files("contracts") / "examples").iterdir(), key=lambda file: file.name)
PERSONAL = re.compile(
    r"name|birth|born|nationalit|citizen|ethnic|religio|gender|sex|phone|mail|address|contact$|passport|document|diagnos"
)
ALLOWED = {("geleit.municipality.v1", "name"), ("geleit.municipality.v1", "district_name")}
"""The names of municipalities and districts are public."""


def known() -> dict[str, type[State]]:
    return {state.ce_type: state for state in STATES}


def ce_type_of(file: Traversable) -> str:
    return file.name.rpartition("-")[0]


def properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from properties(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties(inner)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_is_read_and_written_again_without_loss(file: Traversable) -> None:
    raw = file.read_bytes()
    state = decode(raw, [("ce_type", ce_type_of(file).encode())], known())
    assert state is not None
    assert without_news(json.loads(encode(state)), json.loads(raw)) == json.loads(raw)


def without_news(written: Any, read: Any) -> Any:
    """What is written without the fields that an older record could not have."""
    if isinstance(written, dict) and isinstance(read, dict):
        return {name: without_news(value, read[name]) for name, value in written.items() if name in read}
    if isinstance(written, list) and isinstance(read, list):
        return [without_news(one, other) for one, other in zip(written, read, strict=True)]
    return written


def test_every_type_has_a_full_and_a_minimal_example() -> None:
    names = {file.name for file in EXAMPLES}
    assert names >= {f"{state.ce_type}-{kind}.json" for state in STATES for kind in ("full", "minimal")}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.ce_type)
def test_the_committed_schema_is_the_one_of_the_code(state: type[State]) -> None:
    baseline = committed(state)
    assert baseline is not None, "run `geleit schemas`"
    assert breaks(baseline, schema_of(state)) == []
    assert as_text(baseline) == as_text(schema_of(state)), "run `geleit schemas`"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.ce_type)
def test_no_field_could_hold_personal_data(state: type[State]) -> None:
    suspicious = {(state.ce_type, name) for name in properties(schema_of(state)) if PERSONAL.search(name)}
    assert suspicious <= ALLOWED


def test_a_type_of_another_family_is_ignored_and_an_unknown_version_is_not() -> None:
    assert decode(b"{}", [("ce_type", b"geleit.weather.v1")], HOUSEHOLDS.known) is None
    with pytest.raises(Undecodable, match="unknown_version"):
        decode(b"{}", [("ce_type", b"geleit.household.v2")], HOUSEHOLDS.known)


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"{}", [], "no_type"),
        (b"{}", [("ce_type", b"\xff")], "type_not_ascii"),
        (None, [("ce_type", b"geleit.household.v1")], "no_value"),
        (b" " * (LARGEST + 1), [("ce_type", b"geleit.household.v1")], "too_large"),
        (b"{not json", [("ce_type", b"geleit.household.v1")], "schema:json_invalid"),
        (b"\xff\xfe", [("ce_type", b"geleit.household.v1")], "schema:json_invalid"),
        (b'{"revision": "1"}', [("ce_type", b"geleit.household.v1")], "schema:"),
    ],
)
def test_what_cannot_be_read_says_why_and_repeats_nothing(
    value: bytes | None, headers: list[tuple[str, bytes]], reason: str
) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(value, headers, HOUSEHOLDS.known)
    assert caught.value.reason.startswith(reason)


def test_an_unknown_status_is_not_guessed() -> None:
    raw = (files("contracts") / "examples" / "geleit.household.v1-full.json").read_bytes()
    with pytest.raises(Undecodable, match="schema:enum"):
        decode(raw.replace(b'"active"', b'"dormant"'), [("ce_type", b"geleit.household.v1")], HOUSEHOLDS.known)


def test_a_field_of_a_later_writer_is_passed_over() -> None:
    raw = (files("contracts") / "examples" / "geleit.municipality.v1-minimal.json").read_bytes()
    grown = json.dumps(json.loads(raw) | {"later": 1}).encode()
    state = decode(grown, [("ce_type", b"geleit.municipality.v1")], known())
    assert state is not None
    assert "later" not in state.model_dump()


def test_the_event_id_depends_on_type_key_and_revision_only() -> None:
    states = [
        decode(file.read_bytes(), [("ce_type", ce_type_of(file).encode())], known())
        for file in EXAMPLES
        if "-full" in file.name
    ]
    ids = {event_id(state) for state in states if state} | {
        event_id(state.model_copy(update={"revision": 99})) for state in states if state
    }
    assert len(ids) == 2 * len(states)


def test_every_state_finds_its_topic_and_a_home_within_it() -> None:
    for topic in STATE_TOPICS:
        assert topic.partitions in {1, HOUSEHOLDS.partitions}
    for file in EXAMPLES:
        state = decode(file.read_bytes(), [("ce_type", ce_type_of(file).encode())], known())
        if state is not None and "submission" not in file.name:
            assert 0 <= state.partition < topic_of(state).partitions


def test_a_home_partition_is_the_districts_for_whoever_has_one() -> None:
    from uuid import UUID

    first, second = UUID(int=1), UUID(int=2)
    assert home_partition(first, "08416") == home_partition(second, "08416")
    assert len({home_partition(UUID(int=number), None) for number in range(100)}) == HOUSEHOLDS.partitions


def test_a_topic_name_cannot_be_forged_by_a_centres_code() -> None:
    with pytest.raises(ValueError, match="centre"):
        all_topics(["karlsruhe.evil"])
