"""The daemon's book of the meters without threads and disks: its counts kept in memory, its looks when told to."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from daemon.assembly import Assembly
from daemon.consumption.book import FILE, Book
from daemon.consumption.counts import ceiling
from daemon.consumption.keeper import LOOK, MeterKeeper
from daemon.historian.sqlite_file import FileThread
from daemon.historian.trend import Bucket, TrendQuery
from drivers.source import Deliver
from estate.model import Clock, PointId, Sample

P = ParamSpec("P")
T = TypeVar("T")


class CountHistory:
    """What meters counted, in order of time."""

    def __init__(self) -> None:
        self._counts: dict[PointId, tuple[list[int], list[float]]] = {}

    def record(self, samples: Sequence[Sample]) -> None:
        for one in samples:
            times, values = self._counts.setdefault(one.point, ([], []))
            times.append(round(one.at.timestamp() * 1000.0))
            values.append(float(one.value or 0.0))

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        times, values = self._counts.get(query.point, ([], []))
        start, end = (round(moment.timestamp() * 1000.0) for moment in (query.start, query.end))
        width = query.width_ms
        found: dict[int, list[float]] = {}
        for place in range(bisect_left(times, start), bisect_left(times, end)):
            found.setdefault(times[place] // width * width, []).append(values[place])
        return [Bucket(at, min(some), max(some), some[-1], None, "good") for at, some in found.items()]


class AtOnce(FileThread):
    """Stands for the thread of the book: what it is given is done."""

    def __init__(self) -> None:
        """No thread: nothing to close."""

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)


class SteppedKeeper(MeterKeeper):
    """The keeper without its own loop: `look_now` whenever time has passed, `close` at the end."""

    def __init__(
        self,
        assembly: Assembly,
        directory: Path,
        latest: Callable[[PointId], Sample | None],
        deliver: Deliver,
        clock: Clock,
    ) -> None:
        history = CountHistory()
        super().__init__(assembly, directory, history, latest, history.record, deliver, clock)
        self._book = Book(directory / FILE)
        self._noted: datetime | None = None
        self._looked: datetime | None = None

    async def look_now(self) -> None:
        """Counts every five minutes by the clock and what follows from them every hour, as the keeper's loop has it."""
        now = self._clock.now()
        if self._noted is not None and now.utc < self._noted:
            return
        self._noted = ceiling(now.utc + timedelta(milliseconds=1))
        self.note(now)
        if self._looked is None or (now.utc - self._looked).total_seconds() >= LOOK:
            self._looked = now.utc
            await self.look(AtOnce(), self._book, now)

    def close(self) -> None:
        self._book.close()
