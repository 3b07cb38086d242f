"""What did not happen is named on the operator's page: after a fire, and after the failure of the mains."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.system.estate import Estate, estate
from tests.system.shortened import shorten

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEED = 3.0  # of the world: a generator takes a quarter of a minute to start, a lift as long to come down
SHORT: Mapping[str, Mapping[str, float]] = {
    "fire_panel": {"door_limit": 3.0, "lift_limit": 8.0, "fan_limit": 8.0},
    "fan": {"start_delay": 4.0},
    "lift": {"recall_delay": 4.0},
    "ats": {"start_latest": 6.0, "run_latest": 10.0, "transfer_delay": 5.0},
    "generator": {"start_delay": 10.0},
}


def impatient(site: Path) -> None:
    shorten(site, SHORT)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("missing"), prepare=impatient, speed=SPEED) as whole:
        yield whole


async def named(whole: Estate, alarm: str, *words: str) -> None:
    """It stands on the page, urgent and unacknowledged, in these words."""
    await whole.journaled(alarm, within=25.0)
    page = whole.page
    assert isinstance(page, Page)
    row = page.locator(f"[data-testid=alarm-row][data-alarm='{alarm}']")
    await expect(row).to_have_attribute("data-state", "unacknowledged")
    await expect(row).to_have_attribute("data-priority", "1")
    for text in words:
        await expect(row).to_contain_text(text)


async def test_after_a_fire_the_door_the_lift_and_the_fan_that_did_not_act_are_named(riverside: Estate) -> None:
    """FR-3, AC-4: door not released, lift not recalled, fan not started; nothing that did act is named."""
    failing = (("door-07", "release_fails"), ("lift-2", "recall_fails"), ("fan-1", "start_fails"))
    for target, fault in failing:
        await riverside.controls.fault(target, fault)
    await riverside.controls.fault("fire-zone-2", "fire")
    await named(riverside, "fire-panel-1.fire", "火警")
    await named(riverside, "fire-panel-1.linkage_door_4_missing", "火灾联动未完成", "联动门4释放")
    await named(riverside, "door-07.not_released", "07号门", "火警时门未释放")
    await named(riverside, "fire-panel-1.linkage_lift_2_missing", "电梯2迫降")
    await named(riverside, "lift-2.not_recalled", "2号楼1单元 2号电梯", "火警后未迫降")
    await named(riverside, "fire-panel-1.linkage_fan_1_missing", "防排烟风机1启动")
    await named(riverside, "fan-1.not_started_on_fire", "火警后未启动")
    assert riverside.page is not None
    rows = riverside.page.locator("[data-testid=alarm-row]")
    on_page: list[str] = await rows.evaluate_all("all => all.map(one => one.dataset.alarm)")
    missing = {one for one in on_page if one.endswith(("_missing", "not_released", "not_recalled", "started_on_fire"))}
    assert missing == {
        "fire-panel-1.linkage_door_4_missing",
        "fire-panel-1.linkage_lift_2_missing",
        "fire-panel-1.linkage_fan_1_missing",
        "door-07.not_released",
        "lift-2.not_recalled",
        "fan-1.not_started_on_fire",
    }
    for target in ("fire-zone-2", *(one for one, _ in failing)):
        await riverside.controls.heal(target)


async def test_a_load_that_is_not_transferred_to_a_running_generator_is_named(riverside: Estate) -> None:
    """PW-2: the generator has started, the switch is stuck; the transfer is what is missing, and only that."""
    await riverside.controls.fault("ats-1", "ats_stuck")
    await riverside.controls.fault("supply-1", "mains_fail")
    await named(riverside, "ats-1.takeover_transfer_missing", "市电失电后的接替", "转换到发电机未发生")
    await named(riverside, "ats-1.not_transferred", "发电机已供电但未转换")
    query = (
        "SELECT DISTINCT alarm FROM transition WHERE alarm LIKE 'ats-1.takeover%missing' OR alarm LIKE 'gen%not_st%'"
    )
    assert [row["alarm"] for row in riverside.rows(query)] == ["ats-1.takeover_transfer_missing"]
    await riverside.controls.heal("ats-1", "ats_stuck")
    await riverside.journaled("ats-1.takeover_transfer_late", within=15.0)
    await riverside.journaled("ats-1.takeover_completed", within=15.0)
    await riverside.controls.heal("supply-1", "mains_fail")
