"""Commands to equipment from a real browser: a reason, a second step where one is asked for, and what came of it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from daemon.web.command_api import add_command_api
from daemon.web.server import WebServer
from daemon.web.site_document import site_document
from tests.browser.conftest import sign_in
from tests.daemon.control_room import ControlRoom, control_room, playing, site_files
from tests.daemon.web.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def room(tmp_path: Path) -> AsyncIterator[ControlRoom]:
    async with (
        playing(site_files(tmp_path / "site"), tmp_path / "played") as (simulation, site),
        control_room(site, simulation, tmp_path / "journal.db", scheduled=False) as one,
    ):
        await one.until(lambda: one.value("station.valve_2_opened") is True)
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def desk(room: ControlRoom, tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path, site=site_document(room.assembly))
    made.more.append(partial(add_command_api, actions=room.actions, groups={}, clock=made.clock))
    yield made
    made.sign_in.close()


def card(page: Page, equipment: str = "tanks") -> Locator:
    return page.locator(f".card[data-equipment={equipment}]")


async def open_commands(page: Page) -> None:
    await page.get_by_test_id("nav-points").click()
    await card(page).get_by_test_id("commands-button").click()


def steps(room: ControlRoom) -> list[str]:
    return [str(row["step"]) for row in reversed(room.journal.newest("step"))]


async def test_a_weighty_command_is_asked_for_twice_and_its_outcome_is_shown(room: ControlRoom, page: Page) -> None:
    await open_commands(page)
    await card(page).locator("[data-command=isolate_1]").click()
    await page.locator("[name=reason]").fill("清洗水箱")
    await page.get_by_test_id("command-first").click()
    await expect(page.get_by_test_id("command-confirm")).to_contain_text("隔离1号水箱")
    assert steps(room) == [], "the first step does nothing"
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("command-confirm")).to_have_count(0)
    assert steps(room) == [], "a key pressed once more cancels"
    await card(page).locator("[data-command=isolate_1]").click()
    await page.locator("[name=reason]").fill("清洗水箱")
    await page.get_by_test_id("command-first").click()
    await page.get_by_test_id("command-second").click()
    await expect(page.get_by_test_id("command-state")).to_have_attribute("data-state", "confirmed", timeout=15_000)
    assert steps(room) == ["requested", "sent", "confirmed"]
    assert room.value("station.valve_1") is False
    other = card(page).locator("[data-command=isolate_2]")
    await expect(other).to_be_disabled()
    assert "两个水箱不能同时隔离" in str(await other.get_attribute("title"))


async def test_an_ordinary_command_has_one_step(room: ControlRoom, page: Page) -> None:
    await open_commands(page)
    await card(page).locator("[data-command=join_1]").click()
    await page.locator("[name=reason]").fill("恢复")
    await page.get_by_test_id("command-first").click()
    await expect(page.get_by_test_id("command-state")).to_have_attribute("data-state", "confirmed", timeout=15_000)


async def test_who_may_not_operate_is_offered_nothing(chromium: Browser, server: WebServer) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await sign_in(page, server, "viewer")
    await page.get_by_test_id("nav-points").click()
    await expect(card(page)).to_be_visible()
    await expect(page.get_by_test_id("commands-button")).to_have_count(0)
    await context.close()
