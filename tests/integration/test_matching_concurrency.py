"""Two workers at once: no deadlock, nobody beyond capacity, no household passed over, the chain whole."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

from builders import NOW, REUTLINGEN, STUTTGART, TUEBINGEN, a_household, a_record, a_response
from chassis.database import TRANSIENT, Database
from contracts.assignments import Care
from contracts.households import Household
from contracts.record import State
from contracts.responses import Response
from contracts.vocabulary import Answer, AnswerReason, CareStatus, HouseholdStatus
from matching import handlers
from matching.receipts import Receipt, broken_at, recompute, statement_of
from matching_stage import Stage

TOWNS = (TUEBINGEN, REUTLINGEN, STUTTGART)


async def work(database: Database, batches: list[list[State]], deadlocks: list[str]) -> None:
    """Apply batches as the consumer does: one transaction each, again after an error that may pass."""
    for batch in batches:
        while True:
            try:
                async with database.transaction() as tx:
                    records: list[Any] = [a_record(one) for one in batch]
                    on = handlers.on_households if isinstance(batch[0], Household) else handlers.on_responses
                    await tx.publish(await on(records, tx))
            except TRANSIENT as error:
                deadlocks.append(type(error).__name__)
            else:
                break


async def test_two_workers_share_three_towns(stage: Stage, database: Any) -> None:
    random = Random(7)
    await stage.roster(*(f"M{n};N;P;0,5;{' '.join(random.sample(TOWNS, 2))};uk" for n in range(12)))
    workers = [stage.database, await database("matching", clock=stage.clock)]
    arrivals = [
        a_household(
            municipality=random.choice(TOWNS), size=random.randint(1, 6), registered_at=NOW + timedelta(seconds=n)
        )
        for n in range(600)
    ]
    deadlocks: list[str] = []
    shares: list[list[list[State]]] = [[], []]
    for number, start in enumerate(range(0, 600, 30)):
        # Both workers get some batches twice, as after a rebalance.
        shares[number % 2].append(list(arrivals[start : start + 30]))
        if number % 3 == 0:
            shares[1 - number % 2].append(list(arrivals[start : start + 30]))
    await asyncio.gather(*(work(one, share, deadlocks) for one, share in zip(workers, shares, strict=True)))
    cares = {one.household: one for one in await newest(stage)}
    answers, departures = [], []
    for number, care in enumerate(sorted(cares.values(), key=lambda one: str(one.household))):
        if care.status is CareStatus.PROPOSED and number % 2:
            answers.append(a_response(care, Answer.DECLINED, reason=AnswerReason.OTHER))
        elif number % 3 == 0:
            departures.append(a_household(id=care.household, revision=2, status=HouseholdStatus.DEPARTED))
    await asyncio.gather(
        work(workers[0], [list(answers[at : at + 20]) for at in range(0, len(answers), 20)], deadlocks),
        work(workers[1], [list(departures[at : at + 20]) for at in range(0, len(departures), 20)], deadlocks),
    )
    await stage.pass_time()
    assert deadlocks == []
    assert await stage.rows("select from manager where load > capacity or tolerated > 0") == []
    assert len(await stage.rows("select from care")) == 600
    passed_over = await stage.rows(
        "select from care c where status = 'waiting' and exists (select from manager m where c.municipality ="
        " any(m.service_area) and m.load + c.needs <= m.capacity and not exists (select from exclusion e"
        " where e.household = c.household and e.manager = m.id))"
    )
    assert passed_over == []
    await assert_chains_hold(stage)
    stage.cares.clear()


async def newest(stage: Stage) -> list[Care]:
    """The last state of each care on the outbox; revisions without a gap."""
    rows = await stage.rows("select payload from outbox where topic = 'assignments' order by id")
    last: dict[str, Care] = {}
    for row in rows:
        care = Care.model_validate_json(row["payload"])
        assert care.revision == (last[care.key].revision + 1 if care.key in last else 1)
        last[care.key] = care
    return list(last.values())


async def assert_chains_hold(stage: Stage) -> None:
    """Every district's chain verifies, and every receipt leads to the choice it states."""
    chains: dict[str, list[Receipt]] = {}
    for row in await stage.rows("select * from decision order by district, position"):
        receipt = Receipt(row["district"], row["position"], row["hash"], row["receipt"])
        chains.setdefault(receipt.district, []).append(receipt)
        stated = statement_of(receipt.content)
        choice = recompute(stated)
        chosen = str(choice.manager) if choice.manager else None
        assert (choice.status, choice.reason, chosen) == (stated["status"], stated["reason"], stated["chosen"])
    assert len(chains) == 3
    assert {district: broken_at(chain) for district, chain in chains.items()} == dict.fromkeys(chains)


async def test_a_late_arrival_and_a_new_roster_meet(stage: Stage, database: Any) -> None:
    """Who arrives while a roster is imported is served by it, whichever commits first."""
    other = await database("matching", clock=stage.clock)
    for number in range(8):
        arrival = a_household(registered_at=NOW + timedelta(seconds=number))
        await asyncio.gather(
            work(other, [[arrival]], []),
            stage.roster(*(f"M{n};N;P;0,25;{TUEBINGEN};uk" for n in range(number + 1))),
        )
        await stage.pass_time()
        (row,) = await stage.rows("select status from care where household = $1", arrival.id)
        assert row["status"] == "proposed"


async def test_answers_of_the_same_household_from_two_workers_are_applied_once(stage: Stage, database: Any) -> None:
    await stage.roster(f"A;Anna;P;1;{TUEBINGEN};uk", f"B;Berta;P;1;{TUEBINGEN}")
    care = await stage.arrive()
    decline: Response = a_response(care, Answer.DECLINED, reason=AnswerReason.OTHER)
    other = await database("matching", clock=stage.clock)
    await asyncio.gather(work(stage.database, [[decline]], []), work(other, [[decline]], []))
    (last,) = await newest(stage)
    assert last.assignee is not None
    assert (last.revision, last.assignee.code) == (2, "B")
