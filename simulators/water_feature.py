"""One zone of a water feature: a basin, a pump that a relay switches, a drain."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, number
from simulators.plant import Plant

AREA = 60.0
FULL, RIM, DRY = 0.60, 0.80, 0.10
SPRAY = 0.00002
"""m a second lost to wind while the pump runs; the float valve makes it up."""


class WaterFeature(Plant):
    kind = "water_feature"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "basin_leak": "the basin leaks; level m (as it is), rate m/s (0.001)",
        "make_up_stuck": "the make-up does not shut; level m (0.78)",
        "strainer_clogged": "the pump runs and no water flows",
        "pump_trip": "overload",
        "contactor_open": "told to run, it does not",
        "contactor_welded": "told to stop, it runs on",
        "drained": "the drain is open: this zone is being emptied",
        "filter_clogged": "pressure drop over the filter",
        "sensor_broken": "level sensor line broken",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "level": "set the level; level m",
        "run": "the timetable starts it",
        "stop": "the timetable stops it",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.level = FULL
        self.points["pump_on"] = False
        self._measure()

    def write(self, point: str, value: Value) -> None:
        if point != "pump_on":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.points["pump_on"] = bool(value)
        self._measure()

    def flow(self, dt: float) -> None:
        change = -SPRAY if self.points["pump_running"] else 0.0
        if "basin_leak" in self.faults:
            change -= self.detail("basin_leak", "rate", 0.001)
        elif "drained" in self.faults:
            change -= 0.002
        elif self.level < FULL:
            change += 0.0001
        self.level = min(max(self.level + change * dt, 0.0), RIM)
        self._measure()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "basin_leak":
            self.level = number(details, "level", self.level)
        elif fault == "make_up_stuck":
            self.level = number(details, "level", 0.78)

    def end(self, fault: str) -> None:
        if fault in ("basin_leak", "make_up_stuck", "drained"):
            self.level = FULL

    def perform(self, act: str, details: Details) -> None:
        if act == "level":
            self.level = number(details, "level", FULL)
        else:
            self.points["pump_on"] = act == "run"

    def settle(self) -> None:
        super().settle()
        self._measure()

    def _measure(self) -> None:
        faults = self.faults.keys()
        called = self.points["pump_on"] is True and not {"contactor_open", "pump_trip"} & faults
        runs = called or "contactor_welded" in faults
        broken = "sensor_broken" in faults
        self.points.update(
            pump_running=runs,
            pump_fault="pump_trip" in faults,
            level=None if broken else max(0.0, self.level + self.random.gauss(0.0, 0.002)),
            level_low=self.level < DRY,
            flow_ok=runs and "strainer_clogged" not in faults and self.level > DRY,
            filter_pressure=1.1 if "filter_clogged" in faults else 0.3 if runs else 0.0,
            drain_open="drained" in faults,
        )
