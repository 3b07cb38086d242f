"""A rule is looked at without a change only when its answer can be another: seldom enough, and never too late."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.model import Now, PointId, Quality, Sample
from rules.alarm import AlarmState, Transition
from rules.engine import Engine
from rules.trend import NEAREST, Trend
from tests.rules.watching import BEGIN, class_of, instances, watching

CONDITIONS: dict[str, dict[str, Any]] = {
    "running and rate(level, 30s) > 0.00413": {},
    "not running or rate(level, 20s) < -0.00217": {"on_delay": 3},
    "running and rate(level, 30s) > -0.00107": {"unless": "ready and rate(level, 20s) > 0.00311"},
    "count(rate(level, 20s) > 0.00413 and since(not running) < 15s, 2m) >= 2": {},
    "held(running, 8s) and rate(level, 20s) > 0.00209": {},
    "held(running, 8s) and (changed(mode, 20s) or ready)": {"off_delay": 2},
    "within(running, level > 1, 12s) and not held(ready, 5s)": {"deadband": 0.02},
    "since(running) > 10s and since(ready) < 40s": {},
    "at_least(2, running, ready, level > 1.01, 9s) or mode == 'hand'": {"unless": "since(ready) < 4s"},
    "held(level > 1, 6s) or count(running, 30s) >= 3": {"deadband": 0.03, "off_delay": 4},
    "2 * rate(level, 20s) > 0.00413 and running": {},
}
"""Odd limits: steps of whole centimetres only touch an even one, for no time, and nobody looks just then."""
POINTS = ("level", "running", "ready", "mode")
STEP = st.fixed_dictionaries(
    {},
    optional={
        "level": st.integers(90, 110).map(lambda cm: cm / 100),
        "running": st.booleans(),
        "ready": st.booleans(),
        "mode": st.sampled_from(["auto", "hand"]),
    },
)


class Course:
    """One engine; `ticks` make it evaluate everything every quarter of a second, for no reason."""

    def __init__(self, when: str, ticks: bool, **more: Any) -> None:
        condition = f"({when}) and inflow + 0 >= 0" if ticks else when
        (self.rule,) = instances(class_of(condition, **more))
        self.engine = Engine([self.rule])
        self.ticks = ticks
        self.seconds = 0.0
        self.steps = 0
        self.found: list[Transition] = []
        self.set({"inflow": 0.0, "level": 1.0, "running": False, "ready": False, "mode": "auto"})

    def now(self, seconds: float) -> Now:
        return Now(BEGIN + timedelta(seconds=seconds), 1000.0 + seconds)

    def set(self, values: dict[str, Any]) -> None:
        now = self.now(self.seconds)
        samples = [
            Sample(PointId(f"dev.{one}"), value, Quality.GOOD, now.utc, now.mono) for one, value in values.items()
        ]
        self.found += self.engine.step(samples, now)

    def until(self, seconds: float) -> None:
        while True:
            due = self.engine.next_deadline()
            at = seconds if due is None else min(seconds, due - 1000.0)
            if self.ticks:
                at = min(at, self.seconds + 0.25)
            self.seconds = at
            if self.ticks:
                self.set({"inflow": at})
            else:
                self.set({})
                self.steps += 1
            if at >= seconds:
                return

    @property
    def told(self) -> list[tuple[str, float]]:
        return [(one.trigger.value, (one.decided - BEGIN).total_seconds()) for one in self.found]


@pytest.mark.parametrize("when", CONDITIONS)
@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(STEP, st.sampled_from([0.3, 1.0, 2.6, 7.0, 31.0])), min_size=1, max_size=14))
def test_looking_more_often_than_the_rule_asks_for_changes_nothing(
    when: str, steps: list[tuple[dict[str, Any], float]]
) -> None:
    lazy, busy = Course(when, False, **CONDITIONS[when]), Course(when, True, **CONDITIONS[when])
    for course in (lazy, busy):
        course.until(60.0)  # until the windows are full, slopes are looked at by turns
        for values, wait in steps:
            course.set(values)
            course.until(course.seconds + wait)
    if "2 * rate" in when:  # looked at every tenth of the window
        return
    assert [one for one, _ in lazy.told] == [one for one, _ in busy.told]
    assert [at for _, at in lazy.told] == pytest.approx([at for _, at in busy.told], abs=1e-3)


def test_a_slope_that_decides_nothing_is_not_looked_at() -> None:
    it = watching("running and rate(level, 30s) > 0.001")
    it.set(running=False, level=1.0)
    it.later(40)
    for cm in range(101, 120):
        it.set(level=cm / 100)
        assert it.engine.next_deadline() is None
        it.later(1)
    assert it.set(running=True) != []


def test_a_level_behind_a_slope_that_decides_nothing_is_heard_but_not_judged() -> None:
    it = watching("running and rate(level, 30s) > 0.001", text={"zh": "字", "en": "{level:.2f}"})
    it.set(running=False, level=1.0)
    it.later(40)
    place = it.rule.functions[0].place
    for cm in range(101, 109):
        it.set(level=cm / 100)
        it.later(1)
    trend = Trend(30.0)
    trend.add(0.0, 1.0)
    slopes = []
    for second in range(8):
        trend.add(40.0 + second, (101 + second) / 100)
        slopes.append(trend.rate(40.0 + second))
    remembered = [one[2][place] for one in it.engine.evaluations(it.alarm)]
    assert remembered == pytest.approx(slopes), "what is remembered shows the slope as it was"


def test_a_slope_that_matters_only_later_is_looked_at_then() -> None:
    it = watching("held(running, 10s) and rate(level, 20s) > 0.002")
    it.set(running=False, level=1.0)
    it.later(30)
    it.set(running=True)
    it.later(1)
    it.set(level=1.01)
    for cm in range(102, 108):
        it.set(level=cm / 100)
        it.later(1)
    assert it.engine.next_deadline() == pytest.approx(1000.0 + 40.0)
    (raised,) = it.later(40.0 - it.seconds)
    assert raised.raised_at == it.now.utc


def test_a_time_since_a_rise_that_nobody_saw_is_known_when_it_is_long_ago_in_any_case() -> None:
    it = watching("since(running) > 10s")
    it.set(running=False)
    it.later(60)
    it.lose("running")
    it.later(4)
    it.set(running=True)
    assert it.engine.next_deadline() == pytest.approx(1000.0 + 60 + 10), "it may have risen when it was lost"
    assert it.later(6) == []
    (raised,) = it.later(4)
    assert raised.raised_at == it.now.utc


def test_a_part_that_is_false_for_good_spares_the_looks_at_all_others() -> None:
    it = watching("mode == 'hand' and (held(running, 10s) or since(ready) < 1h)")
    it.set(mode="auto", running=True, ready=False)
    it.set(ready=True)
    assert it.engine.next_deadline() is None
    it.set(mode="hand")
    assert it.engine.next_deadline() is not None


def test_a_slope_crosses_its_limit_when_it_does_and_not_at_the_next_look() -> None:
    it = watching("rate(level, 2h) < -0.00001")
    it.set(level=2.0)
    it.later(10000)
    for cm in range(199, 190, -1):
        it.set(level=cm / 100)
        it.later(600)
    assert it.state is AlarmState.UNACKNOWLEDGED
    looks, found = 0, it.step()
    while not found:
        deadline = it.engine.next_deadline()
        assert deadline is not None
        found, looks = it.later(deadline - it.now.mono), looks + 1
    assert looks < 5
    trend = Trend(7200.0)
    trend.add(0.0, 2.0)
    for number, cm in enumerate(range(199, 190, -1)):
        trend.add(10000 + 600 * number, cm / 100)
    at = (found[0].decided - BEGIN).total_seconds()
    assert (trend.rate(at - 0.001) or 0.0) < -0.00001 <= (trend.rate(at) or 0.0)


@given(
    steps=st.lists(st.tuples(st.floats(0.2, 20.0), st.floats(-10.0, 10.0)), min_size=2, max_size=14),
    limit=st.floats(-0.4, 0.4),
)
def test_a_slope_stays_on_its_side_until_it_is_said_to_cross(steps: list[tuple[float, float]], limit: float) -> None:
    trend, at = Trend(30.0), 100.0
    trend.add(at, 0.0)
    at += 31.0
    for gap, value in steps:
        at += gap
        trend.add(at, value)
    looks = 0
    while True:
        slope = trend.rate(at)
        assert slope is not None
        crosses = trend.crosses(limit, at)
        assert crosses > at
        begin, end = at + 30.0 * NEAREST, min(crosses, at + 40.0)
        for part in range(20):
            between = begin + (end - begin) * part / 20
            later = fresh(steps, between) if between < crosses else slope
            assert (later > limit) is (slope > limit) or abs(later - limit) < 1e-9, between
        if crosses == float("inf"):
            return
        at = crosses
        looks += 1
        assert looks < 6 * len(steps) + 6


def fresh(steps: list[tuple[float, float]], until: float) -> float:
    trend, at = Trend(30.0), 100.0
    trend.add(at, 0.0)
    at += 31.0
    for gap, value in steps:
        at += gap
        trend.add(at, value)
    return trend.rate(until) or 0.0
