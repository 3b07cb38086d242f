"""The slope over a window: right for ramps and steps, unknown while nobody can know, bounded in memory."""

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.trend import KEPT, Trend


def fitted(changes: list[tuple[float, float]], window: float, at: float, steps: int = 20_000) -> float:
    """Least squares over many points of the staircase: an independent answer."""
    start = max(at - window, changes[0][0])
    times = [start + (at - start) * (index + 0.5) / steps for index in range(steps)]
    values, place = [], 0
    for time in times:
        while place + 1 < len(changes) and changes[place + 1][0] <= time:
            place += 1
        values.append(changes[place][1])
    middle = sum(times) / steps
    mean = sum(values) / steps
    above = sum((time - middle) * (value - mean) for time, value in zip(times, values, strict=True))
    return above / sum((time - middle) ** 2 for time in times)


def test_a_ramp_has_its_slope() -> None:
    trend = Trend(30.0)
    for second in range(120):
        trend.add(1000.0 + second, 2.0 - 0.005 * second)
    assert trend.rate(1119.5) == pytest.approx(-0.005, rel=0.02)


def test_noise_of_3_mm_leaves_a_quarter_of_a_millimetre_per_second() -> None:
    random, trend, worst = Random(7), Trend(30.0), 0.0
    for second in range(2000):
        trend.add(float(second), 1.0 + random.gauss(0.0, 0.003))
        worst = max(worst, abs(trend.rate(second + 0.5) or 0.0))
    assert worst < 0.0003


def test_no_news_is_no_change_and_the_slope_fades_to_zero() -> None:
    trend = Trend(30.0)
    trend.add(0.0, 1.0)
    trend.add(20.0, 0.5)
    assert (trend.rate(25.0) or 0.0) < -0.01
    assert trend.look_again(25.0) == 28.0
    assert trend.rate(50.0) == 0.0
    assert trend.look_again(50.0) == inf


def test_the_slope_is_unknown_until_half_the_window_is_covered() -> None:
    trend = Trend(30.0)
    assert trend.rate(0.0) is None
    trend.add(0.0, 1.0)
    assert trend.rate(14.9) is None
    assert trend.look_again(1.0) == 15.0
    assert trend.rate(15.0) == 0.0


def test_a_lost_value_starts_over() -> None:
    trend = Trend(30.0)
    trend.add(0.0, 1.0)
    trend.add(40.0, 1.1)
    assert trend.rate(41.0) is not None
    trend.interrupt()
    assert trend.rate(42.0) is None
    trend.add(50.0, 5.0)
    assert trend.rate(60.0) is None
    assert trend.rate(65.0) == 0.0


def test_a_fast_point_keeps_no_more_than_the_bound() -> None:
    trend = Trend(30.0)
    for index in range(50_000):
        trend.add(index * 0.003, index * 0.003 * 0.01)
    assert trend.kept <= KEPT + 2
    assert trend.rate(150.0) == pytest.approx(0.01, rel=0.02)


def test_a_year_of_rest_costs_no_digits() -> None:
    trend = Trend(10.0)
    trend.add(0.0, 1.0)
    begin = 3.2e7
    for second in range(20):
        trend.add(begin + second, 1.0 + 0.01 * second)
    assert trend.rate(begin + 19.5) == pytest.approx(0.01, rel=0.05)


def test_weeks_of_changes_cost_no_digits() -> None:
    trend = Trend(10.0)
    for second in range(60_000):
        trend.add(float(second), 1000.0 + second * 0.01)
    assert trend.rate(59_999.5) == pytest.approx(0.01, rel=0.02)


@given(
    st.lists(st.tuples(st.floats(0.3, 20.0), st.floats(-10.0, 10.0)), min_size=1, max_size=12),
    st.floats(0.0, 25.0),
)
def test_the_running_sums_agree_with_a_fit_over_many_points(steps: list[tuple[float, float]], after: float) -> None:
    trend, at, changes = Trend(30.0), 100.0, []
    for gap, value in steps:
        at += gap
        trend.add(at, value)
        changes.append((at, value))
    at += after
    known = at - changes[0][0] >= 15.0
    slope = trend.rate(at)
    if known:
        assert slope == pytest.approx(fitted(changes, 30.0, at, 3000), abs=5e-3)
    else:
        assert slope is None
