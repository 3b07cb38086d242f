"""Motorised valves with two limit switches each: the isolating valves of a pair of tanks."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.plant import Plant

TRAVEL = 1.5
"""Seconds from one limit switch to the other; real ones take 15 to 60."""


class TankGroup(Plant):
    kind = "tank_group"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "valve_1_stuck": "valve 1 stays where it is",
        "valve_2_stuck": "valve 2 stays where it is",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self._opening = {1: 1.0, 2: 1.0}
        self.points.update(valve_1=True, valve_2=True)
        self._show()

    def write(self, point: str, value: Value) -> None:
        if point not in ("valve_1", "valve_2"):
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.points[point] = bool(value)

    def drop(self, point: str) -> None:
        """A motor valve stays where it is."""

    def flow(self, dt: float) -> None:
        for valve, opening in self._opening.items():
            if f"valve_{valve}_stuck" not in self.faults:
                step = dt / TRAVEL if self.points[f"valve_{valve}"] else -dt / TRAVEL
                self._opening[valve] = min(max(opening + step, 0.0), 1.0)
        self._show()

    def _show(self) -> None:
        for valve, opening in self._opening.items():
            self.points[f"valve_{valve}_opened"] = opening >= 1.0
            self.points[f"valve_{valve}_closed"] = opening <= 0.0
