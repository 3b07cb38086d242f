"""Daily totals of counters: from the book what is entered there, and from the history what is not."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.consumption.book import BookReader, Total
from daemon.consumption.counts import WIDTH, counts_of
from daemon.consumption.meters import Counter
from daemon.historian.trend import History
from daemon.metering import daily, stretches
from estate.model import PointId

LOOK_BACK = timedelta(days=2)
"""Before the first day: what was counted over a gap at its beginning belongs to it in part."""

ASKED = timedelta(days=93)
"""The history is asked for so many days at most, the last ones of those wanted; older ones are in the book."""

DAY = timedelta(days=1)

Days = Mapping[date, Total]


@dataclass(frozen=True, slots=True)
class Source:
    """Where totals come from; `zone` is the estate's own, for its midnights."""

    history: History
    book: BookReader
    zone: ZoneInfo


async def totals(
    source: Source, counters: Iterable[Counter], first: date, last: date, now: datetime
) -> dict[PointId, Days]:
    """Of each counter every day from `first` to `last` that has begun. Raises TransportError."""
    counters = tuple(counters)
    today = now.astimezone(source.zone).date()
    last = min(last, today)
    booked = await asyncio.to_thread(source.book.days, [one.point for one in counters], first, last)
    return {one.point: await _days(source, one, booked[one.point], first, last, now) for one in counters}


async def measured(source: Source, counter: Counter, first: date, last: date, now: datetime) -> Days:
    """The same from the history alone. A day of which nothing is known has no amount."""
    begin, end = midnight(first, source.zone), min(midnight(last + DAY, source.zone), now)
    if begin >= end:
        return {}
    counts = await counts_of(source.history, counter.point, begin - LOOK_BACK, end)
    counted = daily(stretches(counts.readings, counter.meter), source.zone, 2 * WIDTH)
    found: dict[date, Total] = {}
    day = first
    while day <= last:
        start, stop = midnight(day, source.zone), min(midnight(day + DAY, source.zone), now)
        coverage = counts.coverage(start, stop)
        one = counted.get(day)
        if one is None:
            found[day] = Total(None, coverage)
        else:
            found[day] = Total(one.amount, coverage, one.estimated, one.courses)
        day += DAY
    return found


async def _days(
    source: Source, counter: Counter, booked: Mapping[date, Total], first: date, last: date, now: datetime
) -> Days:
    found = dict(booked)
    missing = [day for day in _every(max(first, last - ASKED), last) if day not in found]
    if missing:
        fresh = await measured(source, counter, missing[0], missing[-1], now)
        found |= {day: fresh[day] for day in missing if day in fresh}
    return {day: found.get(day, Total(None, 0.0)) for day in _every(first, last)}


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Its beginning, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def together(days: Iterable[Total]) -> Total:
    """Several days as one: the share that is known is that of their time."""
    every = list(days)
    known = [one.amount for one in every if one.amount is not None]
    return Total(
        sum(known) if known else None,
        sum(one.coverage for one in every) / len(every) if every else 1.0,
        sum(one.estimated for one in every),
        frozenset().union(*(one.courses for one in every)),
    )


def _every(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
