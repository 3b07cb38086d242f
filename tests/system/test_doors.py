"""Doors, cards and the doors' own power; simulator, broker, daemon and journal, all real."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.system.estate import OPERATOR, Estate, estate
from tests.system.shortened import shorten
from tests.system.witness import event, good, raised, since

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = {
    "door": {"rex_limit": 1.0, "obstructed_delay": 1.0},
    "ups": {"hold_up_delay": 1.0, "on_battery_delay": 1.0},
}


def prepare(site: Path) -> None:
    shorten(site, SHORT)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("doors"), prepare=prepare, browser=False) as whole:
        await whole.until(lambda: {"door-01.contact", "ups-1-ctl.runtime"} <= good(whole).keys(), "points good", 30)
        yield whole


@pytest.mark.parametrize(
    ("fault", "alarm", "delay", "words"),
    [
        ("reader_offline", "reader_offline", 0.5, "读卡器离线"),
        ("cut_line", "wire_cut", 0.5, "线路断开"),
        ("lock_jammed", "contact_fault", 0.0, "门锁故障"),
        ("tamper", "tamper", 0.0, "防拆"),
        ("pre_held", "pre_held", 0.0, "即将超时"),
        ("obstruction", "obstructed", 1.0, "防夹受阻"),
        ("guard_failure", "guard_failed", 0.0, "防夹红外故障"),
        ("rex_stuck", "rex_stuck", 1.0, "出门按钮一直接通"),
        ("secure_channel", "controller_fault", 0.0, "安全通道"),
    ],
)
async def test_a_door_tells_what_is_wrong(riverside: Estate, fault: str, alarm: str, delay: float, words: str) -> None:
    """AC-2 AC-7: tamper, wires, reader and controller; AC-9: an obstruction and a failed guard alarm."""
    await raised(riverside, "door-02", fault, f"door-02.{alarm}", words, delay=delay)


async def test_a_late_event_behind_a_grant_is_no_forced_door(riverside: Estate) -> None:
    """AC-7: forced alarms at once, but not within two seconds of a grant that opened the door."""
    await riverside.controls.act("door-01", "late_grant")
    await event(riverside, "door-01", "door.forced")
    await event(riverside, "door-01", "door.closed")
    assert riverside.rows("SELECT * FROM transition WHERE alarm = 'door-01.forced'") == []
    await raised(riverside, "door-01", "forced_door", "door-01.forced", delay=2.0)


async def test_each_escape_door_is_verified_when_the_fire_signal_comes(riverside: Estate) -> None:
    """AC-4: of the doors that the fire panel should open, the one that stayed locked is named; the others are not."""
    before = datetime.now(UTC)
    await riverside.controls.fault("door-05", "release_fails")
    await riverside.controls.fault("fire-panel-1", "fire")
    text = (await since(riverside, "door-05.not_released", before))["text_zh"]
    assert "05号门" in text
    await riverside.until(lambda: good(riverside).get("door-04.lock") == "unlocked", "door-04 free")
    await riverside.controls.heal("fire-panel-1", "fire")
    await since(riverside, "door-05.not_released", before, "clear")
    query = "SELECT DISTINCT alarm FROM transition WHERE alarm LIKE 'door-%.not_released'"
    assert [row["alarm"] for row in riverside.rows(query)] == ["door-05.not_released"]
    await riverside.controls.heal("door-05")


async def test_a_roof_exit_alarms_with_its_camera(riverside: Estate) -> None:
    """AC-8: opened at all, it alarms; the alarm names the camera that sees it."""
    await raised(riverside, "door-07", "pre_held", "door-07.exit_opened", "屋顶消防门", heal=False)
    desk = await riverside.desk()
    _, snapshot = await asyncio.to_thread(desk.ask, "GET", "/api/snapshot")
    assert [a["camera"] for a in snapshot["data"]["alarms"] if a["id"] == "door-07.exit_opened"] == ["cam-roof-01"]
    await riverside.controls.heal("door-07")


async def test_every_card_read_is_recorded_and_a_refusal_with_its_reason(riverside: Estate) -> None:
    """AC-3: reads arrive live; AC-6: residents, tenants and visitors apart, a refused pass with its reason."""
    await riverside.controls.act("door-03", "access", credential="c:77aa")
    await event(riverside, "door-03", "access.granted", "c:77aa")
    await riverside.until(lambda: good(riverside).get("door-03.last_access") == "c:77aa", "shown live")
    await riverside.controls.act("door-03", "deny", credential="c:77ab", reason="expired", holder="visitor")
    await event(riverside, "door-03", "access.denied", "expired", "visitor", "c:77ab")


async def test_the_card_workstation_issues_and_sees_its_cards_at_the_doors(riverside: Estate) -> None:
    """AC-3: issue, grant, report lost and revoke without the card at hand, each in the journal; reads arrive live.
    AC-6: a visitor's registered pass is told apart and needs an end; what is refused says why."""
    desk = await riverside.desk()

    async def ask(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        return await asyncio.to_thread(desk.ask, method, path, body)

    wanted = {"card": "c:v001", "kind": "visitor", "holder": "p-881", "household": "h-2-0502", "reason": "探访登记"}
    assert await ask("POST", "/api/cards", wanted) == (
        409, {"error": "refused", "reason": "a tenant's or visitor's pass needs an end"}
    )  # fmt: skip
    until = (datetime.now(UTC) + timedelta(hours=4)).isoformat()
    status, card = await ask("POST", "/api/cards", wanted | {"valid_until": until, "doors": ["door-01", "door-05"]})
    assert (status, card["state"], card["last"]["by"]) == (200, "valid", OPERATOR)
    status, problem = await ask("POST", "/api/cards/c:v001/grant", {"doors": ["door-99"], "reason": "x y"})
    assert (status, "door-99" in str(problem)) == (422, True)
    await riverside.controls.act("door-05", "access", credential="c:v001")
    await event(riverside, "door-05", "access.granted", "c:v001")
    _, reads = await ask("GET", "/api/cards/reads")
    read = next(one for one in reads if one["card"] == "c:v001")
    assert (read["device"], read["kind"], read["holder"], read["state_then"]) == (
        "door-05",
        "visitor",
        "p-881",
        "valid",
    )
    assert (await ask("POST", "/api/cards/c:v001/lost", {"reason": "遗失"}))[1]["state"] == "lost"
    await riverside.controls.act("door-05", "deny", credential="c:v001", reason="not_active", holder="visitor")
    await event(riverside, "door-05", "access.denied", "c:v001", "not_active")
    _, reads = await ask("GET", "/api/cards/reads")
    refused = next(one for one in reads if one["type"] == "access.denied" and one["card"] == "c:v001")
    assert (refused["reason"], refused["state_then"]) == ("not_active", "lost")
    assert (await ask("POST", "/api/cards/c:v001/revoke", {"reason": "收回"}))[1]["state"] == "revoked"
    rows = riverside.rows("SELECT action, by, reason FROM card WHERE card = 'c:v001' ORDER BY position")
    assert [tuple(row) for row in rows] == [
        ("issue", OPERATOR, "探访登记"), ("lost", OPERATOR, "遗失"), ("revoke", OPERATOR, "收回")
    ]  # fmt: skip


async def test_the_ups_of_the_doors_is_judged_by_its_expected_hold_up(riverside: Estate) -> None:
    """AC-5: what it expects to last is compared with the 21 hours (1260 min) asked of it; mains loss alarms too."""
    seen = await asyncio.to_thread(good, riverside)
    assert seen["ups-1-ctl.runtime"] >= 1260
    await raised(riverside, "ups-1", "battery_weak", "ups-1.hold_up_short", "后备时间不足", delay=3.0)
    await raised(riverside, "ups-1", "ups_on_battery", "ups-1.on_battery", "电池供电", delay=3.0)
