"""What nobody should send, at both entrances: each gets its answer or verdict, and nothing stands still."""

import asyncio
import json
import re
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx

from chassis.access import Role
from contracts.record import encode, headers
from contracts.submissions import Submission
from contracts.topics import submissions
from contracts.vocabulary import SubmissionKind
from e2e.world import CENTRE, HOUSEHOLDS, UNITS_PER_FTE, World, registration
from stream import eventually

AT_ONCE = 16
MOST_SHOWN = 10
VERDICTS_WITHIN = 180.0
KNOWN = 24
"""Households with an open item, for which there is something to correct and to answer from the beginning."""
MANAGERS = 12
RECENT = 200
"""References of which a submission takes up one: older ones have mostly left."""
ANSWERS: tuple[dict[str, Any], ...] = (
    {"answer": "declined", "reason": "other"},
    {"answer": "accepted"},
    {"answer": "contacted"},
    {"answer": "closed", "reason": "no_contact"},
)
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 10**400, 1e308, float("nan"), "", " ", "\x00", "\ud800", "\u202e", "ß" * 4000),
    *([], {}, [[]] * 50, {"": {"": {}}}, "2022-02-30", "9999-12-31", "0000-00-00", "08999999", "08", "'; --"),
)
TYPES = (b"geleit.submission.v1", b"geleit.submission.v99", b"geleit.weather.v1", b"\xff\xfe", b"")
MEDIA = ("application/json", "text/plain", "application/json; charset=utf-16", "multipart/form-data", "")


def mutated(form: dict[str, Any], chance: Random) -> bytes:
    """The form with up to three faults in its content and, now and then, in its bytes."""
    form = deepcopy(form)
    for _ in range(chance.randint(1, 3)):
        _spoil(form, chance)
    raw = json.dumps(form).encode("utf-8")
    return _spoilt_bytes(raw, chance) if chance.random() < 0.25 else raw


def _spoil(form: dict[str, Any], chance: Random) -> None:
    holder: Any = form
    while isinstance(holder, dict | list) and holder:
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
        below = holder[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.7:
            holder = below
            continue
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[str(key) + chance.choice(["x", "_", "\x00"])] = holder.pop(key)
            case 2 if isinstance(below, list):
                holder[key] = below * 80
            case _:
                holder[key] = deepcopy(chance.choice(ODD))
        return


def _spoilt_bytes(raw: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(raw))
    match chance.randrange(4):
        case 0:
            return raw[:at]
        case 1:
            return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
        case 2:
            return raw[:at] + raw
        case _:
            return raw[:at] + b"[" * 5000 + raw[at:]


async def by_http(world: World, count: int, chance: Random) -> dict[str, Any]:
    """So many requests; each gets an answer below 500, and a refusal is a problem that repeats nothing."""
    centre = await world.client(Role.CENTRE, CENTRE)
    place = world.town()
    for _ in range(MANAGERS):
        await world.manager(place, room=UNITS_PER_FTE)
    town = await world.client(Role.MUNICIPALITY, place)
    known = [await world.registered(place) for _ in range(KNOWN)]
    await asyncio.gather(*(world.item(place, one, "open") for one in known))
    statuses: Counter[int] = Counter()
    taken: Counter[str] = Counter()
    found: list[str] = []
    turns = iter(range(count))

    async def one(number: int) -> None:
        client, method, path, body = await _request(centre, town, place, known, chance)
        told = {"Content-Type": chance.choice(MEDIA) if chance.random() < 0.1 else MEDIA[0]}
        if chance.random() < 0.95:
            told["Idempotency-Key"] = chance.choice([uuid4().hex, uuid4().hex, "k", "", "x" * 500, "a b,c"])
        try:
            answer = await client.request(method, path, content=body, headers=told)
        except httpx.TransportError as error:
            found.append(f"request {number}, {method} {path}: {type(error).__name__}")
            return
        statuses[answer.status_code] += 1
        if answer.is_success:
            taken[_KIND.sub("…", f"{method} {path}")] += 1
        if answer.status_code == 202 and (method, path) == ("POST", HOUSEHOLDS):
            known.append(UUID(answer.json()["id"]))
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        if answer.status_code >= 500 or (not answer.is_success and not is_problem):
            found.append(f"request {number}, {method} {path}: {answer.status_code} for {body[:200]!r}")

    async def some() -> None:
        for number in turns:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
    return {
        "mutated_http": sum(statuses.values()),
        "http_500": sum(number for status, number in statuses.items() if status >= 500),
        "statuses": dict(sorted(statuses.items())),
        "taken": dict(taken),
        "faults": found[:MOST_SHOWN],
    }


_KIND = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


async def _request(
    centre: httpx.AsyncClient, town: httpx.AsyncClient, place: str, known: list[UUID], chance: Random
) -> tuple[httpx.AsyncClient, str, str, bytes]:
    form = registration(chance.choice([None, "08416041", place]))
    odd = chance.choice(["", "0", str(uuid4()), "%00", "..%2f", "ü"])
    # Of who is unknown, nothing else is looked at.
    one = odd if chance.random() < 0.2 else str(chance.choice(known))
    match chance.randrange(10):
        case 0:
            several = [form, registration(None), registration(None)]
            return centre, "POST", f"{HOUSEHOLDS}/bulk", mutated({"households": several}, chance)
        case 1:
            return centre, "PUT", f"{HOUSEHOLDS}/{one}", _hardly_mutated({"facts": form["facts"]}, chance)
        case 2:
            shown = await town.get(f"/inbox/v1/assignments/{one}")
            item = shown.json()["items"][0]["item"] if shown.is_success else 1
            answer = {"item": item, **chance.choice(ANSWERS)}
            return town, "POST", f"/inbox/v1/assignments/{one}/answers", _hardly_mutated(answer, chance)
        case _:
            return centre, "POST", HOUSEHOLDS, mutated(form, chance)


def _hardly_mutated(form: dict[str, Any], chance: Random) -> bytes:
    """Now and then as it should be: what is wrong may also be what the household has become meanwhile."""
    return json.dumps(form).encode() if chance.random() < 0.3 else mutated(form, chance)


async def by_kafka(world: World, count: int, chance: Random) -> dict[str, Any]:
    """So many records; each gets a verdict or is parked, but those of a type that nobody knows are only counted."""
    topic = submissions(CENTRE).name
    ignored = await _ignored(world, topic)
    sent = []
    references: list[str] = []
    for _ in range(count):
        value, told = _record(world, references, chance)
        key = _key(chance) if value is not None else uuid4().hex.encode()  # a record has at least one of them
        sent.append(await world.producer.send(topic, value, key=key, partition=0, headers=told))
    offsets = [place.offset for place in await asyncio.gather(*sent)]
    consumed = "select next > $2 from consumed where topic = $1 and partition = 0"
    try:
        await eventually(lambda: world.ask("intake", consumed, topic, max(offsets)), within=VERDICTS_WITHIN)
    except TimeoutError:
        return {"mutated_submissions": count, "stuck_partitions": 1, "faults": [f"{topic}/0 stands still"]}
    unruled = await world.ask("intake", _UNRULED, topic, offsets)
    ignored = await _ignored(world, topic) - ignored
    fault = f"lost: {unruled} submissions have no verdict and are not parked; {ignored} are of an unknown type"
    return {
        "mutated_submissions": count,
        "unknown_type": ignored,
        "outcomes": json.loads(await world.ask("intake", _OUTCOMES, topic, offsets)),
        "parked": await world.ask("intake", _PARKED, topic, offsets),
        "faults": [] if unruled == ignored else [fault],
    }


_UNRULED = """
select count(*) from unnest($2::bigint[]) as sent (place)
where not exists (select from verdict where topic = $1 and partition = 0 and position = sent.place)
  and not exists (select from parked where topic = $1 and partition = 0 and position = sent.place)
"""
_PARKED = "select count(*) from parked where topic = $1 and partition = 0 and position = any($2::bigint[])"


_OUTCOMES = """
select json_object_agg(outcome, times)::text from (
    select outcome, count(*) as times from verdict
    where topic = $1 and partition = 0 and position = any($2::bigint[]) group by outcome
) as one
"""


async def _ignored(world: World, topic: str) -> int:
    return int(await world.ask("intake", "select coalesce(sum(ignored), 0) from consumed where topic = $1", topic))


def _record(world: World, references: list[str], chance: Random) -> tuple[bytes | None, list[tuple[str, bytes | None]]]:
    form = registration(None)
    reference, kind = form["reference"], SubmissionKind.REGISTER
    if references and chance.random() < 0.4:
        reference, kind = chance.choice(references[-RECENT:]), chance.choice(list(SubmissionKind))
    else:
        references.append(reference)
    state = world.submission(reference, kind, facts=form["facts"], identity=form["identity"])
    told: list[tuple[str, bytes | None]] = list(headers(state, source=CENTRE, time=datetime.now(UTC)))
    if chance.random() < 0.1:
        told = [(name, chance.choice(TYPES) if name == "ce_type" else value) for name, value in told]
    if chance.random() < 0.05:
        chance.shuffle(told)
        del told[chance.randrange(len(told)) :]
    if chance.random() < 0.05:
        told.append(("traceparent", b"\x00\xff" * 40))
    if chance.random() < 0.05:
        told = [(name, value if chance.random() < 0.5 else None) for name, value in told]
    match chance.randrange(10):
        case 0:
            return None if chance.random() < 0.3 else b"", told
        case 1:
            return encode(state), told
        case 2 | 3:
            return mutated(json.loads(encode(state)), chance), told
        case _:
            # Of the right shape, and wrong in what it says: the facts are read by intake, not by the contract.
            facts = {"facts": form["facts"]}
            _spoil(facts, chance)
            stated = facts.get("facts")
            content = json.loads(encode(state)) | ({"facts": stated} if isinstance(stated, dict) else {})
            return json.dumps(content).encode(), told


def _key(chance: Random) -> bytes | None:
    return chance.choice([None, b"", b"\xff\xfe", uuid4().hex.encode()])


async def only_garbage(world: World, count: int) -> dict[str, Any]:
    """A centre that sends nothing that can be read: it is parked, and who comes after it is ruled on."""
    topic = submissions(CENTRE).name
    told = [("ce_type", Submission.ce_type.encode())]
    sent = [await world.producer.send(topic, b"{", partition=0, headers=told) for _ in range(count)]
    offsets = [place.offset for place in await asyncio.gather(*sent)]
    form = registration(None)
    await world.submit(
        world.submission(form["reference"], SubmissionKind.REGISTER, facts=form["facts"], identity=form["identity"])
    )
    try:
        await world.household(form["reference"], within=60)
    except TimeoutError:
        return {"stuck_partitions": 1, "faults": [f"{topic}/0 stands still: who comes after garbage is not taken in"]}
    parked = await world.ask("intake", _PARKED, topic, offsets)
    return {"garbage": parked, "faults": [] if parked == count else [f"lost: {parked} of {count} records are parked"]}
