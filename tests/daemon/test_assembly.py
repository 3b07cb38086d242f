"""Site, profiles and classes together: what fits is put together, what does not is told with file, line and cure."""

import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from daemon.assembly import assemble, check
from daemon.catalogue import LIBRARY, PROFILES, read_catalogue
from daemon.commands.check import main_check
from estate.model import EquipmentId, PointId
from rules.instance import RuleInstance
from tests.written import Edit, editing, write_site

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"

TWO_ORDERS = """\
  a: {table: input, address: 5, type: uint32, bit: 1}
  b: {table: input, address: 5, type: uint32, bit: 2, word_order: low_first}
"""

FILES = {
    "site.yaml": """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
mqtt: {host: broker.lan}
buses:
  - {id: pumps, tcp: "10.0.0.1:502"}
""",
    "devices.yaml": """\
- id: sump-ctl
  profile: own-sump
  bus: pumps
  unit: 1
  poll: 0.5
- id: level-ai
  profile: own-ai
  bus: pumps
  unit: 2
  scale:
    ai_1: {low: 0, high: 4, unit: m}
- id: relay
  profile: own-relay
  bus: pumps
  unit: 3
  commands: true
- {id: zone-01, profile: own-zone, via: pids-1}
""",
    "equipment.yaml": """\
- id: sump-1
  class: sump
  number: 1号
  name: {zh: 一号井, en: Sump 1}
  place: {zh: 车库, en: Car park}
  device: sump-ctl
  points: {level: level-ai.ai_1}
  parameters: {level_high: 1.3}
- id: zone-01
  class: zone
  number: 01号防区
  name: {zh: 一号防区, en: Zone 1}
  place: {zh: 北墙, en: North wall}
  device: zone-01
  lamp: lamp-01
  parameters: {wall_height: 2.4, detector_gap: 0.05}
- id: lamp-01
  class: lamp
  number: 01号灯
  name: {zh: 一号灯, en: Lamp 1}
  place: {zh: 北墙, en: North wall}
  points: {on: relay.on_1, lit: relay.lit_1}
""",
    "rules.yaml": """\
classes:
  sump:
    parameters: {start_delay: 15}
    rules:
      high_level: {priority: 2}
equipment:
  sump-1:
    rules:
      very_high:
        when: level > level_overflow + 0.1
        priority: 1
        text: {zh: "{name} 极高 {level:.2f}米", en: "{name} very high {level:.2f} m"}
        consequence: {zh: 淹水, en: Flood}
        response: {zh: 抽水, en: Pump}
""",
    "profiles/own-sump.yaml": """\
profile: own-sump
vendor: Own
model: Sump
source: written for this test
evidence: generic
modbus: {address_base: 1}
registers:
  pump_1_running: {table: discrete, address: 1, type: bool}
  pump_2_running: {table: discrete, address: 2, type: bool}
  high_water: {table: holding, address: 10, bit: 0}
  sensor_fault: {table: holding, address: 10, bit: 1}
  runtime: {table: holding, address: 20, type: uint32, unit: h, poll: slow}
""",
    "profiles/own-ai.yaml": """\
profile: own-ai
vendor: Own
model: AI
source: written for this test
evidence: generic
modbus: {}
registers:
  ai_1: {table: input, address: 0, type: uint16, scale: 0.001, unit: mA, current_loop: true}
  ai_2: {table: input, address: 1, type: uint16, scale: 0.001, unit: mA, current_loop: true}
""",
    "profiles/own-relay.yaml": """\
profile: own-relay
vendor: Own
model: Relay
source: written for this test
evidence: generic
modbus: {}
registers:
  on_1: {table: coil, address: 0, type: bool, writable: true}
  lit_1: {table: discrete, address: 0, type: bool}
""",
    "profiles/own-zone.yaml": """\
profile: own-zone
vendor: Own
model: Zone
source: written for this test
evidence: own
mqtt: {topic_class: zone, life_safety: true, heartbeat: 30}
fields:
  state: {path: state, type: enum, values: [normal, alarm, tamper_open, tamper_short, mask, fault]}
  bypassed: {path: bypassed, type: bool}
events:
  zone.alarm: {set: {state: alarm}}
""",
    "tests/sump.yaml": """\
story: {zh: 高水位报警, en: High water alarms}
steps:
  - {at: 0s, set: {sump-1.level: 0.5, sump-1.high_water: false}, expect: {sump-1.high_level: normal}}
  - {at: 5s, set: {sump-1.level: 1.4}, expect: {sump-1.high_level: unacknowledged}}
  - {at: 6s, do: {acknowledge: sump-1.high_level}, expect: {sump-1.high_level: acknowledged}}
""",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "oak", FILES)


@pytest.fixture
def edit(site: Path) -> Edit:
    return editing(site)


def told(site: Path) -> list[str]:
    return [fault.text().removeprefix(f"{site}/") for fault in check(site)]


def by_alarm(rules: tuple[RuleInstance, ...]) -> dict[str, RuleInstance]:
    return {str(rule.alarm): rule for rule in rules}


def test_class_points_bind_to_the_device_and_to_what_is_named(site: Path) -> None:
    whole = assemble(site)
    sump = whole.bindings[EquipmentId("sump-1")]
    assert sump["level"] == "level-ai.ai_1"
    assert sump["pump_1_running"] == "sump-ctl.pump_1_running"
    assert "dry_running" not in sump
    assert whole.bindings[EquipmentId("lamp-01")] == {
        "command_state": "lamp-01.command_state",
        "on": "relay.on_1",
        "lit": "relay.lit_1",
    }


def test_every_device_and_the_system_are_watched_themselves(site: Path) -> None:
    whole = assemble(site)
    assert whole.bindings[EquipmentId("device-zone-01")]["online"] == "zone-01.online"
    assert whole.bindings[EquipmentId("system")]["broker"] == "system.broker"
    alarms = by_alarm(whole.rules)
    assert {"device-zone-01.offline", "device-relay.offline", "system.broker_lost", "zone-01.intrusion"} <= set(alarms)
    place = alarms["device-level-ai.offline"].place
    assert place is not None
    assert place.zh == "车库"


def test_a_point_lives_three_polls_or_three_heartbeats(site: Path) -> None:
    whole = assemble(site)
    assert whole.max_age[PointId("sump-ctl.high_water")] == 1.5
    assert whole.max_age[PointId("sump-ctl.runtime")] == 15.0
    assert whole.max_age[PointId("zone-01.state")] == 95.0
    assert PointId("zone-01.online") not in whole.max_age
    assert whole.units[PointId("level-ai.ai_1")] == "m"


def test_the_sites_own_rules_change_and_add_for_a_class_or_one_equipment(site: Path) -> None:
    alarms = by_alarm(assemble(site).rules)
    assert alarms["sump-1.high_level"].rule.priority == 2
    assert alarms["sump-1.high_level"].parameters["level_high"] == 1.3
    assert alarms["sump-1.no_pump_running_at_high"].on_delay == 15.0
    assert "sump-1.very_high" in alarms
    assert "sump-1.dry_running" not in alarms


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("devices.yaml", "own-sump", "own-smup", "devices.yaml:2: There is no profile own-smup."),
        ("devices.yaml", "own-sump", "own-smup", "Did you mean own-sump?"),
        ("devices.yaml", "  unit: 1\n", "", "devices.yaml:1: The Modbus device sump-ctl lacks bus or unit"),
        ("devices.yaml", "unit: 1\n", "unit: 1\n  via: x\n", "devices.yaml:5: own-sump is a Modbus device"),
        ("devices.yaml", "via: pids-1", "bus: pumps", "devices.yaml:17: own-zone is an MQTT device"),
        ("devices.yaml", "unit: 1\n", "unit: 1\n  commands: true\n", "devices.yaml:5: own-sump has nothing"),
        ("devices.yaml", "via: pids-1", "topic: a/b", "devices.yaml:17: The topic of own-zone follows"),
        ("devices.yaml", "    ai_1:", "    ai_3:", "devices.yaml:11: own-ai has no 4-20 mA input ai_3."),
        ("devices.yaml", "    ai_1:", "    ai_2:", "ai_1 is a 4-20 mA input"),
        ("devices.yaml", "unit: m", "unit: cm", "equipment.yaml:7: level is wanted in m, but"),
        ("devices.yaml", "commands: true", "commands: false", "devices.yaml:12: The lamp lamp-01 is switched"),
        ("devices.yaml", "high: 4", "high: 1.25", "equipment.yaml:8: sump-1: level_high = 1.3 lies outside"),
        ("site.yaml", "mqtt: {host: broker.lan}\n", "", "devices.yaml:17: own-zone is an MQTT device, but site.yaml"),
        ("equipment.yaml", "class: sump", "class: smup", "equipment.yaml:2: There is no equipment class smup."),
        ("equipment.yaml", "level:", "levle:", "equipment.yaml:7: The class sump has no point levle."),
        ("equipment.yaml", "level-ai.ai_1", "level-ai.ai_9", "equipment.yaml:7: The device level-ai"),
        ("equipment.yaml", "level-ai.ai_1", "sump-ctl.high_water", "equipment.yaml:7: level should be number"),
        ("equipment.yaml", "  device: sump-ctl\n", "", "equipment.yaml:1: The point pump_1_running"),
        ("equipment.yaml", "on: relay.on_1", "on: relay.lit_1", "equipment.yaml:22: The lamp lamp-01 cannot"),
        ("equipment.yaml", "level_high: 1.3", "level_hihg: 1.3", "equipment.yaml:8: "),
        ("equipment.yaml", "level_high: 1.3", "level_high: 0.3", "equipment.yaml:8: "),
        ("equipment.yaml", "level_high: 1.3", "level_high: high", "equipment.yaml:8: "),
        ("rules.yaml", "sump:", "smup:", "rules.yaml:2: There is no equipment class smup."),
        ("rules.yaml", "sump-1:", "sump-9:", "rules.yaml:7: There is no equipment sump-9."),
        ("rules.yaml", "start_delay", "start_dealy", "rules.yaml:3: The class sump has no parameter start_dealy."),
        ("rules.yaml", "priority: 2", "priority: 9", "rules.yaml:5: rules.high_level.priority is 9"),
        ("rules.yaml", "priority: 2", "prio: 2", "rules.yaml:5: Unknown key rules.high_level.prio."),
        ("rules.yaml", "level > level_overflow", "levle > level_overflow", "rules.yaml:10: "),
        ("rules.yaml", "{level:.2f}米", "{livel:.2f}米", "rules.yaml:12: "),
        ("rules.yaml", "        priority: 1\n", "", "rules.yaml:9: rules.very_high.priority is missing"),
        ("rules.yaml", "classes:", "class:", "rules.yaml:1: Unknown key class."),
        ("profiles/own-sump.yaml", "address: 2,", "address: 1,", "profiles/own-sump.yaml:9: The points pump_1_running"),
        ("profiles/own-sump.yaml", "bit: 1", "bit: 0", "profiles/own-sump.yaml:11: The points high_water"),
        ("profiles/own-sump.yaml", "bit: 1", "bit: 0", "high_water and sensor_fault are the same bits (holding 10)"),
        ("profiles/own-sump.yaml", ", bit: 1", "", "own-sump.yaml:11: The points high_water and sensor_fault are"),
        ("profiles/own-sump.yaml", "address: 20,", "address: 9,", "profiles/own-sump.yaml:12: The points high_water"),
        ("profiles/own-sump.yaml", "address: 20,", "address: 9,", "and runtime share a part of a longer number"),
        ("profiles/own-sump.yaml", "registers:\n", f"registers:\n{TWO_ORDERS}", "own-sump.yaml:9: The points a and b"),
        ("profiles/own-sump.yaml", "registers:\n", f"registers:\n{TWO_ORDERS}", "in different word orders (input 5)"),
        ("profiles/own-sump.yaml", "address: 1,", "address: 0,", "profiles/own-sump.yaml:"),
        ("profiles/own-sump.yaml", "table: holding", "table: holdng", "profiles/own-sump.yaml:10: "),
        ("profiles/own-sump.yaml", "profile: own-sump", "profile: my-sump", "profiles/own-sump.yaml:1: The file"),
        ("profiles/own-sump.yaml", "registers:\n", "registers:\n  x: *y\n", "profiles/own-sump.yaml:8: YAML alias"),
        ("profiles/own-zone.yaml", "heartbeat: 30", "heartbeat: 0", "devices.yaml:17: own-zone sends no"),
        ("profiles/own-zone.yaml", "topic_class: zone", "dialect: topic", "devices.yaml:17: own-zone speaks"),
        ("tests/sump.yaml", "sump-1.high_water", "sump-1.hihg_water", "tests/sump.yaml:3: There is no point"),
        ("tests/sump.yaml", "sump-1.high_level", "sump-1.hi_level", "tests/sump.yaml:3: There is no alarm"),
        ("tests/sump.yaml", ": acknowledged", ": acked", "tests/sump.yaml:5: acked is not an alarm state"),
        ("tests/sump.yaml", "at: 6s", "at: 4s", "tests/sump.yaml:5: The step at 4s comes before"),
        ("tests/sump.yaml", "do: {acknowledge", "do: {acknowlege", "tests/sump.yaml:5: Unknown action acknowlege"),
    ],
)  # fmt: skip
def test_a_mistake_between_files_is_told_where_it_stands(
    site: Path, edit: Edit, name: str, old: str, new: str, expected: str
) -> None:
    edit(name, old, new)
    assert any(expected in text for text in told(site)), told(site)


def test_a_life_safety_alarm_that_would_come_too_late_is_told(site: Path, edit: Edit) -> None:
    edit("rules.yaml", "equipment:\n", "  zone:\n    rules:\n      intrusion: {on_delay: 3}\nequipment:\n")
    assert any("zone-01.intrusion may take 3.3 s" in text for text in told(site))


def test_an_emergency_plan_that_a_rule_names_must_be_there(site: Path) -> None:
    (site / "procedures").mkdir()
    (site / "procedures/access.md").write_text("# 门禁 Access\n", "utf-8")
    assert any(text.startswith("procedures/drainage.md:1:") for text in told(site))


def test_one_broken_row_is_told_once_and_what_refers_to_it_is_left_alone(site: Path, edit: Edit) -> None:
    edit("devices.yaml", "unit: 1\n", "unit: one\n")
    assert [text.partition(" ")[0] for text in told(site)] == ["devices.yaml:4:"]


def test_check_prints_each_fault_and_a_summary(site: Path, edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_check(site, "zh") == 0
    assert "检查通过:橡树园" in capsys.readouterr().out
    edit("devices.yaml", "own-sump", "own-smup")
    assert main_check(site, "zh") == 1
    *faults, summary = capsys.readouterr().out.splitlines()
    assert f"{site}/devices.yaml:2: 没有设备模板 own-smup。" in faults[0]
    assert summary == f"发现 {len(faults)} 处错误。请改正后再检查。"
    assert main_check(site / "nowhere", "en") == 1


def test_riverside_is_sound_and_complete() -> None:
    assert [fault.text() for fault in check(RIVERSIDE)] == []
    site = assemble(RIVERSIDE).site
    least = {
        "sump": 4, "tank": 2, "fire_tank": 1, "booster": 1, "door": 10, "zone": 16, "lamp": 16, "panel": 6, "lane": 3,
    }  # fmt: skip
    assert Counter(item.class_ for item in site.equipment) >= Counter(least)
    assert all(item.lamp and item.camera and item.map for item in site.equipment if item.class_ == "zone")
    assert len({device.profile for device in site.devices if device.id.startswith("sump-") and device.unit != 10}) >= 2
    assert all(user.password is None for user in site.users)


def test_what_a_bound_enum_may_say_is_known_to_its_class() -> None:
    whole = assemble(RIVERSIDE)
    models = {device.id: whole.profiles[device.profile] for device in whole.site.devices}
    for item in whole.site.equipment:
        cls = whole.classes[item.class_]
        for name, point in whole.bindings[EquipmentId(item.id)].items():
            device, _, field = point.partition(".")
            profile = models.get(device)
            if profile is None or not cls.points[name].values or field not in profile.fields:
                continue
            said = set(profile.fields[field].values) - set(profile.fields[field].unknown)
            assert said <= set(cls.points[name].values), f"{point}: {said}"


def test_riverside_is_read_and_assembled_fast(tmp_path: Path) -> None:
    """A generous bound: what it guards against is work that grows with the square of the rows."""
    shutil.copytree(RIVERSIDE, tmp_path / "site")
    begin = time.perf_counter()
    assemble(tmp_path / "site")
    assert time.perf_counter() - begin < 5


def test_every_stock_profile_and_class_is_sound(tmp_path: Path) -> None:
    profiles, classes = (sorted(path.stem for path in folder.glob("*.yaml")) for folder in (PROFILES, LIBRARY))
    catalogue = read_catalogue(tmp_path, profiles, classes)
    assert [fault.text() for fault in catalogue.faults] == []
    assert sorted(catalogue.profiles) == profiles
    assert sorted(catalogue.classes) == classes
