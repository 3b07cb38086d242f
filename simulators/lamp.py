"""A lamp circuit: a coil, and the contactor's feedback contact 50 to 200 ms later."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.plant import Plant


class Lamp(Plant):
    kind = "lamp"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "lamp_broken": "the contactor does not pull in: no feedback",
        "lamp_welded": "the contactor does not drop out",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.points.update(on=False, lit=False)

    def write(self, point: str, value: Value) -> None:
        if point != "on":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.points["on"] = bool(value)
        self.later(self.random.uniform(0.05, 0.2), self._follow)

    def begin(self, fault: str, details: Mapping[str, object]) -> None:
        self.points["lit"] = fault == "lamp_welded"

    def end(self, fault: str) -> None:
        self._follow()

    def _follow(self) -> None:
        broken, welded = "lamp_broken" in self.faults, "lamp_welded" in self.faults
        self.points["lit"] = welded or (bool(self.points["on"]) and not broken)
