"""Keeps the book of the meters, and tells the rules what only a look back over days can say."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from daemon.assembly import Assembly
from daemon.consumption.book import FILE, Book, BookReader
from daemon.consumption.counts import WIDTH, ceiling, counts_of
from daemon.consumption.meters import Balanced, Branch, meters_of
from daemon.consumption.report import LEAST_COVERAGE
from daemon.consumption.totals import DAY, Source, measured, midnight
from daemon.damage import is_damaged, set_aside
from daemon.historian.sqlite_file import FileThread
from daemon.historian.trend import History
from daemon.metering import balance, least_flow, stretches, total
from drivers.source import Deliver
from estate.errors import TransportError
from estate.model import Clock, Delivery, Now, PointId, Quality, Sample, point_id

log = logging.getLogger(__name__)

LOOK = 3600.0
"""s between two looks at what is over."""
SOON = 2.0
"""s until the history is asked again that could not be read for the first time: at a first start its file is just
being made. After that it is asked every five minutes."""
TOLD_AT = 2
"""Failures in a row."""
KEPT = timedelta(days=30)
"""Of the embedded history: days that are entered no later are lost."""

AGAIN = timedelta(days=7)
"""A day that was entered with gaps is looked at again for so long: buffered readings come late."""

NIGHT_BEGINS, NIGHT_ENDS = timedelta(hours=2), timedelta(hours=4)
LULL = timedelta(minutes=30)
"""The flow of a night is the least over so long: a single flush between two readings is no flow, a leak is."""

LATEST_NIGHTS, USUAL_NIGHTS, LEAST_NIGHTS = 3, 14, 7
"""Nights that are judged, nights before them that say what is usual, and how many of those have to be known."""


class MeterKeeper:
    """`run` for ever; crashes are restarted by the supervisor.

    Every five minutes the good count of every meter goes into the history, whether it changed or not: only so can
    anyone tell later that a meter stood still from a meter that nobody read. Once an hour the days that are over are
    entered, and the balances and nights go to the rules; a history that cannot be read is asked again after five
    minutes.
    """

    name = "meters"

    def __init__(
        self,
        assembly: Assembly,
        directory: Path,
        history: History,
        latest: Callable[[PointId], Sample | None],
        record: Callable[[Sequence[Sample]], None],
        deliver: Deliver,
        clock: Clock,
    ) -> None:
        self.meters = meters_of(assembly)
        self.source = Source(history, BookReader(directory / FILE), ZoneInfo(assembly.site.timezone))
        self._path = directory / FILE
        self._latest = latest
        self._record = record
        self._deliver = deliver
        self._clock = clock
        self._read = [one.point for one in self.meters.counters]

    async def run(self) -> None:
        if not self._read:
            await asyncio.Event().wait()
        try:
            with FileThread("meters") as thread:
                book = await thread.do(Book, self._path)
                try:
                    await self._keep(thread, book)
                finally:
                    await thread.do(book.close)
        except sqlite3.DatabaseError as error:
            if is_damaged(error):
                set_aside(self._path)
            raise

    def note(self, now: Now) -> None:
        """Put into the history what the meters show now. One whose count is not good leaves a gap."""
        known = (self._latest(point) for point in self._read)
        self._record(
            [
                Sample(one.point, one.value, Quality.GOOD, now.utc, now.mono)
                for one in known
                if one is not None and one.quality is Quality.GOOD
            ]
        )

    async def look(self, thread: FileThread, book: Book, now: Now) -> None:
        """Enter what is over, tell what follows. Raises TransportError when the history cannot be read."""
        samples = [await self._balance(one, now) for one in self.meters.balances]
        for branch in self.meters.water:
            samples += await self._nights(thread, book, branch, now)
        if samples:
            await self._deliver(Delivery(samples=tuple(samples)))
        await self._enter(thread, book, now)

    async def _keep(self, thread: FileThread, book: Book) -> None:
        look_at, failures = float("-inf"), 0
        while True:
            now = self._clock.now()
            self.note(now)
            if now.mono >= look_at:
                try:
                    await self.look(thread, book, now)
                except (TransportError, sqlite3.OperationalError) as error:
                    failures += 1
                    if failures == TOLD_AT:
                        log.warning("meters: %s", error)
                else:
                    if failures >= TOLD_AT:
                        log.info("meters: the history can be read again")
                    look_at, failures = now.mono + LOOK, 0
            now = self._clock.now()
            pause = (ceiling(now.utc + timedelta(milliseconds=1)) - now.utc).total_seconds()
            await asyncio.sleep(min(pause, SOON) if failures == 1 else pause)

    async def _enter(self, thread: FileThread, book: Book, now: Now) -> None:
        today = now.utc.astimezone(self.source.zone).date()
        first, last = today - KEPT, today - DAY
        for counter in self.meters.counters:
            booked = await thread.do(book.booked, counter.point, first, last)
            again = today - AGAIN
            open_days = [
                day
                for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
                if day not in booked or (day >= again and booked[day] < 1.0)
            ]
            if open_days:
                found = await measured(self.source, counter, open_days[0], last, now.utc)
                known = {day: one for day, one in found.items() if one.amount is not None}
                await thread.do(book.enter, counter.point, known)

    async def _balance(self, one: Balanced, now: Now) -> Sample:
        """The share of the last 24 h that no meter behind the main one counted, in %."""
        start = now.utc - DAY
        amounts, least = [], 1.0
        for counter in (one.main, *one.subs):
            counts = await counts_of(self.source.history, counter.point, start, now.utc)
            amounts.append(total(stretches(counts.readings, counter.meter)))
            least = min(least, counts.coverage(start, now.utc))
        point = point_id(one.item.id, "missing")
        if least < LEAST_COVERAGE:
            return _unknown(point, f"only {least:.0%} of the day is known", now)
        main, *subs = amounts
        found = balance(main, subs)
        share = found.missing if found.missing is not None else 0.0 if found.plausible else -1.0
        return Sample(point, round(100.0 * share, 2), Quality.GOOD, now.utc, now.mono)

    async def _nights(self, thread: FileThread, book: Book, branch: Branch, now: Now) -> list[Sample]:
        """The last nights' least flow (m3/h), and what is usual."""
        last = _last_night(now.utc, self.source.zone)
        counter, oldest = branch.counter, last - timedelta(days=LATEST_NIGHTS + USUAL_NIGHTS - 1)
        known = await thread.do(book.nights, counter.point, oldest, last)
        latest = [last - timedelta(days=n) for n in range(LATEST_NIGHTS)]
        for night in latest:
            if night in known:
                continue
            begin = midnight(night, self.source.zone) + NIGHT_BEGINS
            end = begin + (NIGHT_ENDS - NIGHT_BEGINS)
            counts = await counts_of(self.source.history, counter.point, begin, end)
            flow = least_flow(counts.readings, LULL)
            if flow is not None and counts.coverage(begin, end) >= LEAST_COVERAGE:
                known[night] = flow
                await thread.do(book.enter_night, counter.point, night, flow)
        return list(_told(branch, latest, known, now))


def _told(branch: Branch, latest: Sequence[date], known: dict[date, float], now: Now) -> Iterator[Sample]:
    item = branch.item.id
    for number, night in enumerate(latest, 1):
        point = point_id(item, f"night_{number}")
        if night in known:
            yield Sample(point, round(known[night], 4), Quality.GOOD, now.utc, now.mono)
        else:
            yield _unknown(point, f"the night to {night} is not known", now)
    before = [flow for night, flow in known.items() if night < latest[-1]]
    point = point_id(item, "night_usual")
    if len(before) >= LEAST_NIGHTS:
        yield Sample(point, round(median(before), 4), Quality.GOOD, now.utc, now.mono)
    else:
        yield _unknown(point, f"{len(before)} nights are known, {LEAST_NIGHTS} are needed", now)


def _last_night(now: datetime, zone: ZoneInfo) -> date:
    """The day on which the last night ended that is over, with a bucket more for what is on its way."""
    today = now.astimezone(zone).date()
    over = midnight(today, zone) + NIGHT_ENDS + WIDTH <= now
    return today if over else today - DAY


def _unknown(point: PointId, reason: str, now: Now) -> Sample:
    return Sample(point, None, Quality.NO_COMMUNICATION, now.utc, now.mono, reason=reason)
