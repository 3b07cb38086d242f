"""Times as devices write them."""

from datetime import UTC, datetime

import pytest

from estate.timestamp import read_timestamp


def test_a_time_with_its_zone_is_read_in_utc() -> None:
    assert read_timestamp("2026-03-01T15:41:05+08:00") == datetime(2026, 3, 1, 7, 41, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "word", [None, 7, "", "nonsense", "2026-03-01T15:41:05", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_nonsense_and_a_time_without_a_zone_are_no_time(word: object) -> None:
    assert read_timestamp(word) is None
