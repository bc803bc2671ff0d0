"""What a municipality does works where no script runs."""

from playwright.async_api import expect

from browser.people import PASSWORD, People, sign_in, turns_up
from chassis.access import Role
from e2e.world import World


async def test_a_municipality_signs_in_answers_and_reads_names(people: People, world: World) -> None:
    town = world.town()
    await world.manager(town)
    household = await world.registered(town)
    await world.item(town, household, "open")
    name = await people.account(Role.MUNICIPALITY, town)
    async with people.tab(scripts=False) as page:
        await page.goto("/")
        await sign_in(page, name)
        await page.get_by_role("navigation").get_by_role("link", name="Inbox", exact=True).click()
        await page.get_by_role("table").get_by_role("link").click()
        await page.get_by_role("link", name="Decline …").click()
        await page.get_by_label("Reason").select_option("other")
        await page.get_by_role("link", name="Cancel").click()
        await page.get_by_role("button", name="Accept").click()
        await world.care(household, "confirmed")
        await page.get_by_role("link", name="Show names").click()
        await turns_up(page, page.get_by_text("Oksana Melnyk"))
        await page.get_by_role("navigation").get_by_role("link", name="Inbox", exact=True).click()
        await expect(page.get_by_text("Nothing to answer")).to_be_visible()
        await page.get_by_label("Status").select_option("accepted")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_role("table").get_by_role("link")).to_have_count(1)


async def test_somebody_changes_her_password(people: People, world: World) -> None:
    name = await people.account(Role.MUNICIPALITY, world.town())
    async with people.tab(scripts=False, expected={422}) as page:
        await page.goto("/")
        await sign_in(page, name)
        await page.get_by_role("banner").get_by_title("Change password").click()
        for present, answer in (
            ("wrong horse battery", "This is not your present"),
            (PASSWORD, "Your password is changed"),
        ):
            await page.get_by_label("Present password").fill(present)
            for label in ("New password", "New password once more"):
                await page.get_by_label(label, exact=True).fill("another horse battery")
            await page.get_by_role("button", name="Change password").click()
            await expect(page.get_by_text(answer)).to_be_visible()
