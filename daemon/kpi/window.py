"""Ten minutes that slide along: how many annunciations at most, and the floods among them.

A flood starts when more than 10 come within 10 minutes and ends when fewer than 5 do (ISA-18.2-2016, EEMUA 191).
"""

from collections import deque
from collections.abc import Callable

TEN_MINUTES = 600_000_000  # µs
FLOOD_ABOVE = 10
FLOOD_UNTIL = 5


class SlidingWindow:
    """The annunciations of one position in the last ten minutes: at t those with t - 10 min < time <= t. Times in µs.

    `peak(at, count)` hears every new count, `flood(start, end)` every flood once it is over. Memory is bounded
    by the annunciations of ten minutes.
    """

    def __init__(self, peak: Callable[[int, int], None], flood: Callable[[int, int], None]) -> None:
        self._peak = peak
        self._flood = flood
        self._times: deque[int] = deque()
        self._now = -1
        self._began: int | None = None

    def add(self, at: int) -> None:
        """`at` never before the one given last."""
        if at > self._now:
            self._advance(at)
        self._times.append(at)
        count = len(self._times)
        self._peak(at, count)
        if self._began is None and count > FLOOD_ABOVE:
            self._began = at

    def finish(self, at: int) -> None:
        """The end of the period: a flood that lasts is cut there."""
        self._advance(at)
        if self._began is not None:
            self._flood(self._began, at)
            self._began = None

    def _advance(self, to: int) -> None:
        """What leaves the window at the very moment another comes in does not end a flood: both are looked at once."""
        times = self._times
        self._settle(self._now)
        while times and times[0] + TEN_MINUTES < to:
            leaves = times.popleft() + TEN_MINUTES
            while times and times[0] + TEN_MINUTES == leaves:
                times.popleft()
            self._settle(leaves)
        while times and times[0] + TEN_MINUTES == to:
            times.popleft()
        self._now = to

    def _settle(self, at: int) -> None:
        if self._began is not None and len(self._times) < FLOOD_UNTIL:
            self._flood(self._began, at)
            self._began = None


class FixedWindows:
    """Ten-minute windows side by side from the start of each shift; how many held more than ten."""

    def __init__(self, over: Callable[[int], None]) -> None:
        self._over = over
        self._window = (-1, -1)
        self._count = 0

    def add(self, shift: int, since_start: int) -> None:
        """An annunciation in the shift with this index, so many µs after its start. In order of time."""
        window = (shift, since_start // TEN_MINUTES)
        self._count = self._count + 1 if window == self._window else 1
        self._window = window
        if self._count == FLOOD_ABOVE + 1:
            self._over(shift)
