"""Why an alarm came, or why not: the rule's own evaluation taken apart, now and at any recorded moment."""

import asyncio
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.__main__ import main
from daemon.explain import Explainer, Explanation, Live, Source
from daemon.explain.document import document
from daemon.explain.explainer import UnknownAlarm
from daemon.explain.explanation import Joined, Part
from daemon.explain.sentences import Sentences
from daemon.historian.embedded import EmbeddedHistory
from estate.errors import TransportError
from estate.model import Clock, Now, Quality, Value
from rules.alarm import AlarmId, AlarmState
from rules.instance import Input
from tests.daemon.past import RIVERSIDE, Past, after

HIGH = AlarmId("sump-1.high_level")
NO_PUMP = AlarmId("sump-1.no_pump_running_at_high")
ZH = Sentences("zh", ZoneInfo("Asia/Shanghai"))
EN = Sentences("en", ZoneInfo("Asia/Shanghai"))
CALM: dict[str, Value | Quality] = {
    "sump-1-ctl.level": 0.5,
    "sump-1-ctl.high_water": False,
    "sump-1-ctl.pump_1_running": False,
    "sump-1-ctl.pump_2_running": False,
}


def level(value: Value | Quality) -> dict[str, Value | Quality]:
    return {"sump-1-ctl.level": value}


class Standing:
    """A clock that stands where the past has come to."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def now(self) -> Now:
        return self._past.now()


def explainer(past: Past, live: bool = False) -> Explainer:
    clock: Clock = Standing(past)
    running = Live(past.engine, past.latest.get, clock) if live else None
    return Explainer(past.assembly, EmbeddedHistory(past.state.history / "history.db"), past.state.journal, running)


async def explained(past: Past, alarm: AlarmId, seconds: float) -> Explanation:
    return await explainer(past).explain(alarm, after(seconds))


@pytest.fixture
def past(tmp_path: Path) -> Past:
    one = Past.of(tmp_path)
    one.set(1, CALM)
    return one


async def test_an_alarm_that_did_not_come_is_explained_by_value_and_limit(past: Past) -> None:
    """peers.md E17: why it did not alarm, with its inputs, for any moment."""
    past.set(10, level(1.05))
    past.until(100)
    await past.write()
    found = await explained(past, HIGH, 60)
    assert found.source is Source.RECOMPUTED
    assert found.result is False
    assert ZH.answer(found) == "没有报警，因为 液位 1.05 m 未超过 高液位 1.20 m，高水位浮球：否。"
    assert EN.answer(found) == "No alarm, because Level 1.05 m is not above high limit 1.20 m, High-water float: no."


async def test_an_alarm_that_stands_is_explained_by_what_raised_it_alone(past: Past) -> None:
    past.set(10, level(1.31))
    past.acknowledge(30, HIGH)
    await past.write()
    before, later = await explained(past, HIGH, 20), await explained(past, HIGH, 40)
    assert ZH.answer(before).startswith("正在报警（未确认），因为 液位 1.31 m 超过 高液位 1.20 m")
    assert "高水位浮球" not in ZH.answer(before)
    assert EN.answer(later).startswith("In alarm (acknowledged), because Level 1.31 m is above high limit 1.20 m")
    assert [one.trigger.value for one in later.before] == ["raise", "acknowledge"]
    assert [one.trigger.value for one in before.after] == ["acknowledge"]


async def test_the_deadband_that_holds_an_alarm_is_told(past: Past) -> None:
    past.set(10, level(1.31))
    past.set(20, level(1.17))
    past.until(60)
    await past.write()
    found = await explained(past, HIGH, 50)
    assert found.state is AlarmState.UNACKNOWLEDGED
    assert "液位 1.17 m 超过 高液位 1.20 m（回差后的界限 1.15 m）" in ZH.answer(found)


async def test_an_alarm_under_way_says_since_when_and_until_when(past: Past) -> None:
    past.set(10, level(1.0))
    past.until(25)
    await past.write()
    found = await explained(past, NO_PUMP, 25)
    assert found.timer is not None
    assert (found.timer.since, found.timer.due, found.timer.delay) == (after(10), after(30), 20.0)
    assert found.state is AlarmState.NORMAL
    assert ZH.answer(found).startswith("还没有报警：液位 1.00 m 超过 起泵液位 0.80 m + 起泵余量 0.05 m")
    assert "从 12:00:10 起，须持续 20 秒，12:00:30 报警" in ZH.answer(found)
    past.until(40)
    assert past.engine.alarms[NO_PUMP].state is AlarmState.UNACKNOWLEDGED


async def test_a_value_that_is_not_good_is_named_with_its_quality(past: Past) -> None:
    past.set(10, level(Quality.NO_COMMUNICATION))
    past.until(60)
    await past.write()
    found = await explained(past, HIGH, 50)
    assert found.result is None
    assert ZH.answer(found) == "没有报警，但无法判断：液位 未知（通讯中断）。"
    assert found.condition is not None
    [leaf] = found.condition.reasons
    assert [(one.point, one.value, one.quality) for one in leaf.readings] == [
        ("sump-1-ctl.level", None, "bad: no communication")
    ]


async def test_what_suppresses_an_alarm_is_told_with_its_end(past: Past) -> None:
    past.shelve(5, HIGH, until=3605)
    past.set(10, level(1.4))
    past.until(60)
    await past.write()
    found = await explained(past, HIGH, 50)
    assert list(ZH.suppressions(found)) == ["已被 li 搁置至 2026-03-01 13:00:05：known leak。"]
    assert found.result is True


async def test_a_running_rule_answers_from_its_own_memory_and_the_records_say_the_same(past: Past) -> None:
    for second in range(10, 40, 5):
        past.set(second, level(0.9 + second / 100))
    past.until(42)
    await past.write()
    live = await explainer(past, live=True).explain(HIGH)
    recorded = await explained(past, HIGH, 42)
    assert (live.source, recorded.source) == (Source.LIVE, Source.RECOMPUTED)
    assert (live.condition, live.state, live.evaluated) == (recorded.condition, recorded.state, recorded.evaluated)
    early = await explainer(past, live=True).explain(HIGH, after(12))
    assert early.source is Source.LIVE
    assert "液位 1.0 m 未超过 高液位 1.2 m" in ZH.answer(early)


async def test_a_moment_that_the_running_rule_has_forgotten_is_read_from_the_records(past: Past) -> None:
    for second in range(100):
        past.set(10 + second, level(0.5 + second / 1000))
    await past.write()
    found = await explainer(past, live=True).explain(HIGH, after(20.5))
    assert found.source is Source.RECOMPUTED
    assert "液位 0.51 m 未超过" in ZH.answer(found)


async def test_a_moment_without_records_is_not_explained_by_guessing(past: Past) -> None:
    await past.write()
    found = await explained(past, HIGH, -1000)
    assert (found.source, found.condition) == (Source.NOTHING, None)
    assert ZH.answer(found) == "没有这一时刻的记录，无法说明。"
    assert document(found, ZoneInfo("UTC"))["condition"] is None


async def test_an_alarm_that_no_rule_makes_and_a_history_that_is_gone_are_said(past: Past) -> None:
    await past.write()
    with pytest.raises(UnknownAlarm):
        await explained(past, AlarmId("sump-1.nonsense"), 10)
    (past.state.history / "history.db").unlink()
    with pytest.raises(TransportError):
        await explained(past, HIGH, 10)


def a_value(one: Input, dice: random.Random) -> Value | Quality:
    if dice.random() < 0.15:
        return dice.choice((Quality.NO_COMMUNICATION, Quality.SENSOR_FAULT, Quality.STALE))
    if bool in one.types:
        return dice.random() < 0.5
    if float in one.types:
        return round(dice.choice((dice.uniform(0, 3), dice.uniform(0, 100))), 2)
    return dice.choice(sorted(map(str, one.values)) or ["x"])


@pytest.mark.parametrize("seed", range(3))
async def test_alarms_of_the_example_site_are_explained_as_their_rules_decided(seed: int, tmp_path: Path) -> None:
    """Whatever the values: the parts, joined as they are, come to what the engine itself came to."""
    dice = random.Random(seed)
    past = Past.of(tmp_path)
    inputs = {one.point: one for rule in past.assembly.rules for one in rule.inputs}
    for moment in range(4):
        past.set(20.0 * moment + 1, {point: a_value(one, dice) for point, one in inputs.items() if dice.random() < 0.8})
    past.until(70)
    await past.write()
    subject = explainer(past, live=True)
    compared = 0
    some = [*past.assembly.rules]
    dice.shuffle(some)
    over_time = [one for one in some if one.stage or one.functions]
    for rule in [*over_time[:100], *some[:200]]:
        found = await subject.explain(rule.alarm)
        if found.condition is None:
            continue
        held_back = found.exception is not None and found.exception.result is True
        assert (False if held_back else found.condition.result) is found.result, rule.alarm
        assert found.result is past.engine.evaluations(rule.alarm)[-1][1]
        for language in (ZH, EN):
            assert "{" not in "\n".join(language.lines(found)), rule.alarm
        _agrees(found.condition)
        compared += 1
    assert compared > 200


def _agrees(part: Part) -> None:
    results = [one.result for one in part.parts]
    match part.joined:
        case Joined.ALL:
            assert part.result is (False if False in results else None if None in results else True)
        case Joined.ANY:
            assert part.result is (True if True in results else None if None in results else False)
        case Joined.NOT:
            assert part.result is (None if results[0] is None else not results[0])
    for one in part.parts:
        _agrees(one)


async def test_the_command_prints_sentences_and_every_condition(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    past.set(10, level(1.31))
    past.until(60)
    await past.write()
    asked = ["explain", str(RIVERSIDE), "--state", str(past.state.path), HIGH]
    assert await asyncio.to_thread(main, [*asked, "--at", "2026-03-01T12:00:30"]) == 0
    said = capsys.readouterr().out
    assert "正在报警（未确认），因为 液位 1.31 m 超过 高液位 1.20 m" in said
    assert "[成立] 液位 1.31 m 超过 高液位 1.20 m" in said
    assert "[不成立] 高水位浮球：否" in said
    assert "依据：用 2026-03-01 12:00:30 前记录的数值，按现行规则重新计算。" in said
    assert (
        await asyncio.to_thread(main, ["explain", str(RIVERSIDE), "--state", str(past.state.path), "sump-1.high"]) == 1
    )
    assert "did you mean sump-1.high_level" in capsys.readouterr().err


def test_every_word_of_the_catalogue_is_there_in_both_languages() -> None:
    from daemon.explain.wording import words

    def pairs(table: object, at: str) -> None:
        assert isinstance(table, dict), at
        if set(table) == {"zh", "en"}:
            assert type(table["zh"]) is type(table["en"]), at
            return
        assert "zh" not in table, at
        for key, one in table.items():
            pairs(one, f"{at}.{key}")

    pairs(words(), "words")
    assert set(words()["state"]) == set(AlarmState)
    assert set(words()["quality"]) >= {one.value for one in Quality}
