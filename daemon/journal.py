"""The journal: an append-only record in SQLite. What it has committed survives a kill at any moment.

WAL with synchronous=FULL. One thread owns the one connection that writes and checkpoints (SQLite before
3.51.3 can corrupt a WAL that two connections checkpoint at once); readers open their own, read-only.
All that waits while a commit runs goes into the next one.
"""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from pydantic_core import to_json

from daemon.records import Audit, CardChange, Memory, Receipt, Record, Step
from estate.model import Cause, DeviceId, EquipmentId, Event
from rules.alarm import AlarmId, AlarmState, Transition, Trigger
from rules.suppression import UNSUPPRESSED, suppression_of

INSERTS: dict[type, str] = {
    Event: "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (device, boot, seq) DO NOTHING",
    Transition: "INSERT INTO transition VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    Step: "INSERT INTO step VALUES (?,?,?,?,?,?,?,?,?)",
    Audit: "INSERT INTO audit VALUES (?,?,?,?,?,?,?)",
    Receipt: "INSERT INTO receipt VALUES (?,?,?,?,?,?,?)",
    CardChange: "INSERT INTO card VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
}
LOG_BYTES = 4_000_000  # what SQLite lets the write-ahead log grow to before it starts it over
TABLES = ("event", "transition", "step", "audit", "receipt", "card")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _event_row(position: int, one: Event) -> tuple[Any, ...]:
    data = to_json(one.data).decode()
    clock = (_iso(one.at), _iso(one.rx), one.historic, one.clock)
    return (position, one.device, one.boot, one.seq, one.type, *clock, one.ref, data)


def _transition_row(position: int, one: Transition) -> tuple[Any, ...]:
    cause = (one.cause.device, one.cause.boot, one.cause.seq) if one.cause else (None, None, None)
    moved = (one.occurrence, one.before.value, one.after.value, one.trigger.value, one.priority)
    times = (_iso(one.device_time), _iso(one.received), _iso(one.decided), _iso(one.raised_at))
    words = (one.text_zh, one.text_en, one.by, one.note)
    hidden = "" if one.suppression is UNSUPPRESSED else to_json(one.suppression.data()).decode()
    laid_over = (one.latched, one.chatter, one.announces, hidden)
    return (position, one.alarm, one.equipment, one.rule, *moved, *words, *cause, *times, *laid_over)


def _card_row(position: int, one: CardChange) -> tuple[Any, ...]:
    done = (one.card, one.action, _iso(one.at), one.by, one.console)
    whose = (one.kind, one.holder, one.household, " ".join(one.doors))
    return (position, *done, *whose, _iso(one.valid_from), _iso(one.valid_until), one.reason)


ROWS: dict[type, Callable[[int, Any], tuple[Any, ...]]] = {
    Event: _event_row,
    Transition: _transition_row,
    Step: lambda p, o: (p, o.command, o.alarm, o.occurrence, o.target, o.action, o.step, _iso(o.at), o.detail),
    Audit: lambda p, o: (p, _iso(o.at), o.who, o.console, o.action, o.target, o.detail),
    Receipt: lambda p, o: (p, o.console, o.kind, o.alarm, o.occurrence, _iso(o.at), o.latency_ms),
    CardChange: _card_row,
}


@dataclass(frozen=True, slots=True)
class DeviceHistory:
    """What the journal knows of a device's numbering: its boots, the current one, and that one's numbers:
    all from `first` to `contiguous`, and those `beyond` a gap."""

    device: DeviceId
    boots: tuple[str, ...]
    boot: str
    contiguous: int
    beyond: tuple[int, ...]
    first: int


class Journal:
    """Use as a context manager. `commit` returns when the records are on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: SimpleQueue[tuple[Sequence[Record], asyncio.Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._opened: asyncio.Future[None] | None = None
        self._failed: BaseException | None = None
        self._ready = threading.Event()
        self.commits = 0
        self.records = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()

    async def commit(self, records: Sequence[Record]) -> None:
        """Append; returns once they are durable. Raises sqlite3.Error when the disk refuses."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put((records, done))
        await done

    def _write(self) -> None:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA busy_timeout=5000")
            connection.execute("PRAGMA cache_size=-512")  # KiB; it appends, and memory is for alarms
            connection.execute("PRAGMA journal_size_limit=16777216")
            connection.execute("PRAGMA trusted_schema=OFF")
            migrate(connection)
            _lay_out(connection)
            position = max(
                connection.execute(f"SELECT coalesce(max(position), 0) FROM {table}").fetchone()[0]  # noqa: S608
                for table in TABLES
            )
        except (sqlite3.Error, OSError) as error:
            self._failed = error
            self._ready.set()
            return
        self._ready.set()
        while True:
            waiting = self._queue.get()
            group = []
            while waiting is not None:
                group.append(waiting)
                if self._queue.empty() or len(group) >= 64:
                    break
                waiting = self._queue.get()
            if group:
                position = self._commit_group(connection, group, position)
            if waiting is None:
                connection.close()
                return

    def _commit_group(
        self,
        connection: sqlite3.Connection,
        group: list[tuple[Sequence[Record], "asyncio.Future[None]"]],
        position: int,
    ) -> int:
        rows: dict[type, list[tuple[Any, ...]]] = {}
        memories: dict[str, Memory] = {}
        for records, _ in group:
            for record in records:
                if isinstance(record, Memory):
                    memories[record.key] = record
                    continue
                position += 1
                kind = type(record)
                rows.setdefault(kind, []).append(ROWS[kind](position, record))
        error: sqlite3.Error | None = None
        try:
            connection.execute("BEGIN IMMEDIATE")
            for kind, some in rows.items():
                connection.executemany(INSERTS[kind], some)
            for memory in memories.values():
                _remember(connection, memory)
            connection.execute("COMMIT")
            self.commits += 1
            self.records += sum(map(len, rows.values()))
        except sqlite3.Error as trouble:
            error = trouble
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        loop = group[0][1].get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, [done for _, done in group], error)
        return position

    def _read(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        return connection

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
                (_iso(since),),
            ).fetchall()
        return [(AlarmId(row["alarm"]), datetime.fromisoformat(row["decided"])) for row in rows]

    def device_histories(self) -> list[DeviceHistory]:
        """The numbering of every device that ever sent an event.

        The current boot is that of the newest live event: an old boot's buffered events may come in after it.
        Boots first heard of after that one are left out, so that they count as new when they speak.
        """
        histories = []
        with self._reading() as connection:
            boots = connection.execute(
                "SELECT device, boot, min(position) AS met, max(CASE WHEN historic THEN 0 ELSE position END) AS live"
                " FROM event GROUP BY device, boot ORDER BY met"
            ).fetchall()
            of_device: dict[str, list[sqlite3.Row]] = {}
            for row in boots:
                of_device.setdefault(row["device"], []).append(row)
            for device, rows in of_device.items():
                current = max(rows, key=lambda row: (row["live"], row["met"]))
                recent = connection.execute(
                    "SELECT seq FROM event WHERE device = ? AND boot = ? ORDER BY seq DESC LIMIT 10000",
                    (device, current["boot"]),
                ).fetchall()
                numbers = sorted(one["seq"] for one in recent)
                contiguous, beyond = _contiguous(numbers)
                names = tuple(row["boot"] for row in rows if row["met"] <= current["met"])
                histories.append(
                    DeviceHistory(DeviceId(device), names, current["boot"], contiguous, beyond, numbers[0])
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
        return [
            CardChange(
                row["card"],
                row["action"],
                datetime.fromisoformat(row["at"]),
                row["by"],
                row["console"],
                row["kind"],
                row["holder"],
                row["household"],
                tuple(row["doors"].split()),
                datetime.fromisoformat(row["valid_from"]),
                _time(row["valid_until"]),
                row["reason"],
            )
            for row in rows
        ]

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

    def _reading(self) -> "_Closing":
        return _Closing(self._read())


class _Closing:
    """sqlite3's own context manager commits but does not close."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _contiguous(numbers: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """The highest number up to which none is missing, and those beyond it."""
    last = numbers[0]
    for index, number in enumerate(numbers):
        if number > last + 1:
            return last, tuple(numbers[index:])
        last = number
    return last, ()


def _settle(futures: Iterable["asyncio.Future[None]"], error: sqlite3.Error | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _remember(connection: sqlite3.Connection, memory: Memory) -> None:
    if memory.body is None:
        connection.execute("DELETE FROM memory WHERE key = ?", (memory.key,))
    else:
        connection.execute("INSERT OR REPLACE INTO memory VALUES (?,?)", (memory.key, to_json(memory.body).decode()))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema, one numbered step a transaction; a newer file is refused."""
    steps = sorted(
        one.name for one in resources.files("daemon").joinpath("schema").iterdir() if one.name.endswith(".sql")
    )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise sqlite3.DatabaseError(
            f"the journal has schema {version}, this program knows {len(steps)}: install the newer release"
        )
    for number, name in enumerate(steps[version:], start=version + 1):
        script = resources.files("daemon").joinpath("schema", name).read_text("utf-8")
        connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def _lay_out(connection: sqlite3.Connection) -> None:
    """Give the write-ahead log its full length: a commit that makes the file longer waits for the file system too."""
    connection.execute(f"CREATE TABLE blank AS SELECT zeroblob({LOG_BYTES}) AS body")
    connection.execute("DROP TABLE blank")
    connection.execute("PRAGMA wal_checkpoint(RESTART)")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def event_of(row: sqlite3.Row) -> Event:
    """A row of the table `event`, as `SELECT *` gives it."""
    return Event(
        DeviceId(row["device"]),
        row["boot"],
        row["seq"],
        row["type"],
        _time(row["at"]),
        datetime.fromisoformat(row["rx"]),
        bool(row["historic"]),
        json.loads(row["data"]),
        row["clock"],
        row["ref"],
    )


def transition_of(row: sqlite3.Row) -> Transition:
    """A row of the table `transition`, as `SELECT *` gives it."""
    cause = None
    if row["cause_device"] is not None:
        cause = Cause(DeviceId(row["cause_device"]), row["cause_boot"], row["cause_seq"])
    return Transition(
        alarm=AlarmId(row["alarm"]),
        equipment=EquipmentId(row["equipment"]),
        rule=row["rule"],
        occurrence=row["occurrence"],
        before=AlarmState(row["before"]),
        after=AlarmState(row["after"]),
        trigger=Trigger(row["trigger"]),
        decided=datetime.fromisoformat(row["decided"]),
        priority=row["priority"],
        text_zh=row["text_zh"],
        text_en=row["text_en"],
        by=row["by"],
        cause=cause,
        device_time=_time(row["device_time"]),
        received=_time(row["received"]),
        raised_at=_time(row["raised_at"]),
        note=row["note"],
        latched=bool(row["latched"]),
        suppression=suppression_of(json.loads(row["suppression"])) if row["suppression"] else UNSUPPRESSED,
        chatter=row["chatter"],
    )
