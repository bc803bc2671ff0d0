"""One household all the way, by what people see and click."""

from uuid import uuid4

from playwright.async_api import Locator, Page, expect

from browser.looks import faults_of
from browser.people import People, turns_up
from chassis.access import STATE_WIDE, Role
from e2e.world import CENTRE, World

ARRIVED = "2022-03-14"


async def test_a_household_is_registered_allotted_accepted_and_followed(people: People, world: World) -> None:
    town, elsewhere, reference = world.town(), world.town(), f"KA-{uuid4().hex[:8]}"
    manager = await world.manager(town)
    async with people.person(Role.CENTRE, CENTRE) as centre:
        await open_from_menu(centre, "Register a household")
        await fill_in(centre, reference, district=town[:5])
        await centre.get_by_role("button", name="Save").click()
        await expect(centre.get_by_role("heading", name=reference)).to_be_visible()
        await expect(notice(centre)).to_have_text("The household is registered.")

        async with people.person(Role.DISTRICT, town[:5]) as district:
            await open_from_menu(district, "Allotment")
            await district.get_by_label(f"Municipality for {reference}").select_option(town)
            await district.get_by_role("button", name=f"Confirm {reference}").click()
            await expect(notice(district)).to_have_text("Households allotted: 1.")

        async with people.person(Role.MUNICIPALITY, town) as municipality:
            await open_from_menu(municipality, "Inbox")
            proposal = municipality.get_by_role("table").get_by_role("link")
            await turns_up(municipality, proposal)
            await proposal.click()
            await municipality.get_by_role("button", name="Accept").click()
            await expect(municipality.get_by_role("definition").filter(has_text="Accepted")).to_be_visible()
            address = municipality.url
            await turns_up(centre, centre.get_by_role("main").get_by_text("In care", exact=True))
            await municipality.get_by_role("link", name="Show names").click()
            await expect(municipality.get_by_text("Oksana Melnyk")).to_be_visible()
            assert await faults_of(municipality, "en") == []
            await municipality.goto("/inbox/?status=accepted")
            await municipality.get_by_role("link", name="Show the names on this page").click()
            await expect(municipality.get_by_role("table").get_by_text("Oksana Melnyk, Danylo Melnyk")).to_be_visible()

        async with people.person(Role.MANAGER, str(manager)) as caring:
            await open_from_menu(caring, "Inbox")
            await caring.get_by_label("Status").select_option("accepted")
            await caring.get_by_role("table").get_by_role("link").click()
            await caring.get_by_role("button", name="Family contacted").click()
            await expect(caring.get_by_role("list").get_by_text("Family contacted")).to_be_visible()

        await turns_up(centre, centre.get_by_role("list").get_by_text("First contact"))
        await expect(centre.get_by_text("Danylo Melnyk")).to_be_visible()

    async with people.person(Role.AUDITOR, STATE_WIDE) as auditor:
        await open_from_menu(auditor, "Trail: reception")
        await auditor.get_by_label("Concerning").fill(address.rpartition("/")[2])
        for who, did in (("Reception centre", "Household registered"), ("District", "Household allotted")):
            await expect(entry(auditor, who, did)).to_have_count(1)
        await expect(entry(auditor, "Municipality", "Names read")).to_have_count(2)

    async with people.person(Role.MUNICIPALITY, elsewhere, expected={404}) as stranger:
        await stranger.goto(address)
        await expect(stranger.get_by_role("heading", level=1)).to_have_text("Not found")


def notice(page: Page) -> Locator:
    return page.locator("#notices").get_by_role("status")


def entry(page: Page, who: str, did: str) -> Locator:
    return page.get_by_role("row").filter(has_text=who).filter(has_text=did)


async def open_from_menu(page: Page, name: str) -> None:
    await page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


async def fill_in(page: Page, reference: str, *, district: str) -> None:
    """Two persons whose municipality is not known yet."""
    await page.get_by_label("Reference").fill(reference)
    await page.get_by_label("Day of arrival").fill(ARRIVED)
    await page.get_by_label("District").select_option(district)
    await page.get_by_label("Accommodation").select_option("private")
    await page.get_by_label("Legal group").select_option("displaced_ukrainian")
    await page.get_by_label("Language 1").select_option("uk")
    await page.get_by_role("button", name="Add a person").click()
    for number, given, born in ((1, "Oksana", "1988-05-02"), (2, "Danylo", "2015-11-30")):
        person = page.get_by_role("group", name=f"Person {number}")
        await person.get_by_label("Given name").fill(given)
        await person.get_by_label("Family name").fill("Melnyk")
        await person.get_by_label("Birth date").fill(born)
        await person.get_by_label("Nationality").select_option("UA")
