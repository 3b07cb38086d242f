"""Stories of a site: played on their own clock through the real engine; what does not come true is shown as a diff."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.assembly import assemble, check
from daemon.commands.test import main_test
from daemon.stories.playing import Played, play
from daemon.stories.report import misses, never_raised
from daemon.stories.scene import site_scene
from estate.folder import Placed
from estate.story import Story
from tests.daemon.test_assembly import FILES
from tests.written import write_site

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"
WHOLE = assemble(RIVERSIDE)
SENTENCE = "story: {zh: 故事, en: A story}\nsteps:\n"

Write = Callable[[str], Path]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "oak", FILES)


@pytest.fixture
def write(site: Path) -> Write:
    """The site with one story, whose steps are given."""

    def writing(steps: str) -> Path:
        (site / "tests/sump.yaml").write_text(SENTENCE + steps, "utf-8")
        return site

    return writing


def played(folder: Path) -> Played:
    whole = assemble(folder)
    (row,) = whole.stories
    return play(row, site_scene(whole.site, whole.profiles, whole.rules, whole.bindings))


def missed(folder: Path) -> list[tuple[int, str, str, str]]:
    """Line, alarm, wanted, found."""
    return [(one.line, one.about, one.wanted, one.found) for one in played(folder).misses]


@pytest.mark.parametrize("row", WHOLE.stories, ids=lambda row: row.value.story.en)
def test_riverside(row: Placed[Story]) -> None:
    one = play(row, site_scene(WHOLE.site, WHOLE.profiles, WHOLE.rules, WHOLE.bindings))
    assert not one.misses, "\n".join(misses(one, "en"))


def test_what_did_not_come_true_is_a_diff_with_place_rule_and_values(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {sump-1.level: 0.5, sump-1.high_water: false}}\n"
        "  - {at: 5s, set: {sump-1.level: 1.25},\n"
        "     expect: {sump-1.high_level: unacknowledged}}\n"
    )
    file = folder / "tests/sump.yaml"
    assert list(misses(played(folder), "en")) == [
        f"{file}:5: 5s sump-1.high_level",
        "    A story",
        "  - expected  unacknowledged",
        "  + was       normal",
        "    when   level > level_high or high_water",
        "    values level = 1.25, high_water = false",
        "    with   level_high = 1.3, off_delay 5 s",
    ]
    assert list(misses(played(folder), "zh"))[1:4] == ["    故事", "  - 应为  unacknowledged", "  + 实为  normal"]


def test_a_value_that_is_not_good_is_shown_by_its_quality(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {sump-1.level: sensor fault}}\n"
        "  - {at: 1s, set: {sump-1.level: stale}, expect: {sump-1.high_level: acknowledged}}\n"
    )
    assert played(folder).misses[0].values == (("level", "stale"), ("high_water", "—"))


def test_the_text_an_operator_reads_is_compared_to_the_letter(write: Write) -> None:
    steps = (
        "  - {{at: 0s, set: {{sump-1.level: 1.4}}, text: {{sump-1.high_level: 车库 1号集水井 高水位报警 液位{}米}}}}\n"
    )
    assert missed(write(steps.format("1.40"))) == []
    found = "车库 1号集水井 高水位报警 液位1.40米"
    assert missed(write(steps.format("1.4"))) == [
        (3, "sump-1.high_level", "车库 1号集水井 高水位报警 液位1.4米", found)
    ]


def test_a_delay_ends_at_its_own_time_between_two_steps(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {sump-1.level: 0.9, sump-1.pump_1_running: false, sump-1.pump_2_running: false}}\n"
        "  - {at: 15s, expect: {sump-1.no_pump_running_at_high: unacknowledged}}\n"
        "  - {at: 20s, set: {sump-1.pump_1_running: true}}\n"
        "  - {at: 21.9s, expect: {sump-1.no_pump_running_at_high: unacknowledged}}\n"
        "  - {at: 22s, expect: {sump-1.no_pump_running_at_high: 'returned, unacknowledged'}}\n"
    )
    assert missed(folder) == []


def test_an_alarm_that_no_step_speaks_of_is_a_surprise_on_the_storys_equipment_only(write: Write) -> None:
    steps = (
        "  - {at: 0s, set: {sump-1.level: 0.9, sump-1.pump_1_running: false, sump-1.pump_2_running: false}}\n"
        "  - {at: 1h, expect: {sump-1.high_level: normal}}\n"
    )
    assert missed(write(steps)) == []
    assert missed(write(steps + "equipment: [zone-01]\n")) == []
    assert missed(write(steps + "equipment: [sump-1]\n")) == [
        (1, "sump-1.no_pump_running_at_high", "normal", "unacknowledged")
    ]
    (surprise,) = played(write(steps + "equipment: [sump-1]\n")).misses
    assert surprise.at == "15s"


def test_a_refused_action_is_a_miss_unless_the_story_says_why_it_is_refused(write: Write) -> None:
    steps = (
        "  - {{at: 0s, set: {{zone-01.state: alarm}}}}\n  - {{at: 1s, do: {{reset: zone-01.intrusion, by: li}}{}}}\n"
    )
    assert missed(write(steps.format(""))) == [(4, "zone-01.intrusion", "done", "refused: condition_present")]
    assert missed(write(steps.format(", refused: condition_present"))) == []
    assert missed(write(steps.format(", refused: not_latched"))) == [
        (4, "zone-01.intrusion", "refused: not_latched", "refused: condition_present")
    ]


def test_an_action_that_should_be_refused_and_is_done_is_a_miss(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {zone-01.state: alarm}}\n"
        "  - {at: 1s, do: {acknowledge: zone-01.intrusion}, refused: not_standing}\n"
    )
    assert missed(folder) == [(4, "zone-01.intrusion", "refused: not_standing", "done")]


def test_a_device_speaks_its_own_language_and_its_profile_understands(write: Write) -> None:
    folder = write(
        "  - {at: 0s, event: {device: zone-01, type: state, data: {state: normal, bypassed: false}}}\n"
        "  - {at: 1s, event: {device: zone-01, type: zone.alarm}, expect: {zone-01.intrusion: unacknowledged},\n"
        "     commands: {lamp-01: switch_on}}\n"
        "  - {at: 2s, event: {device: zone-01, type: state, data: {state: normal}},\n"
        "     expect: {zone-01.intrusion: 'latched, unacknowledged'}}\n"
    )
    assert missed(folder) == []


def test_what_a_device_had_buffered_changes_nothing(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {zone-01.state: normal}}\n"
        "  - {at: 1s, event: {device: zone-01, type: zone.alarm, historic: true}}\n"
        "  - {at: 2s, expect: {zone-01.intrusion: normal}}\n"
    )
    assert missed(folder) == []


def test_a_linked_lamp_goes_off_only_when_the_alarm_is_over(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {zone-01.state: normal}, commands: {lamp-01: none}}\n"
        "  - {at: 1s, set: {zone-01.state: alarm}, commands: {lamp-01: switch_on}}\n"
        "  - {at: 2s, set: {zone-01.state: normal}, commands: {lamp-01: switch_on}}\n"
        "  - {at: 3s, do: {acknowledge: zone-01.intrusion}, commands: {lamp-01: switch_on}}\n"
        "  - {at: 4s, do: {reset: zone-01.intrusion}, commands: {lamp-01: switch_off}}\n"
        "  - {at: 5s, commands: {lamp-01: switch_on}}\n"
    )
    assert missed(folder) == [(8, "lamp-01", "switch_on", "switch_off")]


def test_a_lamp_that_two_alarms_hold_goes_off_with_the_last_of_them(site: Path, write: Write) -> None:
    row = "- {id: zone-02, class: zone, number: n, name: {zh: 区, en: Z}, place: {zh: 墙, en: Wall}, device: zone-01, "
    with (site / "equipment.yaml").open("a", encoding="utf-8") as file:
        file.write(row + "lamp: lamp-01}\n")
    folder = write(
        "  - {at: 1s, set: {zone-01.state: alarm}, commands: {lamp-01: switch_on}}\n"
        "  - {at: 2s, set: {zone-01.state: normal}}\n"
        "  - {at: 3s, do: {acknowledge: zone-01.intrusion}}\n"
        "  - {at: 3s, do: {acknowledge: zone-02.intrusion}}\n"
        "  - {at: 4s, do: {reset: zone-01.intrusion}, commands: {lamp-01: switch_on}}\n"
        "  - {at: 5s, do: {reset: zone-02.intrusion}, commands: {lamp-01: switch_off}}\n"
    )
    assert missed(folder) == []


def test_a_device_that_is_lost_takes_its_points_along_and_brings_them_back(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {sump-1.level: 0.5, sump-1.high_water: false}}\n"
        "  - {at: 1s, lost: [level-ai, sump-ctl], expect: {device-level-ai.offline: unacknowledged}}\n"
        "  - {at: 2s, text: {sump-1.high_level: wrong}}\n"
        "  - {at: 3s, back: [level-ai, sump-ctl], text: {sump-1.high_level: wrong}}\n"
        "  - {at: 8s, expect: {device-level-ai.offline: 'returned, unacknowledged'}}\n"
    )
    assert [dict(one.values) for one in played(folder).misses] == [
        {"level": "no communication", "high_water": "no communication"},
        {"level": "0.5", "high_water": "false"},
    ]


def test_a_shelved_alarm_comes_back_at_its_own_time(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {sump-1.level: 1.4, sump-1.high_water: false}}\n"
        "  - {at: 1s, do: {shelve: sump-1.high_level, by: li, note: works, for: 10m}}\n"
        "  - {at: 2s, do: {acknowledge: sump-1.high_level}, suppressed: {sump-1.high_level: shelved}}\n"
        "  - {at: 10m, expect: {sump-1.high_level: acknowledged}, suppressed: {sump-1.high_level: shelved}}\n"
        "  - {at: 10m1s, expect: {sump-1.high_level: unacknowledged}, suppressed: {sump-1.high_level: none}}\n"
    )
    assert missed(folder) == []


def test_two_things_over_one_alarm_are_both_said(write: Write) -> None:
    folder = write(
        "  - {at: 0s, set: {sump-1.level: 1.4}, do: {shelve: sump-1.high_level, note: works, for: 10m}}\n"
        "  - {at: 1s, do: {remove_from_service: sump-1.high_level, note: works, order: WO-1},\n"
        "     suppressed: {sump-1.high_level: out of service and shelved}}\n"
        "  - {at: 2s, do: {return_to_service: sump-1.high_level}, suppressed: {sump-1.high_level: none}}\n"
    )
    assert missed(folder) == [(6, "sump-1.high_level", "none", "shelved")]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("set: {sump-1.levle: 1.0}", "There is no point sump-1.levle."),
        ("set: {zone-01.state: alram}", "zone-01.state never has the value alram."),
        ("set: {zone-01.state: alram}", "Did you mean alarm?"),
        ("set: {sump-1.level: high}", "sump-1.level never has the value high."),
        ("set: {sump-1.level: no comunication}", "Did you mean no communication?"),
        ("expect: {sump-1.high_levle: normal}", "There is no alarm sump-1.high_levle."),
        ("expect: {sump-1.high_level: raised}", "raised is not an alarm state."),
        ("text: {sump-1.high_levle: x}", "There is no alarm sump-1.high_levle."),
        ("do: {acknowlege: sump-1.high_level}", "Unknown action acknowlege."),
        ("do: {acknowledge: sump-1.hi_level}", "There is no alarm sump-1.hi_level."),
        ("do: {acknowledge: sump-1.high_level, for: soon}", "for: soon is not a length of time."),
        ("suppressed: {sump-1.high_level: shelvd}", "shelvd is not a way to suppress an alarm."),
        ("suppressed: {sump-1.high_levle: shelved}", "There is no alarm sump-1.high_levle."),
        ("refused: not_latchd", "not_latchd is not a reason to refuse."),
        ("event: {device: zone-1, type: zone.alarm}", "There is no device zone-1."),
        ("event: {device: relay, type: zone.alarm}", "The device relay does not speak MQTT"),
        ("event: {device: zone-01, type: zone.alrm}", "The device has no event zone.alrm."),
        ("event: {device: zone-01, type: state, data: {stat: alarm}}", "The event reads nothing called stat."),
        ("lost: [zone-9]", "There is no device zone-9."),
        ("commands: {lamp-1: switch_on}", "There is no equipment lamp-1."),
        ("commands: {lamp-01: switch_onn}", "switch_onn is not a command."),
    ],
)
def test_a_slip_in_a_story_is_found_by_check(write: Write, step: str, expected: str) -> None:
    found = [fault.text() for fault in check(write(f"  - {{at: 0s, {step}}}\n"))]
    assert len(found) == 1, found
    assert expected in found[0]
    assert "/tests/sump.yaml:3: " in found[0]


def test_a_file_may_hold_a_list_of_stories(site: Path) -> None:
    one = "- story: {zh: 故事, en: A story}\n  steps: [{at: 0s}]\n"
    (site / "tests/sump.yaml").write_text(one + one.replace("at: 0s", "at: soon"), "utf-8")
    (told,) = check(site)
    assert told.text().startswith(f"{site}/tests/sump.yaml:4: steps.0.at")
    (site / "tests/sump.yaml").write_text(one + one, "utf-8")
    assert len(assemble(site).stories) == 2


def test_no_story_sleeps_and_thousands_of_hours_take_a_second(write: Write) -> None:
    """A year with an alarm every day: real seconds against hours on the story's clock."""
    days = "".join(
        f"  - {{at: {24 * day}h, set: {{sump-1.level: 1.4, sump-1.high_water: false}}}}\n"
        f"  - {{at: {24 * day + 1}h, set: {{sump-1.level: 0.5}}}}\n"
        for day in range(365)
    )
    folder = write(days)
    begin = time.process_time()
    hours = played(folder).seconds / 3600
    assert hours > 8700
    assert hours / (time.process_time() - begin) > 1000


def test_the_rules_no_story_raised_are_counted_once_for_all_equipment(write: Write) -> None:
    folder = write("  - {at: 0s, set: {zone-01.state: alarm, sump-1.level: 1.4}}\n")
    missing = never_raised(assemble(folder).rules, [played(folder)])
    assert "intrusion" not in missing["zone"]
    assert "line_cut" in missing["zone"]
    assert "high_level" not in missing["sump"]
    assert missing["device"] == sorted(missing["device"])


def test_the_command_prints_misses_coverage_and_summary(
    site: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_test(site) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("1 stories, 0 failed; 0.0 h played in ")
    write("  - {at: 0s, set: {sump-1.level: 1.4}, expect: {sump-1.high_level: normal}}\n")
    assert main_test(site, language="zh") == 1
    out = capsys.readouterr().out
    assert f"{site}/tests/sump.yaml:3: 0s sump-1.high_level" in out
    assert "没有任何故事让这些规则报警:\n" in out
    assert "    lamp: not_lit\n" in out
    assert "故事 1 个,失败 1 个" in out


def test_one_story_may_be_asked_for_by_file_or_words(capsys: pytest.CaptureFixture[str]) -> None:
    for name, count in (("sump", 1), ("perimeter", 3), ("翻墙", 1), ("lamp that does not", 1)):
        assert main_test(RIVERSIDE, name) == 0
        assert capsys.readouterr().out.startswith(f"{count} stories, 0 failed;"), name
    assert main_test(RIVERSIDE, "nothing like it") == 1
    assert "There is no story nothing like it. Known: blackout, device, doors," in capsys.readouterr().out


def test_a_site_at_fault_plays_no_story(site: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("  - {at: 0s, set: {sump-1.levle: 1.0}}\n")
    assert main_test(site) == 1
    out = capsys.readouterr().out
    assert "There is no point sump-1.levle." in out
    assert "played in" not in out


def test_with_the_library_every_rule_of_riverside_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_test(RIVERSIDE, library=True) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.search(r"; (\d+) of \1 rules raised\.$", line), line
