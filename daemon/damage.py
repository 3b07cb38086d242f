"""SQLite files that are broken: told from a full disk, and put aside for whoever wants to look into them."""

import logging
import sqlite3
from pathlib import Path

log = logging.getLogger(__name__)

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_damaged(error: BaseException) -> bool:
    """Whether the file itself is broken, rather than the disk full or the file locked."""
    return getattr(error, "sqlite_errorcode", None) in _DAMAGED


def set_aside(path: Path, mark: str = "damaged") -> Path:
    """Rename a damaged file to `<name>.<mark>`, replacing an older one of that name; returns where it is now."""
    aside = path.with_name(f"{path.name}.{mark}")
    log.error("%s is damaged: kept as %s, a new one is begun", path, aside.name)
    for end in ("", "-wal", "-shm"):
        part = path.with_name(path.name + end)
        if part.exists():
            part.replace(aside.with_name(aside.name + end))
    return aside
