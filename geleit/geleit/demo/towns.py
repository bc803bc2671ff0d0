"""The municipalities' part: each looks into its inbox with its own key and answers what the week's plan says."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from geleit.demo.by_http import CONCURRENCY, send
from geleit.demo.records import Wish
from geleit.progress import Step

PAGE = 500


async def answer_all(
    http: httpx.AsyncClient,
    keys: Mapping[str, str],
    wishes: Mapping[UUID, Wish],
    since: datetime,
    step: Step,
) -> int:
    """Let the municipalities of `keys` answer the open items of `wishes`' households; how many answers counted."""
    step.size(len(keys))
    turns = iter(keys.items())
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(_work(http, turns, wishes, since, step)) for _ in range(CONCURRENCY)]
    return sum(worker.result() for worker in workers)


async def _work(
    http: httpx.AsyncClient,
    turns: Iterator[tuple[str, str]],
    wishes: Mapping[UUID, Wish],
    since: datetime,
    step: Step,
) -> int:
    taken = 0
    for _ags, key in turns:
        answers = _answers(await _open_items(http, key, since), wishes)
        for first in range(0, len(answers), PAGE):
            body = {"answers": answers[first : first + PAGE]}
            results = (await send(http, "POST", "/inbox/v1/answers", key, json=body)).json()["results"]
            taken += sum(one["result"] == "taken" for one in results)
        step.advance(1)
    return taken


async def _open_items(http: httpx.AsyncClient, key: str, since: datetime) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"since": since.isoformat(), "limit": PAGE}
    while True:
        page = (await send(http, "GET", "/inbox/v1/assignments", key, params=asked)).json()
        items.extend(one for one in page["items"] if one["status"] == "open")
        if not page["more"]:
            return items
        asked = {**asked, "cursor": page["cursor"]}


def _answers(items: Sequence[Mapping[str, Any]], wishes: Mapping[UUID, Wish]) -> list[dict[str, Any]]:
    wished = ((one, wishes.get(UUID(one["household"]))) for one in items)
    return [
        {"household": one["household"], "item": one["item"], "answer": wish.answer, "reason": wish.reason}
        for one, wish in wished
        if wish is not None
    ]
