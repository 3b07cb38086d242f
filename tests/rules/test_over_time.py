"""Functions over time: incremental answers against the whole history, unknowns, order, restarts, bounds."""

import json
from itertools import accumulate
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import Engine
from rules.kinds import MOST_COUNTED
from rules.rule import EquipmentClass
from rules.timed import BRIDGED
from tests.rules import naively as n
from tests.rules.observing import Observed
from tests.rules.watching import PARAMETERS, POINTS, WORDS, Watching, class_of, rule_of, watching

RUNNING, READY, HIGH = n.point("running"), n.point("ready"), n.over("level", 1)

FUNCTIONS: dict[str, n.Naive] = {
    "held(running, 3s)": n.held(RUNNING, 3),
    "not held(running or ready, 2s)": n.negated(n.held(n.either(RUNNING, READY), 2)),
    "held(not running and level > 1, 4s)": n.held(n.both(n.negated(RUNNING), HIGH), 4),
    "within(running, ready, 3s)": n.both(n.recently(RUNNING, 3), n.recently(READY, 3)),
    "within(running and ready, level > 1, 5s)": n.both(n.recently(n.both(RUNNING, READY), 5), n.recently(HIGH, 5)),
    "at_least(2, running, ready, level > 1)": n.at_least(2, RUNNING, READY, HIGH),
    "at_least(2, running, ready, level > 1, 4s)": n.at_least(
        2, n.recently(RUNNING, 4), n.recently(READY, 4), n.recently(HIGH, 4)
    ),
    "count(running, 5s) >= 1": n.counted(RUNNING, 5, 1),
    "count(running, 9s) > 1": n.counted(RUNNING, 9, 2),
    "2 <= count(running and ready, 9s)": n.counted(n.both(RUNNING, READY), 9, 2),
    "count(running, 7s) < 2": n.negated(n.counted(RUNNING, 7, 2)),
    "changed(mode, 4s)": n.changed("mode", 4),
    "not changed(level, 3s)": n.negated(n.changed("level", 3)),
    "held(within(running, ready, 3s), 2s)": n.held(n.both(n.recently(RUNNING, 3), n.recently(READY, 3)), 2),
    "count(held(running, 2s), 9s) >= 1": n.counted(n.held(RUNNING, 2), 9, 1),
    "held(count(running, 6s) >= 2, 2s) or ready": n.either(n.held(n.counted(RUNNING, 6, 2), 2), READY),
    "within(changed(mode, 2s), running, 4s)": n.both(n.recently(n.changed("mode", 2), 4), n.recently(RUNNING, 4)),
}
SINCE: dict[str, n.Naive] = {
    "since(running) > 3s": n.risen(RUNNING, 3),
    "since(running) < 4s": n.negated(n.risen(RUNNING, 4)),
    "2s <= since(not running)": n.risen(n.negated(RUNNING), 2),
    "running and since(held(ready, 2s)) > 2s": n.both(RUNNING, n.risen(n.held(READY, 2), 2)),
}
NAMES = ("running", "ready", "level", "mode")
VALUES: dict[str, list[Any]] = {
    "running": [True, False],
    "ready": [True, False],
    "level": [0.5, 1.5],
    "mode": ["auto", "hand", "off"],
}


def changes(unknown: bool, longest: int = 30) -> st.SearchStrategy[list[dict[str, Any]]]:
    """What changes in each second."""
    each = {name: st.sampled_from([*values, *([None] if unknown else [])]) for name, values in VALUES.items()}
    step = st.fixed_dictionaries({}, optional=each)
    return st.lists(step | st.just({}), min_size=1, max_size=longest)


def whole(steps: list[dict[str, Any]], **first: Any) -> n.History:
    rows = list(accumulate(steps, lambda known, step: known | step, initial=dict.fromkeys(NAMES) | first))[1:]
    return {name: [row[name] for row in rows] for name in NAMES}


def answers(when: str, steps: list[dict[str, Any]]) -> list[bool | None]:
    it = Observed(when)
    found = []
    for second, step in enumerate(steps):
        it.set(second, step)
        found.append(it.answer(second + 0.5))
    return found


@pytest.mark.parametrize("when", FUNCTIONS)
@settings(max_examples=50)
@given(steps=changes(unknown=True))
def test_the_running_answer_is_that_of_the_whole_history(when: str, steps: list[dict[str, Any]]) -> None:
    assert answers(when, steps) == FUNCTIONS[when](whole(steps))


@pytest.mark.parametrize("when", SINCE)
@settings(max_examples=50)
@given(steps=changes(unknown=False))
def test_the_time_since_a_rise_is_that_of_the_whole_history(when: str, steps: list[dict[str, Any]]) -> None:
    begin: dict[str, Any] = {"running": False, "ready": True, "level": 0.5, "mode": "auto"}
    assert answers(when, [begin, *steps]) == SINCE[when](whole([begin, *steps]))


@pytest.mark.parametrize("when", [*FUNCTIONS, *SINCE])
@settings(max_examples=50)
@given(steps=changes(unknown=False), hidden=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 40)), max_size=8))
def test_not_knowing_may_cost_an_answer_but_never_turns_one(
    when: str, steps: list[dict[str, Any]], hidden: list[tuple[str, int]]
) -> None:
    known: dict[str, Any] = {"running": False, "ready": True, "level": 0.5, "mode": "auto"}
    steps = [known, *steps]
    history = {name: list(values) for name, values in whole(steps).items()}
    for name, second in hidden:
        if second < len(steps):
            history[name][second] = None
    masked = [{name: history[name][second] for name in NAMES} for second in range(len(steps))]
    for with_gaps, without_gaps in zip(answers(when, masked), answers(when, steps), strict=True):
        assert with_gaps is None or with_gaps is without_gaps


@pytest.mark.parametrize("when", [*FUNCTIONS, *SINCE])
@settings(max_examples=50)
@given(steps=changes(unknown=True), seed=st.integers(0, 9))
def test_changes_of_one_moment_may_come_in_any_order(when: str, steps: list[dict[str, Any]], seed: int) -> None:
    random = Random(seed)
    shuffled = [dict(random.sample(list(step.items()), len(step))) for step in steps]
    assert answers(when, steps) == answers(when, shuffled)


@pytest.mark.parametrize("when", [one for one in (*FUNCTIONS, *SINCE) if Observed(one).watch.timed is not None])
@settings(max_examples=50)
@given(
    before=changes(unknown=True, longest=20),
    after=changes(unknown=True, longest=15),
    away=st.sampled_from([0, 1, 4, 30, int(BRIDGED) - 30]),
    at=st.sampled_from([0.0, 0.25, 0.5]),
    seed=st.integers(0, 3),
)
def test_a_restart_at_any_step_goes_on_as_if_nothing_had_been(
    when: str, before: list[dict[str, Any]], after: list[dict[str, Any]], away: int, at: float, seed: int
) -> None:
    """IR-4, as far as functions over time go: the points are heard again with the values they had.

    What one function over time would have told another during the absence is told at its end, so those
    that are nested are not kept waiting here.
    """
    it = Observed(when)
    known: dict[str, Any] = dict.fromkeys(NAMES)
    for second, step in enumerate(before):
        it.set(second, step)
        known |= step
    stopped = len(before) - 1 + at
    fresh = it.restarted(it.memory(stopped), stopped)
    keys = [one.key for one in it.watch.instance.functions]
    nested = any(one != other and one in other for one in keys for other in keys)
    again = len(before) + (0 if nested else away)
    names = Random(seed).sample(NAMES, len(NAMES))
    assert fresh.answer(again) is None
    fresh.set(again, {name: known[name] for name in names})
    assert fresh.answer(again) is it.answer(again)
    for second, step in enumerate(after, again + 1):
        for one in (it, fresh):
            one.set(second, step)
        assert fresh.answer(second + 0.5) is it.answer(second + 0.5)


def test_a_long_absence_is_a_time_in_which_nobody_saw_anything() -> None:
    it = Observed("held(running, 3s)")
    it.set(0, {"running": True})
    assert it.answer(10) is True
    fresh = it.restarted(it.memory(10), 10)
    back = 10 + BRIDGED + 1
    fresh.set(back, {"running": True})
    assert fresh.answer(back) is None
    assert fresh.answer(back + 3) is True


def test_a_point_that_is_heard_after_the_restart_to_be_bad_was_lost_at_the_restart() -> None:
    it = Observed("count(running, 1h) > 0")
    it.set(0, {"running": False})
    it.set(5, {"running": True})
    fresh = it.restarted(it.memory(10), 10)
    fresh.set(20, {"running": None})
    assert fresh.answer(20) is True, "the rise of an hour ago was seen"
    assert fresh.answer(3605) is None, "it is too old now, and nobody knows of others"


def test_a_second_restart_before_anything_was_heard_does_not_shorten_the_absence() -> None:
    it = Observed("held(running, 3s)")
    it.set(0, {"running": True})
    twice = it.restarted(it.memory(10), 200)
    again = twice.restarted(twice.memory(210), 211, machine=9000.0)
    again.set(10 + BRIDGED + 5, {"running": True})
    assert again.answer(10 + BRIDGED + 5) is None


def test_an_engine_hands_on_what_its_rules_remember() -> None:
    """IR-4: through the memory that the journal keeps."""
    it = watching("count(running, 1h) > 1", text={"zh": "{place}", "en": "{place}"})
    for value in (False, True, False):
        it.set(running=value)
        it.later(5)
    memory = json.loads(json.dumps(it.engine.take_memory(it.now)))
    fresh = Watching(Engine([it.rule]), it.rule, seconds=it.seconds + 20)
    fresh.engine.restore(it.journal, memory)
    fresh.set(running=False)
    assert fresh.journal == []
    (raised,) = fresh.set(running=True)
    assert raised.occurrence == 1


def test_a_rule_that_is_another_after_the_restart_begins_anew() -> None:
    it = Observed("held(running, 3s)")
    it.set(0, {"running": True})
    saved = it.memory(10)
    other = Observed("held(running, 4s)", 5000.0)
    assert other.watch.timed is not None
    other.watch.timed.restore(saved, other.now(10))
    other.set(10, {"running": True})
    assert other.answer(10) is None
    assert other.answer(14) is True


def test_asking_for_the_memory_changes_nothing() -> None:
    it, asked = Observed("count(running and ready, 1m) > 0"), Observed("count(running and ready, 1m) > 0")
    for one in (it, asked):
        one.set(0, {"running": True, "ready": False})
        one.set(5, {"ready": True})
        if one is asked:
            one.memory(5)
        one.set(5, {"running": False})
    assert it.answer(6) is asked.answer(6) is None


def test_a_pulse_within_one_moment_counts_although_it_took_no_time() -> None:
    it = Observed("count(running, 1m) > 1")
    it.set(0, {"running": False})
    for second in (61, 62):
        it.watch.feed(0, True, it.machine + second)
        it.watch.evaluate(it.machine + second)
        it.watch.feed(0, False, it.machine + second)
        it.watch.evaluate(it.machine + second)
    assert it.answer(62) is True


def test_a_mixture_of_old_and_new_values_that_lasted_no_time_leaves_no_trace() -> None:
    it = Observed("count(running and ready, 1m) > 0")
    it.set(0, {"running": True, "ready": False})
    it.set(70, {"ready": True, "running": False})
    assert it.answer(71) is False


def test_a_count_stops_at_its_bound_and_no_longer_says_that_it_is_all() -> None:
    more, few = Observed("count(running, 1h) > 200"), Observed("count(running, 1h) < 249")
    for one in (more, few):
        one.set(0, {"running": False})
        for second in range(3600, 3600 + 2 * MOST_COUNTED + 200, 2):
            one.set(second, {"running": True})
            one.set(second + 1, {"running": False})
    end = 3600 + 2 * MOST_COUNTED + 200
    assert (more.answer(end), few.answer(end)) == (True, False)
    assert len(more.memory(end)["functions"]["count(running, 3600s)"][2]) <= MOST_COUNTED
    assert few.answer(end + 3050) is False
    assert few.answer(end + 3600) is True
    assert more.answer(end + 3600) is False


def test_windows_slide_without_being_asked_and_then_rest() -> None:
    it = Observed("within(running, ready, 30s)")
    it.set(0, {"running": False, "ready": False})
    it.set(100, {"running": True})
    it.set(101, {"running": False, "ready": True})
    assert it.answer(129.75) is True
    assert it.answer(131) is False
    assert it.watch.look is None
    assert it.looks == 2, "when the first knowledge was 30 s old, and when the first signal was"


def test_a_stale_point_is_told_and_nothing_is_told_before_the_first_word() -> None:
    it = Observed("stale(level)")
    assert it.answer(100) is None
    it.set(100, {"level": 1.0})
    assert it.answer(100) is False
    it.set(200, {"level": None})
    assert it.answer(200) is True
    silent = Observed("stale(level)")
    silent.set(1, {"level": None})
    assert silent.answer(1) is True


def test_a_deadband_reaches_into_what_is_held() -> None:
    it = Observed(class_of("held(level > limit, 10s)", deadband=0.1))
    it.set(0, {"level": 1.3})
    assert it.answer(10) is True
    it.watch.present = True
    it.set(20, {"level": 1.15})
    assert it.answer(20) is True
    it.set(30, {"level": 1.05})
    assert it.answer(30) is False


def test_a_slope_goes_on_after_a_restart() -> None:
    it = Observed("rate(level, 20m) > 0")
    for minute in range(20):
        it.set(60 * minute, {"level": 1.0 + 0.01 * minute})
    fresh = it.restarted(it.memory(1150), 1150)
    assert fresh.answer(1160) is None
    fresh.set(1160, {"level": 1.19})
    assert fresh.answer(1160) is it.answer(1160) is True
    place = it.watch.instance.functions[0].place
    it.watch.evaluate(it.machine + 1160)
    assert fresh.watch.values[place] == pytest.approx(it.watch.values[place])


def test_a_window_may_be_a_parameter_in_minutes() -> None:
    cls = EquipmentClass.model_validate(
        {
            "class": "pit",
            "name": WORDS,
            "points": POINTS,
            "parameters": {**PARAMETERS, "long": {"default": 2.0, "unit": "min", "source": "test"}},
            "rules": {"it": rule_of("held(running, long)")},
        }
    )
    it = Observed(cls)
    it.set(0, {"running": True})
    assert (it.answer(119), it.answer(120)) == (None, True)
