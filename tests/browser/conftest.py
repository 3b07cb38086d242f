"""One Chromium for all browser tests, a desk and a page for each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from daemon.web.server import WebServer
from tests.daemon.web.desk import PASSWORD, Desk

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
KIOSK = "--autoplay-policy=no-user-gesture-required"


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, KIOSK])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.sign_in.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server(desk: Desk) -> AsyncIterator[WebServer]:
    async with desk.serve() as running:
        yield running


class Trouble(list[str]):
    """What the page complained of or asked for elsewhere; empty in a good test."""


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser, server: WebServer) -> AsyncIterator[Page]:
    """A signed-in operator's console, live. A page error or a request off the console's origin fails the test."""
    context = await chromium.new_context(viewport={"width": 1920, "height": 1080})
    opened = await context.new_page()
    trouble = Trouble()
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("console", lambda said: trouble.append(said.text) if "Content Security Policy" in said.text else None)
    origin = f"127.0.0.1:{server.port}/"
    opened.on("request", lambda asked: None if origin in asked.url else trouble.append(asked.url))
    await sign_in(opened, server)
    yield opened
    await context.close()
    assert trouble == []


async def sign_in(page: Page, server: WebServer, role: str = "operator") -> None:
    await page.goto(f"http://127.0.0.1:{server.port}/")
    await page.fill("[name=name]", role)
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_test_id("login-button").click()
    await page.locator("[data-testid=link-state][data-state=live]").wait_for()
