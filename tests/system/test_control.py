"""Commands from the desk, from rules and from timetables, through real protocols, read back and journaled."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from daemon.commands.user import set_password
from estate.command_keys import write_command_keys
from tests.system.estate import Desk, Estate, estate

pytestmark = pytest.mark.asyncio(loop_scope="module")

SITE = """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
location: {latitude: 31.23, longitude: 121.47}
mqtt: {host: broker.lan}
buses:
  - {id: valves, tcp: "10.0.0.1:502"}
  - {id: pumps, tcp: "10.0.0.2:502"}
  - {id: lights, tcp: "10.0.0.3:502"}
"""
DEVICES = """\
- {id: station, profile: generic-valve-station, bus: valves, unit: 1, poll: 0.2, commands: true}
- id: panel
  profile: generic-process-io
  bus: pumps
  unit: 1
  poll: 0.2
  commands: true
  scale: {ai_1: {low: 0, high: 2, unit: m}, ai_2: {low: 0, high: 4, unit: m}, ai_3: {low: 0, high: 2, unit: m}}
- {id: relay, profile: waveshare-relay-8, bus: lights, unit: 1, poll: 0.2, commands: true}
- id: meters
  profile: generic-process-io
  bus: lights
  unit: 2
  poll: 0.2
  scale: {ai_1: {low: 0, high: 20, unit: A}, ai_2: {low: 0, high: 1000, unit: lx}}
- {id: zone-01, profile: estate-zone, via: pids-1, commands: true}
- {id: zone-02, profile: estate-zone, via: pids-1, commands: true}
- {id: wall, profile: estate-partition, via: pids-1, commands: true}
"""
EQUIPMENT = """\
- id: tanks
  class: tank_group
  number: 1号
  name: {zh: 生活水箱组, en: Domestic tanks}
  place: {zh: 水泵房, en: Pump room}
  device: station
- id: main-valve
  class: valve
  number: 3号
  name: {zh: 总阀, en: Main valve}
  place: {zh: 水泵房, en: Pump room}
  points: {open_output: station.valve_3, opened: station.valve_3_opened, closed: station.valve_3_closed}
- id: fountain
  class: water_feature
  number: 1号
  name: {zh: 喷泉, en: Fountain}
  place: {zh: 中心花园, en: Garden}
  points: {pump_on: panel.do_1, pump_running: panel.di_1, level: panel.ai_1}
- id: cascade
  class: water_feature
  number: 2号
  name: {zh: 跌水, en: Cascade}
  place: {zh: 中心花园, en: Garden}
  points: {pump_on: panel.do_3, pump_running: panel.di_3, level: panel.ai_3}
- id: fire-tank
  class: fire_tank
  number: 1号
  name: {zh: 消防水箱, en: Fire tank}
  place: {zh: 屋顶, en: Roof}
  points: {solenoid_on: panel.do_2, inlet_open: panel.di_2, level: panel.ai_2}
- id: circuit
  class: lighting_circuit
  number: 1号
  name: {zh: 路灯, en: Way lights}
  place: {zh: 主路, en: Main way}
  points: {on: relay.on_1, feedback: relay.lit_1, current: meters.ai_1, light: meters.ai_2}
  parameters: {current_usual: 8.0}
- id: zone-01
  class: zone
  number: 01号防区
  name: {zh: 北墙一, en: North 1}
  place: {zh: 北墙, en: North wall}
  device: zone-01
  group: north-wall
- id: zone-02
  class: zone
  number: 02号防区
  name: {zh: 北墙二, en: North 2}
  place: {zh: 北墙, en: North wall}
  device: zone-02
  group: north-wall
- id: wall
  class: partition
  number: 周界
  name: {zh: 周界分区, en: Perimeter}
  place: {zh: 围墙, en: Wall}
  device: wall
"""
TIMETABLES = """\
- id: fountain-hours
  name: {{zh: 喷泉时间, en: Fountain hours}}
  equipment: [fountain]
  on: start
  off: stop
  periods: [{{from: "{start}", to: "{late}"}}]
- id: cascade-hours
  name: {{zh: 跌水时间, en: Cascade hours}}
  equipment: [cascade]
  on: start
  off: stop
  periods: [{{from: "{start}", to: "{end}"}}]
- id: way-lights
  name: {{zh: 路灯, en: Way lights}}
  equipment: [circuit]
  periods: [{{from: "00:00", to: "24:00"}}]
  light: {{point: meters.ai_2, on_below: 30, off_above: 60, hold: 1}}
"""
PEOPLE = """\
- {id: li, name: 李娜, role: operator, password: null}
- {id: zhang, name: 张伟, role: supervisor, password: null}
- {id: zhao, name: 赵敏, role: viewer, password: null}
"""
PASSWORD = token_hex(12)
RUNS, LASTS = timedelta(seconds=25), timedelta(seconds=8)
"""When the fountains are to run next: late enough for the daemon to be up."""


def prepare(folder: Path) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    begin = datetime.now(UTC) + RUNS
    start, end, late = (
        one.astimezone(zone).strftime("%H:%M:%S") for one in (begin, begin + LASTS, begin + timedelta(hours=1))
    )
    (folder / "timetables.yaml").write_text(TIMETABLES.format(start=start, end=end, late=late), "utf-8")
    for name in ("zhang", "zhao"):
        set_password(folder, name, PASSWORD)
    write_command_keys(folder, ["zone-01", "zone-02", "wall"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def oak(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    folder = tmp_path_factory.mktemp("control")
    site = folder / "written"
    site.mkdir()
    files = {"site": SITE, "devices": DEVICES, "equipment": EQUIPMENT, "people": PEOPLE}
    for name, text in files.items():
        (site / f"{name}.yaml").write_text(text, "utf-8")
    async with estate(folder, site=site, prepare=prepare, browser=False) as whole:
        await whole.controls.fault("circuit", "twilight_switch_failed")
        await whole.controls.act("circuit", "light", level=500)
        await known(whole, "station.valve_2_opened", True)
        await known(whole, "wall.armed", "armed_away")
        await known(whole, "panel.ai_2", None)
        await known(whole, "station.valve_3_opened", True)
        yield whole


async def known(whole: Estate, point: str, value: Any) -> None:
    """Until the console would show this value (None: any good one)."""
    desk = await whole.desk()

    def shown() -> bool:
        _, snapshot = desk.ask("GET", "/api/snapshot")
        one = next((one for one in snapshot["data"]["points"] if one["id"] == point), None)
        return one is not None and one["q"] == "good" and (value is None or one["v"] == value)

    await whole.until(shown, f"{point} = {value}", 30)


async def give(
    whole: Estate, path: str, desk: Desk | None = None, *, minutes: float | None = None, reason: str = "值班操作"
) -> tuple[int, Any, str]:
    """Status, answer and id of a command from the desk."""
    desk = desk or await whole.desk()
    number = f"desk-{token_hex(6)}"
    body = {"id": number, "reason": reason} | ({} if minutes is None else {"minutes": minutes})
    status, answer = await asyncio.to_thread(desk.command, path, body)
    return status, answer, number


async def became(whole: Estate, command: str, within: float = 15.0) -> list[str]:
    """The steps of a command in the journal, once it has an end."""
    ends = {"confirmed", "failed", "unknown", "refused", "replaced"}

    def steps() -> list[str]:
        rows = whole.rows("SELECT step FROM step WHERE command = ? ORDER BY position", command)
        told = [row["step"] for row in rows]
        return told if ends & set(told) else []

    found: list[str] = await whole.until(steps, f"the end of {command}", within)
    return found


async def plant(whole: Estate, name: str) -> dict[str, Any]:
    state = await whole.controls.state()
    points: dict[str, Any] = state["equipment"][name]
    return points


async def test_zones_are_bypassed_with_reason_person_and_automatic_end(oak: Estate) -> None:
    """PE-4: by zone; the bypass names person and reason, and takes itself back."""
    status, answer, command = await give(oak, "/api/equipment/zone-01/commands/bypass", minutes=0.1, reason="围墙施工")
    assert status == 202, answer
    assert answer["until"] is not None
    assert await became(oak, command) == ["requested", "until", "sent", "confirmed"]
    assert (await plant(oak, "zone-01"))["bypassed"] is True
    (audit,) = oak.rows("SELECT * FROM audit WHERE detail LIKE ?", f"%{command}%")
    assert (audit["who"], audit["action"], audit["target"]) == ("li", "command", "zone-01")
    assert "围墙施工" in audit["detail"]
    event = await oak.until(lambda: oak.rows("SELECT * FROM event WHERE type = 'zone.bypass'"), "zone.bypass")
    assert '"by":"li"' in event[0]["data"]
    assert "围墙施工" in event[0]["data"]
    ended = "SELECT * FROM step WHERE target = 'zone-01' AND action = 'unbypass' AND step = 'confirmed'"
    await oak.until(lambda: oak.rows(ended), "the bypass taken back", 25)
    assert (await plant(oak, "zone-01"))["bypassed"] is False


async def test_a_wall_is_bypassed_as_a_group_and_the_partition_disarmed_and_armed(oak: Estate) -> None:
    """PE-4: by group, disarm and arm; each action is recorded."""
    status, answer, _ = await give(oak, "/api/groups/north-wall/commands/bypass", minutes=30)
    assert status == 202
    for one in answer["commands"]:
        assert await became(oak, one["id"]) == ["requested", "until", "sent", "confirmed"]
    assert [(await plant(oak, name))["bypassed"] for name in ("zone-01", "zone-02")] == [True, True]
    _, answer, _ = await give(oak, "/api/groups/north-wall/commands/unbypass")
    assert [(await became(oak, one["id"]))[-1] for one in answer["commands"]] == ["confirmed", "confirmed"]
    for name, state in (("disarm", "disarmed"), ("arm_night", "armed_night"), ("arm_away", "armed_away")):
        _, _, command = await give(oak, f"/api/equipment/wall/commands/{name}")
        assert (await became(oak, command))[-1] == "confirmed"
        assert (await plant(oak, "wall"))["armed"] == state
    who = oak.rows("SELECT DISTINCT who FROM audit WHERE target = 'wall' AND action = 'command'")
    assert [row["who"] for row in who] == ["li"]


async def test_the_same_command_sent_again_and_without_a_reason(oak: Estate) -> None:
    desk = await oak.desk()
    status, first, command = await give(oak, "/api/equipment/wall/commands/arm_away", desk)
    await became(oak, command)
    again = {"id": command, "reason": "again"}
    status, answer = await asyncio.to_thread(desk.ask, "POST", "/api/equipment/wall/commands/arm_away", again)
    assert (status, answer["state"]) == (202, "confirmed")
    assert len(oak.rows("SELECT * FROM step WHERE command = ? AND step = 'sent'", command)) == 1
    status, told = await asyncio.to_thread(desk.ask, "GET", f"/api/commands/{command}")
    assert [one["step"] for one in told["steps"]] == ["requested", "sent", "confirmed"]
    assert [one["ms"] for one in told["steps"]] == sorted(one["ms"] for one in told["steps"])
    for body in ({"id": "desk-12345678"}, {"id": "desk-12345678", "reason": ""}, {"id": "x", "reason": "why"}):
        status, _ = await asyncio.to_thread(desk.ask, "POST", "/api/equipment/wall/commands/arm_away", body)
        assert status == 422
    for path in ("/api/equipment/wall/commands/explode", "/api/equipment/nobody/commands/arm_away"):
        assert (await give(oak, path))[0] == 404
    assert first["command"] == "arm_away"


async def test_the_second_tank_cannot_be_isolated_while_the_first_one_is(oak: Estate) -> None:
    """WS-1: the mode is shown, isolating both is refused with the reason, in both languages."""
    _, _, command = await give(oak, "/api/equipment/tanks/commands/isolate_1", reason="清洗1号水箱")
    assert (await became(oak, command))[-1] == "confirmed"
    await oak.journaled("tanks.tank_1_isolated")
    status, answer, refused = await give(oak, "/api/equipment/tanks/commands/isolate_2")
    assert status == 409
    assert "两个水箱不能同时隔离" in answer["why"]["zh"]
    assert "Both tanks cannot be isolated" in answer["why"]["en"]
    assert await became(oak, refused) == ["requested", "refused"]
    assert (await plant(oak, "tanks"))["valve_2"] is True
    desk = await oak.desk()
    _, offered = await asyncio.to_thread(desk.ask, "GET", "/api/equipment/tanks/commands")
    assert {one["name"]: one["allowed"] for one in offered} == {
        "isolate_1": True, "join_1": True, "isolate_2": False, "join_2": True
    }  # fmt: skip
    _, _, command = await give(oak, "/api/equipment/tanks/commands/join_1")
    assert (await became(oak, command))[-1] == "confirmed"


async def test_what_nothing_takes_back_is_not_given_for_a_time(oak: Estate) -> None:
    status, answer, _ = await give(oak, "/api/equipment/tanks/commands/isolate_1", minutes=5)
    assert (status, answer["error"]) == (409, "refused")
    assert "Nothing takes this command back" in answer["why"]["en"]


async def test_a_supervisors_command_is_not_an_operators_and_none_is_a_viewers(oak: Estate) -> None:
    path = "/api/equipment/main-valve/commands/shut"
    assert (await give(oak, path))[0] == 403
    viewer, supervisor = [await asyncio.to_thread(Desk, oak.daemon.port, one, PASSWORD) for one in ("zhao", "zhang")]
    assert (await give(oak, "/api/equipment/wall/commands/disarm", viewer))[0] == 403
    assert (await give(oak, "/api/groups/north-wall/commands/bypass", viewer))[0] == 403
    assert [row["step"] for row in oak.rows("SELECT step FROM step WHERE target = 'main-valve'")] == []
    status, _, command = await give(oak, path, supervisor)
    assert (status, (await became(oak, command))[-1]) == (202, "confirmed")
    assert (await plant(oak, "main-valve"))["closed"] is True


async def test_measured_light_switches_the_way_lights_and_a_hand_overrides_it(oak: Estate) -> None:
    """LT-2: by measured light with hysteresis, and manual override with expiry."""
    asked = "SELECT action, step, detail FROM step WHERE target = 'circuit' ORDER BY position"
    await asyncio.sleep(0)
    await oak.controls.act("circuit", "light", level=10)
    await oak.until(lambda: [row["step"] for row in oak.rows(asked)][-1:] == ["confirmed"], "lights on", 20)
    assert (oak.rows(asked)[0]["action"], oak.rows(asked)[0]["detail"]) == ("switch_on", "(timetable): way-lights")
    assert (await plant(oak, "circuit"))["feedback"] is True
    _, answer, command = await give(oak, "/api/equipment/circuit/commands/switch_off", minutes=0.2)
    assert answer["until"] is not None
    assert (await became(oak, command))[-1] == "confirmed"
    await known(oak, "circuit.timetable_state", "override")
    back = "SELECT * FROM step WHERE target = 'circuit' AND step = 'requested' AND detail LIKE '(end)%'"
    (row,) = (await oak.until(lambda: oak.rows(back), "the override ended", 30))[:1]
    assert row["action"] == "switch_on"
    assert (await became(oak, row["command"]))[-1] == "confirmed"
    await known(oak, "circuit.timetable_state", "as_planned")


async def test_the_make_up_solenoid_is_driven_by_level(oak: Estate) -> None:
    """FR-2: opened by level, shut by level, each read back by the valve's own switch."""
    steps = "SELECT action, step FROM step WHERE target = 'fire-tank' ORDER BY position"

    async def ends(action: str) -> None:
        done = [(action, "requested"), (action, "sent"), (action, "confirmed")]
        await oak.until(lambda: [(row["action"], row["step"]) for row in oak.rows(steps)][-3:] == done, action, 20)

    _, _, command = await give(oak, "/api/equipment/fire-tank/commands/shut_make_up")  # from now on by command only
    assert (await became(oak, command))[-1] == "confirmed"
    await oak.controls.act("fire-tank", "level", level=2.92)
    await ends("open_make_up")
    assert (await plant(oak, "fire-tank"))["inlet_open"] is True
    await oak.journaled("fire-tank.make_up_wanted")
    await oak.controls.act("fire-tank", "level", level=2.968)
    await ends("shut_make_up")
    assert (await plant(oak, "fire-tank"))["inlet_open"] is False


async def test_fountains_run_by_timetable_and_low_water_stops_the_pump(oak: Estate) -> None:
    """WF-2: started and stopped by timetable. WF-1: low water alarms and stops the pump."""
    steps = "SELECT action, step, detail, alarm FROM step WHERE target = ? ORDER BY position"
    done = "SELECT * FROM step WHERE target = ? AND action = ? AND step = 'confirmed'"
    await oak.until(lambda: oak.rows(done, "fountain", "start"), "fountain started", 45)
    first = oak.rows(steps, "fountain")[0]
    assert (first["action"], first["detail"]) == ("start", "(timetable): fountain-hours")
    assert (await plant(oak, "fountain"))["pump_running"] is True
    await oak.controls.act("fountain", "level", level=0.1)
    raised = await oak.journaled("fountain.low_level_running")
    assert "水位低而水泵运行" in raised["text_zh"]
    await oak.until(lambda: oak.rows(done, "fountain", "stop"), "fountain stopped")
    assert oak.rows(steps, "fountain")[-1]["alarm"] == "fountain.low_level_running"
    assert (await plant(oak, "fountain"))["pump_running"] is False
    status, answer, _ = await give(oak, "/api/equipment/fountain/commands/start")
    assert status == 409
    assert "水泵不能启动" in answer["why"]["zh"]
    await oak.until(lambda: oak.rows(done, "cascade", "stop"), "the end of the cascade's hours", 45)
    by = {(row["action"], row["detail"]) for row in oak.rows(steps, "cascade") if row["step"] == "requested"}
    assert by == {("start", "(timetable): cascade-hours"), ("stop", "(timetable): cascade-hours")}
    assert (await plant(oak, "cascade"))["pump_running"] is False
