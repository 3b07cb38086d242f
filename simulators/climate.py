"""The air and the rain over the whole estate: one seeded course of the day that pits, rooms and boilers share."""

from collections.abc import Callable
from math import cos, pi
from random import Random

DRY = 8 * 3600.0
"""Mean time between showers, s."""
SHOWER = 40 * 60.0
"""Mean length of a shower, s."""
HEAVIEST = 10.0
"""mm/h; a usual day has no more, 50 and 100 are cloudbursts (reference/devices.md C2)."""
MEAN, SWING = 20.0, 6.0
"""Outdoor temperature, °C: mean of the day, and how far the afternoon lies above it."""


def dry_sky(now: float) -> float:
    """Where no rain falls, mm/h."""
    return 0.0


class Climate:
    """`rain(now)` in mm/h and `outdoor(now)` in °C at a simulated second. Time never goes back."""

    def __init__(self, random: Random, hour_of: Callable[[float], float]) -> None:
        self._random = random
        self._hour_of = hour_of
        self._begins = random.expovariate(1.0 / DRY)
        self._ends = self._begins
        self._intensity = 0.0

    def rain(self, now: float) -> float:
        while now >= self._ends:
            if now < self._begins:
                return 0.0
            if self._intensity:
                self._begins = self._ends + self._random.expovariate(1.0 / DRY)
                self._ends, self._intensity = self._begins, 0.0
                continue
            self._ends = self._begins + self._random.expovariate(1.0 / SHOWER)
            self._intensity = min(0.5 + self._random.expovariate(1.0 / 3.0), HEAVIEST)
        return self._intensity if now >= self._begins else 0.0

    def outdoor(self, now: float) -> float:
        """Coldest at four, warmest at sixteen o'clock."""
        return MEAN - SWING * cos(2.0 * pi * (self._hour_of(now) - 4.0) / 24.0)
