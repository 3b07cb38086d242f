"""The one thread that writes the journal: gathers what waits, commits it, and keeps what the disk refuses."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from pydantic_core import to_json

from daemon.ballast import Ballast
from daemon.damage import is_damaged, set_aside
from daemon.journal_rows import FORGETS, INSERTS, ROWS, TABLES
from daemon.records import Forget, Memory, Record

log = logging.getLogger(__name__)

AT_ONCE = 64  # commits asked for that go to the disk as one
MOST_HELD = 10_000
"""Records kept while the disk refuses; beyond it the oldest go, each counted and logged."""
TRY_AGAIN = 1.0  # s
LOG_BYTES = 5_000_000  # SQLite starts the write-ahead log over after 4.1 MB and the commit that got there
PART = 64_000  # bytes: what the thread's heap has room for anyway
UNFIT = (
    sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError,
    sqlite3.NotSupportedError, OverflowError, TypeError, ValueError,
)  # fmt: skip
"""The fault is the record's, not the disk's: to try it again would hold up all that follow."""

Trouble = sqlite3.Error | OverflowError | TypeError | ValueError


@dataclass(slots=True)
class Asked:
    """Records that go together. `done` hears True when they are on disk, False when the disk refused them for now."""

    records: Sequence[Record]
    done: "asyncio.Future[bool]"


class JournalWriter:
    """`start`, `put` from the loop's thread, `stop`. The order of `put` is the order on disk."""

    def __init__(self, path: Path, ballast: Ballast | None) -> None:
        self._path = path
        self._ballast = ballast
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._opened = threading.Event()
        self._failed: Exception | None = None
        self._position = 0
        self._held: list[Record] = []
        self.set_aside: Path | None = None
        self.trouble = ""
        self.commits = 0
        self.records = 0
        self.lost = 0

    def start(self) -> None:
        """A damaged file is put aside and a new one begun: a watch without a past is better than none.

        Raises sqlite3.Error or OSError when the file cannot be opened.
        """
        self._thread.start()
        self._opened.wait()
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Returns when all that was put is on disk, or has been refused once more."""
        self._queue.put(None)
        self._thread.join()

    def put(self, asked: Asked) -> None:
        self._queue.put(asked)

    def _work(self) -> None:
        try:
            try:
                connection = self._open()
            except sqlite3.DatabaseError as error:
                if not is_damaged(error):
                    raise
                self.set_aside = set_aside(self._path, f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
                connection = self._open()
        except (sqlite3.Error, OSError) as error:
            self._failed = error
            return
        finally:
            self._opened.set()
        going_on = True
        while going_on:
            group, going_on = self._gather()
            if group or self._held:
                self._commit(connection, group)
        if self._held:
            log.error("%d records never reached the disk: %s", len(self._held), self.trouble)
        connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = _opened(self._path)
        self._position = max(
            connection.execute(f"SELECT coalesce(max(position), 0) FROM {table}").fetchone()[0]  # noqa: S608
            for table in TABLES
        )
        return connection

    def _gather(self) -> tuple[list[Asked], bool]:
        """All that waits, and whether there will be more."""
        group: list[Asked] = []
        try:
            asked = self._queue.get(timeout=TRY_AGAIN if self._held else None)
            while asked is not None:
                group.append(asked)
                if len(group) >= AT_ONCE or self._queue.empty():
                    return group, True
                asked = self._queue.get()
        except Empty:
            return group, True
        return group, False

    def _commit(self, connection: sqlite3.Connection, group: list[Asked]) -> None:
        """What was held goes first: the order of the journal is the order in which things happened."""
        asked = [record for one in group for record in one.records]
        trouble = self._written(connection, [*self._held, *asked])
        if trouble is None:
            self._held.clear()
            self._well()
            _settle(group, True)
        elif isinstance(trouble, UNFIT):
            self._one_by_one(connection, group)
        else:
            self._hold(asked, trouble)
            _settle(group, False)

    def _one_by_one(self, connection: sqlite3.Connection, group: list[Asked]) -> None:
        """Some record is unfit: find it, so that only who asked for it hears of it."""
        held, self._held = self._held, []
        for record in held:
            trouble = self._written(connection, [record])
            if isinstance(trouble, UNFIT):
                self.lost += 1
                log.error("left out of the journal: %r: %s", record, trouble)
            elif trouble is not None:
                self._hold([record], trouble)
        for one in group:
            trouble = None if self._held else self._written(connection, one.records)
            if self._held or not (trouble is None or isinstance(trouble, UNFIT)):
                self._hold(one.records, trouble)
                _settle([one], False)
            else:
                _settle([one], True if trouble is None else trouble)

    def _written(self, connection: sqlite3.Connection, records: Sequence[Record]) -> Trouble | None:
        trouble = self._tried(connection, records)
        if _is_full(trouble) and self._ballast is not None and self._ballast.give_up():
            log.error("the disk is full: the room kept for the journal is given up")
            trouble = self._tried(connection, records)
        return trouble

    def _tried(self, connection: sqlite3.Connection, records: Sequence[Record]) -> Trouble | None:
        """One transaction; what went wrong, or None."""
        rows: dict[type, list[tuple[Any, ...]]] = {}
        memories: dict[str, Memory] = {}
        before = ""
        position = self._position
        try:
            for record in records:
                if isinstance(record, Memory):
                    memories[record.key] = record
                    continue
                if isinstance(record, Forget):
                    before = record.before.isoformat()
                    continue
                position += 1
                kind = type(record)
                rows.setdefault(kind, []).append(ROWS[kind](position, record))
            connection.execute("BEGIN IMMEDIATE")
            for kind, some in rows.items():
                connection.executemany(INSERTS[kind], some)
            for memory in memories.values():
                _remember(connection, memory)
            for statement in FORGETS if before else ():
                connection.execute(statement, (before,))
            connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError, TypeError, ValueError) as trouble:
            _roll_back(connection)
            return trouble
        self.commits += 1
        self.records += position - self._position
        self._position = position
        return None

    def _hold(self, records: Sequence[Record], trouble: Trouble | None) -> None:
        if not self.trouble:
            log.error("the journal cannot be written: %s; records are kept in memory", trouble)
        self.trouble = str(trouble or self.trouble)
        newest = {one.key: one for one in (*self._held, *records) if isinstance(one, Memory)}
        rows = [one for one in (*self._held, *records) if not isinstance(one, Memory)]
        beyond = len(rows) - MOST_HELD
        if beyond > 0:
            self.lost += beyond
            log.error("%d records are lost: the disk has refused them too long", beyond)
            del rows[:beyond]
        self._held = [*rows, *newest.values()]

    def _well(self) -> None:
        if self.trouble:
            log.warning("the journal can be written again: nothing is waiting")
            self.trouble = ""


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA cache_size=-512")  # KiB; it appends, and memory is for alarms
    connection.execute("PRAGMA journal_size_limit=16777216")
    connection.execute("PRAGMA trusted_schema=OFF")
    migrate(connection)
    _lay_out(connection)
    return connection


def _lay_out(connection: sqlite3.Connection) -> None:
    """Give the write-ahead log its full length: a commit that makes the file longer waits for the file system too.

    A full disk must not keep the daemon from starting; it only costs that time.
    """
    try:
        connection.execute("DROP TABLE IF EXISTS blank")  # of a start that was killed here
        # in parts: one blob of that size would stay in the thread's heap for good, twice over
        parts = "WITH RECURSIVE part(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM part WHERE n < ?)"
        connection.execute(
            f"CREATE TABLE blank AS {parts} SELECT zeroblob(?) AS body FROM part",  # noqa: S608 - no data in it
            (LOG_BYTES // PART, PART),
        )
        connection.execute("DROP TABLE blank")
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
    except sqlite3.OperationalError as error:
        _roll_back(connection)
        log.warning("the journal's log could not be laid out: %s", error)


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


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _is_full(trouble: Trouble | None) -> bool:
    """No room on the disk, or none within the quota of whom we run as."""
    return getattr(trouble, "sqlite_errorcode", 0) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)


def _remember(connection: sqlite3.Connection, memory: Memory) -> None:
    if memory.body is None:
        connection.execute("DELETE FROM memory WHERE key = ?", (memory.key,))
    else:
        connection.execute("INSERT OR REPLACE INTO memory VALUES (?,?)", (memory.key, to_json(memory.body).decode()))


def _settle(group: Sequence[Asked], outcome: bool | Trouble) -> None:
    """Tell those who wait, in their own thread."""
    if group:
        loop = group[0].done.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell, [one.done for one in group], outcome)


def _tell(waiting: Iterable["asyncio.Future[bool]"], outcome: bool | Trouble) -> None:
    for future in waiting:
        if future.done():
            continue
        if isinstance(outcome, bool):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
