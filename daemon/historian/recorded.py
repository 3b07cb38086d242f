"""Samples as they were recorded, not as buckets: what replaying and explaining read, stretch by stretch."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from daemon.historian.line_protocol import nanoseconds
from estate.model import PointId, Quality, Sample, Value

ROWS = 20_000  # samples of one stretch that are aimed at: some 10 MB
_FIRST = 600_000_000_000  # ns, the first stretch
_LEAST = 1_000_000_000
_MOST = 7 * 86_400_000_000_000
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which points; those in `states` are true or false, which a history keeps as 1 and 0."""

    points: Collection[PointId]
    states: Collection[PointId] = ()


Row = tuple[PointId, int, Value | None, Quality]
"""A sample as it is stored, `at` in ns since 1970. Of millions few are worth an object."""


class Recording(Protocol):
    """Where recorded samples are read: the embedded file or an InfluxDB server.

    `at` of a sample is when it was measured, `received` the same in seconds since 1970: a history keeps one time only.
    """

    def rows(self, asked: Asked, start: datetime, end: datetime) -> AsyncIterator[list[Row]]:
        """As `stream`, each sample as a row."""
        ...

    def stream(self, asked: Asked, start: datetime, end: datetime) -> AsyncIterator[list[Sample]]:
        """Stretches in order of time, `start` included, `end` excluded. Raises TransportError when unreadable."""
        ...

    async def latest(self, asked: Asked, at: datetime) -> list[Sample]:
        """The last sample of each point before `at`; none of a point of which nothing was recorded."""
        ...


class Pace:
    """Cuts a long time into stretches of about `ROWS` samples each, however unevenly they lie. ns since 1970."""

    def __init__(self, start: datetime, end: datetime, rows: int = ROWS) -> None:
        self._next = nanoseconds(start)
        self._end = nanoseconds(end)
        self._rows = rows
        self._width = _FIRST

    def stretch(self) -> tuple[int, int] | None:
        """From and to of the next stretch; None when all is read."""
        if self._next >= self._end:
            return None
        start, self._next = self._next, min(self._end, self._next + self._width)
        return start, self._next

    def found(self, rows: int) -> None:
        """How many samples the last stretch held."""
        wanted = self._width * self._rows // max(rows, 1)
        self._width = min(max(wanted, self._width // 8, _LEAST), self._width * 4, _MOST)


def sample_of(row: Row) -> Sample:
    point, at, value, quality = row
    return Sample(point, value, quality, moment(at), at / 1e9)


def moment(at: int) -> datetime:
    """`at` in ns since 1970."""
    return _EPOCH + timedelta(microseconds=at // 1000)


def stored(number: float | None, text: str | None, state: bool) -> Value | None:
    """The value of a point whose numbers and texts lie in fields of their own; a state is 1 or 0."""
    if number is None:
        return text
    return number != 0.0 if state else number


QUALITY: Mapping[str | None, Quality] = {None: Quality.GOOD, **{one.value: one for one in Quality}}
