"""Backups that make themselves each day, the oldest overwritten, and the end of records that are too old."""

import asyncio
import errno
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.historian.sqlite_file import used_bytes
from daemon.journal import Journal
from daemon.journal_rows import AGES, FRONT
from daemon.records import Forget
from daemon.state import StateFolder
from drivers.source import Deliver
from estate.model import Clock, Delivery, Quality, Sample, point_id

log = logging.getLogger(__name__)

FOLDER = "backups"
KEEP = 14
EVERY = timedelta(days=1)
RECORDS_KEPT = timedelta(days=400)
"""Older records of the journal are overwritten by new ones, but for what a restart needs: the last of each alarm and
device, and the cards."""

LARGEST = 4 << 30  # bytes of the journal beyond which the oldest records go whatever their age
SPARE = 1 << 30  # bytes that a backup leaves on the disk
SETTLE, LOOK = 1800.0, 3600.0
"""s after the start, when a restart has more urgent things to do, and s between two looks."""

TURNS, BREATH = 100, 1.0
"""Times that the front of the tables is forgotten in one look, and s between them in which others are written. A
million rows an hour: no site writes as much."""

POINT = point_id("system", "backup")
_STAMP = "%Y%m%dT%H%M%SZ"


class Backups:
    """`run` for ever: delivers the point `system.backup`. A backup that fails is tried again an hour later."""

    name = "backups"

    def __init__(
        self, state: StateFolder, site: Path, journal: Journal, deliver: Deliver, clock: Clock, settle: float = SETTLE,
        breath: float = BREATH,
    ) -> None:  # fmt: skip
        self._state = state
        self._site = site
        self._journal = journal
        self._deliver = deliver
        self._clock = clock
        self._settle = settle
        self._breath = breath

    async def run(self) -> None:
        await asyncio.sleep(self._settle)
        while True:
            now = self._clock.now().utc
            newest = next(iter(reversed(backups(self._state))), None)
            if newest is None or now - made_at(newest) >= EVERY:
                await self._tell(await asyncio.to_thread(self._made, now))
            await self._forget(now)
            await asyncio.sleep(LOOK)

    def _made(self, now: datetime) -> str:
        """Why it failed, or nothing."""
        try:
            back_up(self._state, self._site, now)
        except (OSError, sqlite3.Error) as error:
            log.error("no backup: %s", error)
            return str(error)
        return ""

    async def _tell(self, trouble: str) -> None:
        now = self._clock.now()
        sample = Sample(POINT, not trouble, Quality.GOOD, now.utc, now.mono, reason=trouble)
        await self._deliver(Delivery(samples=(sample,)))

    async def _forget(self, now: datetime) -> None:
        for _ in range(TURNS):
            large = await asyncio.to_thread(_used, self._state.journal) > LARGEST
            before = now if large else now - RECORDS_KEPT
            written = await self._journal.commit([Forget(before)])
            if not written or not await asyncio.to_thread(_crowded, self._state.journal, before):
                return
            await asyncio.sleep(self._breath)


def back_up(state: StateFolder, site: Path | None, now: datetime) -> Path:
    """Copy journal, book of totals and site folder as they are now, beside a running daemon. Returns the new folder.

    The copy is checked before it counts. Raises OSError (no room, no right) or sqlite3.Error.
    """
    folder = state.path / FOLDER
    files = [one for one in (state.journal, state.history / "meters.db") if one.exists()]
    room = os.statvfs(state.path)
    if room.f_bavail * room.f_frsize < sum(one.stat().st_size for one in files) + SPARE:
        raise OSError(errno.ENOSPC, "too little room on the disk for a backup")
    _clear_up(folder, now)
    part = folder / f".{now.astimezone(UTC):{_STAMP}}"
    part.mkdir(mode=0o700, parents=True)
    state.adopt(folder)  # before the copy: one that fails must not bar the daemon from the folder
    try:
        for file in files:
            _copy(file, part / file.name)
        if site is not None:
            shutil.copytree(site, part / "site", symlinks=True)
        for one in (part, *part.rglob("*")):
            state.adopt(one)
        made = part.rename(folder / part.name[1:])
    except (OSError, sqlite3.Error):
        shutil.rmtree(part, ignore_errors=True)  # tried again every hour, it would fill the disk
        raise
    for old in backups(state)[:-KEEP]:
        shutil.rmtree(old)
    return made


def backups(state: StateFolder) -> list[Path]:
    """The oldest first; what people put beside them is none."""
    folder = state.path / FOLDER
    return sorted(one for one in folder.iterdir() if _stamped(one.name) is not None) if folder.is_dir() else []


def made_at(backup: Path) -> datetime:
    made = _stamped(backup.name)
    if made is None:
        raise ValueError(f"{backup} is no backup")
    return made


def restore(state: StateFolder, backup: Path, now: datetime) -> list[Path]:
    """Put a backup in the place of what is there, which is kept beside it. The caller holds the state folder.

    Returns what was set aside. Raises sqlite3.Error for a backup that is damaged; then nothing has changed.
    """
    homes = {"journal.db": state.journal, "meters.db": state.history / "meters.db"}
    copies = {home: backup / name for name, home in homes.items() if (backup / name).exists()}
    for copy in copies.values():
        _check(copy)
    aside = []
    for home, copy in copies.items():
        for end in ("", "-wal", "-shm"):
            part = home.with_name(home.name + end)
            if part.exists():
                aside.append(part.replace(part.with_name(f"{home.name}.before-{now:{_STAMP}}{end}")))
        shutil.copy2(copy, home)
        state.adopt(home)
    return aside


def _stamped(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _clear_up(folder: Path, now: datetime) -> None:
    """What was begun and never ended, by a daemon that was killed. A younger one may be under way: `estated backup`."""
    for one in folder.glob(".*"):
        begun = _stamped(one.name[1:])
        if begun is not None and (begun == now.replace(microsecond=0) or now - begun > timedelta(hours=1)):
            shutil.rmtree(one, ignore_errors=True)


def _crowded(file: Path, before: datetime) -> bool:
    """Whether the front of a table is still mostly old, so that there is more to forget."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return any(
                connection.execute(
                    f"SELECT count(*) FROM (SELECT {at} FROM {table} ORDER BY position LIMIT ?) WHERE {at} < ?",  # noqa: S608
                    (FRONT, before.isoformat()),
                ).fetchone()[0]
                > FRONT // 2
                for table, at in AGES.items()
            )
    except sqlite3.Error:
        return False


def _used(file: Path) -> int:
    """Bytes of it that hold records: what was forgotten leaves room inside and does not make it shorter."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return used_bytes(connection)
    except sqlite3.Error:
        return 0


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)  # all at once: in parts it would begin anew with every commit in between
    _check(target)
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _check(file: Path) -> None:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"{file} is damaged: {found}")
