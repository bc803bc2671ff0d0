"""Everything can be done without a mouse, and whoever does it sees where they are."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

from browser.looks import faults_of
from browser.people import PASSWORD, People
from browser.scene import Scene
from chassis.access import Role
from e2e.world import CENTRE, World

MOST_STOPS = 200
AROUND = """() => {
    const at = document.activeElement;
    at.scrollIntoView({block: "center", behavior: "instant"});
    const box = at.getBoundingClientRect();
    const [left, top] = [Math.max(0, box.left - MARGIN), Math.max(0, box.top - MARGIN)];
    const [right, bottom] = [Math.min(innerWidth, box.right + MARGIN), Math.min(innerHeight, box.bottom + MARGIN)];
    return {x: left, y: top, width: right - left, height: bottom - top};
}""".replace("MARGIN", "8")


async def test_the_first_stop_skips_to_the_content(people: People, scene: Scene) -> None:
    async with people.person(Role.MUNICIPALITY, scene.town) as page:
        await page.goto("/inbox/")
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("main")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_label("Status")).to_be_focused()


@pytest.mark.parametrize("role", [Role.CENTRE, Role.DISTRICT, Role.MUNICIPALITY])
async def test_whatever_has_the_focus_looks_like_it(people: People, scene: Scene, role: Role) -> None:
    pages = {
        Role.CENTRE: "/intake/new",
        Role.DISTRICT: f"/matching/households/{scene.opened}",
        Role.MUNICIPALITY: f"/inbox/households/{scene.opened}",
    }
    async with people.person(role, scene.tenants[role]) as page:
        await page.goto(pages[role])
        seen = [(name, is_seen) async for name, is_seen in stops(page)]
    assert len(seen) > 10
    assert [name for name, is_seen in seen if not is_seen] == []


async def test_who_forgets_something_is_told_at_its_field_and_goes_on(people: People) -> None:
    async with people.person(Role.CENTRE, CENTRE, expected={422}) as page:
        await page.goto("/intake/new")
        await tab_to(page, page.get_by_label("Reference"))
        reference = f"KA-{uuid4().hex[:8]}"
        await page.keyboard.type(reference)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").first).to_contain_text("Please check your entries.")
        assert await faults_of(page, "en") == []
        for label, keys in (
            ("Day of arrival", "14032022"),
            ("Accommodation", "Private"),
            ("Legal group", "Displaced"),
            ("Given name", "Oksana"),
            ("Family name", "Melnyk"),
            ("Birth date", "02051988"),
            ("Nationality", "Ukraine"),
        ):
            await tab_to(page, page.get_by_label(label))
            await page.keyboard.type(keys)
        await tab_to(page, page.get_by_label("Telephone"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(reference)


async def test_who_signs_in_by_keyboard_can_look_at_a_decline_and_leave_it(people: People, world: World) -> None:
    town = world.town()
    await world.manager(town)
    household = await world.registered(town)
    await world.item(town, household, "open")
    name = await people.account(Role.MUNICIPALITY, town)
    async with people.tab() as page:
        await page.goto(f"/login?next=/inbox/households/{household}")
        await expect(page.get_by_label("User name")).to_be_focused()
        await page.keyboard.type(name)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await tab_to(page, page.get_by_role("link", name="Decline"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Reason")).to_be_focused()
        await tab_to(page, page.get_by_role("link", name="Cancel"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Accept")).to_be_visible()
    assert (await world.item(town, household))["status"] == "open"


async def stops(page: Page) -> AsyncIterator[tuple[str, bool]]:
    """Each place that Tab comes to, and whether it looks otherwise than without the focus."""
    before = await page.evaluate_handle("document.body")
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        here = await page.evaluate_handle("document.activeElement")
        if await here.evaluate("here => here === document.body"):
            return
        # A date has a stop for its day, its month and its year.
        if not await here.evaluate("(here, before) => here === before", before):
            box = await page.evaluate(AROUND)
            focused = await page.screenshot(clip=box, animations="disabled")
            # Tab goes on from here all the same.
            await here.evaluate("here => here.blur()")
            bare = await page.screenshot(clip=box, animations="disabled")
            yield await here.evaluate("here => here.outerHTML.slice(0, 200)"), focused != bare
        before = here
    raise AssertionError("Tab comes to no end")


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until this has the focus."""
    for _ in range(MOST_STOPS):
        if await wanted.evaluate("one => one === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {wanted}")
