"""The street's mains, and the incoming supply that shows it: three voltages, a frequency and their ways to fail."""

from collections.abc import Mapping
from math import pi, sin
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.plant import Plant

NOMINAL = 230.0
LOST, PRESENT = 0.7 * NOMINAL, 0.85 * NOMINAL
"""V: below the first a phase is gone, above the second it is there (reference/devices.md D.4 P1)."""
LONGEST_DAY = 60_000.0


def daylight(hour: float) -> float:
    """Light of a clear day at this hour, lx; the sun is up from 6 to 18."""
    return LONGEST_DAY * max(sin((hour - 6.0) / 12.0 * pi), 0.0) if 6.0 < hour < 18.0 else 0.3


class Paced(Plant):
    """A plant that takes new readings `every` s of its time, however finely the world is cut."""

    every: ClassVar[float] = 0.5

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self._waited = 0.0

    def flow(self, dt: float) -> None:
        self.work(dt)
        self._waited += dt
        if self._waited >= self.every:
            self.measure(self._waited)
            self._waited = 0.0

    def settle(self) -> None:
        super().settle()
        self.measure(0.0)

    def work(self, dt: float) -> None:
        """What moves with every step."""

    def measure(self, dt: float) -> None:
        """Bring the points up to date; dt s since the last time."""


class Supply(Paced):
    """The incoming mains of the estate. Its faults are those of the street."""

    kind = "supply"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "mains_fail": "no voltage",
        "mains_dip": "a sag to half the voltage",
        "phase_loss": "one phase gone; n (1)",
        "phase_reversal": "two phases exchanged",
        "undervoltage": "all phases low; level V (200)",
        "overvoltage": "all phases high; level V (260)",
        "frequency_low": "the grid is overloaded; level Hz (48.5)",
        "readings_frozen": "the meter shows old values",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.voltages = (NOMINAL, NOMINAL, NOMINAL)
        self.frequency = 50.0
        self.measure(0.0)

    @property
    def live(self) -> bool:
        """Whether a transfer switch takes it: all three phases there, in the right order."""
        return min(self.voltages) > PRESENT and "phase_reversal" not in self.faults

    @property
    def dead(self) -> bool:
        return max(self.voltages) < LOST

    def work(self, dt: float) -> None:
        self._sense()

    def begin(self, fault: str, details: Details) -> None:
        self._sense()

    def measure(self, dt: float) -> None:
        self._sense()
        if "readings_frozen" in self.faults:
            return
        self.points.update(
            available=self.live,
            voltage_l1=self.voltages[0],
            voltage_l2=self.voltages[1],
            voltage_l3=self.voltages[2],
            frequency=0.0 if self.dead else self.frequency,
            rotation="unknown" if self.dead else "reversed" if "phase_reversal" in self.faults else "normal",
        )

    def _sense(self) -> None:
        level, noise = NOMINAL, self.random.gauss
        for fault, usual in (("undervoltage", 200.0), ("overvoltage", 260.0)):
            if fault in self.faults:
                level = self.detail(fault, "level", usual)
        if "mains_dip" in self.faults:
            level = 0.5 * NOMINAL
        if "mains_fail" in self.faults:
            level = 0.0
        phases = [max(0.0, level + noise(0.0, 0.6)) if level else 0.0 for _ in range(3)]
        if "phase_loss" in self.faults:
            phases[int(self.detail("phase_loss", "n", 1)) % 3 - 1] = 12.0
        self.voltages = (phases[0], phases[1], phases[2])
        low = self.detail("frequency_low", "level", 48.5) if "frequency_low" in self.faults else 50.0
        self.frequency = low + noise(0.0, 0.015)
