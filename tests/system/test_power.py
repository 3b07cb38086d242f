"""Power, lighting and metering from the simulated device over Modbus through the daemon into the journal."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from daemon.commands.user import set_password
from daemon.metering import pv_yield
from tests.system.estate import Desk, Estate, estate

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAINTENANCE = "switch-io-1.di_3"  # of feeder-1 in riverside
SUPERVISOR, PASSWORD = "zhang", secrets.token_urlsafe(12)
SHORT: dict[str, dict[str, float]] = {
    "ups": {"on_battery_delay": 1.0, "hold_up_delay": 1.0},
    "generator": {"start_delay": 3.0, "mode_delay": 2.0, "fuel_delay": 1.0},
    "ats": {"start_latest": 3.0, "run_latest": 4.0, "black_delay": 6.0},
    "feeder": {"open_delay": 1.0},
    "lighting_circuit": {
        "switch_delay": 1.0,
        "light_delay": 1.0,
        "half_night_longest": 1.0,
        "festival_longest": 1.0,
    },
    "energy_meter": {"count_window": 12.0, "phase_delay": 1.0},
    "pv_meter": {"count_window": 12.0},
    "water_meter": {"count_window": 12.0},
}


def impatient(site: Path) -> None:
    """Delays of minutes become seconds, meters are read every second; everything else as in the example."""
    rules = yaml.safe_load((site / "rules.yaml").read_text("utf-8")) or {}
    classes = rules.setdefault("classes", {})
    for name, parameters in SHORT.items():
        own = classes.setdefault(name, {})
        own["parameters"] = {**own.get("parameters", {}), **parameters}
    (site / "rules.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    devices = site / "devices.yaml"
    devices.write_text(re.sub(r"poll: 5\.0", "poll: 1.5", devices.read_text("utf-8")), "utf-8")
    set_password(site, SUPERVISOR, PASSWORD)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("power"), prepare=impatient, browser=False) as whole:
        yield whole


async def told(whole: Estate, target: str, fault: str, alarm: str, *texts: str, act: bool = False, **more: Any) -> None:
    """A device acts, and the journal holds the alarm with these words."""
    await (whole.controls.act(target, fault, **more) if act else whole.controls.fault(target, fault, **more))
    raised = await whole.journaled(alarm, within=25.0)
    for text in texts:
        assert text in raised["text_zh"]
    assert raised["text_en"]


async def believed(whole: Estate, point: str) -> Any:
    """The value of a device's point as the console is given it, once there is one."""

    desk = await asyncio.to_thread(Desk, whole.daemon.port, SUPERVISOR, PASSWORD)

    def ask() -> Any:
        _, snapshot = desk.ask("GET", "/api/snapshot")
        return [row for row in snapshot["data"]["points"] if row["id"] == point and row["v"] is not None]

    return (await whole.until(ask, f"a value of {point}"))[0]["v"]


async def test_the_ups_on_battery_on_bypass_and_short_of_hold_up(riverside: Estate) -> None:
    """PW-1: on mains, battery or bypass, its load, battery and minutes left. AC-5: short of 21 hours."""
    assert await believed(riverside, "ups-1-ctl.source") == "mains"
    assert 30 < await believed(riverside, "ups-1-ctl.load") < 50
    assert await believed(riverside, "ups-1-ctl.runtime") > 1260
    await told(riverside, "ups-1", "ups_on_battery", "ups-1.on_battery", "UPS", "电池供电", "剩余")
    await told(riverside, "ups-1", "charge", "ups-1.battery_low", "电池将尽", act=True, level=0.2)
    await riverside.controls.heal("ups-1")
    await told(riverside, "ups-1", "ups_bypass", "ups-1.on_bypass", "旁路供电")
    await riverside.controls.heal("ups-1")
    await told(riverside, "ups-1", "ups_replace_battery", "ups-1.battery_replace", "电池需更换")
    await told(riverside, "ups-1", "charge", "ups-1.hold_up_short", "后备时间不足", act=True, level=50.0)
    await riverside.controls.heal("ups-1")
    await riverside.controls.act("ups-1", "charge", level=100.0)


async def test_a_switch_under_maintenance_cannot_be_closed_from_afar(riverside: Estate) -> None:
    """PW-3: in service, open, under maintenance; the command is refused and the closed switch alarms."""
    await told(riverside, "feeder-2", "opened", "feeder-2.open", "2号", "在用开关断开")
    await riverside.controls.heal("feeder-2")
    await told(riverside, "feeder-2", "feeder_trip", "feeder-2.tripped", "跳闸")
    await riverside.controls.heal("feeder-2")
    await riverside.controls.fault("feeder-1", "maintenance")
    desk = await asyncio.to_thread(Desk, riverside.daemon.port, SUPERVISOR, PASSWORD)

    def under_maintenance() -> bool:
        _, snapshot = desk.ask("GET", "/api/snapshot")
        return any(point["id"] == MAINTENANCE and point["v"] is True for point in snapshot["data"]["points"])

    await riverside.until(under_maintenance, "the daemon knows of the maintenance")
    wanted = {"id": "close-feeder-0001", "reason": "试合闸"}
    status, answer = await asyncio.to_thread(desk.ask, "POST", "/api/equipment/feeder-1/commands/close", wanted)
    assert status == 409
    assert "检修" in answer["why"]["zh"]
    assert answer["state"] == "refused"
    state = await riverside.controls.state()
    assert state["equipment"]["feeder-1"]["closed"] is False
    await told(riverside, "feeder-1", "closed_in_maintenance", "feeder-1.closed_in_maintenance", "检修状态下合闸")
    await riverside.controls.heal("feeder-1")


async def test_circuits_are_told_apart_by_group_and_by_daylight(riverside: Estate) -> None:
    """LT-1: all night, half the night, festivals; a daylit place is not to burn by day."""
    await told(riverside, "light-1", "switch_on", "light-1.burning_by_day", "白天亮灯", act=True)
    await told(riverside, "light-2", "switch_on", "light-2.half_night_left_on", "半夜灯", act=True)
    await told(riverside, "light-3", "switch_on", "light-3.festival_left_on", "节日灯", act=True)
    wrong = riverside.rows(
        "SELECT DISTINCT alarm FROM transition WHERE alarm IN"
        " ('light-3.burning_by_day', 'light-1.half_night_left_on', 'light-1.festival_left_on')"
    )
    assert [tuple(row) for row in wrong] == []


async def test_current_is_judged_against_the_command(riverside: Estate) -> None:
    """LT-3: on without current, and current while off."""
    await told(riverside, "light-1", "lamp_circuit_open", "light-1.no_current", "已开灯但无电流")
    await riverside.controls.heal("light-1")
    await riverside.controls.fault("light-3", "contactor_stuck")
    await told(riverside, "light-3", "switch_off", "light-3.current_while_off", "已关灯仍有电流", act=True)
    await riverside.controls.heal("light-3")
    for circuit in ("light-1", "light-2"):
        await riverside.controls.act(circuit, "switch_off")


async def test_meters_that_are_replaced_jump_or_lose_a_phase_are_flagged(riverside: Estate) -> None:
    """MT-1: electricity and water by circuit and branch."""
    for point in ("meter-b1.energy_import", "meter-garage.energy_import", "pulse-io-1.counter_1"):
        assert await believed(riverside, point) > 0
    await told(riverside, "energy-b1", "meter_replaced", "energy-b1.replaced", "1号楼", "换表", act=True)
    await told(riverside, "energy-b2", "meter_jump", "energy-b2.jumped", "读数突增", act=True)
    await told(riverside, "water-main", "meter_jump", "water-main.jumped", "水表", "读数突增", act=True)
    await told(riverside, "water-b1", "meter_replaced", "water-b1.replaced", "换表", act=True)
    await told(riverside, "energy-garage", "phase_loss", "energy-garage.phase_lost", "缺相", n=2)
    await riverside.controls.heal("energy-garage")


async def test_the_yield_of_photovoltaics_is_metered_and_worth_its_tariff(riverside: Estate) -> None:
    """MT-2: yield, feed-in and own use, at the tariff of the site."""
    produced = await believed(riverside, "meter-pv.energy_import")
    fed_in = await believed(riverside, "meter-main.energy_export")
    rows = yaml.safe_load((riverside.site / "equipment.yaml").read_text("utf-8"))
    tariff = next(row["parameters"]["tariff"] for row in rows if row["id"] == "pv-1")
    found = pv_yield(produced, fed_in, tariff)
    assert tariff == 0.43
    assert found.own_use == pytest.approx(produced - fed_in)
    assert found.worth == pytest.approx(0.43 * produced)
    await told(riverside, "pv-1", "meter_jump", "pv-1.jumped", "光伏", "读数突增", act=True)


async def test_an_outage_is_followed_step_by_step(riverside: Estate) -> None:
    """PW-2: mains fails, the generator takes the load by itself, and what is late or missing is named."""
    assert await believed(riverside, "gen-1-ctl.state") == "stopped"
    await riverside.controls.fault("generator-1", "not_in_auto")
    await riverside.journaled("generator-1.not_in_auto")
    await told(riverside, "supply-1", "mains_fail", "supply-1.lost", "市电进线", "失电")
    missing = await riverside.journaled("ats-1.takeover_run_missing")
    assert "发电机电压正常未发生" in missing["text_zh"]
    await riverside.journaled("generator-1.not_started")
    await riverside.journaled("ats-1.black")
    await riverside.journaled("ats-1.load_dead")
    state = await riverside.controls.state()
    assert state["standing"]["meter-garage"] == ["power_loss"]
    await riverside.controls.heal("generator-1", "not_in_auto")
    late = await riverside.journaled("ats-1.takeover_run_late", within=30.0)
    assert "迟到" in late["text_zh"]
    await riverside.journaled("ats-1.takeover_completed", within=15.0)
    await riverside.journaled("ats-1.on_generator")
    assert await believed(riverside, "ats-1-ctl.position") == "s2"
    await riverside.controls.heal("supply-1", "mains_fail")
    query = "SELECT alarm, announces FROM transition WHERE alarm LIKE 'device-%.offline' AND position > ?"
    since = (await riverside.journaled("ats-1.load_dead"))["position"]
    silent = [tuple(row) for row in riverside.rows(query, since)]
    assert ("device-light-meter.offline", 0) in silent  # fed by a feeder that the switch feeds
    assert [alarm for alarm, announces in silent if announces] == []
