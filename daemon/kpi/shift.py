"""The shifts of a control room: a period cut at the hours at which operators change."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

ALL_DAY = "00:00-24:00"


@dataclass(frozen=True, slots=True)
class Shift:
    """One turn of duty: from `start` (included) to `end` (excluded), aware UTC; `name` as in "08:00-20:00"."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Shifts:
    """The times of day, in the site's zone, at which the shift changes. None at all: one shift a day and night."""

    changes: tuple[time, ...]
    zone: tzinfo

    @classmethod
    def parse(cls, text: str, zone: tzinfo) -> "Shifts":
        """`08:00,20:00`; empty for no shifts. Raises ValueError for anything else."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        changes = tuple(sorted({time.fromisoformat(word) for word in words}))
        if any(change.tzinfo is not None for change in changes):
            raise ValueError(f"a shift changes at a time of day, not {text!r}")
        return cls(changes, zone)

    @property
    def names(self) -> list[str]:
        if not self.changes:
            return [ALL_DAY]
        ends = (*self.changes[1:], self.changes[0])
        return [f"{one:%H:%M}-{other:%H:%M}" for one, other in zip(self.changes, ends, strict=True)]

    def of(self, start: datetime, end: datetime) -> list[Shift]:
        """The period in its shifts, the first and the last cut off where it begins and ends.

        Hours are the wall clock's: where the zone has summer time, two nights a year are an hour longer or shorter.
        """
        if not self.changes:
            return [Shift(ALL_DAY, start, end)]
        bounds = [(at, name) for at, name in self._changes(start, end) if at < end]
        cut = [max(at, start) for at, _ in bounds] + [end]
        return [
            Shift(name, one, other) for (_, name), one, other in zip(bounds, cut, cut[1:], strict=False) if one < other
        ]

    def _changes(self, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
        day: date = start.astimezone(self.zone).date() - timedelta(days=1)
        last = end.astimezone(self.zone).date()
        found = []
        while day <= last:
            for change, name in zip(self.changes, self.names, strict=True):
                found.append((datetime.combine(day, change, self.zone).astimezone(UTC), name))
            day += timedelta(days=1)
        before = max((index for index, (at, _) in enumerate(found) if at <= start), default=0)
        return found[before:]


class Rota:
    """Finds the shift of a moment. Times in µs since 1970."""

    def __init__(self, shifts: Sequence[tuple[str, int, int]]) -> None:
        self.shifts = shifts
        self._starts = [start for _, start, _ in shifts]

    def at(self, moment: int) -> int:
        """The index of the shift in which `moment` lies; of the first for what came before, of the last for after."""
        return max(0, bisect_right(self._starts, moment) - 1)

    def overlaps(self, start: int, end: int) -> list[tuple[str, int]]:
        """(name, µs) of every shift that has a part of start..end."""
        if end <= start:
            return []
        found = []
        for name, begin, finish in self.shifts[self.at(start) :]:
            if begin >= end:
                break
            common = min(end, finish) - max(start, begin)
            if common > 0:
                found.append((name, common))
        return found
