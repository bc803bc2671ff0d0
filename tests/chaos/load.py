"""Centres and municipalities who go on whatever happens, and keep every request with its answer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import IO, Any
from uuid import UUID

import httpx
import orjson
from aiokafka.errors import KafkaError

from chassis.access import Role
from contracts.vocabulary import SubmissionKind
from e2e.world import CENTRE, HOUSEHOLDS, World, key_header, registration
from geleit.audit.journal import Journal
from offers import stated_facts

FEEDERS = 3


class Load:
    """What they ask for until `stop`, and what they were promised: `journal`, and every request in a file.

    Beside that file `journal-…` has what they were promised as `geleit audit --journal` reads it, whenever we die.
    """

    def __init__(self, world: World, journal: Journal, towns: list[str], stop: asyncio.Event, book: Path) -> None:
        self.journal = journal
        self.answered: Counter[int] = Counter()
        """By status; 0 is no answer at all."""
        self.begins = asyncio.Event()
        """Cleared while nobody is to ask for anything."""
        self.begins.set()
        self._world = world
        self._towns = towns
        self._stop = stop
        self._book: IO[bytes] = book.open("ab")
        self._promises: IO[bytes] = book.with_name(f"journal-{book.name}").open("wb", buffering=0)

    async def prepare(self) -> None:
        """Give everybody a key, before anything is broken."""
        await self._world.client(Role.CENTRE, CENTRE)
        for town in self._towns:
            await self._world.client(Role.MUNICIPALITY, town)

    async def run(self, seed: int) -> None:
        """All of them, each with its own chance, once they are prepared."""
        try:
            async with asyncio.TaskGroup() as group:
                for feeder in range(FEEDERS):
                    group.create_task(self.by_http(Random(seed + feeder)))
                group.create_task(self.by_kafka(Random(seed + FEEDERS)))
                for town in self._towns:
                    group.create_task(self.answers(town, Random(seed + int(town))))
        finally:
            self._book.close()
            self._promises.close()

    async def by_http(self, chance: Random) -> None:
        """Register, and sometimes correct or end; each request is repeated until it is answered."""
        centre = await self._world.client(Role.CENTRE, CENTRE)
        while not self._stop.is_set():
            await self.begins.wait()
            form = registration(chance.choice(self._towns))
            answer = await self._until_answered(centre, "POST", HOUSEHOLDS, form)
            if answer is None:
                return
            assert answer.status_code in {200, 202}, answer.text
            household = UUID(answer.json()["id"])
            self.journal.taken.add((form["reference"], household))
            self._promised(reference=form["reference"], household=household)
            match chance.randrange(8):
                case 0:
                    way = chance.choice(("withdrawal", "departure"))
                    await self._revise(centre, "POST", f"{HOUSEHOLDS}/{household}/{way}", {})
                case 1:
                    facts = stated_facts(municipality=chance.choice(self._towns), languages=["ru"])
                    await self._revise(centre, "PUT", f"{HOUSEHOLDS}/{household}", {"facts": facts})
            await _breath()

    async def by_kafka(self, chance: Random) -> None:
        """Submit, some of it twice, some of it wrong."""
        while not self._stop.is_set():
            await self.begins.wait()
            form = registration(chance.choice(self._towns))
            facts = form["facts"] if chance.randrange(10) else {"arrived_on": 7}
            record = self._world.submission(
                form["reference"], SubmissionKind.REGISTER, facts=facts, identity=form["identity"]
            )
            for _ in range(1 if chance.randrange(10) else 2):
                try:
                    place = await self._world.submit(record)
                except KafkaError:
                    self._note("submit", record.reference, None)
                    continue
                self.journal.submitted.append(place)
                self._promised(topic=place[0], partition=place[1], offset=place[2])
                self._note("submit", record.reference, place)
            await _breath()

    async def answers(self, town: str, chance: Random) -> None:
        """A municipality's program: follow the changes, and answer one of the items that want it after the other."""
        program = await self._world.client(Role.MUNICIPALITY, town)
        cursor: str | None = None
        current: dict[str, dict[str, Any]] = {}
        while not self._stop.is_set():
            await self.begins.wait()
            try:
                page = await program.get("/inbox/v1/assignments", params={"cursor": cursor} if cursor else {})
                if page.is_success:
                    cursor = page.json()["cursor"]
                    current |= {item["household"]: item for item in page.json()["items"]}
                wanted = [item for item in current.values() if item["status"] in {"open", "accepted"}]
                if wanted:
                    await self._answer(town, chance.choice(wanted), chance)
            except httpx.TransportError:
                pass
            await _breath(0.2)

    async def _answer(self, town: str, item: Mapping[str, Any], chance: Random) -> None:
        household, number = UUID(item["household"]), item["item"]
        match item["status"], chance.randrange(3):
            case "open", 0:
                given, reason = "declined", {"reason": "other"}
            case "open", _:
                given, reason = "accepted", {}
            case _:
                given, reason = "closed", {"reason": "no_contact"}
        try:
            answer = await self._world.answer(town, household, number, given, **reason)
        except httpx.TransportError:
            self._note("answer", household, number, given, None)
            return
        self.answered[answer.status_code] += 1
        if answer.is_success:
            self.journal.answer(household, number, given)
            self._promised(household=household, item=number, answer=given)
        self._note("answer", household, number, given, answer.status_code)

    async def _revise(self, centre: httpx.AsyncClient, method: str, path: str, body: dict[str, object]) -> None:
        answer = await self._until_answered(centre, method, path, body)
        if answer is not None and answer.is_success:
            told = answer.json()
            self.journal.revise(UUID(told["id"]), told["revision"])
            self._promised(household=told["id"], revision=told["revision"])

    async def _until_answered(
        self, client: httpx.AsyncClient, method: str, path: str, body: dict[str, object]
    ) -> httpx.Response | None:
        """The answer that counts; None if there was none when the load ended."""
        key = key_header()
        while True:
            try:
                answer = await client.request(method, path, json=body, headers=key)
                self.answered[answer.status_code] += 1
                self._note(f"{method} {path}", key, answer.status_code, answer.text if answer.is_success else None)
                if answer.status_code < 500:
                    return answer
            except httpx.TransportError:
                self.answered[0] += 1
                self._note(f"{method} {path}", key, None)
            if self._stop.is_set():
                return None
            await _breath()

    def _promised(self, **told: object) -> None:
        self._promises.write(orjson.dumps(told) + b"\n")

    def _note(self, *told: object) -> None:
        self._book.write(orjson.dumps(told, default=str) + b"\n")


async def _breath(seconds: float = 0.05) -> None:
    # The pace of a load, not a wait for something.
    await asyncio.sleep(seconds)
