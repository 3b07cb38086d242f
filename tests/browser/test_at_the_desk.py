"""What the operator's hands and eyes meet: keys, focus, narrow windows, words for time, and the cost of the values."""

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from rules.alarm import AlarmState, Trigger
from tests.browser.conftest import sign_in
from tests.browser.test_console import state, tone
from tests.daemon.web.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURES = re.compile("[\U0001f300-\U0001faff\u2600-\u26ff\ufe0f]")
# of every cell in sight: whether it ends within the list, and whether the banner shows its whole text
WITHIN = """() => {
  const right = document.querySelector("[data-testid=alarm-body]").getBoundingClientRect().right;
  const cells = [...document.querySelectorAll("[data-testid=alarm-row] > [role=cell]")];
  const shown = cells.filter((one) => one.getClientRects().length);
  const words = document.querySelector("[data-testid=top-text]");
  const bars = [...document.querySelectorAll(".top-bar > *, .alarm-bar > *, .tabs > *")];
  return {
    cells: shown.filter((one) => one.getBoundingClientRect().right > right + 1).length,
    states: shown.filter((one) => one.classList.contains("state") && one.scrollWidth > one.clientWidth + 1).length,
    banner: words.scrollHeight > words.clientHeight + 1 || words.scrollWidth > words.clientWidth + 1,
    bars: bars.filter((one) => one.getBoundingClientRect().right > innerWidth + 1).length,
  };
}"""
NOTHING = {"cells": 0, "states": 0, "banner": False, "bars": 0}


async def test_f1_leads_from_anywhere_to_the_standing_alarms(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-01.alarm")
    row = page.get_by_test_id("alarm-row")
    await row.wait_for()
    for away in ("F6", "F7"):
        await page.get_by_test_id("tab-suppressed").click()
        await expect(row).to_have_count(0)
        await page.keyboard.press(away)
        await page.keyboard.press("F1")
        await expect(row).to_have_count(1)
        await expect(page.get_by_test_id("tab-standing")).to_have_attribute("aria-selected", "true")


async def test_only_cards_in_sight_carry_values(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    many = Desk(tmp_path_factory.mktemp("many"), zones=200)
    async with many.serve() as server:
        page = await (await chromium.new_context(viewport={"width": 1366, "height": 768})).new_page()
        await sign_in(page, server)
        many.point("sump-200-ctl.level", 1.25)
        await page.keyboard.press("F6")
        await expect(page.get_by_test_id("point-row").first).to_be_visible()
        assert await page.locator(".card").count() == 601
        assert await page.get_by_test_id("point-row").count() < 200, "of 802"
        await expect(page.get_by_test_id("cards")).to_be_focused()
        last = page.locator("[data-testid=point-row][data-point='sump-200-ctl.level']")
        await expect(last).to_have_count(0)
        await page.locator(".card[data-equipment=sump-200]").scroll_into_view_if_needed()
        await expect(last.get_by_test_id("point-value")).to_have_text("1.25 m")
        await page.context.close()
    many.sign_in.close()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_in_a_narrow_window_nothing_is_out_of_reach(desk: Desk, page: Page, language: str) -> None:
    """A page of 1366 by 768 zoomed to 150 %."""
    desk.raise_alarm("sump-03.alarm", "zone-02.alarm")
    desk.clear("zone-02.alarm")
    await page.set_viewport_size({"width": 910, "height": 512})
    if language == "en":
        await page.get_by_test_id("language").click()
    await expect(page.get_by_test_id("alarm-row")).to_have_count(2)
    assert await page.evaluate(WITHIN) == NOTHING
    await page.keyboard.press("?")
    close = page.get_by_test_id("key-help").get_by_role("button")
    await expect(close).to_be_in_viewport()
    await page.keyboard.press("Escape")
    await expect(close).to_have_count(0)


async def test_a_lock_is_drawn_and_nothing_on_the_page_is_an_emoji(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-02.alarm")
    await page.get_by_test_id("alarm-row").wait_for()
    row = json.loads(desk.rows[next(iter(desk.rows))]) | {"state": "latched, unacknowledged", "latched": True}
    desk.stream.publish("alarms", [json.dumps(row, ensure_ascii=False).encode()])
    await expect(page.locator("[data-testid=alarm-row] svg.lock path")).to_have_count(1)
    await expect(page.get_by_test_id("alarm-row")).to_contain_text("锁存 未确认")
    assert not PICTURES.search(await page.inner_text("body"))


async def test_after_a_reload_the_journal_says_when_it_was_raised_and_shown(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-04.alarm", "zone-05.alarm")
    await page.get_by_test_id("alarm-row").first.wait_for()
    raised, shown = (datetime(2026, 11, 23, 4, 0, second, tzinfo=UTC).isoformat() for second in (7, 8))
    occurrence = {"alarm": "zone-04.alarm", "occurrence": 1}
    times = {"device_time": raised, "received": raised, "decided": raised}
    desk.journal["transition"] = [occurrence | {"trigger": "raise"} | times]
    desk.journal["receipt"] = [occurrence | {"kind": "shown", "at": shown}]
    await page.reload()
    await page.locator("[data-testid=alarm-row][data-alarm='zone-04.alarm']").click()
    steps = page.get_by_test_id("latency-steps")
    await expect(page.get_by_test_id("steps-before")).to_contain_text("取自日志")
    await expect(steps.locator("[data-step=received]")).to_contain_text("12:00:07")
    await expect(steps.locator("[data-step=shown]")).to_contain_text("12:00:08")
    await expect(steps).not_to_contain_text("—")
    await page.locator("[data-testid=alarm-row][data-alarm='zone-05.alarm']").click()
    await expect(page.get_by_test_id("steps-before")).to_contain_text("不详")


async def test_the_acknowledge_key_is_held_back_only_where_another_alarm_came_under_it(desk: Desk, page: Page) -> None:
    desk.raise_alarm("sump-01.alarm")
    await page.locator("[data-testid=alarm-row][data-alarm='sump-01.alarm']").wait_for()
    await page.keyboard.press("ArrowDown")
    desk.raise_alarm("zone-01.alarm")
    await page.locator("[data-testid=alarm-row][data-alarm='zone-01.alarm']").wait_for()
    await page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'F2'}))")
    await tone(page, "1")
    await expect(page.get_by_test_id("count-2")).to_contain_text("0")
    assert state(desk, "sump-01.alarm") is AlarmState.ACKNOWLEDGED, "it had been chosen and has not moved"
    await expect(page.get_by_test_id("notice")).to_have_count(0)
    await page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'F2'}))")
    await expect(page.get_by_test_id("notice")).to_contain_text("所选报警无须确认")
    await page.evaluate("for (const key of ['F10', 'F2']) dispatchEvent(new KeyboardEvent('keydown', {key}))")
    await tone(page, "none")
    assert state(desk, "zone-01.alarm") is AlarmState.ACKNOWLEDGED, "what the operator chose himself is taken at once"


async def test_an_alarm_that_another_desk_took_away_leaves_a_moment_to_look(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-01.alarm", "sump-01.alarm")
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "zone-01.alarm")
    await page.wait_for_timeout(600)  # past the time an alarm must have stood
    await page.evaluate("""() => {
      const look = new MutationObserver(() => {
        if (document.querySelector("[data-testid=detail]").dataset.alarm !== "sump-01.alarm") return;
        look.disconnect();
        dispatchEvent(new KeyboardEvent("keydown", { key: "F2" }));
      });
      look.observe(document.body, { subtree: true, attributes: true });
    }""")
    desk.change(["zone-01.alarm"], Trigger.ACKNOWLEDGE, "wang")
    await expect(page.get_by_test_id("notice")).to_contain_text("已换成另一条报警")
    assert state(desk, "sump-01.alarm") is AlarmState.UNACKNOWLEDGED


async def test_ages_are_words_of_one_kind(desk: Desk, page: Page) -> None:
    for number, seconds in enumerate((59, 61, 7300, 200000), start=1):
        row = {"id": f"sump-0{number}-ctl.level", "v": 1.0, "q": "good", "at": "2026-11-23T04:00:00+00:00"}
        desk.stream.publish("points", [json.dumps(row | {"age": float(seconds), "why": ""}).encode()])
    await page.keyboard.press("F6")
    for number, words in enumerate(("秒前|1 分前", "1 分前", "2 小时前", "2 天前"), start=1):
        age = page.locator(f"[data-point='sump-0{number}-ctl.level'] .point-age")
        await expect(age).to_have_text(re.compile(rf"^(\d+ )?({words})$"))


async def test_the_focus_is_never_lost_and_alarms_on_the_plan_open_by_key(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-01.alarm")
    await page.get_by_test_id("alarm-row").wait_for()
    await page.keyboard.press("F1")
    await page.keyboard.press("F4")
    await page.get_by_test_id("suppress-form").wait_for()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("suppress-form")).to_have_count(0)
    await expect(page.get_by_test_id("alarm-body")).to_be_focused()
    await page.keyboard.press("F7")
    await page.get_by_test_id("map-alarm").wait_for()
    await page.keyboard.press("Tab")
    await expect(page.get_by_test_id("map-alarm")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "zone-01.alarm")
    assert state(desk, "zone-01.alarm") is AlarmState.UNACKNOWLEDGED, "Enter on the plan only opens"
