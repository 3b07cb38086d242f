"""What explains others moves first, in whatever order the points of one moment are heard."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.model import Now, PointId, Quality, Sample
from rules.alarm import AlarmState, Trigger
from rules.engine import Engine
from tests.rules.test_parents import BUS, child
from tests.rules.watching import BEGIN

GATEWAY = frozenset({BUS})
NAMES = ("bus", "d0", "d1", "far")


def engine(delay: float) -> Engine:
    """A device behind a device behind a bus, named last first."""
    near = [child(one, GATEWAY, on_delay=delay, off_delay=delay) for one in ("d0", "d1")]
    far = child("far", frozenset({near[0].alarm}), on_delay=delay, off_delay=delay)
    return Engine([far, *near, child("bus", on_delay=delay, off_delay=delay)])


def moment(values: dict[str, bool], seconds: float) -> tuple[list[Sample], Now]:
    now = Now(BEGIN + timedelta(seconds=seconds), 1000.0 + seconds)
    return [
        Sample(PointId(f"{name}.running"), value, Quality.GOOD, now.utc, now.mono) for name, value in values.items()
    ], now


@pytest.mark.parametrize("delay", [0.0, 3.0])
@pytest.mark.parametrize("order", [NAMES, NAMES[::-1]])
def test_of_what_comes_and_goes_together_only_the_cause_is_announced(order: tuple[str, ...], delay: float) -> None:
    it = engine(delay)
    found = it.step(*moment(dict.fromkeys(order, True), 0))
    found += it.step(*moment({}, 10))
    assert [one.equipment for one in found if one.announces] == ["bus"]
    assert [one.trigger for one in found] == [Trigger.RAISE] + 3 * [Trigger.RAISE_SUPPRESSED]
    gone = it.step(*moment(dict.fromkeys(order, False), 20)) + it.step(*moment({}, 30))
    assert not any(one.announces for one in gone)
    assert {one.after for one in it.standing.values()} <= {AlarmState.RETURNED}


@given(
    steps=st.lists(
        st.tuples(st.dictionaries(st.sampled_from(NAMES), st.booleans(), max_size=4), st.sampled_from([0.5, 3.0, 7.0])),
        max_size=12,
    ),
    delay=st.sampled_from([0.0, 3.0]),
    seed=st.integers(0, 99),
)
def test_the_order_of_one_moment_makes_no_difference_to_who_explains_whom(
    steps: list[tuple[dict[str, bool], float]], delay: float, seed: int
) -> None:
    dice, straight, mixed, seconds = Random(seed), engine(delay), engine(delay), 0.0
    for values, wait in steps:
        shuffled = dict(dice.sample(list(values.items()), len(values)))
        assert straight.step(*moment(values, seconds)) == mixed.step(*moment(shuffled, seconds))
        seconds += wait
        assert straight.step(*moment({}, seconds)) == mixed.step(*moment({}, seconds))
