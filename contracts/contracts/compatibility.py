"""JSON Schemas of the records: the committed ones are what a change of a model is held against."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from contracts.record import State
from contracts.submissions import Submission
from contracts.topics import STATE_TOPICS
from contracts.verdicts import Verdict

Schema = Mapping[str, Any]

STATES: tuple[type[State], ...] = (*(topic.schema for topic in STATE_TOPICS), Submission, Verdict)


def schema_of(state: type[State]) -> Schema:
    """The JSON Schema (2020-12) of what a reader of today accepts."""
    schema = state.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{state.ce_type}", **schema}


def committed(state: type[State]) -> Schema | None:
    """The schema in the repository, or None for a type that is new."""
    file = files("contracts") / "schemas" / f"{state.ce_type}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else None


def as_text(schema: Schema) -> str:
    """The text of a schema's file."""
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def breaks(old: Schema, new: Schema) -> list[str]:
    """What makes `new` refuse a record that `old` accepted, one line each; empty if it only grew.

    A reader of today reads every record ever written: no field may go, become required or change its
    type, no word may leave a vocabulary, no bound may tighten or be new.
    """
    return list(_breaks(old, new, old.get("$defs", {}), new.get("$defs", {}), ""))


_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_SAME = ("pattern", "format", "multipleOf", "uniqueItems")


def _breaks(old: Schema, new: Schema, old_defs: Schema, new_defs: Schema, at: str) -> Iterator[str]:
    old, new = _resolved(old, old_defs), _resolved(new, new_defs)
    if old.get("type") != new.get("type"):
        yield f"{at}: type was {old.get('type')}, is {new.get('type')}"
    were, words = _vocabulary(old), _vocabulary(new)
    if words and not were:
        yield f"{at}: a vocabulary appeared"
    for word in sorted(were - words):
        yield f"{at}: {word!r} left the vocabulary"
    yield from _tightened(old, new, at)
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{at}/{name}: became required"
    for name, inner in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _breaks(inner, new["properties"][name], old_defs, new_defs, f"{at}/{name}")
        else:
            yield f"{at}/{name}: was removed"
    for part in ("items", "additionalProperties", "propertyNames"):
        # Where nothing is said, everything goes.
        before, now = old.get(part, True), new.get(part, True)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _breaks(before, now, old_defs, new_defs, f"{at}/{part}")
        elif before is not False and now not in (before, True):
            yield f"{at}: {part} narrowed"
    yield from _fewer_alternatives(old, new, old_defs, new_defs, at)


def _vocabulary(schema: Schema) -> set[Any]:
    # A constant is the first word of a vocabulary that may grow.
    return {*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())}


def _tightened(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{at}: {name} tightened"
    for name in _LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{at}: {name} tightened"
    for name in _SAME:
        if name in new and new[name] != old.get(name):
            yield f"{at}: {name} changed"


def _fewer_alternatives(old: Schema, new: Schema, old_defs: Schema, new_defs: Schema, at: str) -> Iterator[str]:
    offered = new.get("anyOf", [])
    for one in old.get("anyOf", []):
        if not any(not list(_breaks(one, other, old_defs, new_defs, at)) for other in offered):
            yield f"{at}: an alternative was removed or narrowed"


def _resolved(schema: Schema, defs: Schema) -> Schema:
    reference = schema.get("$ref")
    return defs[reference.rpartition("/")[2]] if reference else schema
