"""Takes samples from the pipeline without ever making it wait, and brings them to the history.

record() -> buffer in memory -> once a second -> spool file -> InfluxDB          (a server is configured)
                                             -> embedded file                    (none is)
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from daemon.damage import is_damaged, set_aside
from daemon.historian.buffer import Buffer, Stamped
from daemon.historian.embedded import EmbeddedFile, EmbeddedHistory
from daemon.historian.health import Health, HistoryState
from daemon.historian.influx import InfluxServer, Settings
from daemon.historian.line_protocol import Encoder
from daemon.historian.sender import Pauses, Sender
from daemon.historian.spool import Spool
from daemon.historian.sqlite_file import FileThread
from daemon.historian.trend import Bucket, History, TrendQuery
from drivers.source import Deliver
from estate.model import Clock, Delivery, PointId, Quality, Sample

log = logging.getLogger(__name__)

HEALTH_POINT = PointId("system.history")

_COMMIT_EVERY = 1.0  # s: what a killed process can lose of telemetry, and what flash wear allows
_COMMIT_ROWS = 500
_REPEAT_HEALTH = 30.0  # s
_PRUNE_EVERY = 600.0  # s
_NEARLY_FULL = 0.8


class Site(Protocol):
    """What the historian needs to know of the site (estate.site.Site has it)."""

    @property
    def id(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def history(self) -> Settings | None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """`buffer` samples wait in memory for the disk; the spool holds a day of 50 samples/s more than twice over."""

    buffer: int = 20_000
    spool_rows: int = 10_000_000
    spool_bytes: int = 1 << 30
    embedded_age: timedelta = timedelta(days=30)
    embedded_bytes: int = 2 << 30
    request_deadline: float = 10.0  # s
    pauses: Pauses = field(default_factory=Pauses)


class _Store(Protocol):
    """A file that takes samples; called in its thread only. Raises sqlite3.OperationalError when the disk is full."""

    def append(self, samples: Sequence[Stamped]) -> None: ...
    def close(self) -> None: ...


class _SpooledLines:
    """The spool as a store of samples: the encoding is done in the spool's thread."""

    def __init__(self, spool: Spool, encoder: Encoder) -> None:
        self._spool = spool
        self._encoder = encoder

    def append(self, samples: Sequence[Stamped]) -> None:
        self._spool.append([self._encoder.line(sample, at) for sample, at in samples])

    def close(self) -> None:
        self._spool.close()


class Historian:
    """Replaceable: `run` may crash and be started again; `record` goes on and never raises or waits.

    Buffer full: the oldest sample is dropped and counted. Spool full: the oldest line is.
    """

    def __init__(
        self,
        site: Site,
        directory: Path,
        deliver: Deliver,
        clock: Clock,
        units: Mapping[PointId, str],
        limits: Limits = Limits(),
    ) -> None:
        self._deliver = deliver
        self._clock = clock
        self._limits = limits
        self._encoder = Encoder(site.id, units)
        self._spool_path = directory / "spool.db"
        self._embedded_path = directory / "history.db"
        self._server: InfluxServer | None = None
        if site.history is not None:
            self._server = InfluxServer(site.history, site.id, site.folder, limits.request_deadline)
        self._history: History = self._server or EmbeddedHistory(self._embedded_path)
        self._buffer = Buffer(limits.buffer)
        self._much = asyncio.Event()
        self._uncommitted: list[Stamped] = []
        self._spool: Spool | None = None
        self._disk_trouble = ""
        self._answer: tuple[Health, str] | None = None
        self._told: Health | None = None
        self._news = asyncio.Event()

    def record(self, samples: Sequence[Sample]) -> None:
        """Take note of what changed, and once a minute of what did not. Call in the loop's thread."""
        self._buffer.put(samples)
        if len(self._buffer) >= _COMMIT_ROWS:
            self._much.set()

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        """See `History.trend`; what was recorded in the last second may be missing."""
        return await self._history.trend(query)

    def state(self) -> HistoryState:
        health, reason = self._health() or (None, "not yet known")
        spooled, dropped, dead = (self._spool.rows, self._spool.dropped, self._spool.dead) if self._spool else (0, 0, 0)
        return HistoryState(health, reason, spooled, self._buffer.dropped + dropped, dead)

    async def run(self) -> None:
        """Run for ever; cancelled to stop, and then what is in memory goes to disk. Restarted when it raises."""
        try:
            with FileThread("history") as thread:
                if self._server is None:
                    await self._keep_embedded(thread)
                else:
                    await self._keep_spooled(thread, self._server)
        except* sqlite3.DatabaseError as group:
            if group.subgroup(is_damaged):
                set_aside(self._embedded_path if self._server is None else self._spool_path)
            raise

    async def _keep_embedded(self, thread: FileThread) -> None:
        limits = self._limits
        file = await thread.do(
            EmbeddedFile, self._embedded_path, keep=limits.embedded_age, max_bytes=limits.embedded_bytes
        )
        self._report(Health.OK, "")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect(thread, file, committed=lambda: None), name="history: collect")
                tasks.create_task(self._prune(thread, file), name="history: prune")
                tasks.create_task(self._tell(), name="history: health")
        finally:
            await self._end(thread, file)

    async def _keep_spooled(self, thread: FileThread, server: InfluxServer) -> None:
        limits = self._limits
        spool = await thread.do(Spool, self._spool_path, max_rows=limits.spool_rows, max_bytes=limits.spool_bytes)
        spool.dropped = self._spool.dropped if self._spool else 0
        self._spool = spool
        lines = _SpooledLines(spool, self._encoder)
        sender = Sender(spool, thread, server, self._clock, self._report, pauses=limits.pauses)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect(thread, lines, committed=sender.wake), name="history: collect")
                tasks.create_task(self._send(sender), name="history: send")
                tasks.create_task(self._tell(), name="history: health")
        finally:
            await self._end(thread, lines)
            await server.close()

    async def _collect(self, thread: FileThread, store: _Store, committed: Callable[[], None]) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_COMMIT_EVERY):
                    await self._much.wait()
            self._much.clear()
            try:
                await self._commit(thread, store, committed)
            except sqlite3.OperationalError as error:
                await self._wait_for_disk(error)

    async def _commit(self, thread: FileThread, store: _Store, committed: Callable[[], None]) -> None:
        while self._uncommitted or len(self._buffer):
            # Kept until the commit is known: a second commit of the same samples changes nothing.
            self._uncommitted = self._uncommitted or self._buffer.take(_COMMIT_ROWS)
            await thread.do(store.append, self._uncommitted)
            self._uncommitted = []
            self._disk_trouble = ""
            self._notice()
            committed()

    async def _send(self, sender: Sender) -> None:
        while True:
            try:
                await sender.run()
            except sqlite3.OperationalError as error:
                await self._wait_for_disk(error)

    async def _prune(self, thread: FileThread, file: EmbeddedFile) -> None:
        while True:
            try:
                await thread.do(file.prune, self._clock.now().utc)
            except sqlite3.OperationalError as error:
                await self._wait_for_disk(error)
            else:
                await asyncio.sleep(_PRUNE_EVERY)

    async def _end(self, thread: FileThread, store: _Store) -> None:
        try:
            await self._commit(thread, store, committed=lambda: None)
        except sqlite3.OperationalError as error:
            log.error("%d samples not saved at the end: %s", len(self._uncommitted) + len(self._buffer), error)
        finally:
            await thread.do(store.close)

    async def _wait_for_disk(self, error: sqlite3.OperationalError) -> None:
        self._disk_trouble = f"the disk takes no history: {error}"
        self._notice()
        await asyncio.sleep(self._limits.pauses.disk)

    def _report(self, health: Health, reason: str) -> None:
        self._answer = health, reason
        self._notice()

    def _health(self) -> tuple[Health, str] | None:
        """None until the server has answered once, or failed to."""
        if self._disk_trouble:
            return Health.FULL, self._disk_trouble
        if self._spool and self._spool.fullness >= _NEARLY_FULL:
            return Health.FULL, f"the spool is {self._spool.fullness:.0%} full, {self._spool.dropped} lines dropped"
        return self._answer

    def _notice(self) -> None:
        health = self._health()
        if health and health[0] is not self._told:
            self._news.set()

    async def _tell(self) -> None:
        """Deliver the health as a sample when it changes, and again now and then so that it does not go stale."""
        while True:
            self._news.clear()
            if known := self._health():
                health, reason = known
                if health is not self._told:
                    log.log(logging.INFO if health is Health.OK else logging.WARNING, "history: %s %s", health, reason)
                self._told = health
                now = self._clock.now()
                sample = Sample(HEALTH_POINT, health.value, Quality.GOOD, now.utc, now.mono, reason=reason)
                await self._deliver(Delivery(samples=(sample,)))
            with suppress(TimeoutError):
                async with asyncio.timeout(_REPEAT_HEALTH):
                    await self._news.wait()
