"""Each kind of mistake in a site folder is told with file, line and cure; a sound folder loads whole."""

from pathlib import Path

import pytest

from estate.errors import ConfigError, Fault
from estate.site import load_site
from tests.written import Edit


def faults(site: Path) -> list[Fault]:
    try:
        load_site(site)
    except ConfigError as error:
        return list(error.faults)
    return []


def told(site: Path) -> list[str]:
    return [fault.text().removeprefix(f"{site}/") for fault in faults(site)]


def test_a_sound_folder_loads_whole(site: Path) -> None:
    loaded = load_site(site)
    assert loaded.id == "oak"
    assert [device.id for device in loaded.devices] == ["sump-ctl", "tank-ai", "zone-01", "panel-0301"]
    sump, tank = loaded.equipment[:2]
    assert sump.parameters == {"high": 1.2}
    assert tank.points == {"level": "tank-ai.ai_1"}
    assert loaded.equipment[4].number == "0301"
    assert loaded.procedures["fire"].read_text("utf-8").startswith("# 火灾")
    assert loaded.buses[0].is_rtu
    assert not loaded.buses[1].is_rtu


@pytest.mark.parametrize("address", ["10.0.3.7", "10.0.3.0/24", "10.0.3.7/24", "fd00::7", "fd00::/64"])
def test_a_panel_may_be_given_an_address_or_a_network(site: Path, edit: Edit, address: str) -> None:
    edit("devices.yaml", "bus: tanks", f'account: "12AB"\n  address: {address}\n  bus: tanks')
    assert load_site(site).devices[1].address == address


@pytest.mark.parametrize(
    "console",
    [
        "{}",
        "{host: 127.0.0.9}",
        '{host: "::1", port: 80}',
        "{host: localhost}",
        "{host: 0.0.0.0, trusted_proxy: 10.0.0.5, names: [console.oak.example, 'oak:8443']}",
    ],
)
def test_a_console_is_for_this_machine_or_behind_a_proxy(site: Path, edit: Edit, console: str) -> None:
    edit("site.yaml", "buses:", f"console: {console}\nbuses:")
    proxy = load_site(site).console.trusted_proxy
    assert proxy == ("10.0.0.5" if "proxy" in console else None)


def test_a_folder_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="There is no site folder"):
        load_site(Path("/nowhere/at/all"))


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("site.yaml", "id: oak\n", "", "site.yaml:1: id is missing"),
        ("site.yaml", "timezone:", "time_zone:", "site.yaml:3: Unknown key time_zone."),
        ("site.yaml", "timezone:", "time_zone:", "Did you mean timezone?"),
        ("site.yaml", "Asia/Shanghai", "Asia/Peking", 'site.yaml:3: There is no time zone "Asia/Peking"'),
        ("site.yaml", "port: 1883", "port: yes", 'site.yaml:4: mqtt.port should be a whole number, but "yes"'),
        ("site.yaml", "port: 1883", "port: 1:30", "site.yaml:4: mqtt.port should be a number"),
        ("site.yaml", "port: 1883", "port: 0", "site.yaml:4: mqtt.port is 0 and must be at least 1"),
        ("site.yaml", "port: 1883", "port: 18.5", "site.yaml:4: mqtt.port should be a whole number"),
        ("site.yaml", "broker.lan", "12", "site.yaml:4: mqtt.host should be text, but 12 stands there"),
        ("site.yaml", "port: 1883", "password_file: no.txt", "site.yaml:4: The file no.txt is missing"),
        ("site.yaml", "buses:", "console: {host: 0.0.0.0}\nbuses:", "site.yaml:5: The console listens"),
        ("site.yaml", "buses:", "console: {host: desk.lan}\nbuses:", "site.yaml:5: The console listens beyond"),
        ("site.yaml", "buses:", "console: {trusted_proxy: nginx}\nbuses:", "site.yaml:5: console.trusted_proxy should"),
        ("site.yaml", "buses:", "console: {names: [https://x]}\nbuses:", "site.yaml:5: console.names.0: "),
        ("site.yaml", 'tcp: "10.0.0.1:502", ', "", "site.yaml:6: A bus has either tcp"),
        ("site.yaml", "10.0.0.1:502", "10.0.0.1", "site.yaml:6: buses.0.tcp:"),
        ("site.yaml", "10.0.0.1:502", "10.0.0.1:99999", "site.yaml:6: The port of tcp"),
        ("site.yaml", "framing: rtu", "framing: rtuu", "Did you mean rtu?"),
        ("site.yaml", "10.0.0.2", "10.0.0.1", "site.yaml:7: The buses tanks and pumps have the same address"),
        ("site.yaml", "id: tanks", "id: pumps", "site.yaml:7: The id pumps is used twice (first in site.yaml line 6)"),
        ("site.yaml", "id: tanks", "id: Tänks", "site.yaml:7: buses.1.id:"),
        ("site.yaml", "maps/plan.svg", "maps/none.svg", "site.yaml:9: The file maps/none.svg is missing"),
        ("site.yaml", "maps/plan.svg", "../../etc/x.svg", "site.yaml:9: plans.0.file:"),
        ("maps/plan.svg", "viewBox", "view", "maps/plan.svg:1: maps/plan.svg is not an SVG"),
        ("devices.yaml", "  unit: 2", "  unit: 2\n  unit: 3", "devices.yaml:9: The key unit is written twice"),
        ("devices.yaml", "bus: tanks", "bus: tank", "devices.yaml:7: There is no bus tank."),
        ("devices.yaml", "unit: 1", "unit: 0", "devices.yaml:4: A unit on an RTU line is 1 to 247"),
        ("devices.yaml", "bus: tanks\n  unit: 2", "bus: pumps\n  unit: 1", "devices.yaml:8: Unit 1 on bus pumps"),
        ("devices.yaml", "unit: 2", "commands: no", "devices.yaml:8: commands should be true or false"),
        ("devices.yaml", "unit: 2", "max_age: 0.5", "devices.yaml:8: max_age 0.5 s is shorter than the poll"),
        ("devices.yaml", "unit: 2", "address: 10.0.3.700", "devices.yaml:8: address should be an IP address or a"),
        ("devices.yaml", "unit: 2", "address: 10.0.3.7", "devices.yaml:8: address belongs to panels on the DC-09"),
        ("site.yaml", "mqtt:", "dc09: {time_required: yes}\nmqtt:", "site.yaml:4: dc09.time_required should be true"),
        ("devices.yaml", "high: 4", "high: 0", "devices.yaml:10: low and high of the scale are equal"),
        ("devices.yaml", "high: 4", "high: .inf", "devices.yaml:10: scale.ai_1.high should be a number"),
        ("devices.yaml", "id: sump-ctl", "id: system", "devices.yaml:1: The id system is reserved"),
        ("devices.yaml", "- id: sump-ctl\n  profile", "- profile", "devices.yaml:1: id is missing"),
        ("devices.csv", "zone-01,", "sump-ctl,", "devices.csv:2: The id sump-ctl is used twice (first in devices.yaml"),
        ("equipment.csv", "sump-ctl", "sump-ctr", "equipment.csv:2: There is no device sump-ctr."),
        ("equipment.csv", "tank-ai.ai_1", "tank.ai_1", "equipment.csv:3: There is no device tank."),
        ("equipment.csv", "tank-ai.ai_1", "tank-ai", "equipment.csv:3: points.level:"),
        ("equipment.csv", "lamp-01,\n", "lamp-1,\n", "equipment.csv:4: There is no lamp lamp-1."),
        ("equipment.csv", "lamp-01,\n", "tank-1,\n", "equipment.csv:4: tank-1 is of class tank, not lamp"),
        ("equipment.csv", "h-0301", "h-0302", "equipment.csv:6: There is no household h-0302."),
        ("equipment.csv", "plan,10", "pan,10", "equipment.csv:2: There is no plan pan."),
        ("equipment.csv", "30.5,40", "30.5,400", "equipment.csv:4: The place (30.5, 400.0) is outside the plan"),
        ("equipment.csv", "一号箱", "", "equipment.csv:3: name.zh is missing"),
        ("equipment.csv", "sump-1,sump", "bus-1,sump", "equipment.csv:2: The id bus-1 is reserved"),
        ("equipment.csv", "place.zh", "palce.zh", "equipment.csv:2: Unknown key palce"),
        ("people.yaml", "operator", "oprator", "people.yaml:1: role cannot be"),
        ("people.yaml", "password: null", "password: secret", "people.yaml:1: password:"),
        ("households.yaml", '"0301"', "301", "households.yaml:2: room should be text, but 301"),
        ("rules.yaml", "{}", "*x", "rules.yaml:1: "),
        ("procedures/fire.md", "# 火灾", "火灾", "procedures/fire.md:1: An emergency plan starts with a heading"),
        ("tests/story.yaml", "at: 0s", "at: soon", "tests/story.yaml:3: steps.0.at:"),
        ("tests/story.yaml", "sump-1.level", "level", "tests/story.yaml:3: steps.0.set.level"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_cure(
    site: Path, edit: Edit, name: str, old: str, new: str, expected: str
) -> None:
    edit(name, old, new)
    assert any(expected in text for text in told(site)), told(site)


@pytest.mark.parametrize("name", ["site.yaml", "maps/plan.svg"])
def test_a_missing_file_is_told(site: Path, name: str) -> None:
    (site / name).unlink()
    assert any("is missing" in text for text in told(site))


@pytest.mark.parametrize(
    ("written", "box"),
    [("0 0 100 50", (0, 0, 100, 50)), ("-10,-5,1100.5,60", (-10, -5, 1100.5, 60)), (" 0, 0 100 50", (0, 0, 100, 50))],
)
def test_a_drawing_is_as_large_as_its_view_box_says(
    site: Path, edit: Edit, written: str, box: tuple[float, float, float, float]
) -> None:
    edit("maps/plan.svg", "0 0 100 50", written)
    assert load_site(site).plan_boxes == {"plan": box}


def test_devices_and_equipment_may_be_yaml_or_csv_but_not_nothing(site: Path) -> None:
    (site / "devices.yaml").unlink()
    assert not any("devices.yaml / devices.csv" in text for text in told(site))
    (site / "devices.csv").unlink()
    assert (
        "devices.yaml:1: The file devices.yaml / devices.csv is missing. Add it, or remove what refers to it."
        in told(site)
    )


def test_plans_and_stories_may_be_absent_but_their_folders_not_empty(site: Path) -> None:
    (site / "procedures/fire.md").unlink()
    (site / "tests/story.yaml").unlink()
    assert [text.partition(":")[0] for text in told(site)] == ["procedures", "tests"]


def test_every_fault_of_every_file_is_told_at_once_and_a_broken_row_only_once(site: Path, edit: Edit) -> None:
    edit("site.yaml", "port: 1883", "port: x")
    edit("devices.yaml", "unit: 1", "unit: one")
    edit("equipment.csv", "h-0301", "h-9")
    edit("people.yaml", "operator", "boss")
    assert [text.partition(" ")[0] for text in told(site)] == [
        "devices.yaml:4:", "equipment.csv:6:", "people.yaml:1:", "site.yaml:4:",
    ]  # fmt: skip


def test_foreign_topics_must_not_overlap_nor_use_ours(site: Path, edit: Edit) -> None:
    edit(
        "devices.yaml",
        "- id: tank-ai",
        "- {id: a, profile: z, topic: zigbee/hall}\n- {id: b, profile: z, topic: zigbee/hall/door}\n"
        "- {id: c, profile: z, topic: estate/v1/oak/door/d}\n- {id: d, profile: z, topic: zigbee/+/x}\n- id: tank-ai",
    )
    found = told(site)
    assert any(text.startswith("devices.yaml:6: The topic zigbee/hall/door overlaps") for text in found)
    assert any(text.startswith("devices.yaml:7: The topic estate/v1/oak") for text in found)
    assert any(text.startswith("devices.yaml:8: topic:") for text in found)


def test_faults_speak_chinese_too(site: Path, edit: Edit) -> None:
    edit("site.yaml", "timezone:", "time_zone:")
    assert any("未知的键 time_zone" in fault.text("zh") and "timezone?" in fault.zh for fault in faults(site))
