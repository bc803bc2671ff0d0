"""The promise: a household that arrives is cared for, everybody concerned is told, and the figures show it."""

from typing import Any
from uuid import UUID, uuid4

from chassis.access import Role
from contracts.topics import verdicts
from contracts.vocabulary import SubmissionKind
from e2e.world import CENTRE, HOUSEHOLDS, World, key_header, records_of, registration
from offers import a_person, an_identity, stated_facts
from stream import eventually, read_to_the_end

WEIGHT = 25
"""Units of the households that tests register: two persons without a need."""


async def test_a_household_by_http_gets_the_manager_who_serves_its_town(world: World) -> None:
    town, elsewhere = world.town(), world.town()
    near, _ = await world.manager(town), await world.manager(elsewhere)
    household = await world.registered(town)
    item = await world.item(town, household, "open")
    assert (item["municipality"], item["reason"]) == (town, "matched")
    assert item["facts"] == {
        "size": 2,
        "age_bands": {"5-11": 1, "18-59": 1},
        "languages": ["uk"],
        "skills_needed": [],
        "counselling_over_on": None,
    }
    assert await world.ask("matching", "select manager from care where household = $1", household) == near
    (mail,) = await world.mailed(town)
    assert f"{world.running.url}/inbox/households/{household}" in mail.get_content()
    assert (await world.answer(town, household, item["item"], "accepted")).is_success
    care = await world.care(household, "confirmed")
    assert (care["reason"], care["manager"]) == ("accepted", item["manager"])
    assert world.mails(elsewhere) == []


async def test_a_household_by_kafka_gets_a_manager_and_its_centre_a_verdict(world: World) -> None:
    town, reference = world.town(), f"k-{uuid4().hex[:10]}"
    near = await world.manager(town)
    form = registration(town)
    record = world.submission(reference, SubmissionKind.REGISTER, facts=form["facts"], identity=form["identity"])
    _, _, offset = await world.submit(record)
    await world.submit(record)
    (first, _) = await verdicts_on(world, reference, 2)
    await world.care(UUID(first["household"]), "proposed")
    await world.submit(world.submission(reference, SubmissionKind.WITHDRAW, facts={}))
    told = await verdicts_on(world, reference, 3)
    assert [one["outcome"] for one in told] == ["accepted", "duplicate", "withdrawn"]
    assert [one["revision"] for one in told] == [1, 2, 3]
    assert [one["offset_read"] - offset for one in told] == [0, 1, 2]
    household = UUID(told[0]["household"])
    care = await world.care(household, "ended")
    assert care["reason"] == "household_withdrawn"
    item = await world.item(town, household, "closed")
    assert await world.ask("matching", "select manager from assignment where household = $1", household) == near
    assert item["ended_at"] is not None


async def test_a_verdict_names_every_fault_by_its_field(world: World) -> None:
    reference = f"k-{uuid4().hex[:10]}"
    await world.submit(world.submission(reference, SubmissionKind.REGISTER, facts={"arrived_on": 7}))
    (told,) = await verdicts_on(world, reference, 1)
    assert told["outcome"] == "rejected"
    found = {(one["pointer"], one["code"]) for one in told["problems"]}
    assert {("/facts/arrived_on", "not_a_date"), ("/facts/legal_group", "missing")} <= found


async def test_a_declined_household_goes_to_somebody_else_and_never_back(world: World) -> None:
    town = world.town()
    both = {await world.manager(town), await world.manager(town)}
    household = await world.registered(town)
    first = await world.item(town, household, "open")
    assert (await world.answer(town, household, first["item"], "declined", reason="language")).is_success
    care = await world.care(household, "proposed")
    second = await eventually(lambda: other_item(world, town, household, first["item"]))
    assert second["manager"] != first["manager"]
    assert (await world.answer(town, household, second["item"], "declined", reason="overloaded")).is_success
    care = await world.care(household, "waiting")
    assert care["reason"] == "all_excluded"
    assert await asked(world, household) == both
    assert len(await world.mailed(town, 2)) == 2


async def test_a_decline_can_be_undone_while_nobody_else_has_the_household(world: World) -> None:
    town = world.town()
    await world.manager(town)
    household = await world.registered(town)
    item = await world.item(town, household, "open")
    await world.answer(town, household, item["item"], "declined", reason="other")
    await world.care(household, "waiting")
    undone = await world.answer(town, household, item["item"], "undone")
    assert undone.is_success, undone.text
    care = await world.care(household, "proposed")
    assert (care["reason"], care["manager"]) == ("decline_undone", item["manager"])


async def test_a_withdrawal_frees_capacity_and_the_first_in_line_gets_it(world: World) -> None:
    town = world.town()
    await world.manager(town, room=WEIGHT)
    served = await world.registered(town)
    await world.care(served, "proposed")
    first, second = await world.registered(town), await world.registered(town)
    for household in (first, second):
        assert (await world.care(household, "waiting"))["reason"] == "no_capacity"
    centre = await world.client(Role.CENTRE, CENTRE)
    gone = await centre.post(f"{HOUSEHOLDS}/{served}/withdrawal", headers=key_header())
    assert (gone.status_code, gone.json()["outcome"]) == (202, "withdrawn")
    assert (await world.care(first, "proposed"))["reason"] == "matched"
    assert (await world.care(served, "ended"))["reason"] == "household_withdrawn"
    assert (await world.care(second))["status"] == "waiting"


async def test_closing_frees_capacity_and_a_move_closes_what_was_begun(world: World) -> None:
    town, further = world.town(), world.town()
    await world.manager(town, room=WEIGHT)
    there = await world.manager(further)
    household = await world.registered(town)
    item = await world.item(town, household, "open")
    centre = await world.client(Role.CENTRE, CENTRE)
    moved = await centre.put(
        f"{HOUSEHOLDS}/{household}", json={"facts": stated_facts(municipality=further)}, headers=key_header()
    )
    assert (moved.status_code, moved.json()["outcome"]) == (202, "corrected")
    new = await world.item(further, household, "open")
    assert new["item"] > item["item"]
    assert await world.ask("matching", "select manager from care where household = $1", household) == there
    assert (await world.item(town, household, "closed"))["item"] == item["item"]
    other = await world.registered(town)
    item = await world.item(town, other, "open")
    await world.answer(town, other, item["item"], "accepted")
    await world.care(other, "confirmed")
    closed = await world.answer(town, other, item["item"], "closed", reason="moved_away")
    assert closed.is_success, closed.text
    assert (await world.care(other, "ended"))["reason"] == "closed"
    assert (await world.care(await world.registered(town), "proposed"))["reason"] == "matched"


async def test_a_correction_leaves_what_it_does_not_state(world: World) -> None:
    town = world.town()
    await world.manager(town)
    household = await world.registered(town)
    care = await world.care(household, "proposed")
    centre = await world.client(Role.CENTRE, CENTRE)
    alone = {"identity": an_identity(a_person())}
    corrected = await centre.put(f"{HOUSEHOLDS}/{household}", json=alone, headers=key_header())
    assert corrected.status_code == 202, corrected.text
    await world.sees("matching", "select weight = 15 from care where household = $1", household)
    now = await centre.get(f"{HOUSEHOLDS}/{household}")
    assert (now.json()["facts"]["size"], now.json()["facts"]["municipality"]) == (1, town)
    assert (await world.care(household, "proposed"))["manager"] == care["manager"]


async def test_the_figures_show_what_became_of_everybody(world: World) -> None:
    town = world.town()
    before = await figures(world, town[:5])
    await world.manager(town, room=WEIGHT)
    proposed = await world.registered(town)
    await world.care(proposed, "proposed")
    waiting = await world.registered(town)
    stays_away = await world.registered(town, facts=stated_facts(legal_group="obliged_to_leave"))
    withdrawn = await world.registered(town)
    centre = await world.client(Role.CENTRE, CENTRE)
    await centre.post(f"{HOUSEHOLDS}/{withdrawn}/withdrawal", headers=key_header())
    assert (await world.care(stays_away, "not_eligible"))["reason"] == "legal_group"
    await world.care(waiting, "waiting")

    async def counted() -> bool:
        now = await figures(world, town[:5])
        grown = {name: now["cohort"][name] - before["cohort"][name] for name in before["cohort"] if "_ms" not in name}
        return {name: number for name, number in grown.items() if number} == {
            "arrivals": 4,
            "persons": 8,
            "eligible": 2,
            "assigned": 1,
            "waiting": 1,
            "not_eligible": 1,
            "withdrawn": 1,
        } and now["coverage"]["served"] == before["coverage"]["served"] + 1

    await eventually(counted)
    reasons = {(one["status"], one["reason"]) for one in (await figures(world, town[:5]))["reasons"]}
    assert {("waiting", "no_capacity"), ("not_eligible", "legal_group")} <= reasons
    state = await world.client(Role.STATE, "08")
    page = await state.get("/reports/", params={"district": town[:5]}, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def figures(world: World, district: str) -> dict[str, Any]:
    state = await world.client(Role.STATE, "08")
    answer = await state.get("/reports/v1/figures", params={"district": district})
    assert answer.is_success, answer.text
    return dict(answer.json())


async def verdicts_on(world: World, reference: str, number: int) -> list[dict[str, Any]]:
    """The verdicts on a reference, once there are so many."""
    topic = verdicts(CENTRE)

    async def told() -> list[dict[str, Any]] | None:
        records = records_of(await read_to_the_end(world.bootstrap, topic.name), reference)
        states = [topic.schema.model_validate_json(record.value).model_dump(mode="json") for record in records]
        return states if len(states) >= number else None

    return list(await eventually(told))


async def other_item(world: World, town: str, household: UUID, than: int) -> dict[str, Any] | None:
    item = await world.item(town, household)
    return item if item["item"] != than else None


async def asked(world: World, household: UUID) -> set[UUID]:
    """Every manager who ever had the household."""
    rows = await world.ask("matching", "select array_agg(manager) from assignment where household = $1", household)
    assert len(set(rows)) == len(rows), "a manager was asked twice"
    return set(rows)
