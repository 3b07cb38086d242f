"""The book of daily totals and quiet nights: one small SQLite file, because they outlive the history they come from."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from daemon.historian.sqlite_file import open_file
from daemon.metering import Course
from estate.errors import TransportError
from estate.model import PointId

FILE = "meters.db"
_SCHEMA = """
CREATE TABLE day (
  point TEXT NOT NULL, day TEXT NOT NULL, amount REAL, coverage REAL NOT NULL, estimated REAL NOT NULL,
  courses TEXT NOT NULL, PRIMARY KEY (point, day)) WITHOUT ROWID;
CREATE TABLE night (point TEXT NOT NULL, day TEXT NOT NULL, flow REAL NOT NULL, PRIMARY KEY (point, day)) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Total:
    """Of one day, or of several: `amount` in the counter's unit, None where nothing at all is known.

    `coverage` is the share of the time in which the count was known, `estimated` the part of the amount that was
    counted meanwhile and is shared out by time.
    """

    amount: float | None
    coverage: float
    estimated: float = 0.0
    courses: frozenset[Course] = frozenset()


class Book:
    """The writing side. All methods belong to the thread that constructed it; they raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._file = open_file(path, _SCHEMA)

    def enter(self, point: PointId, totals: Mapping[date, Total]) -> None:
        """Days that are over. A day is entered again only with a better coverage: devices and servers catch up."""
        rows = [
            (point, day.isoformat(), one.amount, one.coverage, one.estimated, ",".join(sorted(one.courses)))
            for day, one in totals.items()
        ]
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._file.executemany(
                "INSERT INTO day VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (point, day) DO UPDATE SET"
                " amount = excluded.amount, coverage = excluded.coverage,"
                " estimated = excluded.estimated, courses = excluded.courses"
                " WHERE excluded.coverage > coverage",
                rows,
            )
            self._file.execute("COMMIT")
        except sqlite3.Error:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def enter_night(self, point: PointId, night: date, flow: float) -> None:
        """The least flow of a night (m3/h), by the day on which it ends."""
        self._file.execute("INSERT OR REPLACE INTO night VALUES (?, ?, ?)", (point, night.isoformat(), flow))

    def nights(self, point: PointId, first: date, last: date) -> dict[date, float]:
        asked = "SELECT day, flow FROM night WHERE point = ? AND day >= ? AND day <= ?"
        rows = self._file.execute(asked, (point, first.isoformat(), last.isoformat()))
        return {date.fromisoformat(day): flow for day, flow in rows}

    def booked(self, point: PointId, first: date, last: date) -> dict[date, float]:
        """Days that have been entered, with their coverage."""
        asked = "SELECT day, coverage FROM day WHERE point = ? AND day >= ? AND day <= ?"
        rows = self._file.execute(asked, (point, first.isoformat(), last.isoformat()))
        return {date.fromisoformat(day): coverage for day, coverage in rows}

    def close(self) -> None:
        self._file.close()


class BookReader:
    """The reading side, with a connection of its own for each question. A book that was never begun is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def days(self, points: Iterable[PointId], first: date, last: date) -> dict[PointId, dict[date, Total]]:
        """What was entered from `first` to `last`, both included. Blocks. Raises TransportError."""
        found: dict[PointId, dict[date, Total]] = {point: {} for point in points}
        if not self._path.exists():
            return found
        asked = "SELECT * FROM day WHERE point = ? AND day >= ? AND day <= ? ORDER BY day"
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as file:
                for point, days in found.items():
                    for _, day, amount, coverage, estimated, courses in file.execute(
                        asked, (point, first.isoformat(), last.isoformat())
                    ):
                        what = frozenset(Course(one) for one in courses.split(",") if one)
                        days[date.fromisoformat(day)] = Total(amount, coverage, estimated, what)
        except (sqlite3.Error, ValueError) as error:
            raise TransportError(f"the book of daily totals cannot be read: {error}") from error
        return found
