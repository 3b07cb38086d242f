"""A fire main: header pressure, a jockey that holds it, and the main pump that nobody but a person may stop."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

JOCKEY_ON, JOCKEY_OFF, MAIN_ON = 7.5, 8.0, 6.5
"""bar (reference/devices.md C3)."""
SHUT_OFF = 9.2
JOCKEY_TOP = 8.6
"""Pressure of the main pump and of the jockey against a shut valve, bar."""
STIFFNESS = 0.4
"""bar per litre: a small vessel and the give of the pipes."""
JOCKEY_FLOW, MAIN_FLOW = 0.08, 25.0
LEAK = 0.0005
"""Usual leakage of a sound main, l/s: about one jockey start an hour."""


class FirePump(Plant):
    kind = "fire_pump"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "main_leak": "the fire main leaks; flow l/s (0.05)",
        "sprinkler_open": "a sprinkler head has opened; flow l/s (1.3)",
        "not_auto": "the selector is left out of automatic",
        "power_loss": "panel without supply",
        "phase_reversed": "two phases swapped upstream",
        "fail_to_start": "the main pump does not start",
        "pump_fault": "common fault",
        "jockey_fault": "the jockey does not run",
        "jockey_sticks": "the jockey's contactor sticks",
        "low_suction": "no water at the suction side",
        "sensor_broken": "pressure transmitter broken",
        "test": "the weekly test",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "pressure": "set the header pressure; bar",
        "stop": "a person stops the main pump",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.header = random.uniform(JOCKEY_ON + 0.1, JOCKEY_OFF - 0.05)
        self.main = self.jockey = False
        self._measure()

    def flow(self, dt: float) -> None:
        steps = max(1, round(dt / 0.25))
        for _ in range(steps):
            self._advance(dt / steps)
        self._measure()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "test" and self._can_start:
            self.main = True

    def end(self, fault: str) -> None:
        if fault == "test":
            self.main = False

    def perform(self, act: str, details: Details) -> None:
        if act == "stop":
            self.main = False
        else:
            self.header = number(details, "pressure", JOCKEY_OFF)

    def settle(self) -> None:
        super().settle()
        self._measure()

    @property
    def _can_start(self) -> bool:
        return not {"power_loss", "fail_to_start", "not_auto"} & self.faults.keys()

    def _advance(self, dt: float) -> None:
        powered = "power_loss" not in self.faults
        if self.header < MAIN_ON and self._can_start:
            self.main = True
        self.main = self.main and powered
        works = powered and "jockey_fault" not in self.faults
        self.jockey = works and (
            "jockey_sticks" in self.faults or (self.header < JOCKEY_OFF if self.jockey else self.header < JOCKEY_ON)
        )
        drawn = LEAK + self.detail("main_leak", "flow", 0.05) * ("main_leak" in self.faults)
        drawn += self.detail("sprinkler_open", "flow", 1.3) * ("sprinkler_open" in self.faults)
        lifted = JOCKEY_FLOW if self.jockey else 0.0
        if self.main and not {"low_suction", "phase_reversed"} & self.faults.keys():
            lifted += MAIN_FLOW
        change = (lifted - drawn) * STIFFNESS * dt
        top = max(SHUT_OFF if self.main else JOCKEY_TOP, self.header)
        self.header = min(max(self.header + change, 0.0), top)

    def _measure(self) -> None:
        broken = "sensor_broken" in self.faults
        self.points.update(
            running=self.main,
            power_ok="power_loss" not in self.faults,
            not_auto="not_auto" in self.faults,
            fault="pump_fault" in self.faults,
            phase_reversed="phase_reversed" in self.faults,
            fail_to_start="fail_to_start" in self.faults and self.header < MAIN_ON,
            sensor_fault=broken,
            low_suction="low_suction" in self.faults,
            pressure=None if broken else max(0.0, self.header + self.random.gauss(0.0, 0.01)),
            jockey_running=self.jockey,
            jockey_fault="jockey_fault" in self.faults,
            test="test" in self.faults,
        )
