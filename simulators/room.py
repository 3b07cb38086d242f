"""An equipment room: heat from its plant, air conditioning, damp, and a leak cable on the floor."""

from collections.abc import Callable, Mapping
from math import exp
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

LAG = 7200.0
"""Time constant of a plant room, s (reference/devices.md C11)."""
LOOK = 5.0
"""A room changes slowly: worked out every so many seconds."""


class Room(Plant):
    """`outdoor(now)` in °C. `warm` is what its plant adds; `kept` what the air conditioning holds, None without one."""

    kind = "room"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "cooling_failed": "the air conditioning has stopped; temperature it tends to (46)",
        "heating_failed": "frost gets in; temperature it tends to (-2)",
        "fire_near": "it gets hot within minutes; temperature (70)",
        "damp": "condensation; humidity % (93)",
        "leak": "water on the floor",
        "cable_cut": "leak cable cut",
        "controller_power": "leak controller without supply: both contacts",
        "sensor_rail": "the sensor stands at its end",
        "sensor_swapped": "temperature and humidity swapped",
        "sensor_broken": "sensor line broken",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"temperature": "set the temperature; temperature °C"}

    def __init__(self, name: str, random: Random, *, outdoor: Callable[[float], float], kept: float = 24.0) -> None:
        super().__init__(name, random)
        self._outdoor = outdoor
        self._kept = kept + random.uniform(-1.5, 1.5)
        self.temperature = self._kept
        self.humidity = random.uniform(45.0, 60.0)
        self._since = 0.0
        self._measure()

    def flow(self, dt: float) -> None:
        self._since += dt
        if self._since >= LOOK:
            self._advance(self._since)
            self._since = 0.0
            self._measure()

    def perform(self, act: str, details: Details) -> None:
        self.temperature = number(details, "temperature", self._kept)

    def settle(self) -> None:
        super().settle()
        self._measure()

    def _advance(self, dt: float) -> None:
        target, lag = self._kept + 0.15 * (self._outdoor(self.now) - 20.0), LAG
        if "fire_near" in self.faults:
            target, lag = self.detail("fire_near", "temperature", 70.0), 120.0
        elif "cooling_failed" in self.faults:
            target, lag = self.detail("cooling_failed", "temperature", 46.0), 0.75 * LAG
        elif "heating_failed" in self.faults:
            target = self.detail("heating_failed", "temperature", -2.0)
        self.temperature += (target - self.temperature) * (1.0 - exp(-dt / lag))
        wanted = self.detail("damp", "humidity", 93.0) if "damp" in self.faults else 52.0
        self.humidity += (wanted - self.humidity) * (1.0 - exp(-dt / 1800.0))

    def _measure(self) -> None:
        temperature = self.temperature + self.random.gauss(0.0, 0.05)
        humidity = min(max(self.humidity + self.random.gauss(0.0, 0.3), 0.0), 99.9)
        if "sensor_rail" in self.faults:
            temperature, humidity = 80.0, 99.9
        elif "sensor_swapped" in self.faults:
            temperature, humidity = 66.0, 12.0
        broken = "sensor_broken" in self.faults
        both = "controller_power" in self.faults
        self.points.update(
            temperature=None if broken else temperature,
            humidity=None if broken else humidity,
            leak="leak" in self.faults or both,
            leak_cable_broken="cable_cut" in self.faults or both,
        )
