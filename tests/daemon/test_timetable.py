"""Timetables calculated: local times, weekdays, dates, summer time, the sun and measured light. No clock runs here."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.timetable.plan import Dark, Plan
from daemon.timetable.sun import daylight
from estate.timetable import Location, Timetable

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
COURT = Location(latitude=31.23, longitude=121.47)


def plan(*periods: dict[str, Any], zone: ZoneInfo = SHANGHAI) -> Plan:
    table = {"id": "t", "name": {"zh": "表", "en": "Table"}, "equipment": ["lamp-1"], "periods": list(periods)}
    return Plan(Timetable.model_validate_json(json.dumps(table)), zone, COURT)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def edges(one: Plan, start: datetime, end: datetime) -> list[datetime]:
    found = []
    while (start := one.next_change(start)) < end:
        found.append(start)
    return found


@pytest.mark.parametrize(
    "day, latitude, longitude, sunrise, sunset, within",
    [
        # NREL/TP-560-34302, Table A5.1 and its program: sunrise 06:12:43, and of UT day 17 October sunset 17:20:19,
        # which is the evening of 16 October in Golden, Colorado.
        (date(2003, 10, 17), 39.742476, -105.1786, "2003-10-17T13:12:43", None, 5),
        (date(2003, 10, 16), 39.742476, -105.1786, None, "2003-10-17T00:20:19", 5),
        # Almanac for Computers 1990 (US Naval Observatory), worked example: Wayne, NJ, sunrise 9:26 UT.
        (date(1990, 6, 25), 40.9, -74.3, "1990-06-25T09:26:30", None, 60),
    ],
)
def test_the_sun_rises_and_sets_as_published(
    day: date, latitude: float, longitude: float, sunrise: str | None, sunset: str | None, within: float
) -> None:
    light = daylight(day, latitude, longitude)
    for found, wanted in ((light.sunrise, sunrise), (light.sunset, sunset)):
        if wanted is not None:
            assert abs((found - datetime.fromisoformat(wanted).replace(tzinfo=UTC)).total_seconds()) <= within


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.floats(-65, 65), st.floats(-180, 180))
def test_every_day_has_its_noon_in_the_middle_and_moves_little(day: date, latitude: float, longitude: float) -> None:
    light = daylight(day, latitude, longitude)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=longitude / 15)
    middle = light.sunrise + (light.sunset - light.sunrise) / 2
    assert abs(middle - noon) < timedelta(minutes=18)  # the equation of time stays within 16.5 min
    assert timedelta(hours=1) < light.sunset - light.sunrise < timedelta(hours=23)
    later = daylight(day + timedelta(days=1), latitude, longitude)
    assert abs(later.sunset - light.sunset - timedelta(days=1)) < timedelta(minutes=12)


def test_where_the_sun_stays_up_it_is_said() -> None:
    with pytest.raises(ValueError, match="neither"):
        daylight(date(2026, 6, 21), 70.0, 25.0)


def test_a_period_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = plan({"from": "22:00", "to": "02:00", "days": ["fri"]})
    assert friday_night.wants_on(at("2026-03-06T23:00"))
    assert friday_night.wants_on(at("2026-03-07T01:59"))
    assert not friday_night.wants_on(at("2026-03-07T02:00"))
    assert not friday_night.wants_on(at("2026-03-07T23:00"))
    assert friday_night.next_change(at("2026-03-07T12:00")) == at("2026-03-13T22:00")


def test_periods_that_touch_make_no_edge_between_them() -> None:
    whole = plan({"from": "18:00", "to": "24:00"}, {"from": "00:00", "to": "06:00"})
    assert edges(whole, at("2026-03-01T12:00"), at("2026-03-03T12:00")) == [
        at("2026-03-01T18:00"), at("2026-03-02T06:00"), at("2026-03-02T18:00"), at("2026-03-03T06:00")
    ]  # fmt: skip
    always = plan({"from": "00:00", "to": "24:00"})
    assert always.next_change(at("2026-03-01T12:00")).year == 9999


def test_a_festival_begins_and_ends_on_its_dates() -> None:
    spring = plan({"from": "18:00", "to": "23:00", "first": "2026-02-16", "last": "2026-02-18"})
    assert [one.astimezone(SHANGHAI).day for one in edges(spring, at("2026-01-01T00:00"), at("2026-12-01T00:00"))] == [
        16, 16, 17, 17, 18, 18
    ]  # fmt: skip
    assert spring.next_change(at("2026-03-01T00:00")).year == 9999
    assert plan({"from": "18:00", "to": "23:00", "first": "2027-02-06"}).next_change(at("2026-03-01T00:00")) == at(
        "2027-02-06T18:00"
    )


def test_dusk_and_dawn_with_an_offset() -> None:
    night = plan({"from": "sunset+15m", "to": "sunrise-10m"})
    (on, off) = edges(night, at("2026-06-21T12:00"), at("2026-06-22T12:00"))
    light = daylight(date(2026, 6, 21), COURT.latitude, COURT.longitude)
    assert abs(on - light.sunset - timedelta(minutes=15)) < timedelta(seconds=1)
    assert on.astimezone(SHANGHAI).strftime("%H:%M") == "19:16"
    assert off.astimezone(SHANGHAI).strftime("%H:%M") == "04:40"


@pytest.mark.parametrize("start, end", [("02:30", "06:00"), ("22:00", "02:30"), ("01:00", "03:00"), ("18:00", "23:00")])
def test_through_both_changes_of_summer_time_there_is_one_on_and_one_off_a_day(start: str, end: str) -> None:
    """In Berlin 02:30 does not exist on 29 March 2026 and comes twice on 25 October."""
    table = plan({"from": start, "to": end}, zone=BERLIN)
    for month, day in ((3, 29), (10, 25)):
        around = datetime(2026, month, day, 12, tzinfo=BERLIN).astimezone(UTC)
        found = edges(table, around - timedelta(days=3), around + timedelta(days=3))
        assert len(found) == 12
        states = [table.wants_on(one) for one in found]
        assert states == [states[0], not states[0]] * 6


def test_a_time_that_is_skipped_is_taken_as_if_the_clocks_had_not_moved_and_a_doubled_one_the_first_time() -> None:
    table = plan({"from": "02:30", "to": "12:00"}, zone=BERLIN)
    assert table.next_change(at("2026-03-29T00:00", BERLIN)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert table.next_change(at("2026-10-25T00:00", BERLIN)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(1, 1439),
)
def test_the_next_change_is_the_first_moment_at_which_the_answer_is_another(
    moment: datetime, hour: int, minute: int, length: int
) -> None:
    end = (hour * 60 + minute + length) % 1440
    table = plan({"from": f"{hour:02d}:{minute:02d}", "to": f"{end // 60:02d}:{end % 60:02d}"}, zone=BERLIN)
    now = moment.replace(tzinfo=UTC)
    change = table.next_change(now)
    assert now < change <= now + timedelta(hours=26)
    assert table.wants_on(change) is not table.wants_on(now)
    probe = now
    while probe < change:
        assert table.wants_on(probe) is table.wants_on(now)
        probe += timedelta(minutes=47)
    assert table.wants_on(change - timedelta(seconds=1)) is table.wants_on(now)


def test_light_switches_only_after_it_has_lasted_and_not_between_its_limits() -> None:
    dark = Dark(30.0, 60.0, 120.0)
    assert dark.measured(45.0, 0) is None
    assert dark.measured(20.0, 10) is None
    assert dark.measured(20.0, 129) is None
    assert dark.measured(20.0, 130) is True
    assert dark.measured(45.0, 500) is True
    assert dark.measured(80.0, 600) is True
    assert dark.measured(45.0, 660) is True  # a headlight
    assert dark.measured(80.0, 700) is True
    assert dark.measured(80.0, 819) is True
    assert dark.measured(80.0, 820) is False


def test_a_light_sensor_that_is_gone_means_dark() -> None:
    dark = Dark(30.0, 60.0, 120.0)
    dark.measured(80.0, 0)
    assert dark.measured(80.0, 120) is False
    dark.measured(None, 130)
    assert dark.measured(None, 250) is True
