"""A motorised valve with two limit switches, or a hand valve with supervisory ones."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details
from simulators.plant import Plant

TRAVEL = 4.0
"""Seconds from one limit switch to the other (reference/devices.md C3: 2-5 s)."""


class MotorValve(Plant):
    kind = "valve"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "valve_stuck": "stays where it is",
        "left_shut": "someone shut it by hand",
        "half_open": "stands half-way",
        "limits_wrong": "both limit switches made",
        "sensor_broken": "no position signal",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.opening = 1.0
        self.points["open_output"] = True
        self._show()

    def write(self, point: str, value: Value) -> None:
        if point != "open_output":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.points["open_output"] = bool(value)

    def drop(self, point: str) -> None:
        """A motor valve stays where it is."""

    def flow(self, dt: float) -> None:
        if not {"valve_stuck", "left_shut", "half_open"} & self.faults.keys():
            step = dt / TRAVEL if self.points["open_output"] else -dt / TRAVEL
            self.opening = min(max(self.opening + step, 0.0), 1.0)
        self._show()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "left_shut":
            self.opening = 0.0
        elif fault == "half_open":
            self.opening = 0.5

    def settle(self) -> None:
        super().settle()
        self._show()

    def _show(self) -> None:
        both, broken = "limits_wrong" in self.faults, "sensor_broken" in self.faults
        self.points.update(
            opened=None if broken else both or self.opening >= 1.0,
            closed=None if broken else both or self.opening <= 0.0,
        )
