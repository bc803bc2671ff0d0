"""One running Geleit with something on every page, and the machine's Chromium in front of it, once for the session."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from browser.people import People
from browser.scene import Scene, set_up
from e2e.conftest import gate, running, world
from e2e.world import World

__all__ = ["gate", "running", "world"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chromium", default=shutil.which("chromium"), metavar="PATH", help="the Chromium to look with")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            # The first one waits for the whole system.
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
async def chromium(pytestconfig: pytest.Config) -> AsyncIterator[Browser]:
    path = pytestconfig.getoption("--chromium")
    if not path:
        raise pytest.UsageError("there is no chromium here: install it, or name it by --chromium=PATH")
    async with async_playwright() as playwright:
        # Root has no sandbox to go into.
        browser = await playwright.chromium.launch(executable_path=path, chromium_sandbox=os.getuid() != 0)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def scene(world: World) -> Scene:
    return await set_up(world)


@pytest.fixture(scope="session")
def people(chromium: Browser, world: World) -> People:
    return People(chromium, world)
