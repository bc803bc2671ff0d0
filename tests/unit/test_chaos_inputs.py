"""What `make chaos` sends wrong is made anew each time, and reaches what it is about."""

import json
from copy import deepcopy
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx

from chaos import inputs
from chaos.inputs import ODD, mutated
from contracts.submissions import Submission
from contracts.vocabulary import SubmissionKind
from e2e.world import HOUSEHOLDS, registration


def test_no_mutation_is_left_in_the_next_one() -> None:
    before = deepcopy(ODD[8:])
    for seed in range(3000):
        mutated(registration(None), Random(seed))
    assert ODD[8:] == before


def test_submissions_are_of_every_kind_and_mostly_of_a_reference_that_was_sent() -> None:
    def submission(reference: str, kind: SubmissionKind, **_: object) -> Submission:
        kinds[kind].append(reference)
        return Submission(reference=reference, kind=kind)

    kinds: dict[SubmissionKind, list[str]] = {kind: [] for kind in SubmissionKind}
    world: Any = SimpleNamespace(submission=submission)
    references: list[str] = []
    chance = Random(1)
    for _ in range(500):
        inputs._record(world, references, chance)
    for kind in set(SubmissionKind) - {SubmissionKind.REGISTER}:
        assert len(kinds[kind]) > 20
        assert set(kinds[kind]) <= set(references)


async def test_requests_are_about_households_and_items_that_are_there() -> None:
    def shown(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [{"item": 17}]})

    known = [uuid4() for _ in range(3)]
    paths = {f"{HOUSEHOLDS}/{one}" for one in known} | {f"/inbox/v1/assignments/{one}/answers" for one in known}
    chance, asked = Random(1), []
    async with httpx.AsyncClient(transport=httpx.MockTransport(shown), base_url="http://geleit.example") as client:
        for _ in range(1000):
            asked.append(await inputs._request(client, client, "08416041", known, chance))
    assert {path for _, _, path, _ in asked} > paths
    answers = [body for _, _, path, body in asked if path.endswith("/answers")]
    assert sum(b'"item": 17' in body for body in answers) > len(answers) / 2
    assert json.dumps({"item": 17, "answer": "accepted"}).encode() in answers
