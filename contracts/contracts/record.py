"""The record envelope: state, revision, CloudEvents 1.0 headers in Kafka's binary mode."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, ClassVar, Generic, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from contracts import ags

Ags = Annotated[str, StringConstraints(pattern=f"^{ags.MUNICIPALITY}$")]
DistrictAgs = Annotated[str, StringConstraints(pattern=f"^{ags.DISTRICT}$")]
"""The first five digits of an AGS: a Stadt- or Landkreis."""
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""A short public identifier, never a name."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639 code."""
ResidenceTitle = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}[a-z]?$")]
"""The section of the Residence Act that a stay rests on."""
Home = Annotated[int, Field(ge=0, lt=1024)]
"""The partition an aggregate lives in on every topic, for ever."""

Headers = Iterable[tuple[str, bytes]]

LARGEST = 1 << 20
"""Bytes of a record: what a topic takes, if it is not compressed, and what a value may be unpacked to."""


class Shape(BaseModel):
    """Base of everything on the wire: frozen, strict about types, open to fields a later writer adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class State(Shape):
    """The whole current public state of one aggregate; a consumer applies it only if `revision` is newer."""

    ce_type: ClassVar[str]
    revision: Annotated[int, Field(ge=1)]

    @property
    def key(self) -> str:
        """The aggregate's id: Kafka's key, and what a revision counts for."""
        raise NotImplementedError

    @property
    def partition(self) -> int:
        """The partition it must be written to; 0 on topics that have one."""
        return 0


S_co = TypeVar("S_co", bound=State, covariant=True)


@dataclass(frozen=True, slots=True)
class Record(Generic[S_co]):
    """A decoded record with its place on the stream and the trace it belongs to.

    `offered_at` is when the broker took it, of one that was parked and comes out of its turn.
    """

    state: S_co
    topic: str
    partition: int
    offset: int
    traceparent: str | None = None
    offered_at: datetime | None = None


class Undecodable(Exception):
    """A record no reader of today may apply; `reason` is a code and holds nothing of the record."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def event_id(state: State) -> UUID:
    """CloudEvents id: the same state has the same id in every writer and every republication."""
    return uuid5(NAMESPACE_URL, f"{state.ce_type}/{state.key}/{state.revision}")


def headers(state: State, *, source: str, time: datetime, traceparent: str | None = None) -> list[tuple[str, bytes]]:
    """The headers of a state, with the trace context of what caused it."""
    return cloud_event(id=event_id(state), type=state.ce_type, source=source, time=time, traceparent=traceparent)


def cloud_event(
    *, id: UUID, type: str, source: str, time: datetime, traceparent: str | None
) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 in headers, with a trace context where there is one."""
    pairs = [
        ("ce_specversion", "1.0"),
        ("ce_id", str(id)),
        ("ce_type", type),
        ("ce_source", f"/geleit/{source}"),
        ("ce_time", time.isoformat()),
        ("content-type", "application/json"),
    ]
    if traceparent:
        pairs.append(("traceparent", traceparent))
    return [(name, value.encode()) for name, value in pairs]


def encode(state: State) -> bytes:
    """The JSON of a state, without the fields that are None: absent and None read the same."""
    return _adapter(type(state)).dump_json(state, exclude_none=True)


def decode(value: bytes | None, record_headers: Headers, known: Mapping[str, type[State]]) -> State | None:
    """A record's state, by its `ce_type`.

    `known` maps the types a topic may carry to their schemas. None is a type of another family, which a
    reader ignores and counts. Raises Undecodable for a known family in an unknown version, for a status
    outside the vocabulary, for what is larger than a topic takes, and for whatever is not the schema's JSON.
    """
    ce_type = next((raw for name, raw in record_headers if name == "ce_type"), None)
    if ce_type is None:
        raise Undecodable("no_type")
    try:
        name = ce_type.decode("ascii")
    except UnicodeDecodeError:
        raise Undecodable("type_not_ascii") from None
    schema = known.get(name)
    if schema is None:
        family = name.rpartition(".")[0]
        if any(one.rpartition(".")[0] == family for one in known):
            raise Undecodable("unknown_version")
        return None
    if value is None:
        raise Undecodable("no_value")
    if len(value) > LARGEST:
        raise Undecodable("too_large")
    try:
        return _adapter(schema).validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Undecodable(f"schema:{first['type']}") from None


@cache
def _adapter(schema: type[State]) -> TypeAdapter[State]:
    return TypeAdapter(schema)
