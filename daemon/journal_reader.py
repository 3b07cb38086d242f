"""The transitions of a period, read from the journal's file page by page, while the daemon goes on writing it."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.journal_rows import transition_of
from estate.errors import TransportError
from rules.alarm import AlarmId, Transition

PAGE = 2000  # rows a statement: a long read would keep SQLite from giving its WAL back


class JournalReader:
    """A read-only connection of its own, for the thread that enters the block. Every method blocks. The block raises
    TransportError for a file that cannot be read.

    Rows lie in the order in which they were decided, so the beginning of a period is found by halving. Where the
    machine's clock was set back, the hour that came twice is read from one of its two beginnings only.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError where there is no journal."""
        if not path.is_file():
            raise FileNotFoundError(path)
        self._path = path
        self._file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self._file.row_factory = sqlite3.Row

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if isinstance(error, sqlite3.Error):
            raise TransportError(
                f"{self._path} cannot be read: {error}; `estated restore` puts a backup back"
            ) from error

    def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last transition were decided; None in an empty journal."""
        first = self._file.execute("SELECT decided FROM transition ORDER BY position LIMIT 1").fetchone()
        last = self._file.execute("SELECT decided FROM transition ORDER BY position DESC LIMIT 1").fetchone()
        return None if first is None else (datetime.fromisoformat(first[0]), datetime.fromisoformat(last[0]))

    def transitions(self, start: datetime, end: datetime) -> Iterator[Transition]:
        """In the order of the journal; `start` included, `end` excluded, both aware UTC."""
        first, last = start.isoformat(), end.isoformat()
        position = self._first_since(first)
        while True:
            rows = self._file.execute(
                "SELECT * FROM transition WHERE position >= ? ORDER BY position LIMIT ?", (position, PAGE)
            ).fetchall()
            for row in rows:
                if first <= row["decided"] < last:
                    yield transition_of(row)
            if len(rows) < PAGE or rows[-1]["decided"] >= last:
                return
            position = rows[-1]["position"] + 1

    def last_before(self, at: datetime) -> list[Transition]:
        """The newest transition of every alarm before `at`, in the order they happened."""
        rows = self._file.execute(
            "SELECT * FROM transition WHERE position IN"
            " (SELECT max(position) FROM transition WHERE position < ? GROUP BY alarm) ORDER BY position",
            (self._first_since(at.isoformat()),),
        ).fetchall()
        return [transition_of(row) for row in rows]

    def of_alarm(self, alarm: AlarmId, at: datetime, most: int = 5) -> tuple[list[Transition], list[Transition]]:
        """The last transitions of one alarm up to `at` (included), oldest first, and the first two after it."""
        here = self._first_since(at.isoformat(), included=False)
        before = self._file.execute(
            "SELECT * FROM transition WHERE alarm = ? AND position < ? ORDER BY position DESC LIMIT ?",
            (alarm, here, most),
        ).fetchall()
        after = self._file.execute(
            "SELECT * FROM transition WHERE alarm = ? AND position >= ? ORDER BY position LIMIT 2", (alarm, here)
        ).fetchall()
        return [transition_of(row) for row in reversed(before)], [transition_of(row) for row in after]

    def shown_on(self, alarm: AlarmId, occurrence: int) -> list[str]:
        """The consoles that painted this occurrence."""
        rows = self._file.execute(
            "SELECT DISTINCT console FROM receipt WHERE alarm = ? AND occurrence = ? AND kind = 'shown'",
            (alarm, occurrence),
        )
        return sorted(row[0] for row in rows)

    def _first_since(self, moment: str, *, included: bool = True) -> int:
        """The position of the first transition decided at or after (`included` false: only after) a moment."""
        low = 0
        high: int = self._file.execute("SELECT coalesce(max(position), 0) + 1 FROM transition").fetchone()[0]
        while low < high:
            middle = (low + high) // 2
            row = self._file.execute(
                "SELECT position, decided FROM transition WHERE position >= ? ORDER BY position LIMIT 1", (middle,)
            ).fetchone()
            if row is None or row["decided"] > moment or (included and row["decided"] == moment):
                high = middle
            else:
                low = row["position"] + 1
        return low
