"""Sites that can be read and still are not right: each doubt is told once, where it can be settled."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.assembly import assemble, check
from daemon.commands.check import main_check
from daemon.commands.user import set_password
from estate.errors import Fault
from tests.daemon.test_assembly import FILES
from tests.written import Edit, editing, write_site

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"
SOUND = {
    **FILES,
    "people.yaml": "- {id: li, name: 李娜, role: operator, password: null}\n",
    "tests/very-high.yaml": """\
story: {zh: 水位极高, en: Very high water}
steps:
  - {at: 0s, set: {sump-1.level: 1.7}, expect: {sump-1.very_high: unacknowledged}}
""",
}
LOW_WATER = """\
      low_water:
        when: level < {limit}
        priority: 3
        text: {{zh: "{{name}} 低", en: "{{name}} low"}}
        consequence: {{zh: 干转, en: Dry}}
        response: {{zh: 停泵, en: Stop}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "oak", SOUND)


@pytest.fixture
def edit(site: Path) -> Edit:
    return editing(site)


def short(site: Path, faults: tuple[Fault, ...] | list[Fault]) -> list[str]:
    return [one.text().removeprefix(f"{site}/") for one in faults]


def warnings(site: Path) -> list[str]:
    return short(site, assemble(site).lints.warnings)


METER = """\
profile: own-meter
vendor: Own
model: Meter
source: this test
evidence: own
classes: [energy_meter]
modbus: {address_base: 0}
registers:
  power: {table: input, address: 0, type: float32, unit: kW}
  energy_import: {table: input, address: 2, type: uint32, unit: kWh}
  voltage_l1: {table: input, address: 4, unit: V, scale: 0.1}
  voltage_l2: {table: input, address: 5, unit: V, scale: 0.1}
  voltage_l3: {table: input, address: 6, unit: V, scale: 0.1}
  firmware: {table: input, address: 7}
"""


def metered(site: Path, old: str = "", new: str = "", bus: str = "tcp: 10.0.0.9:502", devices: int = 1) -> None:
    """The sound site with meters of its own profile, changed in one place."""
    assert old in METER
    (site / "profiles").mkdir(exist_ok=True)
    (site / "profiles" / "own-meter.yaml").write_text(METER.replace(old, new, 1) if old else METER, "utf-8")
    outline, rows, items = (site / name for name in ("site.yaml", "devices.yaml", "equipment.yaml"))
    outline.write_text(outline.read_text("utf-8").replace("buses:\n", f"buses:\n  - {{id: mains, {bus}}}\n"), "utf-8")
    numbers = range(1, devices + 1)
    meters = (f"- {{id: m-{n}, profile: own-meter, bus: mains, unit: {n}, poll: 0.2}}\n" for n in numbers)
    rows.write_text(rows.read_text("utf-8") + "".join(meters), "utf-8")
    fed = (
        f'- {{id: e-{n}, class: energy_meter, number: "{n}", name: {{zh: 表, en: Meter}}, '
        f"place: {{zh: 房, en: Room}}, device: m-{n}}}\n"
        for n in numbers
    )
    items.write_text(items.read_text("utf-8") + "".join(fed), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("voltage_l2", "voltag_l2", "profiles/own-meter.yaml:12: voltag_l2 is no point of energy_meter."
         " Did you mean voltage_l2?"),
        ("firmware", "voltage_l2_2", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_misspelt_point_of_a_profile_is_told_and_further_points_are_not(
    site: Path, old: str, new: str, expected: str
) -> None:
    metered(site, old, new)
    assert check(site) == []
    assert warnings(site) == ([expected] if expected else [])


def test_a_misspelt_point_that_the_class_needs_is_named_where_it_is_missed(site: Path) -> None:
    metered(site, "energy_import", "energy_imprt")
    (fault,) = short(site, check(site))
    assert "its device has energy_imprt: correct the name in own-meter.yaml" in fault


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("unit: kW}", "unit: W}", "profiles/own-meter.yaml:9: power is in W, class energy_meter wants kW: write"
         " unit: kW and multiply scale by 0.001."),
        (", unit: kWh", "", "profiles/own-meter.yaml:10: energy_import has no unit, class energy_meter counts in kWh:"
         " write unit: kWh, and a scale that leads to it."),
        ("unit: V,", "unit: bar,", "profiles/own-meter.yaml:11: voltage_l1 is in bar, class energy_meter wants V: write"
         " unit: V and convert scale and offset to it."),
        ("[energy_meter]", "[energymeter]", "profiles/own-meter.yaml:6: There is no class energymeter."),
        ("input, address: 7", "input, address: 70000", "profiles/own-meter.yaml:14: registers.firmware.address: address"
         " 70000 with address_base 0 is off the map."),
        ("input, address: 7", "discrete, type: int16, address: 7", "profiles/own-meter.yaml:14: registers.firmware:"
         " coils and discretes are bits already: no type, bit or bits."),
    ],
)  # fmt: skip
def test_a_profile_that_does_not_fit_its_class_is_told_at_its_own_line(
    site: Path, old: str, new: str, expected: str
) -> None:
    metered(site, old, new)
    (fault,) = short(site, check(site))
    assert fault.startswith(expected)


def test_a_serial_line_that_cannot_carry_its_polling_is_told(site: Path) -> None:
    """A read of 8 registers takes 0.160 s at 2400 baud (29 characters, two rests, 10 ms), 0.029 s at 19200."""
    metered(site, bus="serial: /dev/ttyUSB0, baud: 2400", devices=3)
    (warning,) = warnings(site)
    assert warning.startswith("site.yaml:")
    assert "The polling of bus mains takes 240 % of its time (2400 baud, 3 devices, 15.0 reads a second)" in warning
    outline = site / "site.yaml"
    outline.write_text(outline.read_text("utf-8").replace("baud: 2400", "baud: 19200"), "utf-8")
    assert warnings(site) == []


def test_a_file_that_cannot_be_parsed_is_told_alone(site: Path, edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    """Of devices that are not known every equipment would have a fault of its own."""
    devices = site / "devices.yaml"
    devices.write_text("- {id: [\n" + devices.read_text("utf-8"), "utf-8")
    (fault,) = short(site, check(site))
    assert fault.startswith("devices.yaml:")
    assert "YAML syntax" in fault
    assert main_check(site, "en") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 fault. Correct it and check again."


def test_password_hashes_that_everybody_can_read_stop_the_site(site: Path) -> None:
    set_password(site, "li", "correct horse battery")
    assert check(site) == []
    (site / "people.yaml").chmod(0o644)
    assert [one.en for one in check(site)] == [
        "people.yaml is a secret, but everybody can read it. Run chmod o= people.yaml."
    ]


@pytest.mark.parametrize(
    ("piped", "code", "said"),
    [
        ("correct horse battery\n" * 2, 0, "password of li set"),
        ("correct horse battery\nanother horse entirely\n", 1, "the two differ"),
        ("correct horse battery\n", 1, "no terminal, and not two lines"),
        ("", 1, "no terminal, and not two lines"),
    ],
)
def test_a_password_can_be_piped_in_as_two_lines(site: Path, piped: str, code: int, said: str) -> None:
    asked = [sys.executable, "-m", "daemon", "user", str(site), "li"]
    done = subprocess.run(asked, input=piped, capture_output=True, text=True, cwd=RIVERSIDE.parents[1])
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stdout + done.stderr


def test_a_faulty_profile_is_not_played(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metered(site, "input", "inputs")
    assert main(["simulate", str(site), "--into", str(site.parent / "played")]) == 1
    told = capsys.readouterr().err.splitlines()
    assert main_check(site, "en") == 1
    assert capsys.readouterr().out.splitlines() == told


def test_a_sound_site_has_no_warning(site: Path) -> None:
    assert warnings(site) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("level > level_overflow + 0.1", "level > 4.5", "rules.yaml:9: sump-1: level = 4.5 lies outside the range 0 … 4"
         " of level-ai.ai_1: the alarm very_high could never come."),
        ("level > level_overflow + 0.1", "level > level_overflow * 3", "the alarm very_high could never come."),
        ("level > level_overflow + 0.1", "not (level <= 4.5)", "the alarm very_high could never come."),
        ("level > level_overflow + 0.1", "level > -0.5", "rules.yaml:9: sump-1: level = -0.5 lies outside"),
        ("level > level_overflow + 0.1", "level > -0.5", "the alarm very_high would always stand."),
        ("level > level_overflow + 0.1", "4.5 > level", "the alarm very_high would always stand."),
        ("        priority: 1\n", "        priority: 1\n        deadband: 2\n", "rules.yaml:9: sump-1: very_high clears"
         " only when level is back to -0.35, and the range is 0 … 4."),
        ("start_delay: 15", "level_high: 1.5", ""),
        ("        priority: 1\n", "        priority: 1\n        kind: latched\n        on_delay: 1\n",
         "rules.yaml:9: sump-1.very_high may take 2.3 s, more than the 2 s allowed"
         " (poll 1 s + delay 1 s + push 0.3 s)."),
    ],
)  # fmt: skip
def test_an_alarm_that_cannot_do_its_work_stops_the_site(
    site: Path, edit: Edit, old: str, new: str, expected: str
) -> None:
    edit("rules.yaml", old, new)
    if expected:
        assert any(expected in text for text in short(site, check(site))), short(site, check(site))
    else:
        assert check(site) == []


def test_a_high_limit_under_the_low_one_stops_the_site(site: Path, edit: Edit) -> None:
    edit("rules.yaml", "      very_high:\n", LOW_WATER.format(limit=1.6) + "      very_high:\n")
    assert short(site, check(site)) == [
        "rules.yaml:5: sump-1: level alarms above 1.3 (high_level) and below 1.6 (low_water): no value is normal. "
        "Make the high limit the higher."
    ]


def test_what_lies_under_an_and_says_nothing_about_the_band(site: Path, edit: Edit) -> None:
    low = LOW_WATER.format(limit="1.6 and pump_1_running")
    edit("rules.yaml", "      very_high:\n", low + "      very_high:\n")
    assert check(site) == []


def test_a_parameter_out_of_range_is_told_where_it_was_set(site: Path, edit: Edit) -> None:
    edit("rules.yaml", "start_delay: 15", "level_overflow: 4.2")
    assert short(site, check(site))[0].startswith("rules.yaml:3: sump-1: level_overflow = 4.2 lies outside")


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("rules.yaml", "level > level_overflow + 0.1", "1.55 < level",
         "rules.yaml:9: sump-1: very_high and overflow have the same condition"),
        ("equipment.yaml", "  lamp: lamp-01\n", "", "equipment.yaml:9: zone-01: intrusion lights a lamp, but none"),
        ("equipment.yaml", "{level_high: 1.3}", "{level_high: 1.3, min_fall: 0.001, not_falling_delay: 90.0}", ""),
        ("devices.yaml", "- {id: zone-01,", "- {id: zone-02, profile: own-zone, via: pids-1}\n- {id: zone-01,",
         "devices.yaml:17: No equipment reads any point of the device zone-02."),
        ("devices.yaml", "    ai_1:", "    ai_2: {low: 0, high: 4, unit: m}\n    ai_1:",
         "devices.yaml:11: ai_2 of level-ai has a scale, but no equipment reads it."),
        ("people.yaml", "operator", "viewer", "people.yaml:1: There is no operator and no supervisor"),
        ("tests/very-high.yaml", "unacknowledged", "normal",
         "rules.yaml:9: No story raises the rule very_high of sump-1."),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_told_and_does_not_stop_the_site(
    site: Path, edit: Edit, name: str, old: str, new: str, expected: str
) -> None:
    edit(name, old, new)
    assert check(site) == []
    if expected:
        (told,) = warnings(site)
        assert told.startswith(expected)
    else:
        assert warnings(site) == []


def test_a_deadband_as_wide_as_the_band_between_two_limits_is_told(site: Path, edit: Edit) -> None:
    edit("rules.yaml", "      very_high:\n", LOW_WATER.format(limit=1.28) + "      very_high:\n")
    assert check(site) == []
    assert warnings(site)[0] == (
        "rules.yaml:5: sump-1: the deadband 0.05 of high_level is as wide as the band 0.02 to low_water: "
        "it clears where the other begins. Make it smaller."
    )


def test_a_parameter_that_no_alarm_looks_at_is_told(site: Path, edit: Edit) -> None:
    edit("equipment.yaml", "  points: {level: level-ai.ai_1}\n", "")
    edit("rules.yaml", "when: level > level_overflow + 0.1", "when: high_water and pump_1_running")
    edit("tests/very-high.yaml", "sump-1.level: 1.7", "sump-1.high_water: true, sump-1.pump_1_running: true")
    edit(
        "tests/sump.yaml",
        FILES["tests/sump.yaml"],
        SOUND["tests/very-high.yaml"]
        .replace("1.level: 1.7", "1.high_water: true")
        .replace("very_high: unack", "high_level: unack"),
    )
    assert "equipment.yaml:7: sump-1: no alarm uses the parameter level_high." in "\n".join(warnings(site))


def test_equipment_without_a_place_on_any_plan_is_told_in_one_line(site: Path, edit: Edit) -> None:
    edit("site.yaml", "mqtt:", "plans: [{id: plan, file: maps/plan.svg, name: {zh: 图, en: Plan}}]\nmqtt:")
    edit("maps/plan.svg", "", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"></svg>\n')
    (told,) = warnings(site)
    assert told.startswith("equipment.yaml:1: lamp-01, sump-1, zone-01: no map")


def test_a_rule_of_the_sites_own_for_every_device_may_be_told_on_any_of_them(site: Path, edit: Edit) -> None:
    edit(
        "rules.yaml",
        "equipment:\n",
        '  device:\n    rules:\n      offline: {when: not online or identity == "mismatch"}\nequipment:\n',
    )
    assert ["No story raises the rule offline of device" in one for one in warnings(site)] == [True]
    edit(
        "tests/very-high.yaml", "}}", "}}\n  - {at: 1s, lost: [relay], expect: {device-relay.offline: unacknowledged}}"
    )
    assert warnings(site) == []


def test_stock_alarms_left_out_for_want_of_a_point_are_named(site: Path) -> None:
    sump, zone, _ = short(site, assemble(site).lints.notes)
    assert sump.startswith("equipment.yaml:1: sump-1 (sump): no alarm ")
    assert zone.startswith("equipment.yaml:9: zone-01 (zone): no alarm ")
    alarms, points = sump.split(", because nothing is bound to ")
    assert {"both_pumps_fault", "dry_running"} <= set(alarms.split(" alarm ")[1].split(", "))
    assert "high_level" not in alarms
    assert {"pump_1_fault", "pump_2_fault", "dry_running"} <= set(points.removesuffix(".").split(", "))


def test_two_hundred_of_one_kind_are_one_note(site: Path) -> None:
    rows = "".join(
        f"- {{id: zone-{number}, class: zone, number: n, name: {{zh: 区, en: Z}}, place: {{zh: 墙, en: Wall}}, "
        "device: zone-01, lamp: lamp-01}\n"
        for number in range(200)
    )
    with (site / "equipment.yaml").open("a", encoding="utf-8") as file:
        file.write(rows)
    notes = [one for one in short(site, assemble(site).lints.notes) if "no alarm" in one]
    assert len(notes) == 2
    assert "zone-01, zone-1, zone-10," in notes[1]


@pytest.mark.parametrize(
    ("broker", "told"),
    [
        ("{host: broker.lan}", 1),
        ("{host: 10.0.0.5}", 1),
        ("{host: broker.lan, ca_file: ca.pem}", 0),
        ("{host: 127.0.0.1}", 0),
        ('{host: "::1"}', 0),
        ("{host: localhost}", 0),
    ],
)
def test_a_broker_beyond_this_machine_without_tls_is_noted(site: Path, edit: Edit, broker: str, told: int) -> None:
    (site / "ca.pem").write_text("-")
    (line,) = [one for one in SOUND["site.yaml"].splitlines() if one.startswith("mqtt:")]
    edit("site.yaml", line, f"mqtt: {broker}")
    notes = [one for one in short(site, assemble(site).lints.notes) if "not encrypted" in one]
    assert len(notes) == told
    assert all(one.startswith("site.yaml:4: The connection to the broker") for one in notes)


def test_warnings_fail_the_check_only_when_asked(site: Path, edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_check(site, "en", strict=True) == 0
    assert "note: sump-1 (sump): no alarm" in capsys.readouterr().out
    edit("people.yaml", "operator", "viewer")
    assert main_check(site, "zh") == 0
    out = capsys.readouterr().out
    assert f"{site}/people.yaml:1: 提醒:没有值班员" in out
    assert "安防与人身安全报警最慢 0.3 s(要求 2 s):zone-01.intrusion" in out
    assert main_check(site, "en", strict=True) == 1
    assert "1 warnings, which --strict takes for faults." in capsys.readouterr().out


def test_riverside_has_no_warning() -> None:
    assert [one.text() for one in assemble(RIVERSIDE).lints.warnings] == []


def test_riverside_is_checked_within_two_seconds() -> None:
    begin = time.process_time()
    check(RIVERSIDE)
    assert time.process_time() - begin < 2
