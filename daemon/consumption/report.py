"""What the meters of a site counted in a time: each by itself, main against the rest, and photovoltaics in money."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isclose

from daemon.consumption.book import Total
from daemon.consumption.meters import Counter, Meters
from daemon.consumption.totals import Days, Source, together, totals
from daemon.metering import balance, change, pv_yield
from estate.installation import Equipment

LEAST_COVERAGE = 0.9
"""Share of a time that has to be known before two meters are compared over it."""


class By(StrEnum):
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """`start` is its first day. `change` against the period before as a share of that; None where nothing is to be
    compared: one of the two is not known, or not to the same part."""

    start: date
    total: Total
    change: float | None


@dataclass(frozen=True, slots=True)
class Branch:
    item: Equipment
    unit: str
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class BalancedPeriod:
    """`missing` is the share of the main meter that none behind it counted; `plausible` is None, and nothing is said,
    where less than `LEAST_COVERAGE` of one of the meters is known."""

    start: date
    main: float | None
    subs: float | None
    missing: float | None
    plausible: bool | None
    coverage: float


@dataclass(frozen=True, slots=True)
class Balanced:
    item: Equipment
    unit: str
    periods: tuple[BalancedPeriod, ...]


@dataclass(frozen=True, slots=True)
class YieldPeriod:
    """kWh and CNY. `own_use` is None where nobody counts what is fed in, or more was fed in than produced."""

    start: date
    produced: float | None
    fed_in: float | None
    own_use: float | None
    worth: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class Photovoltaics:
    item: Equipment
    tariff: float
    periods: tuple[YieldPeriod, ...]


@dataclass(frozen=True, slots=True)
class Report:
    by: By
    first: date
    last: date
    until: datetime
    branches: tuple[Branch, ...]
    balances: tuple[Balanced, ...]
    photovoltaics: tuple[Photovoltaics, ...]


async def build(source: Source, meters: Meters, by: By, first: date, last: date, now: datetime) -> Report:
    """From the day `first` to the day `last`, both included; of months the whole of both. Raises TransportError."""
    if by is By.MONTH:
        first, last = first.replace(day=1), _next(by, last.replace(day=1)) - timedelta(days=1)
    last = min(last, now.astimezone(source.zone).date())
    before = _before(by, first)
    days = await totals(source, meters.counters, before, last, now)
    starts = _starts(by, before, last)

    def of(counter: Counter) -> dict[date, Total]:
        return _periods(by, days[counter.point], starts)

    return Report(
        by,
        first,
        last,
        now,
        tuple(Branch(one.item, one.counter.unit, _compared(of(one.counter), first)) for one in meters.branches),
        tuple(
            Balanced(one.item, one.main.unit, tuple(_balanced(of(one.main), [of(sub) for sub in one.subs], first)))
            for one in meters.balances
        ),
        tuple(
            Photovoltaics(
                one.item,
                one.tariff,
                tuple(_yields(of(one.produced), of(one.fed_in) if one.fed_in else None, one.tariff, first)),
            )
            for one in meters.photovoltaics
        ),
    )


def _periods(by: By, days: Days, starts: Sequence[date]) -> dict[date, Total]:
    found = {}
    for start in starts:
        end = _next(by, start)
        found[start] = together(one for day, one in days.items() if start <= day < end)
    return found


def _compared(periods: Mapping[date, Total], first: date) -> tuple[Period, ...]:
    found = []
    last: Total | None = None
    for start, one in periods.items():
        if start >= first:
            found.append(Period(start, one, None if last is None else _change(one, last)))
        last = one
    return tuple(found)


def _change(now: Total, before: Total) -> float | None:
    if now.amount is None or before.amount is None:
        return None
    alike = isclose(now.coverage, before.coverage, abs_tol=1 - LEAST_COVERAGE)
    return change(now.amount, before.amount) if alike else None


def _balanced(
    main: Mapping[date, Total], subs: Sequence[Mapping[date, Total]], first: date
) -> Iterable[BalancedPeriod]:
    for start, whole in main.items():
        if start < first:
            continue
        parts = [one[start] for one in subs]
        coverage = min(one.coverage for one in (whole, *parts))
        amounts = [one.amount for one in parts if one.amount is not None]
        if whole.amount is None or len(amounts) < len(parts):
            yield BalancedPeriod(start, whole.amount, sum(amounts) if amounts else None, None, None, coverage)
            continue
        found = balance(whole.amount, amounts)
        enough = coverage >= LEAST_COVERAGE
        yield BalancedPeriod(
            start, found.main, found.subs, found.missing, found.plausible if enough else None, coverage
        )


def _yields(
    produced: Mapping[date, Total], fed_in: Mapping[date, Total] | None, tariff: float, first: date
) -> Iterable[YieldPeriod]:
    for start, one in produced.items():
        if start < first:
            continue
        back = fed_in[start] if fed_in is not None else None
        coverage = one.coverage if back is None else min(one.coverage, back.coverage)
        fed = None if back is None else back.amount
        own = None
        if one.amount is not None and fed is not None:
            try:
                own = pv_yield(one.amount, fed, tariff).own_use
            except ValueError:  # a meter that is wired wrongly: what is own use nobody can say
                own = None
        worth = None if one.amount is None else one.amount * tariff
        yield YieldPeriod(start, one.amount, fed, own, worth, coverage)


def _starts(by: By, first: date, last: date) -> list[date]:
    found = []
    while first <= last:
        found.append(first)
        first = _next(by, first)
    return found


def _next(by: By, start: date) -> date:
    return start + timedelta(days=1) if by is By.DAY else (start.replace(day=28) + timedelta(days=4)).replace(day=1)


def _before(by: By, start: date) -> date:
    return start - timedelta(days=1) if by is By.DAY else (start - timedelta(days=1)).replace(day=1)
