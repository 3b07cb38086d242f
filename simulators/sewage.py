"""A sewage plant: a balance tank that fills, a lift pump, treatment with air, and the discharge."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

AREA = 40.0
START, STOP = 1.0, 0.5
LIFT = 25.0
"""Flow of the lift pump, m3/h."""
SHARE = 0.9
"""Part of the water drawn by the flats that comes back as sewage."""


class Sewage(Plant):
    """`drawn(now, dt)` is the estate's water demand in l/s."""

    kind = "sewage"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "inlet_flood": "far too much comes; level m (2.7)",
        "lift_pump_trip": "lift pump overload",
        "screen_blocked": "the pump runs and nothing is treated",
        "blower_trip": "blower overload",
        "no_air": "diffusers clogged: oxygen falls",
        "acid": "pH out of range",
        "bypass_open": "untreated sewage goes out",
        "outlet_shut": "the outlet valve is shut",
        "inlet_shut": "the inlet valve is shut and the tank fills; level m (1.6)",
        "over_licence": "more is discharged than licensed; flow m3/h (36)",
        "meter_wrong": "far more out than in",
        "sensor_broken": "flow meter line broken",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"level": "set the balance tank; level m"}

    def __init__(self, name: str, random: Random, *, drawn: Callable[[float, float], float]) -> None:
        super().__init__(name, random)
        self._drawn = drawn
        self.level = random.uniform(STOP + 0.05, START - 0.1)
        self.lifting = False
        self.total = 12000.0
        self._measure()

    def flow(self, dt: float) -> None:
        self.level += SHARE * self._drawn(self.now, dt) / 1000.0 / AREA * dt
        if self.level >= START:
            self.lifting = True
        elif self.level <= STOP:
            self.lifting = False
        treated = self._treated
        self.level = min(max(self.level - treated / 3600.0 / AREA * dt, 0.0), 3.0)
        self.total += treated / 3600.0 * dt
        self._measure()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "inlet_flood":
            self.level = number(details, "level", 2.7)
        elif fault == "inlet_shut":
            self.level = number(details, "level", 1.6)
        elif fault in ("screen_blocked", "outlet_shut", "meter_wrong"):
            self.level, self.lifting = max(self.level, START), True

    def end(self, fault: str) -> None:
        if fault in ("inlet_flood", "inlet_shut"):
            self.level = START - 0.1

    def perform(self, act: str, details: Details) -> None:
        self.level = number(details, "level", START)

    def settle(self) -> None:
        super().settle()
        self._measure()

    @property
    def _treated(self) -> float:
        stopped = {"lift_pump_trip", "screen_blocked", "inlet_shut"} & self.faults.keys()
        return 0.0 if stopped or not self.lifting else LIFT

    def _measure(self) -> None:
        faults = self.faults.keys()
        treated = self._treated
        out = self.detail("over_licence", "flow", 36.0) if "over_licence" in faults else treated
        out = treated * 2.0 + 5.0 if "meter_wrong" in faults else out
        broken = "sensor_broken" in faults
        self.points.update(
            flow=None if broken else max(0.0, treated + self.random.gauss(0.0, 0.1)) if treated else 0.0,
            discharge=0.0 if "outlet_shut" in faults else out,
            treated_total=self.total,
            inlet_level=self.level + self.random.gauss(0.0, 0.003),
            ph=4.8 if "acid" in faults else 7.2 + self.random.gauss(0.0, 0.02),
            oxygen=0.6 if {"no_air", "blower_trip"} & faults else 2.6 + self.random.gauss(0.0, 0.05),
            lift_pump_running=self.lifting and "lift_pump_trip" not in faults,
            lift_pump_fault="lift_pump_trip" in faults,
            blower_running="blower_trip" not in faults,
            blower_fault="blower_trip" in faults,
            inlet_valve_open="inlet_shut" not in faults,
            outlet_valve_open="outlet_shut" not in faults,
            bypass_open="bypass_open" in faults,
        )
