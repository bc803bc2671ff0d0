"""Something to see on every page: cases in every state, a handover, parked records, a mail that nobody takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from chassis.access import STATE_WIDE, Role
from contracts.topics import submissions
from e2e.world import CENTRE, World
from offers import stated_facts

A_CASE = 25
"""Units of each household here."""


@dataclass(frozen=True)
class Scene:
    """A municipality with two managers and all that can become of a household there."""

    town: str
    tenants: Mapping[Role, str]
    """Of the one person in each role; the manager is the one who has, or had, all three households."""
    opened: UUID
    """Its proposal waits for an answer."""
    accepted: UUID
    """A plan to hand it over waits for somebody who confirms it."""
    declined: UUID
    """Waits for a manager again."""


async def set_up(world: World) -> Scene:
    """All of it has arrived wherever it is shown."""
    town, beyond = world.town(), world.town()
    manager = await world.manager(town, room=3 * A_CASE)
    opened, accepted, declined = [await world.registered(town) for _ in range(3)]
    items = {one: (await world.item(town, one, "open"))["item"] for one in (opened, accepted, declined)}
    await world.answer(town, accepted, items[accepted], "accepted")
    await world.care(accepted, "confirmed")
    await world.manager(town, room=A_CASE)
    district = await world.client(Role.DISTRICT, town[:5])
    planned = await district.post(f"/matching/households/{accepted}/handover")
    assert planned.is_redirect, planned.text
    for household in [await world.registered(town) for _ in range(3)]:
        await world.care(household, "proposed", "waiting")
    await world.answer(town, declined, items[declined], "declined", reason="language")
    await world.item(town, declined, "declined")
    await world.care(declined, "waiting")
    await _to_be_allotted(world, town[:5])
    await _not_mailed(world, beyond)
    await _parked(world)
    tenants = dict.fromkeys(Role, STATE_WIDE)
    tenants |= {Role.CENTRE: CENTRE, Role.MUNICIPALITY: town, Role.MANAGER: str(manager), Role.DISTRICT: town[:5]}
    return Scene(town, tenants, opened, accepted, declined)


async def _to_be_allotted(world: World, district: str) -> None:
    await world.registered(None, facts=stated_facts(district=district))
    await world.registered(None, facts=stated_facts(legal_group="obliged_to_leave", district=district))


async def _not_mailed(world: World, town: str) -> None:
    await world.manager(town)
    world.gate.refusal = 550
    world.gate.drop()
    try:
        household = await world.registered(town)
        failed = "select exists (select from message where household = $1 and failed_at is not null)"
        await world.sees("notifications", failed, household)
    finally:
        world.gate.refusal = None


async def _parked(world: World) -> None:
    """A record of a later release for each service."""
    for service, topic, kind in (
        ("intake", submissions(CENTRE).name, "submission"),
        ("matching", "households", "household"),
        ("notifications", "assignments", "assignment"),
    ):
        await world.send(topic, "k", b"{}", [("ce_type", f"geleit.{kind}.v99".encode())])
        await world.sees(service, "select exists (select from parked)")
    await world.sees("reporting", "select exists (select from parked)")
