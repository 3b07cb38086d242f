"""A storm of consoles that come back at once: what all of them need is read and built once."""

from typing import Any

import pytest

from daemon.web.personal import Personal
from daemon.web.stream import ROWS_AGE, Stream
from tests.daemon.web.desk import HandClock


class Reading:
    """Rows that change with every reading, and how often they were read."""

    def __init__(self, word: str) -> None:
        self._word = word
        self.times = 0

    def __call__(self) -> list[bytes]:
        self.times += 1
        return [b'{"id":"%s-%d"}' % (self._word.encode(), self.times)]


class Listener:
    """Stands for an open window."""

    console = "desk-1"

    def offer(self, frame: Any) -> None:
        """Takes everything."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def alarms() -> Reading:
    return Reading("alarm")


@pytest.fixture
def points() -> Reading:
    return Reading("point")


@pytest.fixture
def stream(clock: HandClock, alarms: Reading, points: Reading) -> Stream:
    made = Stream(alarms, points, clock, "test", Personal())
    made.join(Listener(), None, "")  # type: ignore[arg-type]
    return made


def test_two_hundred_that_resume_get_one_frame_of_values(stream: Stream, alarms: Reading, points: Reading) -> None:
    """4.7 s for 1,853 points and 200 windows, before; the loop stood still for so long."""
    frames = {id(stream.values_frame().body) for _ in range(200)}
    assert (len(frames), points.times, alarms.times) == (1, 1, 0)


def test_two_hundred_that_need_everything_get_one_snapshot(stream: Stream, alarms: Reading, points: Reading) -> None:
    frames = {id(stream.snapshot_frame().body) for _ in range(200)}
    assert (len(frames), points.times, alarms.times) == (1, 1, 1)


def test_values_that_were_published_are_read_again_and_alarms_are_not(
    stream: Stream, alarms: Reading, points: Reading
) -> None:
    stream.snapshot_frame()
    stream.publish("points", [b"{}"])
    assert b"point-2" in stream.values_frame().body
    assert b'"alarms":[{"id":"alarm-1"}],"points":[{"id":"point-2"}]' in stream.snapshot_frame().body


@pytest.mark.parametrize("kind", ["alarms", "flood"])
def test_what_is_sent_after_an_alarm_counts_from_it(stream: Stream, points: Reading, kind: str) -> None:
    before, values = stream.snapshot_frame(), stream.values_frame()
    stream.publish(kind, [b"{}"])
    after, later = stream.snapshot_frame(), stream.values_frame()
    assert (before.seq, values.seq, after.seq, later.seq) == (0, 0, 1, 1)
    assert b"alarm-2" in after.body
    assert later.body.startswith(b'{"seq":1,')
    assert points.times == 1


def test_nothing_is_older_than_a_second(stream: Stream, clock: HandClock, points: Reading) -> None:
    stream.values_frame()
    clock.mono += ROWS_AGE + 0.1
    assert b"point-2" in stream.values_frame().body


def test_the_first_console_after_a_while_without_any_gets_the_values_of_now(clock: HandClock) -> None:
    """While nobody looks, values move and are not published."""
    stream = Stream(Reading("alarm"), Reading("point"), clock, "test", Personal())
    stream.snapshot_frame()
    stream.join(Listener(), None, "")  # type: ignore[arg-type]
    assert b"point-2" in stream.snapshot_frame().body
