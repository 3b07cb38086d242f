"""A chiller with its two pumps: a compressor with a least pause, pressures, oil, water that comes back warm."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.plant import Plant

SUPPLY, BAND = 7.0, 1.0
PAUSE = 180.0
"""Least time the compressor stands, s; so at most about six starts an hour (reference/devices.md C11)."""
COOLING, LOAD = 0.012, 0.004
"""K/s that the compressor takes out, and that the buildings bring in."""


class Chiller(Plant):
    kind = "chiller"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "general_alarm": "the unit trips",
        "warning": "a warning on the display",
        "condenser_dirty": "condensing pressure high",
        "refrigerant_lost": "evaporating pressure low",
        "no_flow": "chilled water does not move",
        "pump_stopped": "the chilled water pump stands and the unit runs on",
        "pump_fault": "pump motor protection",
        "oil_hot": "oil cooler blocked",
        "oil_cold": "oil heater dead",
        "overload": "more heat than it can take: the return gets warm",
        "too_cold": "the control runs away: return and supply near freezing",
        "short_cycling": "it starts and stops every two minutes",
        "probe_broken": "water probe broken",
    }

    def __init__(self, name: str, random: Random, *, outdoor: Callable[[float], float]) -> None:
        super().__init__(name, random)
        self._outdoor = outdoor
        self.water = SUPPLY + random.uniform(-0.5, 0.5)
        self.running = False
        self._stopped = -PAUSE
        self._measure()

    def flow(self, dt: float) -> None:
        tripped = bool({"general_alarm", "pump_fault"} & self.faults.keys())
        if tripped:
            wanted = False
        elif "short_cycling" in self.faults:
            wanted = self.now % 120.0 < 60.0
        elif {"no_flow", "pump_stopped", "refrigerant_lost", "oil_cold", "overload"} & self.faults.keys():
            wanted = True
        elif self.running:
            wanted = self.water > SUPPLY - BAND
        else:
            wanted = self.water > SUPPLY + BAND and self.now - self._stopped >= PAUSE
        if self.running and not wanted:
            self._stopped = self.now
        self.running = wanted
        self.water += (LOAD - (COOLING if self.running else 0.0)) * dt
        self.water = min(max(self.water, SUPPLY - 1.5), 20.0)
        self._measure()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "general_alarm":
            self.running = False

    def settle(self) -> None:
        super().settle()
        self._measure()

    def _measure(self) -> None:
        faults, runs = self.faults.keys(), self.running
        still = "no_flow" in faults or "pump_stopped" in faults
        supply = 2.5 if "too_cold" in faults else self.water
        back = 21.0 if "overload" in faults else 3.5 if "too_cold" in faults else self.water + 5.0
        broken = "probe_broken" in faults
        condensing = 20.0 if "condenser_dirty" in faults else 12.0 + 0.1 * self._outdoor(self.now) if runs else 8.0
        evaporating = 1.2 if "refrigerant_lost" in faults and runs else 3.4 if runs else 6.0
        self.points.update(
            return_temperature=None if broken else back + self.random.gauss(0.0, 0.03),
            supply_temperature=None if broken else supply + self.random.gauss(0.0, 0.03),
            condenser_temperature=38.0,
            pressure_high_side=condensing + self.random.gauss(0.0, 0.05),
            pressure_low_side=evaporating + self.random.gauss(0.0, 0.02),
            pressure_drop=0.02 if still else 0.6 + self.random.gauss(0.0, 0.01),
            oil_temperature=82.0 if "oil_hot" in faults else 14.0 if "oil_cold" in faults else 48.0,
            compressor_running=runs,
            chilled_pump_running="pump_stopped" not in faults,
            cooling_pump_running=True,
            pump_fault="pump_fault" in faults,
            alarm="general_alarm" in faults,
            warning="warning" in faults,
            sensor_fault=broken,
            fan_warning=False,
            compressor_warning=False,
            temperature_warning=False,
            switched_on=True,
            heating=False,
            setpoint=SUPPLY,
        )
