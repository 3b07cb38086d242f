"""Recorded history through old and new rules: the same rules come to the same alarms, others to others."""

import asyncio
import random
import shutil
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.__main__ import main
from daemon.assembly import Assembly, assemble
from daemon.historian.embedded import EmbeddedHistory
from daemon.historian.recorded import Asked, Pace
from daemon.kpi import Shifts
from daemon.replay import Comparison, Outcome, Played, Task, compare, recorded_outcome, replay
from daemon.replay.compare import RuleCount
from daemon.replay.course import STILL, Occurrence, outcome
from daemon.replay.play import asked_by, play
from daemon.replay.play import before as journalled
from daemon.replay.share import share
from estate.model import Quality, Value
from rules.alarm import withdrawn
from rules.instance import Input
from tests.daemon.past import BEGIN, RIVERSIDE, Past, after

HIGH = "sump-1.high_level"
LEVEL, FLOAT = "sump-1-ctl.level", "sump-1-ctl.high_water"


def played(seconds: float, begin: float = 0) -> Played:
    return Played(after(begin), after(seconds), Shifts((), ZoneInfo("Asia/Shanghai")))


async def replayed(past: Past, seconds: float, assembly: Assembly | None = None, begin: float = 0) -> Outcome:
    history = EmbeddedHistory(past.state.history / "history.db")
    period = played(seconds, begin)
    rules = assembly or past.assembly
    run = await play(rules, history, journalled(rules, past.state.journal, period), period, lambda share: None)
    return outcome([run], period.start, period.end, period.shifts)


def changed(folder: Path, rules: str) -> Path:
    """A copy of the example site whose rules.yaml says this instead."""
    site = folder / "new"
    shutil.copytree(RIVERSIDE, site)
    (site / "rules.yaml").write_text(rules, "utf-8")
    return site


def with_limit(folder: Path, limit: float) -> Path:
    text = (RIVERSIDE / "rules.yaml").read_text("utf-8")
    return changed(
        folder, text.replace("classes:\n", f"classes:\n  sump: {{parameters: {{level_high: {limit}}}}}\n", 1)
    )


def differences(before: Outcome, after: Outcome) -> Comparison:
    return compare(before, after, {})


def courses(outcome: Outcome) -> dict[str, tuple[tuple[str, str], list[Occurrence]]]:
    """To the µs, where a comparison lets a second pass; and what was said."""
    return {alarm: (course.texts, list(course.occurrences)) for alarm, course in outcome.courses.items()}


@pytest.fixture
def past(tmp_path: Path) -> Past:
    one = Past.of(tmp_path)
    one.set(1, {LEVEL: 0.5, FLOAT: False, "sump-1-ctl.pump_1_running": False, "sump-1-ctl.pump_2_running": False})
    return one


LIVELY = ("sump-1", "sump-2", "tank-1", "booster-1", "door-01", "zone-01", "barrier-in-1")
EXPLAINING = ("ats-1", "bus-sump-gw", "device-sump-1-ctl")


def lively(past: Past, seed: int, seconds: int) -> None:
    """Values of a few equipments at random times, some together, some bad; now and then what explains their alarms;
    and an operator who answers most of them."""
    dice = random.Random(seed)
    inputs, explaining = (
        {one.point: one for rule in past.assembly.rules if rule.equipment in some for one in rule.inputs}
        for some in (LIVELY, EXPLAINING)
    )
    at = 2.0
    while (at := at + dice.expovariate(1 / 4)) < seconds:
        some = explaining if dice.random() < 0.05 else inputs
        together = dice.sample(list(some.values()), dice.choice((1, 1, 1, 2, 4)))
        past.set(round(at, 3), {one.point: any_value(one, dice) for one in together})
        waiting = [name for name, one in past.engine.standing.items() if one.after.needs_acknowledge]
        if waiting and dice.random() < 0.2:
            at += 0.5
            past.acknowledge(round(at, 3), dice.choice(waiting))
    past.until(seconds + 5)


def any_value(one: Input, dice: random.Random) -> Value | Quality:
    if dice.random() < 0.05:
        return dice.choice((Quality.NO_COMMUNICATION, Quality.STALE))
    if bool in one.types:
        return dice.random() < 0.5
    if float in one.types:
        return round(dice.uniform(0, 3), 2)
    return dice.choice(sorted(map(str, one.values)) or ["x"])


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_rules_come_to_the_same_alarms_at_the_same_times(seed: int, past: Past) -> None:
    """design.md §6: replay is the engine itself, not a model of it."""
    lively(past, seed, 6000)
    await past.write()
    period = played(6000)
    actual = recorded_outcome(past.state.journal, period)
    again = await replayed(past, 6000)
    assert actual.figures.annunciations > 30
    assert again.refused == 0
    assert courses(again) == courses(actual)
    assert differences(actual, again).alarms == ()
    assert (again.figures.annunciations, again.figures.peak, again.figures.fleeting, again.figures.acknowledge) == (
        actual.figures.annunciations,
        actual.figures.peak,
        actual.figures.fleeting,
        actual.figures.acknowledge,
    )


async def test_a_replay_that_begins_in_the_middle_takes_over_what_stood_then(past: Past) -> None:
    lively(past, 7, 9000)
    await past.write()
    begin = 6500.0
    actual = recorded_outcome(past.state.journal, played(9000, begin))
    again = await replayed(past, 9000, begin=begin)
    assert actual.figures.annunciations > 5
    assert differences(actual, again).alarms == ()


async def test_an_alarm_ended_because_its_rule_was_gone_goes_on_where_the_rule_is_played(past: Past) -> None:
    """What the past says of a rule that was missing then is no word of the rules that are played."""
    past.set(100, {FLOAT: True})
    past.until(200)
    stood = [one for one in past.transitions if one.after.condition_present]
    gone = [end for one in stood if (end := withdrawn(one, past.now())) is not None]
    assert gone
    past.transitions += gone
    past.until(300)
    await past.write()
    actual = recorded_outcome(past.state.journal, played(300))
    again = await replayed(past, 300)
    name = str(gone[0].alarm)
    (ended,), (goes_on,) = actual.courses[name].occurrences, again.courses[name].occurrences
    assert (ended.raised, goes_on.cleared) == (goes_on.raised, STILL)
    assert ended.cleared == before_us(200)
    assert again.refused == 0


async def test_a_lower_limit_makes_alarms_come_and_begin_earlier(past: Past, tmp_path: Path) -> None:
    """peers.md row 23: back-test a rule on recorded history before it is put to work."""
    for second, level in ((100, 1.1), (200, 0.5), (300, 1.1), (310, 1.3), (400, 0.5)):
        past.set(second, {LEVEL: level})
    past.until(600)
    await past.write()
    before = await replayed(past, 600)
    after_ = await replayed(past, 600, assemble(with_limit(tmp_path, 1.0)))
    found = differences(before, after_)
    [one] = [each for each in found.alarms if each.alarm == HIGH]
    assert (one.before, one.after) == (1, 2)
    assert [(each.raised - before_us(100)) / 1e6 for each in one.come] == [0.0]
    [(was, will_be)] = one.changed
    assert ((was.raised - before_us(310)) / 1e6, (will_be.raised - before_us(300)) / 1e6) == (0.0, 0.0)
    assert one.gone == []
    assert RuleCount("?.high_level", 1, 2, 1, 0, 1) in found.rules


async def test_a_higher_limit_makes_alarms_go(past: Past, tmp_path: Path) -> None:
    for second, level in ((100, 1.25), (200, 0.5), (300, 1.5), (400, 0.5)):
        past.set(second, {LEVEL: level})
    past.until(600)
    await past.write()
    found = differences(await replayed(past, 600), await replayed(past, 600, assemble(with_limit(tmp_path, 1.4))))
    [one] = [each for each in found.alarms if each.alarm == HIGH]
    assert (one.before, one.after, len(one.gone), len(one.come), len(one.changed)) == (2, 1, 1, 0, 0)


async def test_an_alarm_shelved_at_the_time_is_shelved_in_the_replay(past: Past) -> None:
    past.shelve(50, HIGH, until=350)
    past.set(100, {LEVEL: 1.4})
    past.until(500)
    await past.write()
    again = await replayed(past, 500)
    assert again.courses[HIGH].annunciations == 1
    assert differences(recorded_outcome(past.state.journal, played(500)), again).alarms == ()


async def test_an_operation_that_no_longer_fits_is_left_out_and_counted(past: Past, tmp_path: Path) -> None:
    past.set(100, {LEVEL: 1.25})
    past.acknowledge(120, HIGH)
    past.until(300)
    await past.write()
    assert (await replayed(past, 300, assemble(with_limit(tmp_path, 1.4)))).refused == 1


async def test_an_alarm_that_goes_on_at_the_end_has_no_end(past: Past) -> None:
    past.set(100, {LEVEL: 1.4})
    past.until(300)
    await past.write()
    [one] = (await replayed(past, 300)).courses[HIGH].occurrences
    assert (one.raised, one.cleared) == (before_us(100), STILL)


async def test_values_that_no_limit_can_tell_apart_are_passed_over_without_a_change_of_the_outcome(past: Past) -> None:
    for step in range(2000):
        past.set(10 + step * 3, {"panel-0301.battery": round(10.0 + step % 300 / 5, 2)})
    past.until(7000)
    await past.write()
    again = await replayed(past, 7000)
    assert again.samples > 2000
    assert again.passed_over > 1000
    assert differences(recorded_outcome(past.state.journal, played(7000)), again).alarms == ()


async def test_work_shared_among_processes_comes_to_the_same_as_one_engine(past: Past, tmp_path: Path) -> None:
    lively(past, 11, 3000)
    past.set(3010, {LEVEL: 1.05, FLOAT: False})  # between the two limits
    past.until(3100)
    await past.write()
    site = with_limit(tmp_path, 0.9)
    changed_rules = assemble(site)
    shares = share(past.assembly, changed_rules, 2)
    assert len(shares.portions) == 2
    assert HIGH not in shares.alike
    assert "tank-1.high_level" in shares.alike
    found = await asyncio.to_thread(replay, Task(RIVERSIDE, site, past.state.path, played(3100)), lambda share: None)
    assert found.new is not None
    for one, rules in ((found.old, past.assembly), (found.new, changed_rules)):
        alone = await replayed(past, 3100, rules)
        assert courses(one) == courses(alone)
        assert one.figures == alone.figures
    assert HIGH in {one.alarm for one in differences(found.old, found.new).alarms}


async def test_samples_come_in_order_of_time_exactly_as_they_were_recorded(past: Past) -> None:
    lively(past, 3, 3000)
    await past.write()
    history = EmbeddedHistory(past.state.history / "history.db")
    asked = asked_by(past.assembly.rules)
    read = list(history.samples(asked, BEGIN, after(3000)))
    streamed = [one async for some in history.stream(asked, BEGIN, after(3000)) for one in some]
    assert read == streamed
    recorded = [one for one in past.samples if one.at < after(3000)]
    assert sorted((one.at, one.point, one.quality, one.value) for one in read if one.value is not None) == sorted(
        (one.at, one.point, one.quality, one.value) for one in recorded if one.value is not None
    )
    assert len(read) == len(recorded)
    assert [one.received for one in read] == sorted(one.received for one in read)


async def test_the_latest_sample_of_each_point_is_the_one_before_the_moment(past: Past) -> None:
    past.set(10, {LEVEL: 0.7})
    past.set(20, {LEVEL: 0.9})
    await past.write()
    history = EmbeddedHistory(past.state.history / "history.db")
    asked = Asked([one.point for one in past.samples], [one.point for one in past.samples if one.value is False])
    found = {one.point: one.value for one in await history.latest(asked, after(20))}
    assert (found[past.samples[0].point], found["sump-1-ctl.high_water"]) == (0.7, False)  # type: ignore[index]
    assert await history.latest(asked, after(1)) == []


def test_stretches_follow_the_density_of_the_samples() -> None:
    pace = Pace(BEGIN, BEGIN + timedelta(days=30), rows=1000)
    widths, most = [], 0
    while (stretch := pace.stretch()) is not None:
        start, end = stretch
        dense = start < (BEGIN + timedelta(days=1)).timestamp() * 1e9
        rows = round((end - start) / 1e9 * (10 if dense else 0.001))
        most = max(most, rows if widths else 0)  # of the first stretch nobody knows anything
        widths.append(end - start)
        pace.found(rows)
    assert most <= 4000
    assert len(widths) < 1500
    assert sum(widths) == 30 * 86400 * 10**9


async def test_the_command_compares_two_rule_sets_and_says_what_comes(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for second, level in ((100, 1.1), (200, 0.5), (300, 1.3), (400, 0.5)):
        past.set(second, {LEVEL: level})
    past.until(600)
    await past.write()
    asked = ["replay", str(RIVERSIDE), "--state", str(past.state.path), "--from", "2026-03-01T12:00"]
    asked += ["--to", "2026-03-01T12:10", "--language", "en"]
    assert await asyncio.to_thread(main, [*asked, "--rules", str(with_limit(tmp_path, 1.0))]) == 0
    said = capsys.readouterr().out
    assert "1 ->      2  sump.high_level (come 1, go 0, change 0)" in said
    assert "+ 2026-03-01 12:01:40  comes, for 0:01:45" in said
    assert "Annunciated at the time: 3; replayed through the old rules: 3." in said
    assert await asyncio.to_thread(main, asked) == 0
    assert "No alarm differs." in capsys.readouterr().out


async def test_the_command_says_what_keeps_it_from_a_replay(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await past.write()
    period = ["--from", "2026-03-01T12:00", "--to", "2026-03-01T12:10"]
    asked = ["replay", str(RIVERSIDE), *period, "--state"]
    assert await asyncio.to_thread(main, [*asked, str(tmp_path / "nowhere")]) == 1
    assert "no journal" in capsys.readouterr().err
    (past.state.history / "history.db").unlink()
    assert await asyncio.to_thread(main, [*asked, str(past.state.path)]) == 1
    assert "history file cannot be read" in capsys.readouterr().err
    broken = changed(tmp_path, "classes: {sump: {parameters: {level_hihg: 1}}}\n")
    assert await asyncio.to_thread(main, [*asked, str(past.state.path), "--rules", str(broken)]) == 1
    assert "level_hihg" in capsys.readouterr().err


def before_us(seconds: float) -> int:
    return round(after(seconds).timestamp() * 1e6)
