"""The console in a real browser against the real web server."""

import asyncio
import re
from time import monotonic

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from daemon.records import Receipt
from daemon.web.server import WebServer
from rules.alarm import AlarmId, AlarmState, Trigger
from tests.browser.conftest import FLAGS, sign_in
from tests.daemon.web.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOUND = "[data-testid=sound-state]"
STEPS = ["device", "received", "decided", "committed", "sent", "shown", "sounded"]
LOUD = re.compile(r"0\.(0[5-9]|[1-9])")  # root mean square over 0.05, as the page measures it at its own output


def reports(desk: Desk, kind: str) -> list[str]:
    return [one.alarm for _, one in desk.reports if one.kind == kind]


def state(desk: Desk, alarm: str) -> AlarmState:
    return desk.alarms[AlarmId(alarm)].state


async def tone(page: Page, wanted: str, patience: float = 5.0) -> None:
    await page.locator(f"{SOUND}[data-tone='{wanted}']").wait_for(timeout=patience * 1000)


async def test_an_alarm_is_read_heard_and_reported_within_two_seconds(desk: Desk, page: Page) -> None:
    """CR-1 and PE-2 at the operator's end: text with number and place, the tone of its priority, both reported."""
    began = monotonic()
    desk.raise_alarm("zone-07.alarm")
    row = page.locator("[data-testid=alarm-row][data-alarm='zone-07.alarm']")
    await row.wait_for(timeout=2000)
    await tone(page, "1", 2)
    assert monotonic() - began < 2
    assert await row.get_by_test_id("alarm-text").text_content() == "东侧围墙 7 段 07号防区 入侵报警"
    await expect(page.get_by_test_id("top-text")).to_have_text("东侧围墙 7 段 07号防区 入侵报警")
    await expect(page.get_by_test_id("alarm-latency")).not_to_have_text("")
    steps = page.locator("[data-testid=latency-steps] li:not(.unknown)")
    assert await steps.evaluate_all("found => found.map(one => one.dataset.step)") == [*STEPS, None]
    await desk.until(lambda: len(desk.reports) >= 2)
    assert reports(desk, "shown") == ["zone-07.alarm"]
    assert reports(desk, "sounded") == ["zone-07.alarm"]
    await expect(page.locator(SOUND)).to_have_attribute("data-level", LOUD)


async def test_the_whole_story_by_keyboard(desk: Desk, page: Page) -> None:
    desk.raise_alarm("sump-03.alarm")
    desk.raise_alarm("zone-02.alarm")
    await tone(page, "1")  # is heard before the rows are painted; the key means what is seen
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "zone-02.alarm")
    await page.keyboard.press("F10")
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "sump-03.alarm")
    await page.keyboard.press("F9")
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "zone-02.alarm")
    await page.keyboard.press("F2")
    await tone(page, "2")
    assert state(desk, "zone-02.alarm") is AlarmState.ACKNOWLEDGED
    await page.keyboard.press("F10")
    await page.keyboard.press("Enter")
    await tone(page, "none")
    assert state(desk, "sump-03.alarm") is AlarmState.ACKNOWLEDGED
    await expect(page.locator("[data-testid=alarm-row][data-alarm='zone-02.alarm']")).to_have_attribute(
        "data-state", "acknowledged"
    )
    await expect(page.get_by_test_id("ack-button")).to_have_count(0)


async def test_a_key_pressed_as_a_new_alarm_jumps_in_does_not_acknowledge_it(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-02.alarm")
    await page.locator("[data-alarm='zone-02.alarm']").first.wait_for()
    await page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'F2'}))")
    await expect(page.get_by_test_id("notice")).to_have_text("新报警刚到，未确认；请看清后再按一次")
    assert state(desk, "zone-02.alarm") is AlarmState.UNACKNOWLEDGED


async def test_the_mouse_acknowledges_and_the_other_console_sees_who_did(
    desk: Desk, server: WebServer, chromium: Browser, page: Page
) -> None:
    other = await (await chromium.new_context()).new_page()
    await sign_in(other, server, "supervisor")
    desk.raise_alarm("door-01.alarm")
    await tone(other, "3")
    await page.get_by_test_id("ack-button").click()
    await tone(page, "none")
    await tone(other, "none", 1)
    await expect(other.locator("[data-alarm='door-01.alarm'][data-testid=alarm-row]")).to_have_attribute(
        "data-state", "acknowledged"
    )
    await expect(other.get_by_test_id("detail")).to_contain_text("李娜")
    await other.context.close()


async def test_silence_stops_the_tone_not_the_alarm_and_a_new_one_sounds_again(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-01.alarm")
    await tone(page, "1")
    await page.get_by_test_id("silence-button").click()
    await tone(page, "none")
    await expect(page.locator(SOUND)).to_have_attribute("data-state", "silent")
    assert state(desk, "zone-01.alarm") is AlarmState.UNACKNOWLEDGED
    await expect(page.locator(SOUND)).to_have_attribute("data-level", "0.000")
    await desk.until(lambda: ("operator", "silence", "zone-01.alarm#1") in desk.audit)
    desk.raise_alarm("sump-01.alarm")
    await tone(page, "2")
    desk.raise_alarm("zone-02.alarm")
    await tone(page, "1")


async def test_an_alarm_that_went_by_itself_still_waits_and_sounds(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-04.alarm")
    desk.clear("zone-04.alarm")
    row = page.locator("[data-testid=alarm-row][data-alarm='zone-04.alarm']")
    await expect(row).to_contain_text("已恢复 未确认")
    await tone(page, "1")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("F2")
    await expect(row).to_have_count(0)
    await tone(page, "none")


async def test_values_show_their_quality_and_age(desk: Desk, page: Page) -> None:
    desk.point("sump-01-ctl.level", 1.5)
    desk.point("sump-02-ctl.level", 1.6, "uncertain: stale", "no news for 3 s")
    desk.point("sump-03-ctl.level", None, "bad: no communication", "timeout")
    await page.keyboard.press("F6")

    def row(point: str) -> str:
        return f"[data-testid=point-row][data-point='{point}']"

    good, stale, bad = (page.locator(row(f"sump-0{n}-ctl.level")) for n in (1, 2, 3))
    await expect(good).to_have_attribute("data-quality", "good")
    await expect(good.get_by_test_id("point-value")).to_have_text("1.50 m")
    await expect(stale).to_have_attribute("data-quality", "uncertain")
    await expect(stale).to_contain_text("数据过时")
    await expect(bad).to_have_attribute("data-quality", "bad")
    await expect(bad.get_by_test_id("point-value")).to_have_text("—")
    await expect(page.locator(row("sump-04-ctl.level"))).to_contain_text("尚无数据")
    hatch = 'getComputedStyle(document.querySelector("{}")).backgroundImage'
    assert "repeating-linear-gradient" in await page.evaluate(hatch.format(row("sump-02-ctl.level")))
    assert await page.evaluate(hatch.format(row("sump-01-ctl.level"))) == "none"
    await expect(good).to_contain_text("1 秒前")


async def test_a_lost_link_is_unmistakable_and_its_return_brings_what_was_missed(desk: Desk, chromium: Browser) -> None:
    """Row 60 and console criterion 11: bar, tone and no buttons; then a resync that does not sound old alarms again."""
    async with desk.serve() as server:
        page = await (await chromium.new_context()).new_page()
        await sign_in(page, server)
        desk.point("sump-01-ctl.level", 1.5)
        desk.raise_alarm("zone-01.alarm")
        await tone(page, "1")
        desk.change(["zone-01.alarm"], Trigger.ACKNOWLEDGE, "operator")
        await tone(page, "none")
        desk.raise_alarm("zone-02.alarm")
        await tone(page, "1")
        port = server.port
    lost = page.get_by_test_id("link-lost")
    await lost.wait_for(timeout=6000)
    await expect(lost).to_contain_text("与服务器断开")
    await tone(page, "link")
    await expect(page.get_by_test_id("ack-button")).to_be_disabled()
    await expect(page.get_by_test_id("detail-ack")).to_be_disabled()
    await page.keyboard.press("F3")
    await tone(page, "none")
    desk.change(["zone-02.alarm"], Trigger.ACKNOWLEDGE, "wang")
    desk.raise_alarm("sump-05.alarm")
    async with desk.serve(port):
        await page.locator("[data-testid=link-state][data-state=live]").wait_for(timeout=10000)
        await expect(lost).to_have_count(0)
        await expect(page.locator("[data-testid=alarm-row]")).to_have_count(3)
        await tone(page, "2")
        await desk.until(lambda: "sump-05.alarm" in reports(desk, "shown"))
        await page.context.close()


async def test_two_thousand_alarms_at_once_cost_no_more_than_a_screenful(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    flood = Desk(tmp_path_factory.mktemp("flood"), zones=700)
    async with flood.serve() as server:
        page = await (await chromium.new_context(viewport={"width": 1366, "height": 768})).new_page()
        await sign_in(page, server)
        names = list(flood.facts)
        began = monotonic()
        for start in range(0, len(names), 100):
            flood.raise_alarm(*names[start : start + 100])
        await page.locator(f"[data-testid=alarm-body][data-count='{len(names)}']").wait_for(timeout=6000)
        assert monotonic() - began < 6
        assert await page.evaluate("document.querySelectorAll('*').length") < 900
        await expect(page.get_by_test_id("count-1")).to_contain_text("700")
        await flood.until(lambda: len(reports(flood, "shown")) > 10)
        shown = reports(flood, "shown")
        assert 10 < len(shown) < len(names) / 3, "only rows in sight count as shown"
        await asyncio.sleep(1.2)  # past the time within which a row in sight is painted
        before = len(reports(flood, "shown"))
        await page.evaluate("document.querySelector('[data-testid=alarm-body]').scrollTop = 30000")
        await flood.until(lambda: any(isinstance(one, Receipt) for one in flood.records))
        assert len(reports(flood, "shown")) == before, "what is scrolled to later is no measure of speed"
        await page.context.close()
    flood.sign_in.close()


HOSTILE = [
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1</script>",
    "javascript:window.pwned=1",
    '"><svg onload=window.pwned=1>',
    "{{constructor.constructor('window.pwned=1')()}}",
    "京A\u202e54321",
    "zero\u200bwidth",
    "nul\u0000",
]


async def test_hostile_text_from_a_device_is_only_ever_text(desk: Desk, page: Page) -> None:
    """S18 and S19."""
    for number, text in enumerate(HOSTILE, start=1):
        desk.point(f"zone-{number:02d}.state", text, "uncertain: stale", text)
    facts = desk.facts["zone-01.alarm"]
    facts.text["zh"] = HOSTILE[0]
    facts.place["zh"] = HOSTILE[3]
    desk.raise_alarm("zone-01.alarm")
    text = page.locator("[data-testid=alarm-row] [data-testid=alarm-text]")
    await expect(text).to_have_text(HOSTILE[0])
    await page.keyboard.press("F6")
    value = "[data-testid=point-row][data-point='zone-{:02d}.state'] [data-testid=point-value]"
    await expect(page.locator(value.format(2))).to_have_text(HOSTILE[1])
    await expect(page.locator(value.format(6))).to_have_text("京A\\u202e54321")
    await expect(page.locator(value.format(7))).to_have_text("zero\\u200bwidth")
    await expect(page.locator(value.format(8))).to_have_text("nul\\u0000")
    assert await page.evaluate("window.pwned") is None


async def test_the_language_changes_without_a_reload_and_no_word_is_missing(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-03.alarm")
    await page.locator("[data-testid=alarm-row]").wait_for()
    await page.evaluate("window.sameDocument = true")
    await page.get_by_test_id("language").click()
    await expect(page.get_by_test_id("alarm-text")).to_have_text("East wall, stretch 3: Zone 03 intrusion")
    await expect(page.get_by_test_id("detail")).to_contain_text("Someone may be climbing over.")
    assert await page.evaluate("window.sameDocument") is True
    for screen in ("F6", "F7", "F1"):
        await page.keyboard.press(screen)
        shown = await page.inner_text("body")
        for unfilled in ("screen.", "state.", "list.", "detail.", "priority.", "quality.", "value.", "{"):
            assert unfilled not in shown


async def test_the_plan_shows_where_it_is_and_the_procedure_what_to_do(desk: Desk, page: Page) -> None:
    """PE-3: the zone on the electronic map; the linked lamp's result beside it."""
    desk.point("lamp-01.command_state", "confirmed")
    desk.point("lamps.di_1", True)
    desk.raise_alarm("zone-03.alarm")
    await expect(page.get_by_test_id("lamp")).to_contain_text("已确认执行")
    await expect(page.get_by_test_id("lamp")).to_contain_text("已亮")
    await expect(page.locator("[data-testid=detail] [data-testid=map-alarm]")).to_have_count(1)
    await page.get_by_test_id("procedure-button").click()
    await expect(page.get_by_test_id("procedure")).to_contain_text("派巡逻员到场")
    await page.keyboard.press("Escape")
    await page.keyboard.press("F7")
    spot = page.locator("[data-testid=map-alarm][data-alarm='zone-03.alarm']")
    await expect(spot).to_be_visible()
    await spot.click()
    await expect(page.get_by_test_id("detail")).to_have_attribute("data-alarm", "zone-03.alarm")


async def test_without_the_kiosk_setting_the_missing_sound_is_shown_until_the_first_click(
    desk: Desk, server: WebServer
) -> None:
    """Console criterion 13. The state is read from what the page wrote: asking the page to run code is a gesture."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS])
        context = await browser.new_context()
        page = await context.new_page()
        await sign_in(page, server)
        fresh = await context.new_page()
        await fresh.goto(f"http://127.0.0.1:{server.port}/")
        sound = fresh.locator(SOUND)
        await expect(sound).to_have_attribute("data-state", "suspended")
        await expect(sound).to_contain_text("点击恢复声音")
        desk.raise_alarm("zone-01.alarm")
        await fresh.locator("[data-testid=alarm-row]").wait_for()
        await expect(sound).to_have_attribute("data-tone", "none")
        await sound.click()
        await expect(sound).to_have_attribute("data-state", "running")
        await expect(sound).to_have_attribute("data-tone", "1")
        await browser.close()


async def test_signing_out_shows_the_door_and_keeps_no_alarm_on_screen(desk: Desk, page: Page) -> None:
    desk.raise_alarm("zone-01.alarm")
    await page.locator("[data-testid=alarm-row]").wait_for()
    await page.get_by_test_id("sign-out").click()
    await page.get_by_test_id("login-button").wait_for()
    await expect(page.locator("[data-testid=alarm-row]")).to_have_count(0)


async def test_a_wrong_password_is_told_plainly(server: WebServer, chromium: Browser) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{server.port}/")
    await page.fill("[name=name]", "operator")
    await page.fill("[name=password]", "wrong")
    await page.get_by_test_id("login-button").click()
    await expect(page.get_by_test_id("login-trouble")).to_have_text("用户名或密码不正确")
    await context.close()
