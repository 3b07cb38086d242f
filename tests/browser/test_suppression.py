"""Suppressed, chattering and flooding alarms in a real browser."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from daemon.inbox import OperationKind
from daemon.web.server import WebServer
from rules.alarm import AlarmState, Trigger
from tests.browser.conftest import sign_in
from tests.browser.suppressing_desk import SuppressingDesk
from tests.browser.test_console import state, tone

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def desk(tmp_path: Path) -> AsyncIterator[SuppressingDesk]:
    made = SuppressingDesk(tmp_path)
    yield made
    made.sign_in.close()


def row(page: Page, alarm: str) -> Locator:
    return page.locator(f"[data-testid=alarm-row][data-alarm='{alarm}']")


async def counts(page: Page, **wanted: int) -> None:
    for tab, count in wanted.items():
        await expect(page.get_by_test_id(f"tab-{tab}").get_by_test_id("tab-count")).to_have_text(str(count))


async def test_a_shelved_alarm_leaves_list_tone_bar_and_count_and_sounds_again_when_its_time_is_over(
    desk: SuppressingDesk, page: Page
) -> None:
    desk.raise_alarm("sump-01.alarm")
    await tone(page, "2")
    await page.get_by_test_id("silence-button").click()
    await tone(page, "none")
    await page.get_by_test_id("shelve-button").click()
    await expect(page.get_by_test_id("suppress-form")).not_to_contain_text("小时")
    await page.get_by_label("30 分钟").check()
    await page.locator("[name=note]").fill("雨季试泵")
    await page.get_by_test_id("suppress-confirm").click()
    await expect(page.get_by_test_id("notice")).to_contain_text("搁置 01号集水坑")
    await expect(row(page, "sump-01.alarm")).to_have_count(0)
    await expect(page.get_by_test_id("count-2")).to_contain_text("0")
    await expect(page.get_by_test_id("top-text")).to_have_count(0)
    await counts(page, standing=0, shelved=1, suppressed=0, out_of_service=0)
    done = desk.operations[-1]
    assert (done.kind, done.note) == (OperationKind.SHELVE, "雨季试泵")
    assert done.until is not None
    assert timedelta(minutes=29) < done.until - desk.clock.now().utc <= timedelta(minutes=30)
    await page.get_by_test_id("tab-shelved").click()
    await expect(row(page, "sump-01.alarm").get_by_test_id("why")).to_have_text("李娜 · 雨季试泵")
    await expect(row(page, "sump-01.alarm").get_by_test_id("until")).not_to_have_text("—")
    await tone(page, "none")
    desk.end_shelf("sump-01.alarm")
    await tone(page, "2")
    await counts(page, standing=1, shelved=0)
    await expect(page.get_by_test_id("top-text")).to_contain_text("高水位")


async def test_shelving_and_unshelving_by_keyboard_and_a_refusal_in_words(desk: SuppressingDesk, page: Page) -> None:
    desk.raise_alarm("zone-01.alarm")
    await row(page, "zone-01.alarm").wait_for()
    desk.never.add("zone-01.alarm")
    await page.keyboard.press("F4")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Tab")
    await page.keyboard.type("barbecue")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("notice")).to_contain_text("不能搁置")
    await expect(row(page, "zone-01.alarm")).to_have_count(1)
    desk.never.clear()
    await page.keyboard.press("Enter")
    await counts(page, standing=0, shelved=1)
    until = desk.operations[-1].until
    assert until is not None
    assert until - desk.clock.now().utc <= timedelta(minutes=5)
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "zone-01.alarm")
    await page.keyboard.press("F2")
    await page.get_by_test_id("unshelve-button").focus()
    await page.keyboard.press("Enter")
    await counts(page, standing=1, shelved=0)
    assert state(desk, "zone-01.alarm") is AlarmState.ACKNOWLEDGED
    done = [one.kind for one in desk.operations]
    assert done == [OperationKind.SHELVE, OperationKind.UNSHELVE], "F2 is for what calls, not for what is shelved"
    await tone(page, "none")


async def test_a_mistaken_acknowledgement_is_taken_back_without_a_tone(desk: SuppressingDesk, page: Page) -> None:
    desk.raise_alarm("door-01.alarm")
    await tone(page, "3")
    await page.get_by_test_id("detail-ack").click()
    await tone(page, "none")
    await page.get_by_test_id("unack-button").click()
    await expect(page.get_by_test_id("count-3")).to_contain_text("1")
    await expect(page.get_by_test_id("notice")).to_contain_text("撤销确认")
    assert state(desk, "door-01.alarm") is AlarmState.UNACKNOWLEDGED
    await tone(page, "none")


async def test_what_a_parent_explains_names_it_and_calls_nobody(desk: SuppressingDesk, page: Page) -> None:
    desk.suppress("zone-02.alarm", "sump-02.alarm")
    await counts(page, standing=0, suppressed=1)
    desk.change(["zone-02.alarm"], Trigger.RAISE_SUPPRESSED)
    desk.raise_alarm("sump-02.alarm")
    await tone(page, "2")
    await expect(page.get_by_test_id("count-1")).to_contain_text("0")
    await expect(row(page, "zone-02.alarm")).to_have_count(0)
    await page.keyboard.press("F7")
    await expect(page.locator("[data-testid=map-alarm]")).to_have_count(1)
    await page.keyboard.press("F1")
    await page.get_by_test_id("tab-suppressed").click()
    await expect(row(page, "zone-02.alarm").get_by_test_id("why")).to_contain_text("02号集水坑 高水位")
    await expect(page.locator("[data-testid=suppression][data-kind=suppressed]")).to_contain_text("上级报警")


async def test_only_a_supervisor_takes_out_of_service_and_that_is_shown_before_a_shelf(
    desk: SuppressingDesk, server: WebServer, chromium: Browser, page: Page
) -> None:
    desk.raise_alarm("sump-04.alarm")
    await row(page, "sump-04.alarm").wait_for()
    await expect(page.get_by_test_id("remove-button")).to_have_count(0)
    boss = await (await chromium.new_context()).new_page()
    await sign_in(boss, server, "supervisor")
    await boss.get_by_test_id("shelve-button").click()
    await boss.get_by_label("8 小时").check()
    await boss.locator("[name=note]").fill("清淤")
    await boss.get_by_test_id("suppress-confirm").click()
    await counts(page, shelved=1)
    await boss.get_by_test_id("tab-shelved").click()
    await boss.get_by_test_id("remove-button").click()
    await boss.get_by_label("直到人工恢复").check()
    await boss.locator("[name=order]").fill("WO-17")
    await boss.locator("[name=note]").fill("换浮球")
    await boss.get_by_test_id("suppress-confirm").click()
    await counts(page, standing=0, shelved=0, out_of_service=1)
    assert (desk.operations[-1].order, desk.operations[-1].until) == ("WO-17", None)
    await page.get_by_test_id("tab-out_of_service").click()
    await expect(row(page, "sump-04.alarm").get_by_test_id("why")).to_have_text("张伟 · WO-17 · 换浮球")
    await expect(row(page, "sump-04.alarm").get_by_test_id("until")).to_have_text("—")
    await expect(page.locator("[data-testid=suppression]")).to_have_count(2)
    await expect(page.get_by_test_id("return-button")).to_have_count(0)
    await boss.get_by_test_id("tab-out_of_service").click()
    await boss.get_by_test_id("return-button").click()
    await counts(page, out_of_service=0, shelved=1)
    await boss.context.close()


async def test_a_chattering_alarm_counts_in_its_row_and_does_not_sound_again(desk: SuppressingDesk, page: Page) -> None:
    desk.raise_alarm("door-02.alarm")
    await tone(page, "3")
    await page.get_by_test_id("silence-button").click()
    await tone(page, "none")
    for count in (3, 9, 17):
        desk.say("door-02.alarm", chatter={"count": count, "proposal": {"part": "off_delay", "value": 30.0}})
        await expect(row(page, "door-02.alarm").get_by_test_id("chatter")).to_have_text(f"×{count} 抖动")
        await tone(page, "none")
    await expect(page.get_by_test_id("proposal")).to_have_text("建议：恢复延时设为 30 秒")
    await expect(page.get_by_test_id("count-3")).to_contain_text("1")


async def test_in_a_flood_one_head_stands_for_a_place_and_nothing_is_left_out_of_the_count(
    desk: SuppressingDesk, page: Page
) -> None:
    sumps = [f"sump-{number:02d}.alarm" for number in range(1, 7)]
    desk.raise_alarm("door-05.alarm", *sumps)
    for alarm in sumps:
        desk.say(alarm, group="place:地下车库", first_out=alarm == "sump-03.alarm")
    desk.stream.publish("flood", [json.dumps({"active": True, "first_out": "sump-03.alarm", "alarms": 6}).encode()])
    head = page.get_by_test_id("group-head")
    await expect(head.get_by_test_id("group-count")).to_have_text("6 条报警 · 6 条未确认")
    await expect(head).to_contain_text("03号集水坑 高水位")
    await expect(page.get_by_test_id("alarm-row")).to_have_count(1)
    await expect(page.get_by_test_id("alarm-body")).to_have_attribute("data-count", "7")
    await expect(page.get_by_test_id("count-2")).to_contain_text("6")
    await counts(page, standing=7)
    await expect(page.get_by_test_id("flood")).to_be_visible()
    await page.reload()
    await head.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("alarm-row")).to_have_count(7)
    await expect(row(page, "sump-03.alarm").get_by_test_id("first-out")).to_be_visible()
    await expect(page.get_by_test_id("first-out")).to_have_count(1)
    assert state(desk, "sump-03.alarm") is AlarmState.UNACKNOWLEDGED, (
        "Enter on the head opens it and acknowledges nothing"
    )
    desk.stream.publish("flood", [json.dumps({"active": False, "first_out": None, "alarms": 0}).encode()])
    await expect(head).to_have_count(0)
    await expect(page.get_by_test_id("alarm-row")).to_have_count(7)


async def test_an_alarm_that_explains_many_stands_on_top_and_opens_all_of_them(
    desk: SuppressingDesk, page: Page
) -> None:
    sumps = [f"sump-{number:02d}.alarm" for number in range(1, 7)]
    desk.raise_alarm("door-05.alarm", "zone-01.alarm", "zone-02.alarm")
    await expect(page.get_by_test_id("alarm-row").first).to_have_attribute("data-alarm", "zone-01.alarm")
    for alarm in sumps:
        desk.suppress(alarm, "door-05.alarm" if alarm != "sump-06.alarm" else "sump-05.alarm")
    desk.change(sumps, Trigger.RAISE_SUPPRESSED)
    rows = page.get_by_test_id("alarm-row")
    await expect(rows.first).to_have_attribute("data-alarm", "door-05.alarm")
    await expect(rows.first.get_by_test_id("first-out")).to_be_visible()
    await expect(rows).to_have_count(3)
    await expect(page.get_by_test_id("top-text")).to_contain_text("入侵报警")
    await counts(page, standing=3, suppressed=6)
    opens = page.get_by_test_id("consequences")
    await expect(opens).to_have_text("▸ 6 条后果")
    await opens.click()
    await expect(rows).to_have_count(9)
    await expect(row(page, "sump-06.alarm").get_by_test_id("why")).to_contain_text("05号集水坑")
    await row(page, "sump-04.alarm").click()
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "sump-04.alarm")
    await opens.click()
    await expect(rows).to_have_count(3)
    await page.reload()
    await expect(rows.first).to_have_attribute("data-alarm", "door-05.alarm")
