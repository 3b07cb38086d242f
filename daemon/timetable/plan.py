"""What a timetable wants at a moment, and when that changes next. Pure: local times, weekdays, dates and the sun.

Summer time: a period keeps its wall-clock times. A time that the clocks skip is taken as if they had not been
put forward yet (02:30 becomes 03:30), one that comes twice is its first coming.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from daemon.timetable.sun import daylight
from estate.timetable import Location, Period, Timetable

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD = 400
"""Days to look for the next change: a festival may be most of a year away."""

Span = tuple[datetime, datetime]
"""On from the first to the second, UTC."""


class Plan:
    """One timetable at one place."""

    def __init__(self, table: Timetable, zone: ZoneInfo, location: Location | None) -> None:
        self.table = table
        self._zone = zone
        self._location = location

    def wants_on(self, at: datetime) -> bool:
        """Whether `at` (aware) lies in one of its periods."""
        today = at.astimezone(self._zone).date()
        return any(start <= at < end for start, end in self._spans(today - timedelta(days=2), 5))

    def next_change(self, at: datetime) -> datetime:
        """The first moment after `at` when `wants_on` becomes another; `datetime.max` (UTC) when it never does."""
        today = at.astimezone(self._zone).date()
        before = self.wants_on(at)
        for offset in range(0, AHEAD, 4):
            spans = self._spans(today + timedelta(days=offset - 2), 8)
            # Later edges are for the next round, which sees what begins beside them.
            seen = at + timedelta(days=offset + 4)
            for edge in sorted({edge for span in spans for edge in span}):
                if at < edge <= seen and any(start <= edge < end for start, end in spans) is not before:
                    return edge
        return datetime.max.replace(tzinfo=UTC)

    def _spans(self, first: date, days: int) -> Sequence[Span]:
        return [
            span
            for offset in range(days)
            for period in self.table.periods
            for span in self._span(period, first + timedelta(days=offset))
        ]

    def _span(self, period: Period, day: date) -> Iterator[Span]:
        if WEEKDAYS[day.weekday()] not in period.days:
            return
        if (period.first is not None and day.isoformat() < period.first) or (
            period.last is not None and day.isoformat() > period.last
        ):
            return
        try:
            start, end = self._moment(period.start, day), self._moment(period.end, day)
            if end <= start:
                end = self._moment(period.end, day + timedelta(days=1))
        except ValueError:
            return  # the sun does not rise or set there today
        yield start, end

    def _moment(self, text: str, day: date) -> datetime:
        if text.startswith("sun"):
            assert self._location is not None, "the assembly refuses sun times without a location"
            light = daylight(day, self._location.latitude, self._location.longitude)
            word, offset = (text[:7], text[7:]) if text.startswith("sunrise") else (text[:6], text[6:])
            minutes = int(offset.rstrip("m")) if offset else 0
            moment = light.sunrise if word == "sunrise" else light.sunset
            return (moment + timedelta(minutes=minutes)).replace(microsecond=0)
        if text == "24:00":
            day, text = day + timedelta(days=1), "00:00"
        return datetime.combine(day, time.fromisoformat(text), self._zone).astimezone(UTC)


class Dark:
    """Measured light with hysteresis. `is_dark` is None until a measurement has decided."""

    def __init__(self, on_below: float, off_above: float, hold: float) -> None:
        self._on_below = on_below
        self._off_above = off_above
        self._hold = hold
        self._since: float | None = None
        self.is_dark: bool | None = None

    def measured(self, light: float | None, now: float) -> bool | None:
        """`light` None: no good measurement; `now` monotonic s. Returns `is_dark`: a sensor that is gone means dark."""
        wanted = self.is_dark
        if light is None or light < self._on_below:
            wanted = True
        elif light > self._off_above:
            wanted = False
        if wanted is self.is_dark:
            self._since = None
        elif self._since is None and self._hold:
            self._since = now
        elif self._since is None or now - self._since >= self._hold:
            self.is_dark, self._since = wanted, None
        return self.is_dark
