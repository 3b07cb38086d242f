"""Lines on disk that wait for the history server, and those it refused for good (dead letters).

Holds telemetry only; alarm and audit records are in the journal. Bounded by rows and by bytes; when full, the oldest
lines are dropped and counted, so that the newest history survives a long outage.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.historian.sqlite_file import give_back_free_pages, open_file

_SCHEMA = """
CREATE TABLE spool (id INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL);
CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, reason TEXT NOT NULL, line TEXT NOT NULL)
"""
_MAX_DEAD = 10_000
_ROW_OVERHEAD = 12  # bytes beside the text: row id, header, page share
LAST = 2**63 - 1  # an id that no row reaches


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    line: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line the server refused for good, with what it said."""

    line: str
    reason: str


class Spool:
    """All methods belong to the thread that constructed it; `rows`, `dropped` and `dead` may be read anywhere.

    Every method raises sqlite3.OperationalError when the disk is full, and has then changed nothing.
    """

    def __init__(self, path: Path, *, max_rows: int, max_bytes: int) -> None:
        self._file = open_file(path, _SCHEMA)
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        size = f"SELECT count(*), coalesce(sum(length(CAST(line AS BLOB)) + {_ROW_OVERHEAD}), 0) FROM spool"  # noqa: S608
        self.rows: int
        self.bytes: int
        self.rows, self.bytes = self._file.execute(size).fetchone()
        self.dead: int = self._file.execute("SELECT count(*) FROM dead_letter").fetchone()[0]
        self.dropped = 0
        self.newest: int = self._file.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'spool'"
        ).fetchone()[0]

    @property
    def fullness(self) -> float:
        """0 empty to 1 full."""
        return max(self.rows / self._max_rows, self.bytes / self._max_bytes)

    def append(self, lines: Sequence[str]) -> None:
        """Commit the lines, in order; drops the oldest ones when there is no room."""
        added = sum(_weight(line) for line in lines)
        with _transaction(self._file):
            freed = self._drop_oldest(self.rows + len(lines) - self._max_rows, self.bytes + added - self._max_bytes)
            self._file.executemany("INSERT INTO spool (line) VALUES (?)", ((line,) for line in lines))
            newest = self._file.execute("SELECT seq FROM sqlite_sequence WHERE name = 'spool'").fetchone()
        self.rows += len(lines) - len(freed)
        self.bytes += added - sum(freed)
        self.dropped += len(freed)
        self.newest = newest[0] if newest else self.newest

    def read(self, limit: int, after: int = 0, upto: int = LAST) -> list[Row]:
        """The oldest rows with after < id <= upto."""
        found = self._file.execute(
            "SELECT id, line FROM spool WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (after, upto, limit)
        )
        return [Row(*row) for row in found]

    def newest_outside(self, first: int, last: int) -> Row | None:
        """The newest row whose id is not within first..last."""
        found = self._file.execute(
            "SELECT id, line FROM spool WHERE id < ? OR id > ? ORDER BY id DESC LIMIT 1", (first, last)
        ).fetchone()
        return Row(*found) if found else None

    def settle(self, first: int, last: int, dead: Sequence[DeadLetter], at: datetime) -> None:
        """Forget rows first..last, which the server has; keep the refused ones among them as dead letters."""
        with _transaction(self._file):
            self._file.executemany(
                "INSERT INTO dead_letter (at, reason, line) VALUES (?, ?, ?)",
                ((at.isoformat(), letter.reason, letter.line) for letter in dead),
            )
            if dead:
                self._file.execute(
                    "DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?", (_MAX_DEAD,)
                )
            gone = self._delete("id BETWEEN ? AND ?", (first, last))
        self.rows -= len(gone)
        self.bytes -= sum(gone)
        self.dead += len(dead)
        give_back_free_pages(self._file)

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest ones first."""
        found = self._file.execute("SELECT line, reason FROM dead_letter ORDER BY id DESC LIMIT ?", (limit,))
        return [DeadLetter(*row) for row in found]

    def close(self) -> None:
        self._file.close()

    def _drop_oldest(self, rows: int, size: int) -> list[int]:
        """Weights of the rows dropped to make room for so many rows and bytes."""
        if rows <= 0 and size <= 0:
            return []
        # A hundredth more than needed, so that a full spool is not trimmed at every commit.
        rows, size = rows + self._max_rows // 100, size + self._max_bytes // 100
        last = count = freed = 0
        for row in self._file.execute("SELECT id, line FROM spool ORDER BY id"):
            if count >= rows and freed >= size:
                break
            last, count, freed = row[0], count + 1, freed + _weight(row[1])
        return self._delete("id <= ?", (last,))

    def _delete(self, where: str, ids: tuple[int, ...]) -> list[int]:
        sql = f"DELETE FROM spool WHERE {where} RETURNING length(CAST(line AS BLOB)) + {_ROW_OVERHEAD}"  # noqa: S608
        return [weight for (weight,) in self._file.execute(sql, ids).fetchall()]


class _transaction:  # noqa: N801 -- reads as a statement
    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __enter__(self) -> None:
        self._file.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._file.execute("COMMIT")
        elif self._file.in_transaction:
            self._file.execute("ROLLBACK")


def _weight(line: str) -> int:
    return len(line.encode()) + _ROW_OVERHEAD
