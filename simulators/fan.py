"""A smoke extract or pressurisation fan: stands until the fire panel calls it."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.plant import Plant

RUN_UP = 4.0
"""Seconds until the contactor's run contact is in and the damper open."""


class Fan(Plant):
    kind = "fan"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "fire_signal": "the fire panel's signal: it starts",
        "start_fails": "it does not start whatever the signal says",
        "not_auto": "the selector is left out of automatic",
        "fan_fault": "overload",
        "power_loss": "panel without supply",
        "damper_jammed": "the damper does not open",
        "belt_broken": "it turns and no air flows",
        "by_hand": "someone runs it by hand",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self._runs = False
        self.settle()

    def begin(self, fault: str, details: Details) -> None:
        if fault in ("fire_signal", "by_hand"):
            self.later(RUN_UP, self._start)
        elif fault in ("power_loss", "fan_fault"):
            self._runs = False

    def end(self, fault: str) -> None:
        if fault in ("fire_signal", "by_hand"):
            self.forget()
            self._runs = False
        elif "fire_signal" in self.faults:
            self.later(RUN_UP, self._start)

    def settle(self) -> None:
        super().settle()
        self._show()

    def flow(self, dt: float) -> None:
        self._show()

    def _start(self) -> None:
        hindered = {"start_fails", "fan_fault", "power_loss"} & self.faults.keys()
        called = "by_hand" in self.faults or ("fire_signal" in self.faults and "not_auto" not in self.faults)
        self._runs = called and not hindered

    def _show(self) -> None:
        self.points.update(
            running=self._runs,
            fault="fan_fault" in self.faults,
            not_auto="not_auto" in self.faults,
            power_ok="power_loss" not in self.faults,
            damper_open=self._runs and "damper_jammed" not in self.faults,
            airflow=self._runs and "belt_broken" not in self.faults,
            fire="fire_signal" in self.faults,
        )
