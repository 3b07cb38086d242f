"""How often a condition became true within a window, and when it last did."""

from collections import deque
from math import inf
from typing import Any

from rules.evaluation import Slots
from rules.kinds import MOST_COUNTED
from rules.settled import Saved, Settled, Shift

_Gaps = tuple[float, float, bool | None]
"""End of the last time without knowledge, its begin, and what was known before it."""

_Span = tuple[float | None, float, float, bool | None]
"""Earliest and latest time of the last rise (None: never), begin of the last gap, what was known before it."""


class Edges(Settled[_Gaps]):
    """Counts times at which a condition became true; two places: what was seen, and whether all was seen.

    A condition that was false before a gap and true after it rose once at least; when it may have been as
    early as the gap's begin. Keeps the last 250 rises: beyond that the count stands still and no longer
    claims to be all, so `count > 10` stays right. Cost per rise is constant, whatever the window.
    """

    def __init__(self, window: float) -> None:
        super().__init__((-inf, -inf, None))
        self._window = window
        self._rises: deque[float] = deque()
        self._dropped = -inf

    def passed(self, state: _Gaps, at: float, before: Any, after: Any) -> _Gaps:
        gap, lost, known = state
        if after is None:
            return gap, at, before
        return (at if before is None else gap, lost, known)

    def settle(self) -> None:
        rise = self._rise()
        if rise is not None:
            self._rises.append(rise)
            if len(self._rises) > MOST_COUNTED:
                self._dropped = self._rises.popleft()
        super().settle()

    def _rise(self) -> float | None:
        """When it rose in the present moment, if it did."""
        if self._value is not True or self._before is True:
            return None
        _, lost, known = self._state
        if self._before is False:
            return self._moment
        return lost if known is False else None

    def write(self, values: Slots, place: int, at: float) -> float:
        rises, window = self._rises, self._window
        while rises and rises[0] + window <= at:
            rises.popleft()
        now = self._rise()
        seen = len(rises) + (now is not None and now + window > at)
        whole_from = max(self.unknown_until(self.state[0]), self._dropped) + window
        values[place] = seen
        values[place + 1] = whole_from <= at
        oldest = rises[0] if rises else now if now is not None else inf
        return min(one for one in (oldest + window, whole_from, inf) if one > at)

    def memory(self, shift: Shift) -> Saved:
        return [super().memory(shift), shift.wall(self._dropped), [shift.wall(one) for one in self._rises]]

    def restore(self, saved: Saved, shift: Shift) -> None:
        super().restore(saved[0], shift)
        self._dropped = shift.mono(saved[1])
        self._rises = deque(shift.mono(one) for one in saved[2])

    def saved(self, state: _Gaps, shift: Shift) -> Saved:
        return [shift.wall(state[0]), shift.wall(state[1]), state[2]]

    def loaded(self, saved: Saved, shift: Shift) -> _Gaps:
        return shift.mono(saved[0]), shift.mono(saved[1]), saved[2]


class Rise(Settled[_Span]):
    """The last time a condition became true, as the earliest and the latest that it can have been; two places.

    Both None while it never did. What was true when first seen became so at some time before. Keeps three times.
    """

    def __init__(self) -> None:
        super().__init__((None, -inf, -inf, None))

    def passed(self, state: _Span, at: float, before: Any, after: Any) -> _Span:
        earliest, latest, lost, known = state
        if after is None:
            return earliest, latest, at, before
        if before is not None:
            return (at, at, lost, known) if after else state
        if known is False and after:
            return lost, at, lost, known
        if known is None:
            return (-inf, at, lost, known) if after else state
        return (earliest, at, lost, known) if earliest is not None else state

    def write(self, values: Slots, place: int, at: float) -> float:
        earliest, latest, _, _ = self.state
        values[place] = earliest
        values[place + 1] = None if earliest is None else inf if self._value is None else latest
        return inf

    def saved(self, state: _Span, shift: Shift) -> Saved:
        earliest, latest, lost, known = state
        return [earliest is not None, shift.wall(earliest or 0.0), shift.wall(latest), shift.wall(lost), known]

    def loaded(self, saved: Saved, shift: Shift) -> _Span:
        earliest = shift.mono(saved[1]) if saved[0] else None
        return earliest, shift.mono(saved[2]), shift.mono(saved[3]), saved[4]
