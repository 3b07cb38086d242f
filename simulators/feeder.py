"""A feeder switch: a breaker with its contacts, the maintenance tag, and the current it carries."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details
from simulators.grid import Paced

MOTOR = 0.3
"""s the spring takes."""


class Feeder(Paced):
    """`fed()` is whether its bar has power."""

    kind = "feeder"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "feeder_trip": "short circuit: trips",
        "maintenance": "opened and tagged for work",
        "standby": "open on standby",
        "closed_in_maintenance": "closed although tagged",
        "opened": "opened by hand without a tag",
        "overload": "current above the rating; factor (1.15)",
        "unbalance": "one phase carries more",
        "mechanism_stuck": "does not follow a command",
    }

    def __init__(self, name: str, random: Random, *, fed: Callable[[], bool], rated: float = 100.0) -> None:
        super().__init__(name, random)
        self._fed = fed
        self._rated = rated
        self.closed = True
        self.measure(0.0)

    @property
    def live(self) -> bool:
        return self.closed and self._fed()

    def begin(self, fault: str, details: Details) -> None:
        if fault in ("feeder_trip", "maintenance", "standby", "opened"):
            self.closed = False
        elif fault == "closed_in_maintenance":
            self.closed = True

    def end(self, fault: str) -> None:
        if fault in ("feeder_trip", "maintenance", "standby", "opened"):
            self.closed = True

    def write(self, point: str, value: Value) -> None:
        if point != "close_output":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.points["close_output"] = bool(value)
        if "mechanism_stuck" not in self.faults:
            self.later(MOTOR, lambda: self._move(bool(value)))

    def _move(self, closed: bool) -> None:
        self.closed = closed and "feeder_trip" not in self.faults
        self.measure(0.0)

    def measure(self, dt: float) -> None:
        share = self.detail("overload", "factor", 1.15) if "overload" in self.faults else 0.55
        current = self._rated * share if self.live else 0.0
        tagged = {"maintenance", "closed_in_maintenance"} & self.faults.keys()
        self.points.update(
            closed=self.closed,
            tripped="feeder_trip" in self.faults,
            maintenance=bool(tagged),
            standby="standby" in self.faults,
            remote=True,
        )
        self.points.setdefault("close_output", False)
        for phase, part in ((1, 1.03), (2, 0.99), (3, 0.98)):
            skewed = part * (0.6 if "unbalance" in self.faults and phase > 1 else 1.0)
            self.points[f"current_l{phase}"] = max(0.0, current * skewed * (1.0 + self.random.gauss(0.0, 0.005)))
