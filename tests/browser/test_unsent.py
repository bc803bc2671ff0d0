"""A form that took long to fill in is not lost by one click beside it."""

import asyncio
from uuid import uuid4

from playwright.async_api import Dialog, Page, Route, expect

from browser.people import People
from browser.test_way_of_a_household import fill_in, notice
from chassis.access import Role
from e2e.world import CENTRE, World


async def test_who_leaves_a_filled_form_is_asked_first(people: People, world: World) -> None:
    reference = f"KA-{uuid4().hex[:8]}"
    async with people.person(Role.CENTRE, CENTRE) as page:
        asked = answering(page, leave=False)
        await page.goto("/intake/new")
        await fill_in(page, reference, district=world.town()[:5])
        await page.get_by_role("button", name="Deutsch").click()
        await expect(page.get_by_label("Reference")).to_have_value(reference)
        assert asked == ["beforeunload"]
        await page.get_by_role("button", name="Save").click()
        await expect(notice(page)).to_have_text("The household is registered.")
        assert asked == ["beforeunload"]


async def test_who_has_filled_in_nothing_is_not_asked(people: People) -> None:
    async with people.person(Role.CENTRE, CENTRE) as page:
        asked = answering(page, leave=True)
        await page.goto("/intake/new")
        await page.get_by_label("Reference").click()
        await page.get_by_role("link", name="Cancel").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Households")
        assert asked == []


async def test_nothing_can_be_typed_where_an_answer_on_its_way_would_replace_it(people: People) -> None:
    may_answer = asyncio.Event()

    async def slow(route: Route) -> None:
        await may_answer.wait()
        await route.continue_()

    async with people.person(Role.CENTRE, CENTRE) as page:
        await page.goto("/intake/new")
        await page.get_by_label("Given name").fill("Oksana")
        await page.route("**/intake/new", slow)
        await page.get_by_role("button", name="Add a person").click()
        await expect(page.get_by_label("Given name")).to_be_disabled()
        await expect(page.get_by_role("button", name="Save")).to_be_disabled()
        await page.get_by_label("Reference").press("Enter")
        may_answer.set()
        first, second = page.get_by_role("group", name="Person 1"), page.get_by_role("group", name="Person 2")
        await expect(second.get_by_label("Given name")).to_be_focused()
        await expect(first.get_by_label("Given name")).to_have_value("Oksana")
        await first.get_by_role("button", name="Remove person 1").click()
        await expect(page.get_by_role("button", name="Add a person")).to_be_focused()


def answering(page: Page, *, leave: bool) -> list[str]:
    """The kinds of what the browser asks on this page, each answered so."""
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await (dialog.accept() if leave else dialog.dismiss())

    page.on("dialog", answer)
    return asked
