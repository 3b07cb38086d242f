"""Explaining is reading: whoever asks a rule why, and however often, changes nothing of what it does and when."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.alarm import Trigger
from tests.rules.test_over_time import FUNCTIONS, SINCE
from tests.rules.watching import Watching, watching

SLOPES = (
    "rate(level, 30s) < 0.01",
    "rate(level, 10s) > 0.05",
    "running and rate(level, 30s) > -0.001",
    "count(rate(level, 30s) > 0.01, 1m) > 1",
    "held(rate(level, 10s) > 0, 5s)",
)
VALUES: dict[str, list[Any]] = {
    "running": [True, False, None],
    "ready": [True, False, None],
    "level": [0.0, 0.5, 1.0, 1.5, None],
    "mode": ["auto", "off", None],
}
STEP = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})
STEPS = st.lists(st.tuples(st.sampled_from([0.1, 1.0, 3.0, 7.0, 15.0, 40.0]), STEP), min_size=2, max_size=15)


def whole(when: str) -> Watching:
    return watching(when, text={"zh": "{place}", "en": "{place}"})


@pytest.mark.parametrize("when", [*FUNCTIONS, *SINCE, *SLOPES])
@settings(max_examples=25)
@given(steps=STEPS, asked=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4))
def test_a_rule_that_is_asked_again_and_again_does_what_the_one_left_alone_does(
    when: str, steps: list[tuple[float, dict[str, Any]]], asked: list[float]
) -> None:
    alone, questioned = whole(when), whole(when)
    for seconds, values in steps:
        for one in (alone, questioned):
            begun = one.seconds
            for part in sorted(asked):
                one.later(begun + seconds * part - one.seconds)
                if one is questioned:
                    one.engine.evaluations(one.alarm, one.now.mono)
            one.later(begun + seconds - one.seconds)
            one.set(**values)
    assert [(one.trigger, one.decided) for one in questioned.journal] == [
        (one.trigger, one.decided) for one in alone.journal
    ]


def test_an_alarm_comes_although_somebody_asks_every_second_why_it_has_not_come() -> None:
    it = whole("rate(level, 30s) < 0.01")
    it.set(level=0.5)
    it.later(1)
    it.set(level=1.0)
    for _ in range(60):
        it.later(1)
        it.engine.evaluations(it.alarm, it.now.mono)
    assert [one.trigger for one in it.journal] == [Trigger.RAISE]
