"""A lighting circuit: contactor with feedback, current of its lamps, a local twilight switch for its group."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, number
from simulators.grid import NOMINAL, Paced, daylight

DUSK = 10.0
"""lx at which the local switch acts; it acts once at dusk and once at dawn, in between commands count."""

CONTACTOR = (0.05, 0.2)
"""s from the coil to the feedback contact (reference/devices.md C11)."""


class LightingCircuit(Paced):
    """`fed()` is whether its board has power, `hour(now)` the hour of the day; `full` A with all lamps good."""

    kind = "lighting_circuit"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "lamp_circuit_open": "cable cut: on without current",
        "contactor_stuck": "the contactor is welded: current while off",
        "contactor_broken": "the contactor does not pull in",
        "lamps_out": "part of the lamps out; factor left (0.6)",
        "tapped": "somebody draws 2 A before the contactor's meter",
        "twilight_switch_failed": "does not switch by itself",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "switch_on": "switched on by hand at the board",
        "switch_off": "switched off by hand",
        "light": "what its light sensor sees from now on; level lx",
    }

    def __init__(
        self,
        name: str,
        random: Random,
        *,
        fed: Callable[[], bool],
        hour: Callable[[float], float],
        group: str = "all_night",
        full: float = 8.0,
    ) -> None:
        super().__init__(name, random)
        self._fed = fed
        self._hour = hour
        self._group = group
        self._full = full
        self._seen: float | None = None
        self.has_twilight_switch = True
        self.on = self._wanted()
        self._was_wanted = self.on
        self.pulled_in = self.on
        self.measure(0.0)

    def write(self, point: str, value: Value) -> None:
        if point != "on":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self._switch(bool(value))

    def perform(self, act: str, details: Details) -> None:
        if act == "light":
            self._seen = number(details, "level", DUSK)
            self.measure(0.0)
        else:
            self._switch(act == "switch_on")

    def work(self, dt: float) -> None:
        wanted = self._wanted()
        if wanted is not self._was_wanted:
            self._was_wanted = wanted
            if self.has_twilight_switch and "twilight_switch_failed" not in self.faults:
                self._switch(wanted)
                if dt > CONTACTOR[1]:
                    self._follow()  # within this step

    def _switch(self, on: bool) -> None:
        self.on = on
        self.points["on"] = on
        self.later(self.random.uniform(*CONTACTOR), self._follow)

    def _follow(self) -> None:
        self.pulled_in = self.on
        self.measure(0.0)

    def _wanted(self) -> bool:
        hour = self._hour(self.now)
        dark = daylight(hour) < DUSK
        return dark and (self._group == "all_night" or (self._group == "half_night" and hour > 12.0))

    def measure(self, dt: float) -> None:
        stuck, broken = "contactor_stuck" in self.faults, "contactor_broken" in self.faults
        closed = stuck or (self.pulled_in and not broken)
        share = self.detail("lamps_out", "factor", 0.6) if "lamps_out" in self.faults else 1.0
        lit = closed and self._fed() and "lamp_circuit_open" not in self.faults
        current = self._full * share * (1.0 + self.random.gauss(0.0, 0.004)) if lit else 0.0
        current += 2.0 if "tapped" in self.faults else 0.0
        daylit = daylight(self._hour(self.now)) * (1.0 + 0.01 * self.random.random())
        self.points.update(
            on=self.on,
            feedback=closed,
            current=current,
            power=current * NOMINAL / 1000.0,
            light=daylit if self._seen is None else self._seen,
            manual=False,
        )
