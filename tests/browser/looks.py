"""What every page owes to everybody who looks at it, however wide the window is."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from browser.people import HEIGHT, NARROW, NARROWEST, WIDE

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"], "preload": False}
FRAME = """() => {
    const page = document.scrollingElement, room = page.clientWidth;
    const shown = [...document.querySelectorAll("main :not(thead *)")];
    return {
        lang: document.documentElement.lang,
        titled: /. · Geleit$/.test(document.title),
        headings: document.querySelectorAll("h1").length,
        beyond: page.scrollWidth - room,
        by: shown.findLast(one => one.getBoundingClientRect().right > room)?.outerHTML.slice(0, 200),
    };
}"""
AXE = Axe()


async def faults_of(page: Page, language: str) -> list[str]:
    """One line for each."""
    faults = []
    for width, looks in ((WIDE, (_frame, _barriers)), (NARROW, (_frame, _barriers)), (NARROWEST, (_frame,))):
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        faults += [f"{page.url} at {width}: {fault}" for look in looks for fault in await look(page, language)]
    return faults


async def _frame(page: Page, language: str) -> list[str]:
    seen = await page.evaluate(FRAME)
    faults = {
        f"is in {seen['lang']!r}": seen["lang"] != language,
        "has no title": not seen["titled"],
        f"has {seen['headings']} headings of the first level": seen["headings"] != 1,
        f"is {seen['beyond']} px too wide by {seen['by']}": seen["beyond"] > 0,
    }
    return [fault for fault, is_so in faults.items() if is_so]


async def _barriers(page: Page, _: str) -> list[str]:
    response = (await AXE.run(page, options=OPTIONS)).response
    return [
        f"{one['id']} ({one['help']}): {node['html'][:200]} {node['failureSummary'].splitlines()[-1].strip()}"
        for one in response["violations"]
        for node in one["nodes"][:3]
    ]
