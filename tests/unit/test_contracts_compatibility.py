"""What counts as growing: a reader of today reads every record ever written."""

from typing import Any

import pytest

from contracts.compatibility import breaks

OLD: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "maxLength": 10},
        "status": {"$ref": "#/$defs/Status"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "codes": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "day": {"type": "string", "format": "date"},
        "kind": {"type": "string", "const": "a"},
        "names": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "$defs": {"Status": {"type": "string", "enum": ["open", "closed"]}},
}


def changed(**properties: Any) -> dict[str, Any]:
    return {**OLD, "properties": {**OLD["properties"], **properties}}


def test_a_new_optional_field_and_a_new_word_only_grow() -> None:
    new = changed(added={"type": "string"}) | {"$defs": {"Status": {"type": "string", "enum": ["open", "closed", "x"]}}}
    assert breaks(OLD, new) == []


def test_a_second_word_beside_a_single_one_and_what_is_free_from_now_on_only_grow() -> None:
    kind = {"type": "string", "enum": ["a", "b"]}
    assert breaks(OLD, changed(kind=kind, day={"type": "string"}, names={"type": "object"})) == []


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ({**OLD, "properties": {k: v for k, v in OLD["properties"].items() if k != "note"}}, "/note: was removed"),
        ({**OLD, "required": ["id", "status"]}, "/status: became required"),
        (changed(id={"type": "integer", "maxLength": 10}), "/id: type was string, is integer"),
        (changed(id={"type": "string", "maxLength": 9}), "/id: maxLength tightened"),
        (changed(id={"type": "string", "maxLength": 10, "pattern": "^a"}), "/id: pattern changed"),
        (
            changed(codes={"type": "array", "items": {"type": "integer", "minimum": 1}}),
            "/codes/items: minimum tightened",
        ),
        (changed(id={"type": "string", "maxLength": 10, "format": "uuid"}), "/id: format changed"),
        (changed(day={"type": "string", "format": "date-time"}), "/day: format changed"),
        (changed(id={"type": "string", "maxLength": 10, "enum": ["a"]}), "/id: a vocabulary appeared"),
        (changed(id={"type": "string", "maxLength": 10, "const": "a"}), "/id: a vocabulary appeared"),
        (
            changed(codes={"type": "array", "items": {"type": "integer", "minimum": 0, "multipleOf": 5}}),
            "/codes/items: multipleOf changed",
        ),
        (changed(kind={"type": "string", "const": "b"}), "/kind: 'a' left the vocabulary"),
        (
            changed(codes={"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": True}),
            "/codes: uniqueItems changed",
        ),
        (OLD | {"additionalProperties": False}, ": additionalProperties narrowed"),
        (
            changed(names={"type": "object", "additionalProperties": False}),
            "/names: additionalProperties narrowed",
        ),
        (
            changed(names={**OLD["properties"]["names"], "propertyNames": {"pattern": "^a"}}),
            "/names: propertyNames narrowed",
        ),
        (changed(note={"anyOf": [{"type": "null"}]}), "/note: an alternative was removed or narrowed"),
        (OLD | {"$defs": {"Status": {"type": "string", "enum": ["open"]}}}, "/status: 'closed' left the vocabulary"),
    ],
)
def test_what_an_old_record_would_stumble_over_is_named(new: dict[str, Any], why: str) -> None:
    assert breaks(OLD, new) == [why]
