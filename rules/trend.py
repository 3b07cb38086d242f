"""The slope of one point over a sliding window, from a bounded number of changes."""

from collections import deque
from dataclasses import dataclass
from math import inf

from rules.evaluation import Slots
from rules.settled import Saved, Shift

KEPT = 120  # changes per window; closer ones are folded into one, so a fast point costs no more memory


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

    def write(self, values: Slots, place: int, at: float) -> float:
        """Put the slope in its place; returns when it will be another although nothing changes."""
        values[place] = self.rate(at)
        again = self.look_again(at)
        return inf if again is None else again

    def look_again(self, at: float) -> float | None:
        """When the slope will be another although nothing changes; None when it stays as it is at `at`."""
        if not self._changes:
            return None
        known_from = self._known_from()
        if at < known_from:
            return known_from
        return at + self._window / 10 if len(self._changes) > 1 else None

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


def _advance(change: _Change, time: float) -> tuple[float, float]:
    """The sums at `time`, when nothing changes after `change`."""
    span = time - change.at
    return (
        change.area + change.value * span,
        change.moment + change.value * span * (time + change.at) / 2,
    )
