"""One guard tour against its plan: which round a visit belongs to, and what is missed, late, out of order or hasty."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from estate.model import EquipmentId, Value
from estate.tours import Tour

BEHIND = 3600.0
"""s after a round's last window in which a visit still counts as a late one of it."""


class Said(NamedTuple):
    """A point of an equipment has this value now."""

    equipment: EquipmentId
    point: str
    value: Value


@dataclass(slots=True)
class Round:
    """One walk. `visited` and `missed` are places in the tour's stops, `last` place and time of the newest visit."""

    start: datetime
    visited: dict[int, datetime] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    last: tuple[int, datetime] | None = None
    judged: bool = False


class TourWatch:
    """Takes visits in the order in which they become known, and the time; says what changes. Times are aware UTC.

    A round that began before `since`, when nobody was watching, is judged only if the journal knows a visit of it.
    """

    def __init__(self, tour: Tour, labels: Mapping[str, str], zone: ZoneInfo, since: datetime) -> None:
        self.tour = tour
        self._labels = labels
        self._zone = zone
        self._since = since
        self._id = EquipmentId(tour.id)
        self._tolerance = timedelta(seconds=tour.tolerance)
        self._length = timedelta(seconds=tour.length)
        self._rounds: dict[datetime, Round] = {}
        self._current: datetime | None = None
        self._state = "waiting"
        self._missing = False
        self._not_uploaded = False

    def baseline(self) -> Iterator[Said]:
        """Every point as it stands."""
        flags = {"late": False, "out_of_order": False, "too_fast": False}
        stands: dict[str, Value] = {"detail": "", **flags, "not_uploaded": self._not_uploaded, "missed": self._missing}
        for point, value in {**stands, "round": self._state}.items():
            yield Said(self._id, point, value)

    def visit(self, checkpoint: str, at: datetime) -> Iterator[Said]:
        """Somebody was at a checkpoint at `at`, which may be hours ago."""
        one = self._round_of(at)
        if one is None:
            return
        stops = self.tour.stops
        open_ones = (i for i, stop in enumerate(stops) if stop.checkpoint == checkpoint and i not in one.visited)
        place = next(open_ones, None)
        if place is None:
            return
        was_missed = place in one.missed
        before = set(one.visited)
        one.visited[place] = at
        one.missed.discard(place)
        if at > self._due(one, place) + self._tolerance:
            yield from self._pulse("late", place)
        elif self.tour.ordered and not was_missed and self._skips(one, place, before):
            yield from self._pulse("out_of_order", place)
        if one.last is not None and self._hurries(one.last, place, at):
            yield from self._pulse("too_fast", place)
        if one.last is None or at >= one.last[1]:
            one.last = place, at
        if one.start == self._current:
            yield from self._tell("round", "completed" if len(one.visited) == len(stops) else "under_way")
        if self._missing and not any(other.missed for other in self._rounds.values()):
            yield from self._miss(False)

    def uploaded(self, at: datetime) -> Iterator[Said]:
        """The reader was read out at `at`: whatever ended before it and is not in it did not happen."""
        for one in self._rounds.values():
            if not one.judged and self._close(one) <= at:
                yield from self._judge(one)
        if self._not_uploaded:
            self._not_uploaded = False
            yield Said(self._id, "not_uploaded", False)

    def look(self, now: datetime) -> Iterator[Said]:
        """What has come due by `now`."""
        yield from self._begin(now)
        for one in list(self._rounds.values()):
            if one.judged:
                continue
            if self.tour.upload == "live":
                for place in range(len(self.tour.stops)):
                    if now > self._due(one, place) + self._tolerance:
                        yield from self._missed(one, place)
                if now > self._close(one):
                    yield from self._judge(one)
            elif now > self._close(one) + timedelta(seconds=self.tour.upload_within) and not self._not_uploaded:
                self._not_uploaded = True
                yield Said(self._id, "not_uploaded", True)

    def _begin(self, now: datetime) -> Iterator[Said]:
        start = self._start_before(now)
        if start is None or start == self._current:
            return
        if start not in self._rounds and start - self._tolerance < self._since:
            return
        self._current = start
        self._rounds.setdefault(start, Round(start))
        self._rounds = {s: one for s, one in self._rounds.items() if not one.judged or s == start}
        yield from self._tell("round", "under_way" if self._rounds[start].visited else "waiting")
        if self._missing:
            yield from self._miss(False)

    def _judge(self, one: Round) -> Iterator[Said]:
        one.judged = True
        for place in range(len(self.tour.stops)):
            yield from self._missed(one, place)
        if one.start == self._current and len(one.visited) < len(self.tour.stops):
            yield from self._tell("round", "incomplete")

    def _missed(self, one: Round, place: int) -> Iterator[Said]:
        if place in one.visited or place in one.missed:
            return
        one.missed.add(place)
        if self._missing:  # one after the other: each checkpoint is an occurrence of its own
            yield from self._miss(False)
        yield Said(self._id, "detail", self._label(place))
        yield from self._miss(True)

    def _miss(self, missing: bool) -> Iterator[Said]:
        self._missing = missing
        yield Said(self._id, "missed", missing)

    def _pulse(self, point: str, place: int) -> Iterator[Said]:
        yield Said(self._id, "detail", self._label(place))
        yield Said(self._id, point, True)
        yield Said(self._id, point, False)

    def _tell(self, point: str, state: str) -> Iterator[Said]:
        if state != self._state:
            self._state = state
            yield Said(self._id, point, state)

    def _skips(self, one: Round, place: int, before: set[int]) -> bool:
        left_out = any(i not in before and i not in one.missed for i in range(place))
        return left_out or any(i > place for i in before)

    def _hurries(self, last: tuple[int, datetime], place: int, at: datetime) -> bool:
        planned = abs(self.tour.stops[place].after - self.tour.stops[last[0]].after)
        return timedelta(0) <= at - last[1] < timedelta(seconds=self.tour.hasty * planned)

    def _label(self, place: int) -> str:
        checkpoint = self.tour.stops[place].checkpoint
        return self._labels.get(checkpoint, checkpoint)

    def _due(self, one: Round, place: int) -> datetime:
        return one.start + timedelta(seconds=self.tour.stops[place].after)

    def _close(self, one: Round) -> datetime:
        return one.start + self._length + self._tolerance

    def _round_of(self, at: datetime) -> Round | None:
        start = self._start_before(at)
        if start is None or at > start + self._length + self._tolerance + timedelta(seconds=BEHIND):
            return None
        if start not in self._rounds:
            if start - self._tolerance < self._since <= at:
                return None
            self._rounds[start] = Round(start)
        return self._rounds[start]

    def _start_before(self, at: datetime) -> datetime | None:
        """The latest start whose first window has opened by `at`, of today or yesterday."""
        today = at.astimezone(self._zone).date()
        found = []
        for days in (-1, 0, 1):
            day = today + timedelta(days=days)
            for seconds in self.tour.begins:
                clock = time(seconds // 3600, seconds // 60 % 60, seconds % 60)
                start = datetime.combine(day, clock, self._zone).astimezone(UTC)
                if start - self._tolerance <= at:
                    found.append(start)
        return max(found, default=None)
