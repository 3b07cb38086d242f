"""The figures of a control room, against a second computation that knows nothing of the first."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.__main__ import main
from daemon.journal import Journal
from daemon.kpi import Figures, Shifts, kpi
from daemon.kpi.figures import Band
from daemon.kpi.report import EVERY_POSITION, EVERY_SHIFT
from daemon.kpi.window import SlidingWindow
from tests.daemon.kpi_journals import END, JOURNALS, START, ControlRoom
from tests.daemon.kpi_reference import reference

ZONE = "Asia/Shanghai"
EXACT = ("annunciations", "peak", "windows", "windows_over", "floods", "fleeting", "stale", "unanswered", "band")
CLOSE = ("average", "per_person_hour", "flood_seconds", "top_share")


def shifts(text: str = "08:00,20:00") -> Shifts:
    return Shifts.parse(text, ZoneInfo(ZONE))


def as_reference(one: Figures) -> dict[str, object]:
    return {
        **{name: getattr(one, name) for name in (*EXACT, *CLOSE)},
        "priorities": dict(one.priorities),
        "chattering": {each.alarm: each.count for each in one.chattering},
        "top": [(each.alarm, each.count) for each in one.top],
        "acknowledge": {level: (wait.count, wait.p50, wait.p95) for level, wait in one.acknowledge.items()},
    }


@pytest.mark.parametrize("changes", [["08:00", "20:00"], ["00:00", "08:00", "16:00"], []], ids=["two", "three", "none"])
@pytest.mark.parametrize("name", JOURNALS)
async def test_the_figures_of_ten_control_rooms_agree_with_an_independent_computation(
    name: str, changes: list[str], tmp_path: Path
) -> None:
    """peers.md E10: a separate script computes the same figures from the same journal."""
    path = tmp_path / "journal.db"
    await JOURNALS[name]().write(path)
    wanted = reference(path, START, END, changes, ZONE)
    report = kpi(path, START, END, shifts(",".join(changes)))
    found = {
        (None if position == EVERY_POSITION else position, shift): as_reference(one)
        for position, by_shift in report.figures.items()
        for shift, one in by_shift.items()
    }
    assert found.keys() == wanted.keys()
    for where, figures in wanted.items():
        for figure, value in figures.items():
            if figure in CLOSE:
                assert found[where][figure] == pytest.approx(value, rel=1e-9, abs=1e-6), (where, figure)
            elif figure == "acknowledge":
                assert {level: count for level, (count, _, _) in found[where][figure].items()} == {  # type: ignore[attr-defined]
                    level: count for level, (count, _, _) in value.items()
                }, where
                for level, (_, p50, p95) in value.items():
                    assert found[where][figure][level][1:] == pytest.approx((p50, p95), abs=1e-6), (where, level)  # type: ignore[index]
            else:
                assert found[where][figure] == value, (where, figure)


async def test_the_control_rooms_differ_in_what_they_are_made_to_show(tmp_path: Path) -> None:
    """A generator that shows no flood would prove nothing of floods."""
    found = {}
    for name, room in JOURNALS.items():
        await room().write(tmp_path / f"{name}.db")
        found[name] = kpi(tmp_path / f"{name}.db", START, END, shifts()).whole
    assert found["nothing"].annunciations == 0
    assert found["quiet"].band is Band.ROBUST
    assert found["flood"].floods >= 3
    assert found["flood"].peak >= 150
    assert found["flood_by_the_second"].floods >= 3
    assert len(found["chatter"].chattering) == 4
    assert found["chatter"].fleeting > 50
    assert found["chatter_held"].chatter_episodes == 15
    assert set(found["latched"].priorities) == {1}
    assert found["flood"].unanswered > 30
    assert found["standing"].stale >= 5
    assert found["two_desks"].acknowledge[3].count > 40


async def test_what_comes_while_an_alarm_is_shelved_is_not_counted_until_the_shelf_ends(tmp_path: Path) -> None:
    room = ControlRoom(1)
    room.act("door-1.held", "shelve", START + timedelta(minutes=1))
    room.act("door-1.held", "come", START + timedelta(minutes=2))
    room.act("door-1.held", "go", START + timedelta(minutes=3))
    room.act("door-1.held", "come", START + timedelta(minutes=4))
    await room.write(tmp_path / "before.db")
    room.act("door-1.held", "shelf ends", START + timedelta(minutes=61))
    await room.write(tmp_path / "after.db")
    assert kpi(tmp_path / "before.db", START, END, shifts()).whole.annunciations == 0
    assert kpi(tmp_path / "after.db", START, END, shifts()).whole.annunciations == 1


async def test_an_alarm_whose_rule_is_gone_has_ended_and_waits_for_nobody(tmp_path: Path) -> None:
    """Nobody could answer it any more; should its rule come back, the answer is measured from then."""
    room = ControlRoom(1)
    room.act("door-1.held", "come", START + timedelta(minutes=1))
    room.act("door-1.held", "rule gone", START + timedelta(minutes=2))
    room.act("door-1.held", "come", START + timedelta(hours=30))
    room.act("door-1.held", "acknowledge", START + timedelta(hours=30, seconds=40))
    room.act("door-2.held", "come", START + timedelta(minutes=1))
    room.act("door-2.held", "rule gone", START + timedelta(minutes=1, seconds=30))
    path = tmp_path / "journal.db"
    await room.write(path)
    figures = kpi(path, START, END, shifts()).whole
    assert (figures.annunciations, figures.unanswered, figures.fleeting) == (3, 0, 1)
    assert figures.acknowledge[3].p50 == 40.0
    wanted = reference(path, START, END, ["08:00", "20:00"], ZONE)[None, "all"]
    assert {name: wanted[name] for name in ("annunciations", "unanswered", "fleeting", "stale")} == {
        name: getattr(figures, name) for name in ("annunciations", "unanswered", "fleeting", "stale")
    }


def test_a_flood_ends_when_fewer_than_five_are_left_in_ten_minutes() -> None:
    minute = 60_000_000
    floods: list[tuple[int, int]] = []
    window = SlidingWindow(lambda at, count: None, lambda start, end: floods.append((start, end)))
    for number in range(12):
        window.add(number * minute // 2)
    window.finish(60 * minute)
    assert floods == [(5 * minute, 10 * minute + 7 * minute // 2)]


def test_shifts_follow_the_wall_clock_through_summer_time() -> None:
    berlin = Shifts.parse("06:00,18:00", ZoneInfo("Europe/Berlin"))
    start = datetime(2026, 3, 28, 17, tzinfo=UTC)
    turns = berlin.of(start, start + timedelta(hours=23))
    assert [(one.name, (one.end - one.start) / timedelta(hours=1)) for one in turns] == [
        ("18:00-06:00", 11.0),
        ("06:00-18:00", 12.0),
    ]


def test_a_period_within_one_shift_is_that_shift_cut_off_at_both_ends() -> None:
    [one] = shifts().of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
    assert (one.name, one.end - one.start) == ("20:00-08:00", timedelta(hours=1))


@pytest.mark.parametrize("text", ["8", "25:00", "08:00+08:00", "day,night"])
def test_shifts_that_are_no_times_of_day_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        shifts(text)


async def test_a_period_is_read_from_the_middle_of_a_long_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    room = ControlRoom(3)
    room.some(20, 3000, START, END)
    await room.write(path)
    first, last = START + timedelta(hours=31), START + timedelta(hours=33)
    wanted = reference(path, first, last, [], ZONE)[None, "all"]
    found = kpi(path, first, last, shifts("")).whole
    assert (found.annunciations, found.stale, found.fleeting) == tuple(
        wanted[name] for name in ("annunciations", "stale", "fleeting")
    )


async def test_the_command_prints_the_figures_with_their_goals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await JOURNALS["two_desks"]().write(tmp_path / "journal.db")
    asked = ["kpi", "--state", str(tmp_path), "--from", "2026-03-01T08:00", "--to", "2026-03-05T08:00"]
    assert main([*asked, "--shift", "08:00,20:00", "--language", "zh"]) == 0
    said = capsys.readouterr().out
    assert "2026-03-01 08:00 至 2026-03-05 08:00" in said
    assert "desk-2　08:00-20:00" in said
    assert "每 10 分钟平均" in said
    assert "目标 ≤ 1" in said
    assert main([*asked, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)["figures"][0]
    assert (whole["position"], whole["shift"]) == (None, EVERY_SHIFT)
    assert whole["annunciations"] == kpi(tmp_path / "journal.db", START, END, shifts()).whole.annunciations


def test_the_command_says_what_is_wrong_with_its_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(tmp_path)]
    assert main(["kpi", *state, "--from", "2026-03-01", "--to", "2026-03-02"]) == 1
    assert "no journal" in capsys.readouterr().err
    with Journal(tmp_path / "journal.db"):
        pass
    for words, said in (
        (["--from", "yesterday", "--to", "2026-03-02"], "not a time"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "ends"),
        (["--from", "2026-03-01", "--to", "2026-03-02", "--zone", "Mars/Olympus"], "not a time zone"),
        (["--from", "2026-03-01", "--to", "2026-03-02", "--shift", "noon"], "noon"),
    ):
        assert main(["kpi", *state, *words]) == 1
        assert said in capsys.readouterr().err
