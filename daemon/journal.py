"""The journal: an append-only record in SQLite. What it has committed survives a kill at any moment.

WAL with synchronous=FULL. One thread owns the one connection that writes and checkpoints (SQLite before
3.51.3 can corrupt a WAL that two connections checkpoint at once); readers open their own, read-only.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon.ballast import Ballast
from daemon.journal_rows import TABLES, card_change_of, event_of, iso, transition_of
from daemon.journal_writer import Asked, JournalWriter
from daemon.records import CardChange, Record
from estate.model import DeviceId, Event
from rules.alarm import AlarmId, Transition

PATIENCE = 1.0
"""s for the disk to answer: half of the two seconds in which an alarm has to be before the operator."""

_BOOTS = """
WITH RECURSIVE boots(device, boot) AS (
  SELECT device, boot FROM (SELECT device, boot FROM event ORDER BY device, boot LIMIT 1)
  UNION ALL
  SELECT following.device, following.boot FROM boots, event AS following WHERE following.position = (
    SELECT position FROM event WHERE (event.device, event.boot) > (boots.device, boots.boot)
    ORDER BY event.device, event.boot LIMIT 1)
)
SELECT device, boot,
  (SELECT position FROM event AS one WHERE one.device = boots.device AND one.boot = boots.boot
    ORDER BY seq LIMIT 1) AS met,
  coalesce((SELECT position FROM event AS one WHERE one.device = boots.device AND one.boot = boots.boot
    AND NOT historic ORDER BY seq DESC LIMIT 1), 0) AS live
FROM boots
"""
"""Every boot of every device with the place of its first and of its newest live event. Leaps through the index from
boot to boot: the time does not grow with the number of events."""


@dataclass(frozen=True, slots=True)
class DeviceHistory:
    """What the journal knows of a device's numbering: its boots, the current one, and that one's numbers:
    all from `first` to `contiguous`, and those `beyond` a gap. `latest` is when its newest live event happened, by the
    device's clock if that was right."""

    device: DeviceId
    boots: tuple[str, ...]
    boot: str
    contiguous: int
    beyond: tuple[int, ...]
    first: int
    latest: datetime | None = None


class Journal:
    """Use as a context manager. `commit` tells whether the records are on disk."""

    def __init__(self, path: Path, ballast: Ballast | None = None) -> None:
        self.path = path
        self._writer = JournalWriter(path, ballast)
        self.trouble = ""

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.stop()

    @property
    def set_aside(self) -> Path | None:
        """Where the journal of the past is that was found damaged at the start."""
        return self._writer.set_aside

    @property
    def commits(self) -> int:
        """Transactions written."""
        return self._writer.commits

    @property
    def records(self) -> int:
        """Rows written."""
        return self._writer.records

    async def commit(self, records: Sequence[Record]) -> bool:
        """Append. True: they are on disk, and all before them.

        False: the disk refuses, or has not answered within PATIENCE. They are kept in memory and written as soon
        as it takes them (see MOST_HELD); `trouble` says why. An exit instead would leave the control room dark.
        Raises sqlite3.Error, OverflowError, TypeError or ValueError for a record that no disk would take.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._writer.put(Asked(records, done))
        patience = loop.call_later(PATIENCE, _wait_no_longer, done)
        try:
            durable = await done
        finally:
            patience.cancel()
        self.trouble = "" if durable else self._writer.trouble or f"the disk has not answered for {PATIENCE:g} s"
        return durable

    def _reading(self) -> contextlib.closing[sqlite3.Connection]:
        connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        return contextlib.closing(connection)

    def last_transitions(self) -> list[Transition]:
        """The newest transition of every alarm, in the order they happened: the fold of all of them."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT * FROM transition WHERE position IN (SELECT max(position) FROM transition GROUP BY alarm)"
                " ORDER BY position"
            ).fetchall()
        return [transition_of(row) for row in rows]

    def memory(self) -> dict[str, dict[str, Any]]:
        """What the engine asked to be told after a restart."""
        with self._reading() as connection:
            return {key: json.loads(body) for key, body in connection.execute("SELECT key, body FROM memory")}

    def announced_since(self, since: datetime) -> list[tuple[AlarmId, datetime]]:
        """The announcements since then, oldest first; of a storm the newest thousands."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT alarm, decided FROM (SELECT position, alarm, decided, announces FROM transition"
                " ORDER BY position DESC LIMIT 10000) WHERE announces AND decided >= ? ORDER BY position",
                (iso(since),),
            ).fetchall()
        return [(AlarmId(row["alarm"]), datetime.fromisoformat(row["decided"])) for row in rows]

    def device_histories(self) -> list[DeviceHistory]:
        """The numbering of every device that ever sent an event.

        The current boot is that of the newest live event: an old boot's buffered events may come in after it.
        Boots first heard of after that one are left out, so that they count as new when they speak.
        """
        histories = []
        with self._reading() as connection:
            of_device: dict[str, list[sqlite3.Row]] = {}
            for row in connection.execute(_BOOTS):
                of_device.setdefault(row["device"], []).append(row)
            for device, rows in of_device.items():
                rows.sort(key=lambda row: row["met"])
                current = max(rows, key=lambda row: (row["live"], row["met"]))
                recent = connection.execute(
                    "SELECT seq FROM event WHERE device = ? AND boot = ? ORDER BY seq DESC LIMIT 10000",
                    (device, current["boot"]),
                ).fetchall()
                numbers = sorted(one["seq"] for one in recent)
                contiguous, beyond = _contiguous(numbers)
                names = tuple(row["boot"] for row in rows if row["met"] <= current["met"])
                newest = connection.execute("SELECT * FROM event WHERE position = ?", (current["live"],)).fetchone()
                latest = None if newest is None else _dated(event_of(newest))
                histories.append(
                    DeviceHistory(DeviceId(device), names, current["boot"], contiguous, beyond, numbers[0], latest)
                )
        return histories

    def events_of(self, types: Sequence[str], since: datetime) -> list[Event]:
        """Events of these types received since a moment, oldest first. Reads the whole table once."""
        wanted = ",".join("?" * len(types))
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM event WHERE type IN ({wanted}) AND rx >= ? ORDER BY position",  # noqa: S608
                (*types, since.isoformat()),
            ).fetchall()
        return [event_of(row) for row in rows]

    def newest_events(self, types: Sequence[str], limit: int) -> list[Event]:
        """The newest events of these types, newest first."""
        wanted = ",".join("?" * len(types))
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM event WHERE type IN ({wanted}) ORDER BY position DESC LIMIT ?",  # noqa: S608
                (*types, limit),
            ).fetchall()
        return [event_of(row) for row in rows]

    def card_changes(self) -> list[CardChange]:
        """Every change of every card, in the order they were made."""
        with self._reading() as connection:
            rows = connection.execute("SELECT * FROM card ORDER BY position").fetchall()
        return [card_change_of(row) for row in rows]

    def newest(self, table: str, limit: int = 200, before: int | None = None) -> list[dict[str, Any]]:
        """Rows of one table, newest first, for people to read."""
        if table not in TABLES:
            raise ValueError(f"no such table: {table}")
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM {table} WHERE position < ? ORDER BY position DESC LIMIT ?",  # noqa: S608
                (before if before is not None else 2**62, limit),
            ).fetchall()
        return [dict(row) for row in rows]


def _wait_no_longer(done: "asyncio.Future[bool]") -> None:
    if not done.done():
        done.set_result(False)


def _dated(event: Event) -> datetime | None:
    """By the device's clock, if that is right; what it said of the future was not yet so."""
    return min(event.at, event.rx) if event.at is not None and event.clock == "sync" else None


def _contiguous(numbers: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """The highest number up to which none is missing, and those beyond it."""
    last = numbers[0]
    for index, number in enumerate(numbers):
        if number > last + 1:
            return last, tuple(numbers[index:])
        last = number
    return last, ()
