"""People at their browsers: an account for each, and a tab in which nothing may go wrong unnoticed."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page

from chassis.access import Role
from chassis.access.accounts import create_account
from e2e.world import World
from stream import eventually

PASSWORD = "correct horse battery"
LOCALES = {"de": "de-DE", "en": "en-GB"}
WIDE, NARROW = 1280, 390
NARROWEST = 320
"""A window of 1280 px whose text is four times as large."""
HEIGHT = 900


class People:
    """Opens tabs; who has signed in once stays signed in."""

    def __init__(self, chromium: Browser, world: World) -> None:
        self._chromium = chromium
        self._world = world
        self._signed_in: dict[str, Any] = {}

    async def account(self, role: Role, tenant: str) -> str:
        """The name of a new account with PASSWORD."""
        name = f"{role}-{tenant}"
        async with self._world.owner.transaction() as tx:
            await create_account(tx, name=name, password=PASSWORD, role=role, tenant=tenant)
        return name

    @asynccontextmanager
    async def person(self, role: Role, tenant: str, **how: Any) -> AsyncIterator[Page]:
        """A tab of somebody who is signed in and sees the overview."""
        key = f"{role}-{tenant}"
        if key not in self._signed_in:
            name = await self.account(role, tenant)
            async with self.tab() as page:
                await page.goto("/login")
                await sign_in(page, name)
                self._signed_in[key] = await page.context.storage_state()
        async with self.tab(signed_in=self._signed_in[key], **how) as page:
            await page.goto("/")
            yield page

    @asynccontextmanager
    async def tab(
        self,
        *,
        language: str = "en",
        width: int = WIDE,
        scripts: bool = True,
        signed_in: Any = None,
        expected: Collection[int] = (),
    ) -> AsyncIterator[Page]:
        """A tab of a browser of its own; an error in it is a failure at its end, but the `expected` statuses."""
        context = await self._chromium.new_context(
            base_url=self._world.running.url,
            locale=LOCALES[language],
            viewport={"width": width, "height": HEIGHT},
            java_script_enabled=scripts,
            storage_state=signed_in,
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        faults: dict[str, None] = {}
        _listen(context, faults, expected)
        try:
            yield await context.new_page()
        except Exception as error:
            error.add_note("\n".join(faults))
            raise
        finally:
            await context.close()
        assert not faults, "\n".join(faults)


async def sign_in(page: Page, name: str) -> None:
    """Fill in the form that is shown and come to the overview."""
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Overview").wait_for()


async def turns_up(page: Page, what: Locator) -> None:
    """Load the page again until this is on it: what others do comes over the stream."""

    async def is_there() -> bool:
        if await what.count():
            return True
        await page.reload()
        return False

    await eventually(is_there)


def _listen(context: BrowserContext, faults: dict[str, None], expected: Collection[int]) -> None:
    """Write down once what a person would not see; what the page's policy forbids is an error of the console."""

    def fault(text: str) -> None:
        faults[text] = None

    def console(message: Any) -> None:
        if message.type in {"error", "warning"} and not any(f"status of {code} " in message.text for code in expected):
            fault(f"{message.type}: {message.text}")

    def response(answer: Any) -> None:
        if answer.status >= 400 and answer.status not in expected:
            fault(f"{answer.status}: {answer.request.method} {answer.url}")

    def unanswered(request: Any) -> None:
        # Who goes on before all of a page has come has the browser give up the rest.
        if request.failure != "net::ERR_ABORTED":
            fault(f"{request.failure}: {request.method} {request.url}")

    context.on("console", console)
    context.on("response", response)
    context.on("weberror", lambda error: fault(f"exception: {error.error}"))
    context.on("requestfailed", unanswered)
