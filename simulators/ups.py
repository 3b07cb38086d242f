"""A UPS: battery after Peukert, recharge, minutes left, and the alarm words of RFC 1628."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.grid import Paced

PEUKERT, RATE_HOURS, EFFICIENCY = 1.2, 20.0, 0.9
"""reference/devices.md C5: 48 V 18 Ah carries 1000 W for 24 min, not the 47 of straight arithmetic."""
VOLTS, RATED = 48.0, 3000.0
RECHARGE = 4.0 * 3600.0
"""s from empty to nine tenths."""
WORDS = (
    "on_battery", "low_battery", "depleted_battery", "battery_bad", "battery_disconnected", "temp_bad", "input_bad",
    "output_bad", "output_overload", "on_bypass", "bypass_bad", "output_off_as_requested", "ups_off_as_requested",
    "charger_failed", "output_off", "system_off", "fan_failure", "fuse_failure", "general_fault",
    "diagnostic_test_failed", "communications_lost", "awaiting_power", "shutdown_pending", "shutdown_imminent",
    "test_in_progress",
)  # fmt: skip
FLAGS = {
    "ups_replace_battery": "battery_bad",
    "battery_disconnected": "battery_disconnected",
    "charger_failed": "charger_failed",
    "bypass_fault": "bypass_bad",
    "ups_fault": "general_fault",
    "fan_failure": "fan_failure",
    "test_failed": "diagnostic_test_failed",
    "overheat": "temp_bad",
}


def runtime(watts: float, ampere_hours: float, volts: float = VOLTS) -> float:
    """s that a battery carries a load, by Peukert's law: t = H (C / I H)^k."""
    current = watts / EFFICIENCY / volts
    return float(RATE_HOURS * (ampere_hours / (current * RATE_HOURS)) ** PEUKERT * 3600.0)


def capacity(watts: float, seconds: float) -> float:
    """Ah that carry a load for so long: the inverse of `runtime`."""
    current = watts / EFFICIENCY / VOLTS
    return float((seconds / 3600.0 / RATE_HOURS) ** (1.0 / PEUKERT) * current * RATE_HOURS)


class Ups(Paced):
    """`fed()` is whether its input has power; the battery is as large as `hold_up` s at the usual load ask for."""

    kind = "ups"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "ups_on_battery": "its input breaker is open",
        "ups_replace_battery": "battery worn out",
        "battery_weak": "a fifth of the capacity is left",
        "battery_disconnected": "battery breaker open",
        "charger_failed": "does not charge",
        "overload": "more load than it can carry; factor (2.6)",
        "ups_bypass": "on bypass",
        "bypass_fault": "bypass not available",
        "ups_fault": "internal fault",
        "fan_failure": "fan stands",
        "overheat": "too hot",
        "test_failed": "self-test failed",
        "output_off": "output switched off",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"charge": "set the state of charge; level %"}

    def __init__(
        self, name: str, random: Random, *, fed: Callable[[], bool], watts: float = 1200.0, hold_up: float = 2400.0
    ) -> None:
        super().__init__(name, random)
        self._fed = fed
        self._watts = watts
        self._hours = capacity(watts, hold_up)
        self.charge = 1.0
        self._battery_for = 0.0
        self.measure(0.0)

    @property
    def source(self) -> str:
        if "output_off" in self.faults or (not self._input and (self.charge <= 0.0 or self._no_battery)):
            return "off"
        if "ups_bypass" in self.faults and self._input:
            return "bypass"
        return "mains" if self._input else "battery"

    @property
    def live(self) -> bool:
        return self.source != "off"

    @property
    def _input(self) -> bool:
        return self._fed() and "ups_on_battery" not in self.faults

    @property
    def _no_battery(self) -> bool:
        return "battery_disconnected" in self.faults

    @property
    def _load(self) -> float:
        return self._watts * (self.detail("overload", "factor", 2.6) if "overload" in self.faults else 1.0)

    @property
    def _left(self) -> float:
        """s at this load with what is in the battery."""
        worn = 0.2 if {"battery_weak", "ups_replace_battery"} & self.faults.keys() else 1.0
        return 0.0 if self._no_battery else self.charge * runtime(self._load, self._hours * worn)

    def work(self, dt: float) -> None:
        if self.source == "battery":
            self._battery_for += dt
            self.charge = max(0.0, self.charge - dt * self.charge / self._left) if self._left > dt else 0.0
        else:
            self._battery_for = 0.0
            if self._input and "charger_failed" not in self.faults and not self._no_battery:
                self.charge = min(1.0, self.charge + 0.9 * dt / RECHARGE)

    def perform(self, act: str, details: Details) -> None:
        level = details.get("level", 100.0)
        self.charge = min(max(float(level), 0.0), 100.0) / 100.0 if isinstance(level, int | float) else 1.0

    def measure(self, dt: float) -> None:
        source, noise = self.source, self.random.gauss
        on_battery = source == "battery" and self._battery_for >= 1.0
        load = 0.0 if source == "off" else self._load / RATED * 100.0 + noise(0.0, 0.4)
        volts = 54.6 if source != "battery" else 42.0 + 9.0 * self.charge
        minutes = self._left / 60.0
        hot = "overheat" in self.faults
        self.points.update(dict.fromkeys(WORDS, False))
        self.points.update(
            source=source,
            load=max(load, 0.0),
            charge=self.charge * 100.0,
            runtime=max(0.0, minutes * (1.0 + noise(0.0, 0.01)) if on_battery else minutes),
            battery_voltage=0.0 if self._no_battery else volts,
            battery_temperature=46.0 if hot else 24.0,
            temperature=52.0 if hot else 31.0,
            input_voltage=230.0 + noise(0.0, 0.5) if self._input else 0.0,
            input_frequency=50.0 if self._input else 0.0,
            output_voltage=230.0 if source != "off" else 0.0,
            output_current=0.0 if source == "off" else self._load / 230.0,
            output_frequency=50.0 if source != "off" else 0.0,
            output_power=0.0 if source == "off" else self._load / 1000.0,
            on_battery=on_battery,
            low_battery=on_battery and minutes < 3.0,
            depleted_battery=source == "off" and not self._input,
            input_bad=not self._input,
            output_overload="overload" in self.faults and load > 100.0,
            on_bypass=source == "bypass",
            output_off=source == "off",
        )
        for fault, word in FLAGS.items():
            if fault in self.faults:
                self.points[word] = True
