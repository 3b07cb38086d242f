"""A variable-speed drive as its bus shows it: ramp, current over load, DC link, heat, and a fault code that stays."""

from collections.abc import Callable, Mapping
from math import sqrt
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.grid import Paced

RATED, IDLE_SHARE = 8.0, 0.35
"""A of the motor, and the share of it that flows without load (reference/devices.md C4)."""
DC_LINK, RAMP, HEAT_DELAY = 540.0, 10.0, 600.0
"""V on 400 V; Hz a second; s in which the heatsink follows the load."""
CODES = {"drive_fault": 13, "undervoltage": 8, "motor_overload": 10}
"""Danfoss numbers: 13 over current, 8 DC under voltage, 10 motor over temperature."""


class Drive(Paced):
    """Turns its pump at `wanted` Hz while `fed()`."""

    kind = "drive"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "drive_fault": "over current: trips, the code stays after the reset",
        "undervoltage": "DC link falls: trips",
        "motor_overload": "the motor's thermal model is full",
        "overheat": "fan of the heatsink stands",
        "in_hand": "left in hand",
        "old_code": "runs with a code nobody has cleared",
        "pump_worn": "the pump needs more current for the same work; factor (1.3)",
    }

    def __init__(self, name: str, random: Random, *, fed: Callable[[], bool], wanted: float = 42.0) -> None:
        super().__init__(name, random)
        self._fed = fed
        self._wanted = wanted
        self.frequency, self.heat, self.seconds, self.energy = wanted, 20.0, 8_123.0 * 3600.0, 40_211.0
        self._code = 0
        self.measure(0.0)

    @property
    def running(self) -> bool:
        return self._fed() and not {"drive_fault", "undervoltage"} & self.faults.keys()

    def work(self, dt: float) -> None:
        target = self._wanted if self.running else 0.0
        self.frequency += min(max(target - self.frequency, -RAMP * dt), RAMP * dt)
        hot = 50.0 if "overheat" in self.faults else 25.0 * self.frequency / 50.0
        self.heat += (hot - self.heat) * min(dt / HEAT_DELAY, 1.0)
        if self.running:
            self.seconds += dt
            self.energy += self._power * dt / 3600.0

    def begin(self, fault: str, details: Details) -> None:
        self._code = CODES.get(fault, 13 if fault == "old_code" else self._code)

    def end(self, fault: str) -> None:
        if fault == "old_code":
            self._code = 0

    @property
    def _power(self) -> float:
        return 4.0 * (self.frequency / 50.0) ** 3

    def measure(self, dt: float) -> None:
        tripped = {"drive_fault", "undervoltage"} & self.faults.keys()
        torque = (self.frequency / 50.0) ** 2
        current = RATED * sqrt(IDLE_SHARE**2 + torque**2) if self.frequency > 0.5 else 0.0
        current *= self.detail("pump_worn", "factor", 1.3) if "pump_worn" in self.faults else 1.0
        link = 0.0 if not self._fed() else 380.0 if "undervoltage" in self.faults else DC_LINK
        self.points.update(
            ready=self._fed() and not tripped,
            running=self.running,
            fault=bool(tripped),
            warning="motor_overload" in self.faults or "overheat" in self.faults,
            thermal_warning="motor_overload" in self.faults,
            in_auto="in_hand" not in self.faults,
            frequency=self.frequency,
            current=current,
            power=self._power,
            voltage=400.0 * min(self.frequency / 50.0, 1.0),
            dc_voltage=max(0.0, link + self.random.gauss(0.0, 1.0)) if link else 0.0,
            speed=self.frequency * 30.0,
            temperature=28.0 + self.heat,
            motor_temperature=98.0 if "motor_overload" in self.faults else 60.0 * torque,
            fault_code=self._code,
            warning_code=0,
            run_hours=self.seconds / 3600.0,
            energy=self.energy,
        )
