"""The half of a week's records that centres offer by HTTP, each answered before what builds on it is offered."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from contracts.vocabulary import Outcome, SubmissionKind
from geleit import loopback
from geleit.demo.records import Kind, Offer
from geleit.demo.turns import Turn, turns
from geleit.demo.witness import Witness
from geleit.failures import Failure
from geleit.probe import until
from geleit.progress import Step

CONCURRENCY = 16
HOUSEHOLDS = "/intake/v1/households"
BULK = f"{HOUSEHOLDS}/bulk"
ANSWERED_WITHIN = 60.0
OUTCOMES = {
    Kind.ARRIVAL: Outcome.ACCEPTED,
    Kind.CORRECTION: Outcome.CORRECTED,
    Kind.WITHDRAWAL: Outcome.WITHDRAWN,
    Kind.DUPLICATE: Outcome.DUPLICATE,
    Kind.INVALID: Outcome.REJECTED,
}


@asynccontextmanager
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps its connections."""
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with loopback.client(base_url=url, limits=limits, timeout=30.0) as http:
        yield http


async def send(http: httpx.AsyncClient, method: str, path: str, key: str, **request: Any) -> httpx.Response:
    """One request, again while the server is away. Raises NotInTime; Failure if the key has no right."""
    answer: httpx.Response | None = None
    headers = {"Authorization": f"Bearer {key}", **request.pop("headers", {})}

    async def is_answered() -> bool:
        nonlocal answer
        try:
            answer = await http.request(method, path, headers=headers, **request)
        except httpx.TransportError:
            return False
        return answer.status_code < 500

    await until(is_answered, within=ANSWERED_WITHIN, what=f"an answer to {method} {path}", every=0.2)
    assert answer is not None
    if answer.status_code in {401, 403}:
        raise Failure(f"{method} {path} is refused ({answer.status_code}): are the demo's keys another installation's?")
    return answer


class Feed:
    """The centres' own software, as far as it speaks HTTP."""

    def __init__(self, http: httpx.AsyncClient, keys: Mapping[str, str], witness: Witness) -> None:
        self._http = http
        self._keys = keys
        self._witness = witness
        self._households: dict[tuple[str, str], asyncio.Future[str]] = {}

    async def offer(self, offers: Sequence[Offer], done: Collection[tuple[str, str, str]], step: Step) -> None:
        """Offer the records in their order, except those that have their verdict already."""
        step.size(len(offers))
        left = [one for one in offers if (one.centre, one.reference, OUTCOMES[one.kind]) not in done]
        step.advance(len(offers) - len(left))
        loop = asyncio.get_running_loop()
        arriving = (one for one in left if one.kind is Kind.ARRIVAL)
        self._households = {(one.centre, one.reference): loop.create_future() for one in arriving}
        taken = turns(left, self._witness.references)
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(self._work(taken, step))

    async def _work(self, taken: Iterator[Turn], step: Step) -> None:
        for turn in taken:
            if len(turn) > 1:
                await self._upload(turn)
            else:
                await self._alone(turn[0])
            step.advance(len(turn))

    async def _upload(self, arrivals: Turn) -> None:
        items = [{"idempotency_key": _token(one), "form": _registration(one)} for one in arrivals]
        answer = await send(self._http, "POST", BULK, self._keys[arrivals[0].centre], json={"households": items})
        if answer.is_error:
            raise Failure(f"The upload that begins with {arrivals[0].reference} is refused: {answer.status_code}")
        for one, result in zip(arrivals, answer.json()["results"], strict=True):
            self._arrived(one, result["status"], result.get("location"))

    async def _alone(self, one: Offer) -> None:
        answer = await self._one(one)
        if one.kind is Kind.ARRIVAL:
            self._arrived(one, answer.status_code, answer.headers.get("location"))

    def _arrived(self, one: Offer, status: int, location: str | None) -> None:
        if location is None:
            raise Failure(f"The registration of {one.reference} is refused: {status}")
        self._households[one.centre, one.reference].set_result(location)

    async def _one(self, one: Offer) -> httpx.Response:
        with self._witness.watch(one.reference) as trace:
            method, path, body = await self._request(one)
            headers = {"Idempotency-Key": _token(one), **trace}
            return await send(self._http, method, path, self._keys[one.centre], headers=headers, json=body)

    async def _request(self, one: Offer) -> tuple[str, str, Mapping[str, Any]]:
        match one.submission:
            case SubmissionKind.REGISTER:
                if one.kind is Kind.DUPLICATE:
                    await self._household(one)
                return "POST", HOUSEHOLDS, _registration(one)
            case SubmissionKind.CORRECT:
                return "PUT", await self._household(one), {"facts": one.facts}
            case SubmissionKind.WITHDRAW:
                return "POST", f"{await self._household(one)}/withdrawal", {}
            case SubmissionKind.DEPART:
                return "POST", f"{await self._household(one)}/departure", {}

    async def _household(self, one: Offer) -> str:
        """The path of a household, from the answer to its registration or, if that was in an earlier run, asked for."""
        if (known := self._households.get((one.centre, one.reference))) is not None:
            return await known
        found = await send(self._http, "GET", HOUSEHOLDS, self._keys[one.centre], params={"reference": one.reference})
        return f"{HOUSEHOLDS}/{found.json()['items'][0]['id']}"


def _registration(one: Offer) -> Mapping[str, Any]:
    return {"reference": one.reference, "facts": one.facts, "identity": one.identity}


def _token(one: Offer) -> str:
    """The request's Idempotency-Key. Every second resend has that of its registration: it is the same request again."""
    again = one.kind is Kind.DUPLICATE and int(one.reference[-2]) % 2 == 0
    return f"{one.reference}-{Kind.ARRIVAL}" if again else one.id
