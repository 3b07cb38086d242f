"""A trend: the history of one point in at most so many buckets, and the same question as InfluxQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from daemon.historian.line_protocol import MEASUREMENT, nanoseconds
from estate.errors import TransportError
from estate.model import PointId

QUALITIES = ("good", "uncertain", "bad")  # by level, see line_protocol.level


@dataclass(frozen=True, slots=True)
class TrendQuery:
    """`point` from `start` (included) to `end` (excluded), aware UTC; `max_points` buckets at most, at least 2."""

    point: PointId
    start: datetime
    end: datetime
    max_points: int = 1000

    def __post_init__(self) -> None:
        if self.start >= self.end or self.max_points < 2:
            raise ValueError(f"a trend needs start < end and at least 2 points: {self}")

    @property
    def width_ms(self) -> int:
        """Width of a bucket. Buckets are aligned to 1970, so that one more than fits may be touched."""
        span = (nanoseconds(self.end) - nanoseconds(self.start)) // 1_000_000
        return max(1, -(-span // (self.max_points - 1)))


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a point did from `time_ms` (ms since 1970, start of the bucket) on for one width.

    `low`, `high` and `last` are None when no number was recorded in it, `text` when no text was.
    `quality` is the worst in it: "good", "uncertain" or "bad".
    """

    time_ms: int
    low: float | None
    high: float | None
    last: float | None
    text: str | None
    quality: str


class History(Protocol):
    """Where trends are read: the embedded file or an InfluxDB server."""

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        """Buckets in order of time; times without samples have none. Raises TransportError when it cannot be read."""
        ...


def influxql(query: TrendQuery, site: str) -> str:
    """The question in InfluxQL, understood by InfluxDB 1.x, 2.x (with a DBRP mapping) and 3.x."""
    device, _, name = query.point.partition(".")
    return (
        'SELECT min("value") AS "low", max("value") AS "high", last("value") AS "last", '  # noqa: S608 -- quoted below
        'last("text") AS "text", max("quality_level") AS "level" '
        f'FROM "{MEASUREMENT}" WHERE "site" = {quoted(site)} AND "device" = {quoted(device)} '
        f'AND "point" = {quoted(name)} '
        f"AND time >= {nanoseconds(query.start)} AND time < {nanoseconds(query.end)} "
        f"GROUP BY time({query.width_ms}ms) fill(none)"
    )


def buckets(reply: Mapping[str, Any]) -> list[Bucket]:
    """The buckets in the server's JSON answer (`epoch=ms`). Raises TransportError when it is something else."""
    try:
        result = reply["results"][0]
        if "error" in result:
            raise TransportError(f"the history server could not answer: {result['error']}")
        return [
            _bucket(dict(zip(s["columns"], row, strict=True))) for s in result.get("series", ()) for row in s["values"]
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise TransportError(f"the history server's answer is not an InfluxQL result: {error!r}") from error


def _bucket(row: Mapping[str, Any]) -> Bucket:
    return Bucket(
        int(row["time"]), row["low"], row["high"], row["last"], row["text"], QUALITIES[int(row["level"] or 0)]
    )


def quoted(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"
