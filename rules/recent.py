"""Whether something was so at any time within a window: what `held`, `within`, `changed` and k-of-n rest on."""

from math import inf
from typing import Any

from rules.evaluation import Slots
from rules.settled import Saved, Settled, Shift

_Times = tuple[float, float]
"""End of the last time it was true, end of the last time nobody knew."""

_Values = tuple[float, float, float, Any]
"""Last change, end of the last time without a value, its begin, and the value before it."""


def _answer(last: float, gap: float, window: float, at: float) -> tuple[bool | None, float]:
    """True when `last` is within the window, unknown when a gap is, and when that changes by itself."""
    if last + window > at:
        return True, last + window
    if gap + window > at:
        return None, gap + window
    return False, inf


class Recent(Settled[_Times]):
    """True while a condition is, and for `window` seconds after: it was true within the window.

    False needs the whole window seen. Keeps two times, however long the window.
    """

    def __init__(self, window: float) -> None:
        super().__init__((-inf, -inf))
        self._window = window

    def passed(self, state: _Times, at: float, before: Any, after: Any) -> _Times:
        last, gap = state
        return (at if before is True else last, at if before is None else gap)

    def write(self, values: Slots, place: int, at: float) -> float:
        """Put the answer in its place; returns when it will be another although nothing changes."""
        last, gap = self.state
        if self._value is True:
            values[place] = True
            return inf
        values[place], look = _answer(last, self.unknown_until(gap), self._window, at)
        return look

    def saved(self, state: _Times, shift: Shift) -> Saved:
        return [shift.wall(one) for one in state]

    def loaded(self, saved: Saved, shift: Shift) -> _Times:
        return shift.mono(saved[0]), shift.mono(saved[1])


class Change(Settled[_Values]):
    """True for `window` seconds after a point had another value than before. Keeps three times and a value.

    A value that is another one after a gap changed when the gap began at the earliest, so that counts.
    """

    def __init__(self, window: float) -> None:
        super().__init__((-inf, -inf, -inf, None))
        self._window = window

    def passed(self, state: _Values, at: float, before: Any, after: Any) -> _Values:
        last, gap, lost, known = state
        if after is None:
            return last, gap, at, before
        if before is not None:
            return at, gap, lost, known
        return (lost if known is not None and known != after else last, at, lost, known)

    def write(self, values: Slots, place: int, at: float) -> float:
        last, gap, _, _ = self.state
        values[place], look = _answer(last, self.unknown_until(gap), self._window, at)
        return look

    def saved(self, state: _Values, shift: Shift) -> Saved:
        return [*(shift.wall(one) for one in state[:3]), state[3]]

    def loaded(self, saved: Saved, shift: Shift) -> _Values:
        return shift.mono(saved[0]), shift.mono(saved[1]), shift.mono(saved[2]), saved[3]
