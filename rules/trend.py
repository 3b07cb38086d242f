"""The slope of one point over a sliding window, from a bounded number of changes."""

from collections import deque
from dataclasses import dataclass
from math import copysign, inf, sqrt

from rules.settled import Saved, Shift

KEPT = 120  # changes per window; closer ones are folded into one, so a fast point costs no more memory
PIECES = 8  # departures of old changes that are looked ahead for a crossing; a point with more has news before them
NEAREST = 1e-5  # of the window: two looks are never closer
AFTER = 1e-6  # s after a crossing, so that no clock's last digit (0.2 µs in seconds since 1970) hides it


@dataclass(slots=True)
class _Change:
    """A value that holds from `at` until the next change, and what had been summed up to `at`."""

    at: float
    value: float
    area: float = 0.0  # integral of value over time since the trend's origin
    moment: float = 0.0  # integral of value * time


class Trend:
    """Least-squares slope per second of a value that holds between its changes.

    Only changes arrive, so no news means the same value, not no value: the line is fitted to the
    staircase, not to its corners. Cost does not depend on the window: sums run along with the
    changes and are subtracted at its edge. Unknown until good values cover half the window;
    `interrupt` (a value that is not good) starts over, because nobody knows what happened meanwhile.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._spacing = window / KEPT
        self._changes: deque[_Change] = deque()
        self._origin = 0.0

    @property
    def kept(self) -> int:
        """How many changes are remembered."""
        return len(self._changes)

    def interrupt(self) -> None:
        self._changes.clear()

    def add(self, at: float, value: float) -> None:
        """`at` in monotonic seconds, never before the one given last."""
        changes = self._changes
        if not changes:
            self._origin = at
            changes.append(_Change(0.0, value))
            return
        last = changes[-1]
        time = at - self._origin
        if value == last.value:
            return
        if time - last.at < self._spacing:
            last.value = value
            return
        if time - last.at > self._window:
            before = last.value
            changes.clear()
            self._origin = at - self._window
            changes.append(_Change(0.0, before))
            last, time = changes[0], self._window
        changes.append(_Change(time, value, *_advance(last, time)))
        self._forget(time - self._window)
        if changes[0].at > 100 * self._window:
            self._rebase()

    def rate(self, at: float) -> float | None:
        """Slope at `at` (monotonic s, not before the last change); None while unknown."""
        changes = self._changes
        if not changes or at < self._known_from():
            return None
        end = at - self._origin
        self._forget(end - self._window)
        if len(changes) == 1:
            return 0.0
        first = changes[0]
        start = max(end - self._window, first.at)
        area_end, moment_end = _advance(changes[-1], end)
        area_start, moment_start = _advance(first, start)
        middle = (start + end) / 2
        return 12.0 * ((moment_end - moment_start) - middle * (area_end - area_start)) / (end - start) ** 3

    def look_again(self, at: float) -> float:
        """When to look at the slope itself although nothing changes; infinite when it stays as it is at `at`."""
        if not self._changes:
            return inf
        known_from = self._known_from()
        if at < known_from:
            return known_from
        return at + self._window / 10 if len(self._changes) > 1 else inf

    def crosses(self, limit: float, at: float) -> float:
        """Until when the slope stays on its side of `limit` if nothing changes, asked after `rate` at `at`.

        Exact once the window is full; it may turn out not to have crossed when it was about to only.
        """
        changes, window = self._changes, self._window
        end = at - self._origin
        if len(changes) < 2 or changes[0].at > end - window:
            return self.look_again(at)
        first, last = changes[0], changes[-1]
        area_start, moment_start = _advance(first, end - window)
        area_end, moment_end = _advance(last, end)
        area = area_end - area_start
        height = (moment_end - moment_start) - (end - window / 2) * area - limit * window**3 / 12
        # Below this two heights are the same number: the sums have lost their last digits.
        slack = 1e-11 * window * (window * (abs(first.value) + abs(last.value)) + abs(area))
        if abs(height) > slack:
            targets: tuple[float, ...] = (copysign(slack, -height),)
        else:
            targets = (-2 * slack, 2 * slack)
        passed = 0.0
        for place in range(1, min(len(changes), PIECES + 1)):
            span = changes[place].at + window - end - passed
            leaving = changes[place - 1].value
            slope, bend = (last.value + leaving) * window / 2 - area, (leaving - last.value) / 2
            crossing = min(_reaches(height - target, slope, bend, span) for target in targets)
            if crossing <= span:
                return at + max(passed + crossing + AFTER, window * NEAREST)
            before = height
            height += span * (slope + span * bend)
            area += span * (last.value - leaving)
            passed += span
            if any((before < target) is not (height < target) for target in targets):
                break  # it was reached at the very end of the piece, where rounding hid it
        return at + max(passed + AFTER, window * NEAREST)

    def memory(self, shift: Shift) -> Saved:
        """The changes as pairs of a time in UTC seconds and a value."""
        return [[shift.wall(self._origin + one.at), one.value] for one in self._changes]

    def restore(self, saved: Saved, shift: Shift) -> None:
        """Go on with remembered changes; a value lasts until the next one is added."""
        self.interrupt()
        for at, value in saved:
            time = shift.mono(at)
            if not self._changes:
                self._origin = time
                self._changes.append(_Change(0.0, value))
            else:
                last = self._changes[-1]
                self._changes.append(_Change(time - self._origin, value, *_advance(last, time - self._origin)))

    def _known_from(self) -> float:
        return self._origin + self._changes[0].at + self._window / 2

    def _forget(self, before: float) -> None:
        """Drop changes whose value no longer reaches into the window."""
        changes = self._changes
        while len(changes) > 1 and changes[1].at <= before:
            changes.popleft()

    def _rebase(self) -> None:
        """Move the origin, so that sums do not grow until they lose their last digits."""
        first = self._changes[0]
        shift = first.at
        self._origin += shift
        first.at = first.area = first.moment = 0.0
        before = first
        for change in self._changes:
            if change is not first:
                change.at -= shift
                change.area, change.moment = _advance(before, change.at)
                before = change


def _reaches(height: float, slope: float, bend: float, span: float) -> float:
    """The first time after 0, up to `span`, at which height + slope t + bend t² is 0; infinite when there is none."""
    if not bend:
        times: tuple[float, ...] = (-height / slope,) if slope else ()
    else:
        inner = slope * slope - 4 * bend * height
        if inner < 0:
            return inf
        sum_ = -(slope + copysign(sqrt(inner), slope)) / 2
        times = (sum_ / bend, height / sum_) if sum_ else (0.0,)
    return min((time for time in times if 0 <= time <= span), default=inf)


def _advance(change: _Change, time: float) -> tuple[float, float]:
    """The sums at `time`, when nothing changes after `change`."""
    span = time - change.at
    return (
        change.area + change.value * span,
        change.moment + change.value * span * (time + change.at) / 2,
    )
