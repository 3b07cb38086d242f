"""Consumption out of meter readings: across replacement and roll-over, by day, balanced, in money. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import NamedTuple
from zoneinfo import ZoneInfo

NEAR = 0.02
"""A count that falls rolled over if it was within this share of the end and is within it of the beginning."""


class Reading(NamedTuple):
    """What a meter (kWh, m3) showed at a moment with a time zone."""

    at: datetime
    value: float


class Course(StrEnum):
    """What became of the count from one reading to the next."""

    COUNTED = "counted"
    ROLLED_OVER = "rolled_over"
    REPLACED = "replaced"  # it fell: another meter, or one that was reset
    JUMPED = "jumped"  # more than the branch can carry: taken as another meter's count, not as consumption


@dataclass(frozen=True, slots=True)
class Meter:
    """What can be known of a meter. `most` per hour is more than the branch can carry; `end` is the count at which
    it begins anew; a count may fall by `slack` without meaning anything (a float's last digit)."""

    most: float
    end: float | None = None
    slack: float = 0.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consumption between two readings, and how it was found."""

    start: datetime
    stop: datetime
    amount: float
    course: Course


def stretches(readings: Iterable[Reading], meter: Meter) -> list[Stretch]:
    """The consumption between neighbours, in order of time.

    A fall or a jump counts only once the next reading agrees with it: a torn or foreign reading that the
    next one takes back is left out (devices.md D.1 M7, M13). What a new meter counted before it was first
    read is not known and not made up. Readings that are not finite, or not later than the one before, are
    left out.
    """
    found: list[Stretch] = []
    known: Reading | None = None
    doubted: Reading | None = None
    for reading in readings:
        if not isfinite(reading.value) or (known is not None and reading.at <= (doubted or known).at):
            continue
        if known is None:
            known = reading
            continue
        stretch = _between(known, reading, meter)
        if stretch is not None:
            found.append(stretch)
            known, doubted = reading, None
            continue
        follows = _between(doubted, reading, meter) if doubted is not None else None
        if doubted is None or follows is None:
            doubted = reading
            continue
        fell = doubted.value < known.value
        found += [Stretch(known.at, doubted.at, 0.0, Course.REPLACED if fell else Course.JUMPED), follows]
        known, doubted = reading, None
    return found


def total(found: Iterable[Stretch]) -> float:
    return sum(one.amount for one in found)


def by_day(found: Iterable[Stretch], zone: ZoneInfo) -> dict[date, float]:
    """Consumption of each calendar day of the site. A stretch over midnight is shared by its time."""
    days: dict[date, float] = {}
    for one in found:
        whole = (one.stop - one.start).total_seconds()
        start = one.start
        while start < one.stop:
            day = start.astimezone(zone).date()
            midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
            stop = min(one.stop, midnight.astimezone(one.stop.tzinfo))
            days[day] = days.get(day, 0.0) + one.amount * (stop - start).total_seconds() / whole
            start = stop
    return days


@dataclass(frozen=True, slots=True)
class Day:
    """Consumption of one calendar day. `estimated` is the part of `amount` that was counted while nobody read the meter
    and is only shared out by time; `courses` are what else became of the count that day."""

    amount: float = 0.0
    estimated: float = 0.0
    courses: frozenset[Course] = frozenset()


def daily(found: Iterable[Stretch], zone: ZoneInfo, longest: timedelta) -> dict[date, Day]:
    """As `by_day`, with what of it is estimated: stretches longer than `longest` between two readings."""
    days: dict[date, Day] = {}
    for one in found:
        for day, amount in by_day([one], zone).items():
            before = days.get(day, Day())
            courses = before.courses if one.course is Course.COUNTED else before.courses | {one.course}
            guessed = amount if one.stop - one.start > longest else 0.0
            days[day] = Day(before.amount + amount, before.estimated + guessed, courses)
    return days


def least_flow(readings: Sequence[Reading], width: timedelta) -> float | None:
    """The least mean flow per hour over any `width` between two readings; None when no two lie so far apart."""
    least: float | None = None
    first = 0
    for reading in readings:
        while first + 1 < len(readings) and readings[first + 1].at <= reading.at - width:
            first += 1
        span = reading.at - readings[first].at
        if span < width:
            continue
        flow = max(0.0, reading.value - readings[first].value) / (span.total_seconds() / 3600.0)
        least = flow if least is None else min(least, flow)
    return least


def change(now: float, before: float) -> float | None:
    """How much more than in the period compared with, as a share of that; None where that was nothing."""
    return (now - before) / before if before > 0.0 else None


class Balance(NamedTuple):
    """A main meter against those behind it: `missing` is what none of them counted, as a share of the main."""

    main: float
    subs: float
    missing: float | None
    plausible: bool


def balance(main: float, subs: Sequence[float], low: float = -0.03, high: float = 0.10) -> Balance:
    """devices.md D.4 P13: outside -3 to 10 % over a day a meter is wrong, or somebody draws behind none."""
    counted = sum(subs)
    missing = (main - counted) / main if main > 0.0 else None
    return Balance(main, counted, missing, counted <= 0.0 if missing is None else low <= missing <= high)


class Yield(NamedTuple):
    """Photovoltaics over a period, kWh, and money at the tariff."""

    produced: float
    fed_in: float
    own_use: float
    worth: float


def pv_yield(produced: float, fed_in: float, tariff: float) -> Yield:
    """MT-2: own use is what was produced and not fed in; every kWh is worth the tariff (CNY/kWh).

    Raises ValueError when more was fed in than produced: a meter is wired wrongly.
    """
    if fed_in > produced * 1.02:
        raise ValueError(f"fed in {fed_in:g} of {produced:g} kWh produced")
    own = max(0.0, produced - fed_in)
    return Yield(produced, fed_in, own, produced * tariff)


def _between(before: Reading, after: Reading, meter: Meter) -> Stretch | None:
    """The stretch if the second count can follow the first on one meter; else None."""
    hours = (after.at - before.at).total_seconds() / 3600.0
    amount, course = after.value - before.value, Course.COUNTED
    if amount < 0.0 and meter.end is not None:
        margin = NEAR * meter.end
        if before.value >= meter.end - margin and after.value <= margin:
            amount, course = amount + meter.end, Course.ROLLED_OVER
    if -meter.slack <= amount < 0.0:
        amount = 0.0
    if 0.0 <= amount <= meter.most * hours:
        return Stretch(before.at, after.at, amount, course)
    return None
