"""Every page that somebody comes to, in both languages: whole, legible, and open to everybody."""

from collections import deque
from collections.abc import Iterable
from uuid import uuid4

import pytest
from playwright.async_api import Page

from browser.looks import faults_of
from browser.people import People
from browser.routes import OVERVIEW, pages_of, route_of
from browser.scene import Scene
from chassis.access import Permission, Role, permissions_of

LINKS = "links => links.map(link => link.origin + link.pathname + link.search)"
NOT_LINKED = {
    # The centre's own page of a household has the names.
    (Role.CENTRE, "/intake/households/{household}/card"),
    (Role.CENTRE, "/intake/names"),
    # The roster is the state's; a district edits absences.
    (Role.DISTRICT, "/matching/roster/import"),
}
languages = pytest.mark.parametrize("language", ["de", "en"])


@languages
@pytest.mark.parametrize("role", list(Role))
async def test_every_page_that_a_role_may_see_is_sound(people: People, scene: Scene, role: Role, language: str) -> None:
    async with people.person(role, scene.tenants[role], language=language) as page:
        reached, faults = await walk(page, language, begins(scene, role))
        assert not faults, "\n".join(faults)
    assert {page for page in pages_of(role) - reached if (role, page) not in NOT_LINKED} == set()


@languages
async def test_who_is_not_signed_in_or_lost_sees_a_sound_page(people: People, scene: Scene, language: str) -> None:
    async with people.tab(language=language, expected={404}) as page:
        _, faults = await walk(page, language, ["/login", "/nowhere"])
    async with people.person(Role.MUNICIPALITY, scene.town, language=language, expected={403, 404}) as page:
        for path in (f"/inbox/households/{uuid4()}", "/intake/new"):
            await page.goto(path)
            faults += await faults_of(page, language)
        assert not faults, "\n".join(faults)


def begins(scene: Scene, role: Role) -> list[str]:
    """The overview; what a mail leads to, whatever has become of it; and what forms do."""
    may, begins = permissions_of(role), [OVERVIEW]
    if Permission.READ_INBOX in may:
        begins += [f"/inbox/households/{one}" for one in (scene.accepted, scene.opened, scene.declined)]
    if Permission.READ_CASES in may:
        begins.append("/matching/households?q=nobody")
    if Permission.OVERRIDE_DECISIONS in may:
        begins.append(f"/matching/households/{scene.opened}/apart?apart={scene.tenants[Role.MANAGER]}")
    return begins


async def walk(page: Page, language: str, begins: Iterable[str]) -> tuple[set[str], list[str]]:
    """Look at one page of each kind that links lead to; which kinds there are, and all that is wrong."""
    to_see = deque(begins)
    reached, asked = {route_of(url)[0] for url in to_see}, set[str]()
    faults: list[str] = []
    while to_see:
        url = to_see.popleft()
        await page.goto(url)
        asked.add(page.url)
        faults += await faults_of(page, language)
        for route, link in (await links_of(page)).items():
            is_page = route_of(link)[1]
            if is_page and route not in reached:
                to_see.append(link)
            elif link not in asked:
                answer = await page.context.request.get(link)
                faults += [] if answer.ok else [f"{page.url} leads to {answer.status} at {link}"]
            reached.add(route)
            asked.add(link)
    return reached, faults


async def links_of(page: Page) -> dict[str, str]:
    """One link of this page to each kind of page of this site."""
    site = await page.evaluate("location.origin")
    links = await page.eval_on_selector_all("a[href]", LINKS)
    return {route_of(link)[0]: link for link in reversed(links) if link.startswith(f"{site}/")}
