"""A car park that fills and empties."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

SPACES = 300


class CarPark(Plant):
    kind = "car_park"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "charger_broken": "chargers at fault; n (1)",
        "count_lost": "the counter has lost count: below zero",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"fill": "so many spaces are taken; n"}

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        super().__init__(name, random, pace=pace)
        self.points.update(occupied=random.randrange(SPACES // 3, SPACES // 2), charging_faults=0)
        if pace > 0:
            self.later(self.pause(), self._car)

    def begin(self, fault: str, details: Details) -> None:
        if fault == "charger_broken":
            self.points["charging_faults"] = int(number(details, "n", 1.0))
        else:
            self._count(-12)

    def end(self, fault: str) -> None:
        if fault == "charger_broken":
            self.points["charging_faults"] = 0
        else:
            self._count(SPACES // 3)

    def perform(self, act: str, details: Details) -> None:
        self._count(int(number(details, "n", SPACES)))

    def _count(self, occupied: int) -> None:
        self.points["occupied"] = occupied
        self.happen("parking.count", occupied=occupied)

    def _car(self) -> None:
        occupied = self.points["occupied"]
        if isinstance(occupied, int) and "count_lost" not in self.faults:
            self._count(min(max(occupied + self.random.choice((-1, 1)), 20), SPACES - 40))
        self.later(self.pause(), self._car)
