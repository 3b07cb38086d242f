"""The history of a site without a server: one SQLite file that answers the same trends."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from daemon.historian import line_protocol
from daemon.historian.buffer import Stamped
from daemon.historian.recorded import QUALITY, Asked, Pace, Row, sample_of, stored
from daemon.historian.sqlite_file import give_back_free_pages, open_file, used_bytes
from daemon.historian.trend import QUALITIES, Bucket, TrendQuery
from estate.errors import TransportError
from estate.model import PointId, Sample

# Keyed by point and time: a trend reads one run of pages, and the same sample twice is one row, as in InfluxDB.
_SCHEMA = """
CREATE TABLE point (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE sample (
  point INTEGER NOT NULL, at INTEGER NOT NULL, value REAL, text TEXT, level INTEGER NOT NULL, quality TEXT,
  PRIMARY KEY (point, at)) WITHOUT ROWID
"""
# `last` is the last number and the last text, each of its own sample, as InfluxQL's last(field).
_TREND = """
WITH bucket AS (
  SELECT point, at / :width AS number, min(value) AS low, max(value) AS high, max(level) AS level,
         max(CASE WHEN value IS NOT NULL THEN at END) AS value_at,
         max(CASE WHEN text IS NOT NULL THEN at END) AS text_at
  FROM sample WHERE point = (SELECT id FROM point WHERE name = :name) AND at >= :start AND at < :end
  GROUP BY point, number)
SELECT number, low, high, number_at.value, text_at.text, bucket.level FROM bucket
LEFT JOIN sample AS number_at ON number_at.point = bucket.point AND number_at.at = bucket.value_at
LEFT JOIN sample AS text_at ON text_at.point = bucket.point AND text_at.at = bucket.text_at
ORDER BY number
"""
# The points first, each one run of pages; SQLite sorts what it finds.
_SAMPLES = """
SELECT sample.point, sample.at, sample.value, sample.text, sample.quality
FROM json_each(:points) AS asked CROSS JOIN sample
ON sample.point = asked.value AND sample.at >= :start AND sample.at < :end ORDER BY sample.at, sample.point
"""
_LATEST = """
SELECT sample.point, sample.at, sample.value, sample.text, sample.quality
FROM json_each(:points) AS asked CROSS JOIN sample ON sample.point = asked.value
AND sample.at = (SELECT max(at) FROM sample WHERE point = asked.value AND at < :end) ORDER BY sample.at, sample.point
"""
_SLICES = 20  # when the file is too large, history goes by this part of its whole span at a time


class EmbeddedFile:
    """The writing side. All methods belong to the thread that constructed it; they raise sqlite3.OperationalError
    when the disk is full, and have then changed nothing."""

    def __init__(self, path: Path, *, keep: timedelta, max_bytes: int) -> None:
        self._file = open_file(path, _SCHEMA)
        self._keep = keep
        self._max_bytes = max_bytes
        self._ids = self._known_points()

    def append(self, samples: Sequence[Stamped]) -> None:
        """Commit the samples, all or none."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._add_points({sample.point for sample, _ in samples} - self._ids.keys())
            self._file.executemany(
                "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?)", (self._row(*stamped) for stamped in samples)
            )
            self._file.execute("COMMIT")
        except sqlite3.Error:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            self._ids = self._known_points()
            raise

    def prune(self, now: datetime) -> int:
        """Forget what is older than allowed, then the oldest while the file is too large. How many went."""
        gone = self._forget_before(line_protocol.nanoseconds(now - self._keep))
        while used_bytes(self._file) > self._max_bytes:
            first, last = self._file.execute("SELECT min(at), max(at) FROM sample").fetchone()
            if first is None or first == last:
                break
            gone += self._forget_before(first + max(1, (last - first) // _SLICES))
        give_back_free_pages(self._file)
        return gone

    def close(self) -> None:
        self._file.close()

    def _forget_before(self, at: int) -> int:
        # Point by point: the key begins with the point, and short transactions keep the WAL small.
        return sum(
            self._file.execute("DELETE FROM sample WHERE point = ? AND at < ?", (number, at)).rowcount
            for number in self._ids.values()
        )

    def _known_points(self) -> dict[PointId, int]:
        """One entry per configured point."""
        return {PointId(name): number for number, name in self._file.execute("SELECT id, name FROM point")}

    def _add_points(self, names: set[PointId]) -> None:
        for name in names:
            self._file.execute("INSERT OR IGNORE INTO point (name) VALUES (?)", (name,))
            self._ids[name] = self._file.execute("SELECT id FROM point WHERE name = ?", (name,)).fetchone()[0]

    def _row(self, sample: Sample, at: int) -> tuple[object, ...]:
        value = None if sample.quality.is_bad else sample.value
        level = line_protocol.level(sample.quality)
        return (
            self._ids[sample.point],
            at,
            line_protocol.number(value),
            line_protocol.text(value),
            level,
            sample.quality.value if level else None,
        )


class EmbeddedHistory:
    """The reading side: each question has a read-only connection of its own, in a thread (`samples`: the caller's)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        """See `History.trend`."""
        return await asyncio.to_thread(self._read, query)

    def _read(self, query: TrendQuery) -> list[Bucket]:
        width = query.width_ms * 1_000_000
        asked = {
            "name": query.point,
            "start": line_protocol.nanoseconds(query.start),
            "end": line_protocol.nanoseconds(query.end),
            "width": width,
        }
        try:
            with closing(self._open()) as file:
                return [
                    Bucket(number * query.width_ms, low, high, last, text, QUALITIES[level])
                    for number, low, high, last, text, level in file.execute(_TREND, asked)
                ]
        except sqlite3.Error as error:
            raise TransportError(f"the history file cannot be read: {error}") from error

    def samples(self, asked: Asked, start: datetime, end: datetime) -> Iterator[Sample]:
        """In order of time, a stretch in memory at a time. Blocks. Raises TransportError when it cannot be read."""
        pace = Pace(start, end)
        while (stretch := pace.stretch()) is not None:
            found = self._rows(_SAMPLES, asked, *stretch)
            pace.found(len(found))
            yield from map(sample_of, found)

    async def rows(self, asked: Asked, start: datetime, end: datetime) -> AsyncIterator[list[Row]]:
        """See `Recording.rows`."""
        pace = Pace(start, end)
        while (stretch := pace.stretch()) is not None:
            found = await asyncio.to_thread(self._rows, _SAMPLES, asked, *stretch)
            pace.found(len(found))
            yield found

    async def stream(self, asked: Asked, start: datetime, end: datetime) -> AsyncIterator[list[Sample]]:
        """See `Recording.stream`."""
        async for rows in self.rows(asked, start, end):
            yield [sample_of(one) for one in rows]

    async def latest(self, asked: Asked, at: datetime) -> list[Sample]:
        """See `Recording.latest`."""
        rows = await asyncio.to_thread(self._rows, _LATEST, asked, 0, line_protocol.nanoseconds(at))
        return [sample_of(one) for one in rows]

    def _rows(self, question: str, asked: Asked, start: int, end: int) -> list[Row]:
        wanted, states = set(asked.points), set(asked.states)
        try:
            with closing(self._open()) as file:
                known = file.execute("SELECT id, name FROM point").fetchall()
                named = {number: (PointId(name), name in states) for number, name in known if name in wanted}
                asking = {"points": json.dumps(list(named)), "start": start, "end": end}
                found: list[Row] = []
                for point, at, value, text, quality in file.execute(question, asking):
                    name, state = named[point]
                    found.append((name, at, stored(value, text, state), QUALITY[quality]))
                return found
        except sqlite3.Error as error:
            raise TransportError(f"the history file cannot be read: {error}") from error

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
