"""A lift: calls, travel, doors; a car that stops between floors; recall by the fire panel."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

FLOOR = 2.5
"""Seconds from one floor to the next at 1.2 m/s."""
OPENING, DWELL, CLOSING = 2.5, 4.0, 3.5
PACE = 120.0
"""Mean time between two calls, s (20-60 an hour at peak, reference/devices.md C11)."""


class Lift(Plant):
    """`floors` from 1, the floor of exit."""

    kind = "lift"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "trapped": "stands between floors with someone inside; the controller says so",
        "stuck": "stands between floors with a call; the controller does not notice",
        "passenger_alarm": "someone presses the alarm in the car",
        "lift_fault": "a fault; code (31)",
        "door_blocked": "the car door does not close",
        "door_reopens": "something in the sill: the door opens again and again",
        "out_of_service": "switched off",
        "inspection": "the lift company works on it",
        "independent": "independent service",
        "overload": "too many in the car",
        "power_loss": "without supply",
        "fire_signal": "the fire panel's signal: it comes down and opens",
        "recall_fails": "it does not answer the fire signal",
        "recall_stops": "it is recalled and stops on its way",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"call": "a call; floor"}

    def __init__(self, name: str, random: Random, *, floors: int = 18, pace: float = PACE) -> None:
        super().__init__(name, random, pace=pace)
        self.floors = floors
        self.floor = 1.0
        self.target = 1.0
        self.door = "closed"
        self.trips = self.cycles = 0
        self._plan()
        self._show()

    def flow(self, dt: float) -> None:
        if self.door == "closed" and self._moves:
            way = self.target - self.floor
            step = dt / FLOOR
            self.floor = self.target if abs(way) <= step else self.floor + (step if way > 0 else -step)
            if self.floor == self.target and way:
                self.trips += 1
                self._open()
        self._show()

    def begin(self, fault: str, details: Details) -> None:
        if fault in ("trapped", "stuck", "recall_stops"):
            self.forget()
            self.floor, self.door = max(self.floor - self.floor % 1.0, 2.0) + 0.5, "closed"
            self.target = 1.0
        elif fault == "fire_signal" and "recall_fails" not in self.faults:
            self.forget()
            self.door, self.target = "closed", 1.0
            if self.floor == 1.0:
                self._open()
        elif fault == "door_reopens":
            self._reopen()
        elif fault == "door_blocked":
            self.forget()
            self.door = "fault"

    def end(self, fault: str) -> None:
        self.forget()
        self.door = "closed"
        self.floor = float(round(self.floor))
        self.target = self.floor
        self._plan()

    def perform(self, act: str, details: Details) -> None:
        self._call(number(details, "floor", 1.0))

    def settle(self) -> None:
        super().settle()
        self._show()

    @property
    def _moves(self) -> bool:
        still = {"trapped", "stuck", "lift_fault", "out_of_service", "inspection", "overload", "power_loss"}
        if "fire_signal" in self.faults and "recall_fails" not in self.faults:
            return not ({"trapped", "stuck", "power_loss", "recall_stops"} & self.faults.keys())
        return not still & self.faults.keys()

    def _plan(self) -> None:
        if self.pace > 0:
            self.later(self.pause(), self._someone)

    def _someone(self) -> None:
        if not self.faults and self.door == "closed" and self.floor == self.target:
            self._call(float(self.random.randint(1, self.floors)))
        self._plan()

    def _call(self, floor: float) -> None:
        self.target = min(max(floor, 1.0), float(self.floors))
        if self.target == self.floor:
            self._open()

    def _open(self) -> None:
        self.door = "opening"
        self.cycles += 1
        self.later(OPENING, self._opened)

    def _opened(self) -> None:
        self.door = "open"
        if "fire_signal" not in self.faults:
            self.later(DWELL, self._close)

    def _close(self) -> None:
        self.door = "closing"
        self.later(CLOSING, self._closed)

    def _closed(self) -> None:
        self.door = "closed"

    def _reopen(self) -> None:
        if "door_reopens" in self.faults or not self.faults:
            self.door = "closing" if self.door == "opening" else "opening"
            self.later(OPENING, self._reopen)

    def _show(self) -> None:
        faults = self.faults.keys()
        between = self.floor % 1.0 != 0.0
        recalled = "fire_signal" in faults and "recall_fails" not in faults
        mode = next((word for word in ("inspection", "out_of_service", "independent") if word in faults), "group")
        standing = not self._moves or self.floor == self.target
        self.points.update(
            mode="fire" if recalled else mode,
            position=int(self.floor),
            direction="stopped" if standing or self.door != "closed" else "up" if self.target > self.floor else "down",
            door=self.door,
            fault_code=int(self.detail("lift_fault", "code", 31.0)) if "lift_fault" in faults else 0,
            trips=self.trips,
            door_cycles=self.cycles,
            passenger_alarm="passenger_alarm" in faults or "trapped" in faults,
            trapped="trapped" in faults,
            power_ok="power_loss" not in faults,
            overload="overload" in faults,
            fire_recall=recalled,
            door_zone=not between,
            car_call="stuck" in faults or (not standing and self.door == "closed"),
            fire="fire_signal" in faults,
        )
