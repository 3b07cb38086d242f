"""From when an alarm is late: the moment at which the delays of its rule let it speak."""

from typing import Any

import pytest

from rules.alarm import Transition, Trigger
from tests.rules.watching import Watching, watching


def raisings(it: Watching) -> list[Transition]:
    return [one for one in it.journal if one.trigger is Trigger.RAISE]


def run_dry_twice(when: str, **rule: Any) -> Watching:
    """Runs for a minute, rests for two minutes, runs for a minute."""
    it = watching(when, **rule)
    for _ in range(2):
        for running, seconds in ((True, 60), (False, 120)):
            it.set(running=running)
            for _ in range(seconds):
                it.later(1)
    return it


@pytest.mark.parametrize(
    ("when", "delay", "after"),
    [("running", 0, 0.0), ("running", 10, 10.0), ("held(running, 30s)", 0, 30.0), ("held(running, 30s)", 5, 35.0)],
)
def test_what_the_rule_waits_for_is_not_lateness_however_often_it_comes(when: str, delay: float, after: float) -> None:
    """CR-1: a second occurrence is not measured from the event that caused the first."""
    it = run_dry_twice(when, on_delay=delay)
    first, second = raisings(it)
    assert (second.decided - first.decided).total_seconds() == pytest.approx(180.0)
    for one in (first, second):
        assert one.due is not None
        assert (one.decided - one.due).total_seconds() == pytest.approx(0.0, abs=1e-6)
        assert one.received is None or (one.decided - one.received).total_seconds() == pytest.approx(after, abs=1e-6)
    assert (first.received is None) is (second.received is None)


def test_what_the_loop_makes_it_wait_is_lateness() -> None:
    it = watching("running", on_delay=10)
    it.set(running=True)
    it.later(13)
    (one,) = raisings(it)
    assert one.due is not None
    assert (one.decided - one.due).total_seconds() == pytest.approx(3.0)


def test_a_value_that_waited_before_it_was_looked_at_makes_it_late() -> None:
    it = watching("running")
    sample = it.sample("running", True)
    it.later(4)
    it.step(sample)
    (one,) = raisings(it)
    assert one.due == one.received == sample.at
