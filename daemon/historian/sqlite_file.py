"""Opens one telemetry file in SQLite, and the one thread that may touch it.

Telemetry commits with synchronous=NORMAL: a killed process loses nothing it committed, a power cut at most the last
seconds. Alarms are not here: they are in the journal, which has its own file.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_FREE_PAGES_KEPT = 1000
_FREE_PAGES_PER_CALL = 500


class FileThread:
    """One thread with one queue: work is done in the order in which it was handed over."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work`. When the waiting task is cancelled, work that has begun is still finished."""
        return await asyncio.wrap_future(self._pool.submit(work, *args, **kwargs))

    def __enter__(self) -> "FileThread":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


def open_file(path: Path, schema: str) -> sqlite3.Connection:
    """A connection for the calling thread only; `schema` is run when the file is new. Rows are plain tuples.

    Raises sqlite3.DatabaseError; see daemon.damage for a file that is broken.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA cache_size = -512")  # KiB
        # auto_vacuum can only be chosen before the first table, and before WAL fixes the page layout.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 8388608")
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            connection.executescript(f"BEGIN IMMEDIATE; {schema}; PRAGMA user_version = 1; COMMIT;")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def give_back_free_pages(connection: sqlite3.Connection) -> None:
    """Shrink the file a little when much of it is empty; call it often, each call is short."""
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if free > _FREE_PAGES_KEPT:
        # One step frees one page and yields an empty row. execute() takes one step only (measured: 1 page of 500, with
        # fetchall() too); executescript() takes them all.
        connection.executescript(f"PRAGMA incremental_vacuum({_FREE_PAGES_PER_CALL})")


def used_bytes(connection: sqlite3.Connection) -> int:
    """Size of the file without its empty pages."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
