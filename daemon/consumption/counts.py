"""Counts out of the history: a reading every five minutes, and how much of a time has any."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.historian.trend import Bucket, History, TrendQuery
from daemon.metering import Reading
from estate.model import PointId

WIDTH = timedelta(minutes=5)
"""Of a bucket. Every midnight lies at the beginning of one: zones differ from UTC by whole quarters of an hour."""

LONGEST = timedelta(days=7)
"""Asked of the history at once: 2016 buckets."""

CLOSER = timedelta(seconds=1)
"""The same where a count fell within a bucket: there the meter was replaced, and both of its counts matter."""

MOST_LOOKS = 50
"""Buckets that are looked at closer in one question; a meter that falls more often is no meter."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


NOTHING: Mapping[int, Sequence[Reading]] = {}


@dataclass(frozen=True, slots=True)
class Counts:
    """`covered` are the beginnings of those five minutes in which the count was known, in order of time."""

    readings: tuple[Reading, ...] = ()
    covered: tuple[datetime, ...] = ()

    def coverage(self, start: datetime, end: datetime) -> float:
        """Share of the time from `start` to `end` in which the count was known; of no time at all 1."""
        wanted = -((start - end) // WIDTH)
        known = bisect_left(self.covered, end) - bisect_left(self.covered, start)
        return min(1.0, known / wanted) if wanted > 0 else 1.0


async def counts_of(history: History, point: PointId, start: datetime, end: datetime) -> Counts:
    """What is known from `start` to `end` (aware UTC). Raises TransportError when the history cannot be read."""
    first, last = floor(start), ceiling(end) + WIDTH  # the bucket behind has the count at the very end
    buckets: list[Bucket] = []
    while first < last:
        stop = min(first + LONGEST, last)
        buckets += await history.trend(TrendQuery(point, first, stop, (stop - first) // WIDTH + 1))
        first = stop
    fallen = [one for one in buckets if one.quality == "good" and (one.high or 0.0) > (one.last or 0.0)]
    closer = {one.time_ms: await _closer(history, point, one) for one in fallen[:MOST_LOOKS]}
    return read_off(buckets, end, closer)


async def _closer(history: History, point: PointId, bucket: Bucket) -> list[Reading]:
    begin = moment(bucket)
    found = await history.trend(TrendQuery(point, begin, begin + WIDTH, WIDTH // CLOSER + 1))
    known = [(moment(one), one.low, one.last) for one in found if one.low is not None and one.last is not None]
    return [Reading(at, low) for at, low, _ in known[:1]] + [Reading(at + CLOSER, last) for at, _, last in known]


def read_off(buckets: Iterable[Bucket], end: datetime, closer: Mapping[int, Sequence[Reading]] = NOTHING) -> Counts:
    """The least count of each bucket stands at its beginning, where the keeper has every meter read, and the last one
    before a gap at the end of its bucket: what changes is recorded when it does. Counts that are not good are none.
    `closer` are the readings within buckets that hold a fall, by their `time_ms`."""
    readings: list[Reading] = []
    covered: list[datetime] = []
    last: float | None = None

    def close() -> None:
        if last is not None and (stop := min(covered[-1] + WIDTH, end)) > readings[-1].at:
            readings.append(Reading(stop, last))

    for bucket in buckets:
        begin = moment(bucket)
        if bucket.last is None or bucket.low is None or bucket.quality != "good" or begin > end:
            continue
        if covered and covered[-1] + WIDTH < begin:
            close()
        inside = [one for one in closer.get(bucket.time_ms, ()) if one.at <= end]
        readings += inside or [Reading(begin, bucket.low)]
        if begin == end:
            last = None
            break
        covered.append(begin)
        last = bucket.last
    close()
    return Counts(tuple(readings), tuple(covered))


def moment(bucket: Bucket) -> datetime:
    return _EPOCH + timedelta(milliseconds=bucket.time_ms)


def floor(at: datetime) -> datetime:
    return at - (at - _EPOCH) % WIDTH


def ceiling(at: datetime) -> datetime:
    return floor(at + WIDTH - timedelta(microseconds=1))
