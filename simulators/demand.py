"""Water drawn by flats: taps, toilets and showers at random, more in the morning and the evening."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import exp
from random import Random

DRAWS = ((0.50, 0.10, 30.0), (0.35, 0.15, 40.0), (0.15, 0.15, 360.0))
"""Share, l/s, s: tap, toilet, shower (mean 11.7 l)."""
MEAN_DRAW = sum(share * rate * length for share, rate, length in DRAWS)


def usual(hour: float) -> float:
    """Mean demand of 200 flats in l/s over the day (about 400 l per flat and day)."""
    if hour < 6.0:
        return 0.1
    if 7.0 <= hour < 9.0:
        return 4.0
    if 18.0 <= hour < 21.0:
        return 3.0
    return 0.45


class Demand:
    """What so many flats draw, in l/s, at the hour given by `hour_of`."""

    def __init__(self, random: Random, flats: int, hour_of: Callable[[float], float]) -> None:
        self._random = random
        self._flats = flats
        self._hour_of = hour_of
        self._open: list[tuple[float, float]] = []
        self.rate = 0.0

    def at(self, now: float, dt: float) -> float:
        """The flow at simulated second `now`, after draws that began during the last dt seconds."""
        while self._open and self._open[0][0] <= now:
            self.rate -= heappop(self._open)[1]
        mean = usual(self._hour_of(now)) * self._flats / 200.0
        for _ in range(self._arrivals(mean / MEAN_DRAW * dt)):
            self._begin(now)
        return max(self.rate, 0.0)

    def _arrivals(self, expected: float) -> int:
        """Poisson (Knuth, TAOCP vol. 2, 3.4.1)."""
        limit, product, arrivals = exp(-expected), self._random.random(), 0
        while product > limit:
            arrivals += 1
            product *= self._random.random()
        return arrivals

    def _begin(self, now: float) -> None:
        shares = [share for share, _, _ in DRAWS]
        _, rate, length = self._random.choices(DRAWS, shares)[0]
        self.rate += rate
        heappush(self._open, (now + length, rate))
