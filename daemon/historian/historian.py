"""Takes samples from the pipeline without ever making it wait, and brings them to the history.

  record() -> buffer in memory -> once a second -> spool file -> InfluxDB          (a server is configured)
                                               -> embedded file                    (none is)
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from daemon.historian.embedded import EmbeddedFile, EmbeddedHistory
from daemon.historian.health import Health, HistoryState
from daemon.historian.influx import InfluxServer, Settings
from daemon.historian.line_protocol import Encoder, is_point_id, nanoseconds
from daemon.historian.sender import Pauses, Sender
from daemon.historian.spool import Spool
from daemon.historian.sqlite_file import FileThread, is_damaged, set_aside
from daemon.historian.trend import Bucket, History, TrendQuery
from drivers.source import Deliver
from estate.model import Clock, Delivery, PointId, Quality, Sample, Value

log = logging.getLogger(__name__)

HEALTH_POINT = PointId("system.history")

_COMMIT_EVERY = 1.0  # s: what a killed process can lose of telemetry, and what flash wear allows
_COMMIT_ROWS = 500
_REPEAT_UNCHANGED = 60.0  # s
_REPEAT_HEALTH = 30.0  # s
_PRUNE_EVERY = 600.0  # s
_DISK_PAUSE = 5.0  # s between attempts on a full disk
_NEARLY_FULL = 0.8
_MAX_POINTS = 50_000  # points with their last sample in memory; a site has some thousand
_MAX_NS = 2**63 - 1


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
    pauses: Pauses = Pauses()


class _Store(Protocol):
    """A file that takes samples; called in its thread only."""

    def append(self, samples: Sequence[tuple[Sample, int]]) -> None: ...
    def tidy(self) -> None: ...
    def close(self) -> None: ...


class Historian:
    """Replaceable: `run` may crash and be started again, `record` keeps working and never raises or waits.

    Buffer full: the oldest sample is dropped and counted. Spool full: the oldest line is.
    """

    def __init__(
        self,
        site: Site,
        directory: Path,
        deliver: Deliver,
        clock: Clock,
        units: Mapping[PointId, str],
        limits: Limits = Limits(),  # noqa: B008 -- frozen
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
        self._buffer: deque[Sample] = deque()
        self._many = asyncio.Event()
        self._last: dict[PointId, tuple[Value | None, Quality, float]] = {}
        self._stamps: dict[PointId, int] = {}  # same keys as _last
        self._uncommitted: list[tuple[Sample, int]] = []
        self._dropped = 0
        self._spool: Spool | None = None
        self._disk_trouble = ""
        self._sending: tuple[Health, str] | None = None
        self._health_changed = asyncio.Event()

    def record(self, samples: Sequence[Sample]) -> None:
        """Take note of what changed, and of what did not once a minute. Call in the loop's thread."""
        for sample in samples:
            last = self._last.get(sample.point)
            if last is None:
                if len(self._last) >= _MAX_POINTS or not is_point_id(sample.point):
                    self._dropped += 1
                    continue
            elif (
                last[0] == sample.value
                and last[1] is sample.quality
                and sample.received - last[2] < _REPEAT_UNCHANGED
            ):
                continue
            self._last[sample.point] = (sample.value, sample.quality, sample.received)
            if len(self._buffer) >= self._limits.buffer:
                self._buffer.popleft()
                self._dropped += 1
            self._buffer.append(sample)
        if len(self._buffer) >= _COMMIT_ROWS:
            self._many.set()

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        """See `History.trend`; what was recorded in the last second may be missing."""
        return await self._history.trend(query)

    def state(self) -> HistoryState:
        health, reason = self._health() or (None, "not yet known")
        spool = self._spool
        if spool is None:
            return HistoryState(health, reason, 0, self._dropped, 0)
        return HistoryState(health, reason, spool.rows, self._dropped + spool.dropped, spool.dead)

    async def run(self) -> None:
        """Run for ever; cancelled to stop, and then what is in memory goes to disk. Restarted when it raises."""
        path = self._embedded_path if self._server is None else self._spool_path
        try:
            with FileThread("history") as thread:
                if self._server is None:
                    await self._keep_embedded(thread)
                else:
                    await self._keep_spooled(thread, self._server)
        except* sqlite3.DatabaseError as group:
            if any(isinstance(error, sqlite3.Error) and is_damaged(error) for error in _leaves(group)):
                set_aside(path)
            raise

    async def _keep_embedded(self, thread: FileThread) -> None:
        limits = self._limits
        file = await thread.do(
            EmbeddedFile, self._embedded_path, keep=limits.embedded_age, max_bytes=limits.embedded_bytes
        )
        store = _Embedded(file, self._clock)
        self._report(Health.OK, "")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect(thread, store, wake=_nobody), name="history: collect")
                tasks.create_task(self._tidy(thread, store), name="history: tidy")
                tasks.create_task(self._tell(), name="history: health")
        finally:
            await self._last_commit(thread, store)

    async def _keep_spooled(self, thread: FileThread, server: InfluxServer) -> None:
        limits = self._limits
        spool = await thread.do(Spool, self._spool_path, max_rows=limits.spool_rows, max_bytes=limits.spool_bytes)
        spool.dropped += self._spool.dropped if self._spool else 0
        self._spool = spool
        store = _Spooled(spool, self._encoder)
        sender = Sender(spool, thread, server, self._clock, self._report, pauses=limits.pauses)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect(thread, store, wake=sender.wake), name="history: collect")
                tasks.create_task(self._send(sender), name="history: send")
                tasks.create_task(self._tell(), name="history: health")
        finally:
            await self._last_commit(thread, store)
            await server.close()
