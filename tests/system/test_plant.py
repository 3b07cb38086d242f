"""Fire, lifts, water, drainage, heating and rooms: simulator, Modbus, daemon and journal, all real."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import yaml

from tests.running import ROOT
from tests.system.estate import Estate, estate
from tests.system.shortened import shorten

SHANGHAI = ZoneInfo("Asia/Shanghai")
pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT: dict[str, dict[str, float]] = {
    "sump": {"start_delay": 2.0, "float_delay": 1.0, "auto_delay": 1.0, "lost_delay": 1.0, "not_falling_delay": 1.0,
             "run_limit": 20.0, "starts_max": 1.0},
    "booster": {"burst_delay": 1.0, "dry_delay": 2.0, "auto_delay": 1.0, "lost_delay": 1.0},
    "tank": {"lost_delay": 1.0},
    "fire_tank": {"lost_delay": 3.0, "travel_delay": 2.0, "makeup_delay": 3.0},
    "fire_pump": {"lost_delay": 1.0, "auto_delay": 1.0, "power_delay": 1.0, "start_delay": 2.0,
                  "jockey_run_limit": 3.0},
    "fan": {"auto_delay": 1.0, "start_delay": 3.0, "damper_delay": 3.0},
    "valve": {"open_delay": 1.0},
    "fire_panel": {"door_limit": 4.0, "lift_limit": 4.0, "fan_limit": 6.0, "disabled_delay": 1.0},
    "fire_zone": {"disabled_delay": 1.0},
    "lift": {"trapped_delay": 1.0, "service_delay": 1.0, "recall_delay": 3.0, "recall_run": 5.0, "power_delay": 1.0,
             "fault_delay": 0.5},
    "room": {"temperature_delay": 1.0},
    "water_meter": {"count_window": 12.0},
    "boiler": {"pressure_delay": 1.0, "temperature_delay": 1.0, "cold_delay": 1.0, "fuel_delay": 1.0},
    "chiller": {"pressure_delay": 1.0, "temperature_delay": 1.0, "flow_delay": 1.0},
    "sewage": {"no_flow_delay": 1.0, "valve_delay": 1.0},
    "water_feature": {"flow_delay": 1.0, "start_delay": 1.0, "low_delay": 0.5},
}  # fmt: skip


def impatient(site: Path) -> None:
    """Delays of minutes become seconds, and the lifts' next inspections lie around today."""
    shorten(site, SHORT)
    rules = yaml.safe_load((site / "rules.yaml").read_text("utf-8"))
    for name in SHORT:
        own = rules["classes"][name]
        stock = yaml.safe_load((ROOT / "rules" / "library" / f"{name}.yaml").read_text("utf-8"))
        for rule, body in stock["rules"].items():
            if isinstance(body.get("on_delay"), int | float) and body["on_delay"] > 0.5:
                own.setdefault("rules", {}).setdefault(rule, {})["on_delay"] = 0.5
    (site / "rules.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    text = (site / "equipment.yaml").read_text("utf-8")
    for printed, days in (("2027-05-31", -3), ("2027-06-30", 20)):
        text = text.replace(printed, (datetime.now(SHANGHAI).date() + timedelta(days=days)).isoformat())
    (site / "equipment.yaml").write_text(text, "utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("plant"), prepare=impatient, browser=False) as whole:
        yield whole


Event = tuple[str, str, str, str]
"""Target, fault, alarm, and what its text says."""


async def told(whole: Estate, *events: Event, **details: Any) -> None:
    """All of this happens at once, and the journal holds each alarm with its words. What stood is ended after."""
    for target, fault, _, _ in events:
        await whole.controls.fault(target, fault, **details)
    for target, _, alarm, text in events:
        await raised(whole, f"{target}.{alarm}", text)
    for target in {target for target, _, _, _ in events}:
        await whole.controls.heal(target)


async def raised(whole: Estate, alarm: str, *texts: str) -> None:
    found = await whole.journaled(alarm, within=25.0)
    for text in texts:
        assert text in found["text_zh"], found["text_zh"]
    assert found["text_en"]


async def shown(whole: Estate, true: Callable[[Mapping[str, Any]], bool], what: str) -> None:
    """The points as the console has them, until this is true of them."""
    desk = await whole.desk()

    def ask() -> bool:
        _, snapshot = desk.ask("GET", "/api/snapshot")
        return true({row["id"]: row["v"] for row in snapshot["data"]["points"] if row["v"] is not None})

    await whole.until(ask, what)


async def test_the_lift_pit_sump_alarms_at_high_level_and_for_a_faulty_pump(riverside: Estate) -> None:
    """EL-1: over contacts and a 4-20 mA loop."""
    await told(
        riverside,
        ("sump-5", "high_inflow", "high_level", "5号集水井 高水位报警"),
        ("sump-5", "pump_trip", "pump_1_fault", "1号泵故障"),
        level=1.3,
    )


async def test_the_lift_machine_room_is_watched(riverside: Estate) -> None:
    """EL-2: temperature."""
    await told(riverside, ("room-lift", "temperature", "temperature_high", "电梯机房"), temperature=38.0)
    await riverside.controls.act("room-lift", "temperature", temperature=24.0)


async def test_mode_fault_trapped_passenger_and_a_car_between_floors_are_told(riverside: Estate) -> None:
    """EL-3: mode, the controller's own code, and a car between floors that nobody reports."""
    await shown(riverside, lambda points: points.get("lift-1-gw.mode") == "group", "the mode of lift 1")
    await told(
        riverside,
        ("lift-1", "inspection", "inspection", "检修状态"),
        ("lift-1", "trapped", "trapped", "困人"),
        ("lift-2", "stuck", "stuck_between_floors", "停在层间"),
        ("lift-2", "independent", "independent", "独立"),
    )
    await told(
        riverside,
        ("lift-1", "out_of_service", "out_of_service", "停止服务"),
        ("lift-1", "passenger_alarm", "passenger_alarm", "轿厢求助"),
        ("lift-2", "lift_fault", "fault", "故障 代码31"),
    )


async def test_an_overdue_statutory_inspection_warns(riverside: Estate) -> None:
    """EL-3: the date of the register against the calendar."""
    await raised(riverside, "lift-1.inspection_overdue", "法定检验已过期")
    await raised(riverside, "lift-2.inspection_due", "还剩20天")


async def test_the_fire_tank_alarms_at_high_and_low_level_and_its_make_up_is_watched(riverside: Estate) -> None:
    """FR-1, FR-2: tank level, and the solenoid ahead of the float valve."""
    await told(riverside, ("fire-tank-1", "tank_leak", "low_level", "低水位报警"), level=2.7)
    await riverside.controls.act("fire-tank-1", "level", level=3.04)
    await raised(riverside, "fire-tank-1.high_level", "高水位报警")
    await riverside.controls.fault("fire-tank-1", "solenoid_stuck_shut")
    await riverside.controls.act("fire-tank-1", "level", level=2.88)
    await raised(riverside, "fire-tank-1.solenoid_stuck_shut", "补水电磁阀得电未开")
    await riverside.controls.heal("fire-tank-1")
    await riverside.controls.act("fire-tank-1", "level", level=2.961)


async def test_fire_pumps_smoke_fans_and_valves_are_supervised(riverside: Estate) -> None:
    """FR-4: running, automatic, fault, pressure; fans and valves likewise."""
    await told(
        riverside,
        ("fire-pump-1", "not_auto", "not_auto", "不在自动位"),
        ("fire-pump-1", "power_loss", "power_lost", "电源消失"),
        ("fire-pump-1", "pump_fault", "fault", "1号消防泵 故障"),
        ("fan-1", "not_auto", "not_auto", "不在自动位"),
        ("fan-2", "fan_fault", "fault", "2号风机 故障"),
        ("valve-1", "left_shut", "left_shut", "应常开而未全开"),
    )
    await told(
        riverside,
        ("fire-pump-1", "jockey_sticks", "jockey_runs_on", "稳压泵不停"),
        ("fire-pump-1", "sprinkler_open", "running", "启动运行"),
        ("fire-pump-1", "sensor_broken", "pressure_lost", "压力信号丢失"),
    )
    await riverside.controls.act("fire-pump-1", "stop")


async def test_a_fire_is_told_with_every_step_that_did_not_follow(riverside: Estate) -> None:
    """FR-3: doors, lifts and fans are checked one by one; what did not happen is named, what did is not."""
    for target, fault in (("lift-2", "recall_fails"), ("fan-1", "start_fails"), ("door-07", "release_fails")):
        await riverside.controls.fault(target, fault)
    await riverside.controls.fault("fire-zone-2", "fire")
    await raised(riverside, "fire-zone-2.fire", "1号楼1单元大堂", "火警", "辅助监视")
    await raised(riverside, "fire-panel-1.fire", "火警")
    await raised(riverside, "lift-1.fire_recall", "消防迫降")
    await raised(riverside, "fire-panel-1.linkage_lift_2_missing", "电梯2迫降")
    await raised(riverside, "fire-panel-1.linkage_fan_1_missing", "防排烟风机1启动")
    await raised(riverside, "fire-panel-1.linkage_door_4_missing", "联动门4释放")
    await raised(riverside, "lift-2.not_recalled", "火警后未迫降")
    await raised(riverside, "fan-1.not_started_on_fire", "火警后未启动")
    happened = riverside.rows("SELECT DISTINCT alarm FROM transition WHERE alarm LIKE 'fire-panel-1.linkage%missing'")
    named = {row["alarm"].removeprefix("fire-panel-1.linkage_") for row in happened}
    assert named == {"lift_2_missing", "fan_1_missing", "door_4_missing"}
    for target in ("fire-zone-2", "lift-2", "fan-1", "door-07"):
        await riverside.controls.heal(target)


async def test_trouble_and_disabled_zones_of_the_fire_panel_are_told(riverside: Estate) -> None:
    """FR-3: what the panel cannot see."""
    await riverside.controls.fault("fire-zone-3", "zone_disabled")
    await told(riverside, ("fire-zone-1", "zone_trouble", "trouble", "探测器或线路故障"))
    await raised(riverside, "fire-zone-3.disabled", "已屏蔽")
    await raised(riverside, "fire-panel-1.disabled", "有屏蔽")
    await riverside.controls.heal("fire-zone-3")


async def test_the_booster_set_and_its_tanks_are_supervised(riverside: Estate) -> None:
    """WS-1, WS-2: both tanks' levels; pumps, outlet pressure, and a sensor that is gone."""
    await told(
        riverside,
        ("booster-1", "pump_trip", "pump_2_fault", "2号泵故障"),
        ("booster-1", "sensor_broken", "pressure_lost", "压力信号丢失"),
        ("tank-1", "inlet_stuck", "overflow", "溢流报警"),
        ("tank-2", "sensor_broken", "level_lost", "液位信号丢失"),
        pump=2,
    )
    await riverside.controls.act("booster-1", "pressure", pressure=7.0)
    await raised(riverside, "booster-1.pressure_high", "出口压力高")
    await riverside.controls.act("booster-1", "pressure", pressure=4.5)


async def test_every_branch_has_its_meter(riverside: Estate) -> None:
    """WS-3: fire, fountain, landscape and domestic make-up beside the main meter."""
    branches = ("water-main", "water-b1", "water-garden", "water-fire", "water-fountain", "water-makeup")
    state = await riverside.controls.state()
    assert set(branches) <= set(state["equipment"])
    counters = [f"pulse-io-1.counter_{n}" for n in range(1, 6)]
    await shown(riverside, lambda points: all(points.get(one) is not None for one in counters), "all counters")
    await riverside.controls.act("water-fire", "meter_jump")
    await raised(riverside, "water-fire.jumped", "读数突增")


async def test_a_fountain_alarms_at_low_level_and_its_zones_stand_alone(riverside: Estate) -> None:
    """WF-1, WF-2, WF-3: low level with the pump running, told to run and does not, one zone emptied."""
    await riverside.controls.act("fountain-1", "run")
    await told(riverside, ("fountain-1", "strainer_clogged", "no_flow", "无水流"))
    await told(riverside, ("fountain-1", "basin_leak", "low_level_running", "水位低而水泵运行"), level=0.2)
    stopped = "SELECT * FROM step WHERE target = 'fountain-1' AND action = 'stop' AND step = 'confirmed'"
    await riverside.until(lambda: riverside.rows(stopped), "the pump stopped by the alarm")
    await riverside.controls.act("fountain-1", "run")
    await told(riverside, ("fountain-1", "contactor_open", "did_not_start", "到时未启动"))
    await riverside.controls.act("fountain-1", "stop")
    await told(riverside, ("fountain-1", "drained", "emptied", "本区排空中"))


async def test_every_sump_alarms_whatever_its_controller(riverside: Estate) -> None:
    """DR-1, DR-2: two makes of controller and one without, on one bus."""
    await told(
        riverside,
        ("sump-1", "high_inflow", "high_level", "1号集水井"),
        ("sump-2", "left_in_hand", "left_in_hand", "未恢复自动"),
        ("sump-3", "left_in_hand", "left_in_hand", "未恢复自动"),
        ("sump-4", "seal_leak", "seal_leakage", "机械密封渗漏"),
        ("sump-4", "stuck_float", "float_stuck", "浮球卡住"),
        ("sump-5", "sensor_broken", "level_lost", "液位信号丢失"),
        level=1.3,
    )
    await told(riverside, ("sump-2", "pump_runs_level_stands", "pump_runs_level_not_falling", "水位不降"))


async def test_a_pump_that_starts_too_often_is_told(riverside: Estate) -> None:
    """DR-2: starts counted over the hour."""
    running = ("sump-5-io.pump_1_running", "sump-5-io.pump_2_running")
    for _ in range(3):
        for level, runs in ((0.85, True), (0.25, False)):
            await riverside.controls.act("sump-5", "level", level=level)
            await shown(
                riverside, lambda points, runs=runs: any(points.get(one) for one in running) is runs, "the pumps"
            )
    await raised(riverside, "sump-5.short_cycling", "启动过于频繁")


async def test_the_sewage_plant_tells_flow_discharge_and_valves(riverside: Estate) -> None:
    """DR-3."""
    await told(
        riverside,
        ("sewage-1", "bypass_open", "bypass_open", "旁通阀打开"),
        ("sewage-1", "inlet_flood", "inlet_high", "调节池高水位"),
        ("sewage-1", "outlet_shut", "outlet_shut", "出水阀未开"),
    )
    await told(riverside, ("sewage-1", "screen_blocked", "not_treating", "无处理流量"))
    await shown(riverside, lambda points: {"sewage-io.ai_1", "sewage-io.ai_2"} <= set(points), "flow and discharge")


async def test_boiler_and_chiller_tell_pressure_temperature_flow_pumps_and_valves(riverside: Estate) -> None:
    """HV-1, HV-2: each over its own controller, and over loops and contacts beside it."""
    await told(
        riverside,
        ("boiler-1", "overfilled", "pressure_high", "水压高"),
        ("boiler-1", "return_hot", "return_high", "回水温度高"),
        ("boiler-1", "no_fuel_flow", "no_fuel_flow", "无油流"),
        ("boiler-1", "lockout", "fault", "代码133"),
        ("chiller-1", "condenser_dirty", "condensing_high", "冷凝压力高"),
        ("chiller-1", "overload", "return_high", "回水温度高"),
        ("chiller-1", "no_flow", "no_water_flow", "无冷冻水流"),
    )
    await told(
        riverside,
        ("boiler-1", "return_cold", "return_low", "回水温度低"),
        ("boiler-1", "water_leak", "pressure_low", "水压低"),
        ("chiller-1", "pump_stopped", "pump_not_running", "水泵未运行"),
        rate=0.5,
    )
    await told(
        riverside,
        ("boiler-1", "fuel_valve_open", "fuel_valve_open", "燃料阀开"),
        ("chiller-1", "general_alarm", "alarm", "综合报警"),
    )


async def test_rooms_tell_heat_and_water_and_a_cut_cable(riverside: Estate) -> None:
    """RM-1, PW-4: leak and cable break are two alarms, both contacts a third; the switch room gets hot."""
    await told(
        riverside,
        ("room-pump", "leak", "leak", "水泵房"),
        ("room-control", "cable_cut", "leak_cable_broken", "漏水绳断线"),
        ("room-switch", "controller_power", "leak_supply_lost", "漏水控制器失电"),
        ("room-switch", "temperature", "temperature_high", "温度高"),
        temperature=39.0,
    )
