"""The AsyncAPI 3.0 document: what an outside system reads before it connects."""

from collections.abc import Mapping
from typing import Any

from contracts.compatibility import STATES, schema_of
from contracts.record import State
from contracts.topics import STATE_TOPICS, Topic, submissions, verdicts

_CENTRE = "centre"
_HEADERS = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "UUIDv5 of type, key and revision"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string", "description": "W3C Trace Context"},
    },
}


def document() -> Mapping[str, Any]:
    """The document as a JSON-able mapping."""
    channels = {topic.name: _channel(topic, topic.name) for topic in STATE_TOPICS}
    for topic, name in ((submissions("example"), "submissions"), (verdicts("example"), "verdicts")):
        channels[name] = _channel(topic, f"{name}.{{{_CENTRE}}}") | {
            "parameters": {_CENTRE: {"description": "Code of the reception centre; its ACL says who writes."}}
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Geleit",
            "version": "1",
            "description": "Records carry the whole public state of their aggregate; a newer revision wins.",
            "license": {"name": "EUPL-1.2"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "submit": {"action": "receive", "channel": {"$ref": "#/channels/submissions"}},
            "tellVerdict": {"action": "send", "channel": {"$ref": "#/channels/verdicts"}},
            **{
                f"publish_{topic.name}": {"action": "send", "channel": {"$ref": f"#/channels/{topic.name}"}}
                for topic in STATE_TOPICS
            },
        },
        "components": {"messages": {state.ce_type: _message(state) for state in STATES}},
    }


def _channel(topic: Topic, address: str) -> dict[str, Any]:
    kept = "compacted: the newest revision of each key" if topic.retention is None else f"{topic.retention.days} days"
    return {
        "address": address,
        "description": f"Kept: {kept}.",
        "messages": {topic.schema.ce_type: {"$ref": f"#/components/messages/{topic.schema.ce_type}"}},
        "bindings": {"kafka": {"partitions": topic.partitions, "bindingVersion": "0.5.0"}},
    }


def _message(state: type[State]) -> dict[str, Any]:
    return {
        "name": state.ce_type,
        "summary": (state.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": _HEADERS,
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": dict(schema_of(state))},
    }
