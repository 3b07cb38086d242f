"""Totals that stay right when a meter is replaced, rolls over, tears or jumps; days, months, balance and yield."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.metering import (
    Course,
    Meter,
    Reading,
    balance,
    by_day,
    change,
    pv_yield,
    stretches,
    total,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
USUAL = Meter(most=300.0)


def hourly(*counts: float) -> list[Reading]:
    return [Reading(START + timedelta(hours=n), count) for n, count in enumerate(counts)]


def test_a_meter_that_counts_is_simply_counted() -> None:
    found = stretches(hourly(100.0, 110.0, 110.0, 125.5), USUAL)
    assert total(found) == pytest.approx(25.5)
    assert {one.course for one in found} == {Course.COUNTED}


def test_a_replaced_meter_does_not_break_the_total() -> None:
    """MT-1: the old one ended at 54,010, the new one began at 0."""
    found = stretches(hourly(54_000.0, 54_010.0, 3.0, 15.0, 27.0), USUAL)
    assert [one.course for one in found] == [Course.COUNTED, Course.REPLACED, Course.COUNTED, Course.COUNTED]
    assert total(found) == pytest.approx(10.0 + 12.0 + 12.0)


def test_a_new_meter_that_begins_higher_is_no_consumption() -> None:
    found = stretches(hourly(500.0, 510.0, 80_000.0, 80_012.0), USUAL)
    assert [one.course for one in found][1] is Course.JUMPED
    assert total(found) == pytest.approx(22.0)


def test_a_count_that_rolls_over_goes_on() -> None:
    """devices.md C7: 32 bits of 0.01 kWh end at 42,949,672.96 kWh."""
    end = 2**32 / 100.0
    found = stretches(hourly(end - 15.0, end - 5.0, 5.0), Meter(most=300.0, end=end))
    assert [one.course for one in found] == [Course.COUNTED, Course.ROLLED_OVER]
    assert total(found) == pytest.approx(20.0)


def test_without_a_known_end_a_fall_is_a_replacement() -> None:
    found = stretches(hourly(999_990.0, 5.0, 15.0), USUAL)
    assert [one.course for one in found] == [Course.REPLACED, Course.COUNTED]


def test_a_torn_reading_that_the_next_one_takes_back_is_left_out() -> None:
    """devices.md D.1 M7: the low word was read before the high one had moved."""
    found = stretches(hourly(655.0, 655.2, 0.1, 655.6, 655.8), USUAL)
    assert total(found) == pytest.approx(0.8)
    assert {one.course for one in found} == {Course.COUNTED}
    high = stretches(hourly(655.0, 655.2, 1_310.9, 655.6, 655.8), USUAL)
    assert total(high) == pytest.approx(0.8)


def test_a_jump_at_the_end_waits_for_the_next_reading() -> None:
    assert total(stretches(hourly(10.0, 20.0, 9_000.0), USUAL)) == pytest.approx(10.0)


def test_a_float_that_loses_its_last_digit_is_not_a_replacement() -> None:
    meter = Meter(most=300.0, slack=0.2)
    found = stretches(hourly(1_048_576.125, 1_048_576.0, 1_048_577.0), meter)
    assert [one.course for one in found] == [Course.COUNTED, Course.COUNTED]
    assert total(found) == pytest.approx(1.0)


def test_what_is_no_number_or_out_of_order_is_left_out() -> None:
    readings = [*hourly(10.0, 20.0), Reading(START, 15.0), Reading(START + timedelta(hours=2), float("nan"))]
    assert total(stretches([*readings, Reading(START + timedelta(hours=3), 30.0)], USUAL)) == pytest.approx(20.0)


def test_no_readings_and_one_reading_are_no_consumption() -> None:
    assert stretches([], USUAL) == []
    assert stretches(hourly(5.0), USUAL) == []


def test_a_day_ends_at_midnight_of_the_site() -> None:
    """MT-1: Shanghai is 8 hours ahead, so UTC 12:00 to 20:00 is half of one day and half of the next."""
    found = stretches([Reading(START + timedelta(hours=12), 0.0), Reading(START + timedelta(hours=20), 80.0)], USUAL)
    assert by_day(found, SHANGHAI) == pytest.approx({date(2026, 3, 1): 40.0, date(2026, 3, 2): 40.0})


def test_a_change_is_a_share_of_what_was_before_and_nothing_has_no_shares() -> None:
    assert change(6.0, 4.0) == pytest.approx(0.5)
    assert change(5.0, 0.0) is None


def test_a_night_when_the_clocks_change_loses_nothing() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    readings = [Reading(start + timedelta(hours=6 * n), 6.0 * n) for n in range(9)]
    days = by_day(stretches(readings, USUAL), ZoneInfo("Europe/Berlin"))
    assert sum(days.values()) == pytest.approx(48.0)
    assert days[date(2026, 3, 29)] == pytest.approx(23.0)


@given(st.lists(st.floats(0.0, 250.0), min_size=1, max_size=40), st.integers(0, 39), st.floats(0.0, 5.0))
def test_a_replacement_anywhere_costs_at_most_one_stretch(steps: list[float], place: int, begin: float) -> None:
    counts, new, running = [1_000.0], False, 1_000.0
    for n, step in enumerate(steps):
        if n == place:
            running, new = begin, True
            counts.append(running)
            continue
        running += step
        counts.append(running)
    found = stretches(hourly(*counts), USUAL)
    lost = sum(steps) - total(found)
    assert -1e-6 <= lost <= 500.0 + 1e-6 if new else lost == pytest.approx(0.0, abs=1e-6)
    assert all(one.amount >= 0.0 for one in found)


def test_sub_meters_are_balanced_against_the_main_one() -> None:
    """MT-1, devices.md D.4 P13."""
    assert balance(100.0, [40.0, 30.0, 26.0]).plausible
    assert balance(100.0, [40.0, 30.0, 26.0]).missing == pytest.approx(0.04)
    assert not balance(100.0, [40.0, 30.0]).plausible
    assert not balance(100.0, [60.0, 50.0]).plausible
    assert balance(0.0, [0.0]).plausible


def test_photovoltaics_are_told_apart_and_worth_the_tariff() -> None:
    """MT-2: 0.43 CNY/kWh."""
    found = pv_yield(1_000.0, 400.0, 0.43)
    assert (found.own_use, found.worth) == (600.0, pytest.approx(430.0))
    with pytest.raises(ValueError, match="fed in"):
        pv_yield(100.0, 150.0, 0.43)
