"""Sites that can be read and still are not right: each doubt is told once, where it can be settled."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.assembly import assemble, check
from daemon.commands.check import main_check
from estate.errors import Fault
from tests.daemon.test_assembly import FILES

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

Edit = Callable[[str, str, str], None]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "oak"
    for name, text in SOUND.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def edit(site: Path) -> Edit:
    def replace(name: str, old: str, new: str) -> None:
        file = site / name
        text = file.read_text("utf-8") if file.exists() else ""
        assert old in text, f"{old!r} is not in {name}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.replace(old, new, 1), "utf-8")

    return replace


def short(site: Path, faults: tuple[Fault, ...] | list[Fault]) -> list[str]:
    return [one.text().removeprefix(f"{site}/") for one in faults]


def warnings(site: Path) -> list[str]:
    return short(site, assemble(site).lints.warnings)


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
    sump, zone = short(site, assemble(site).lints.notes)
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
    notes = short(site, assemble(site).lints.notes)
    assert len(notes) == 2
    assert "zone-01, zone-1, zone-10," in notes[1]


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
