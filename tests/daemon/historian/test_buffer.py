"""What is recorded, and what happens when the disk cannot follow."""

from dataclasses import replace
from datetime import UTC, datetime

from daemon.historian.buffer import Buffer
from estate.model import Quality
from tests.daemon.historian.stage import LEVEL, ramp, sample


def seconds(buffer: Buffer) -> list[float]:
    return [taken.received for taken, _ in buffer.take(1000)]


def test_an_unchanged_value_is_recorded_once_a_minute() -> None:
    buffer = Buffer(1000)
    buffer.put(sample(1.5, second) for second in range(181))
    assert seconds(buffer) == [0, 60, 120, 180]


def test_a_change_of_value_or_quality_is_always_recorded() -> None:
    buffer = Buffer(1000)
    buffer.put([sample(1.5, 0), sample(1.6, 1), sample(1.6, 2, quality=Quality.STALE), sample(1.6, 3)])
    assert seconds(buffer) == [0, 1, 2, 3]


def test_a_full_buffer_drops_the_oldest_and_counts_it() -> None:
    buffer = Buffer(10)
    buffer.put(ramp(25))
    assert buffer.dropped == 15
    assert seconds(buffer) == list(range(15, 25))


def test_two_samples_at_one_moment_stay_two() -> None:
    buffer = Buffer(10)
    buffer.put(replace(sample(value, 5), received=value) for value in range(4))
    times = [at for _, at in buffer.take(10)]
    assert times == [times[0] + i for i in range(4)]


def test_a_time_that_no_history_can_store_is_counted_and_hurts_nobody() -> None:
    buffer = Buffer(10)
    buffer.put([replace(sample(1, 1), at=datetime(9999, 1, 1, tzinfo=UTC)), sample(2, 2)])
    assert seconds(buffer) == [2]
    assert buffer.dropped == 1


def test_a_device_that_invents_point_names_opens_no_series() -> None:
    buffer = Buffer(10)
    buffer.put([sample(1, 1, "粤B12345"), sample(1, 1, LEVEL)])
    assert [taken.point for taken, _ in buffer.take(10)] == [LEVEL]
    assert buffer.dropped == 1
