"""What a form answers is a page as well, though no link leads to it: what a file would do, and what is wrong."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from playwright.async_api import Page

from browser.looks import faults_of
from browser.people import People
from browser.scene import Scene
from browser.test_pages import languages
from chassis.access import STATE_WIDE, Role
from intake import sheet as households
from matching.roster import sheet as roster

Act = Callable[[Page], Awaitable[None]]


def sends(button: str = "main form .kern-btn--primary") -> Act:
    async def send(page: Page) -> None:
        async with page.expect_navigation():
            await page.locator(button).first.click()

    return send


def types(**fields: str) -> Act:
    async def type_in(page: Page) -> None:
        for name, value in fields.items():
            await page.locator(f"main [name='{name}']").fill(value)

    return type_in


def chooses(*lines: str) -> Act:
    async def choose(page: Page) -> None:
        content = "\n".join(lines).encode()
        await page.locator("main [type=file]").set_input_files(
            {"name": "file.csv", "mimeType": "text/csv", "buffer": content}
        )
        await sends("main form:has([type=file]) button")(page)

    return choose


def a_household(reference: str, born: str) -> str:
    cells = {
        "reference": reference,
        "given_name": "Olena",
        "family_name": "Koval",
        "birth_date": born,
        "nationality": "UA",
        "arrived_on": "2026-01-05",
        "legal_group": "displaced_ukrainian",
        "accommodation": "private",
    }
    return ";".join(cells.get(column, "") for column in households.COLUMNS)


HOUSEHOLDS = ";".join(households.COLUMNS)
ROSTER = ";".join(roster.REQUIRED)


@languages
async def test_what_a_centre_is_answered_is_sound(people: People, scene: Scene, language: str) -> None:
    reference = f"F-{uuid4().hex[:8]}"
    await look_at_answers(
        people,
        (Role.CENTRE, scene.tenants[Role.CENTRE]),
        language,
        [
            ("/intake/new", [sends()]),
            ("/intake/upload", [chooses("nothing", "of ours")]),
            ("/intake/upload", [chooses(HOUSEHOLDS, a_household(reference, "1990-01-01"), a_household("F-2", "soon"))]),
            (None, [sends("[name=confirm]")]),
        ],
    )


@languages
async def test_what_the_state_is_answered_is_sound(people: People, scene: Scene, language: str) -> None:
    line = f"new-{language};Anna Öhm;town-{scene.town};1;{scene.town}"
    await look_at_answers(
        people,
        (Role.STATE, STATE_WIDE),
        language,
        [
            ("/matching/roster/import", [chooses("nothing", "of ours")]),
            ("/matching/roster/import", [chooses(ROSTER, line)]),
            (f"/matching/managers/{scene.tenants[Role.MANAGER]}/edit", [types(fte="much"), sends()]),
        ],
    )


@languages
async def test_what_is_answered_to_who_mistypes_a_password_is_sound(
    people: People, scene: Scene, language: str
) -> None:
    await look_at_answers(
        people,
        (Role.MUNICIPALITY, scene.town),
        language,
        [
            ("/password", [types(password="wrong", new="correct horse", again="battery staple"), sends()]),
        ],
    )


async def look_at_answers(
    people: People, who: tuple[Role, str], language: str, asked: Sequence[tuple[str | None, Sequence[Act]]]
) -> None:
    """Go to each page, or stay on the last one, act there, and look at what comes."""
    faults: list[str] = []
    async with people.person(*who, language=language, expected={422}) as page:
        for path, acts in asked:
            if path:
                await page.goto(path)
            for act in acts:
                await act(page)
            faults += await faults_of(page, language)
        assert not faults, "\n".join(faults)
