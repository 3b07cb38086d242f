"""The whole estate goes dark: mains lost, generator fails to start, UPS runs down. One page, and nothing left out."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from estate.site import load_site
from tests.system.estate import Estate, estate
from tests.system.shortened import shorten

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = os.environ.get("ESTATED_LONG") == "1"
"""With the return of power, which takes as long as its real delays."""

SPEED = 4.0  # of the world: a generator gives up after a minute of cranking
MOST_ROWS = 10  # issue 4: at most ten grouped rows
ROW = 36  # px, as in style.css
ROWS = "[data-testid=alarm-row], [data-testid=group-head]"
MAINS, PANIC = "supply-1.lost", "panel-0301.panic"
SHORT: dict[str, dict[str, float]] = {
    "generator": {"start_delay": 3.0},
    "ats": {"start_latest": 3.0, "run_latest": 6.0, "black_delay": 8.0},
    "ups": {"on_battery_delay": 2.0, "fast_fall": -20.0},
    "fire_pump": {"power_delay": 2.0},
    "lift": {"power_delay": 2.0, "trapped_delay": 3.0},
}
BATTERY = "hold_up: 1.6, runtime_low: 1.2, runtime_end: 0.6"  # min of the world's time
DID_NOT_HAPPEN = (
    ("generator-1.not_started", "市电失电后未启动"),
    ("generator-1.fail_to_start", "启动失败"),
    ("ats-1.takeover_run_missing", "发电机电压正常未发生"),
    ("ats-1.black", "两路电源均无电"),
    ("fire-pump-1.power_lost", "电源消失"),
    ("ups-1.battery_low", "电池将尽"),
    ("ups-1.shutdown_imminent", "即将断电"),
)


def impatient(site: Path) -> None:
    """Delays of a minute become seconds, and the UPS carries for half a minute; all else as in the example."""
    shorten(site, SHORT)
    equipment = site / "equipment.yaml"
    text = equipment.read_text("utf-8")
    assert text.count("hold_up: 1260.0") == 1
    equipment.write_text(text.replace("hold_up: 1260.0", BATTERY), "utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dark(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("blackout"), prepare=impatient, speed=SPEED) as whole:
        await whole.until(lambda: good(whole) >= wired(whole), "every device proven and read", within=30.0)
        yield whole


def snapshot(whole: Estate) -> dict[str, list[dict[str, Any]]]:
    _, answer = whole.signed_in().ask("GET", "/api/snapshot")
    found: dict[str, list[dict[str, Any]]] = answer["data"]
    return found


def wired(whole: Estate) -> set[str]:
    """The devices on a bus or behind a gateway."""
    return {one.id for one in load_site(whole.site).devices if one.bus is not None or one.via is not None}


def good(whole: Estate) -> set[str]:
    """The devices that are there."""
    points = snapshot(whole)["points"]
    return {row["id"].removesuffix(".online") for row in points if row["id"].endswith(".online") and row["v"] is True}


def unacknowledged_and_urgent(whole: Estate) -> set[str]:
    rows = snapshot(whole)["alarms"]
    return {
        row["id"]
        for row in rows
        if row["priority"] == 1 and "unacknowledged" in row["state"] and row["suppression"] is None
    }


def explained(whole: Estate) -> set[str]:
    """The alarms that are held back because others explain them."""
    return {row["id"] for row in snapshot(whole)["alarms"] if row["suppression"] is not None}


def page_of(whole: Estate) -> Page:
    assert whole.page is not None
    return whole.page


async def shown(rows: Locator) -> list[str]:
    """The alarms whose rows are on the page, from above."""
    found: list[str] = await rows.evaluate_all(
        "all => all.map(one => [one.getBoundingClientRect().top, one.dataset.alarm ?? one.dataset.group])"
        ".sort((a, b) => a[0] - b[0]).map(one => one[1])"
    )
    return found


async def watched(whole: Estate, until: Callable[[], Any], what: str, within: float) -> int:
    """Wait for something and look at the page all the while; returns the most rows that were on it at once."""
    most = 0
    rows = page_of(whole).locator(ROWS)
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(until):
            most = max(most, await rows.count())
            await asyncio.sleep(0.1)
    return max(most, await rows.count())


async def test_at_most_ten_rows_tell_of_it_with_the_mains_on_top(dark: Estate) -> None:
    """PW-2, PW-1: from the failure of the mains to the last line that falls silent with the UPS."""
    page = page_of(dark)
    await dark.controls.fault("generator-1", "fail_to_start")
    await dark.controls.fault("supply-1", "mains_fail")
    first = await dark.journaled(MAINS)
    most = await watched(dark, lambda: dark.rows("SELECT 1 FROM transition WHERE alarm = 'ats-1.black'"), "black", 40)
    await dark.controls.act("panel-0301", "panic")
    panic = await dark.journaled(PANIC, within=5.0)
    for kind in ("shown", "sounded"):
        receipt = await dark.receipt(PANIC, kind)
        assert receipt["latency_ms"] < 2000, kind
    assert panic["position"] > first["position"]
    most = max(most, await watched(dark, lambda: not good(dark) & wired(dark), "every device silent", 60))
    for alarm, text in DID_NOT_HAPPEN:
        found = await dark.journaled(alarm, within=5.0)
        assert text in found["text_zh"]
        await expect(page.locator(f"[data-testid=alarm-row][data-alarm='{alarm}']")).to_contain_text(text)
    order = await shown(page.locator(ROWS))
    assert order[0] == MAINS
    assert max(most, len(order)) <= MOST_ROWS
    await expect(page.get_by_test_id("first-out").first).to_be_visible()
    assert unacknowledged_and_urgent(dark) - set(order) == set(), "urgent alarms are never folded away"
    assert PANIC in order


async def test_every_alarm_behind_it_can_be_opened(dark: Estate) -> None:
    """What is explained stands beneath what explains it, down to each device of the estate."""
    page = page_of(dark)
    assert {f"device-{one}.offline" for one in wired(dark)} <= explained(dark)
    table = page.locator("#alarm-list")
    standing = await table.get_attribute("aria-rowcount")
    openers = await page.get_by_test_id("consequences").all()
    for opener in reversed(openers):
        await opener.click()
    async with asyncio.timeout(20.0):  # what watches a lost device follows half a minute later
        while (lines := int(await table.get_attribute("aria-rowcount") or 0)) != int(standing or 0) + len(
            before := await asyncio.to_thread(explained, dark)
        ):
            await asyncio.sleep(0.1)
    seen: set[str] = set()
    for top in range(0, lines * ROW, 600):
        await page.get_by_test_id("alarm-body").evaluate(f"body => body.scrollTo(0, {top})")
        await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen |= set(await shown(page.locator(ROWS)))
    assert before - seen == set()
    await page.get_by_test_id("alarm-body").evaluate("body => body.scrollTo(0, 0)")
    for _ in openers:
        await page.locator("[data-testid=consequences][aria-expanded=true]").first.click()
    await expect(table).to_have_attribute("aria-rowcount", standing or "")


async def test_the_journal_has_every_move_of_every_alarm_and_every_event(dark: Estate) -> None:
    """Nothing was dropped on the way: each alarm moves from where it was, and each raising is an occurrence."""
    told = snapshot(dark)["alarms"]
    moves: dict[str, list[Any]] = {}
    for row in dark.rows("SELECT * FROM transition ORDER BY position"):
        moves.setdefault(row["alarm"], []).append(row)
    for alarm, rows in moves.items():
        assert rows[0]["before"] == "normal", alarm
        for one, after in pairwise(rows):
            assert after["before"] == one["after"], alarm
        raised = [row["occurrence"] for row in rows if row["trigger"] in ("raise", "raise, suppressed")]
        assert raised == list(range(1, len(raised) + 1)), alarm
    for row in told:
        assert (row["state"], row["occurrence"]) in [(one["after"], one["occurrence"]) for one in moves[row["id"]]]
    devices = {f"device-{one}.offline" for one in wired(dark)}
    assert devices <= {alarm for alarm, rows in moves.items() if any(row["before"] == "normal" for row in rows)}
    announced = {alarm for alarm, rows in moves.items() if any(row["announces"] for row in rows)}
    for alarm in {row["id"] for row in told if row["suppression"] is not None} - announced:
        named = any('"parents":[' in (row["suppression"] or "") for row in moves[alarm])
        assert named, "what was not announced names what explains it"
    numbers: dict[tuple[str, str], list[int]] = {}
    for row in dark.rows("SELECT device, boot, seq FROM event ORDER BY device, boot, seq"):
        numbers.setdefault((row["device"], row["boot"]), []).append(row["seq"])
    for of, found in numbers.items():
        assert found == list(range(found[0], found[0] + len(found))), of


@pytest.mark.skipif(not LONG, reason="takes the real delays of a return: ESTATED_LONG=1")
async def test_when_power_is_back_nobody_is_called_for_what_comes_back_by_itself(dark: Estate) -> None:
    """The alarms of devices, lines and gateways go as they came, without a word."""
    await dark.controls.heal("generator-1")
    await dark.controls.heal("supply-1")
    await dark.until(lambda: good(dark) >= wired(dark), "every device is back", within=120.0)
    await dark.until(lambda: not explained(dark), "nothing is suppressed any more", within=180.0)
    called = dark.rows(
        "SELECT DISTINCT alarm FROM transition AS one WHERE announces AND alarm LIKE '%.offline' AND NOT EXISTS"
        " (SELECT 1 FROM transition WHERE alarm = one.alarm AND trigger = 'taken over' AND position > one.position)"
    )
    assert [row["alarm"] for row in called] == []
