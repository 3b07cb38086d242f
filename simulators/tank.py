"""Water tanks: a domestic break tank behind a float valve, and a fire tank that must stay full."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, number
from simulators.plant import Plant


@dataclass(frozen=True, slots=True)
class Vessel:
    """Area m2, levels m, flows l/s. `full` is what 100 % means; `throttle` the float valve's travel in m."""

    area: float = 8.0
    full: float = 2.5
    wanted: float = 2.30
    overflow: float = 2.45
    inlet: float = 3.0
    throttle: float = 0.15
    noise: float = 0.003


DOMESTIC = Vessel()
FIRE = Vessel(area=50.0, full=3.0, wanted=2.97, overflow=3.05, inlet=5.0, throttle=0.03, noise=0.002)


def nothing_drawn(now: float, dt: float) -> float:
    return 0.0


class Tank(Plant):
    kind = "tank"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "tank_leak": "leak; flow l/s (5), level m (as it is)",
        "mains_off": "no water from the mains",
        "inlet_stuck": "float valve stuck open: overflow",
        "sensor_broken": "level sensor line broken",
        "sensor_frozen": "level reading frozen",
        "sensor_jumps": "bad contact: once a minute the reading falls by 0.4 m and comes back",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"level": "set the level; level m"}

    def __init__(
        self,
        name: str,
        random: Random,
        *,
        vessel: Vessel = DOMESTIC,
        drawn: Callable[[float, float], float] = nothing_drawn,
    ) -> None:
        super().__init__(name, random)
        self.vessel = vessel
        self.drawn = drawn
        self.level = vessel.wanted - 0.3 * vessel.throttle
        self._reading = self.level
        self._inlet = 0.0
        self._measure()

    def flow(self, dt: float) -> None:
        vessel = self.vessel
        self._inlet = self._inlet_flow()
        leak = self.detail("tank_leak", "flow", 5.0) if "tank_leak" in self.faults else 0.0
        spill = 5.0 if self.level >= vessel.overflow else 0.0
        net = self._inlet - spill - ((self.drawn(self.now, dt) + leak) if self.level > 0.0 else 0.0)
        self.level = min(max(self.level + net / 1000.0 / vessel.area * dt, 0.0), vessel.overflow + 0.05)
        self._measure()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "tank_leak":
            self.level = number(details, "level", self.level)
        elif fault == "inlet_stuck":
            self.level = max(number(details, "level", self.vessel.overflow), self.level)

    def settle(self) -> None:
        super().settle()
        self._measure()

    def perform(self, act: str, details: Details) -> None:
        self.level = number(details, "level", self.level)

    def _inlet_flow(self) -> float:
        if "mains_off" in self.faults:
            return 0.0
        if "inlet_stuck" in self.faults:
            return self.vessel.inlet
        return self._throttled()

    def _throttled(self) -> float:
        """What the float valve lets in."""
        wanted = (self.vessel.wanted - self.level) / self.vessel.throttle
        return self.vessel.inlet * min(max(wanted, 0.0), 1.0)

    def _measure(self) -> None:
        if "sensor_frozen" not in self.faults:
            self._reading = max(0.0, self.level + self.random.gauss(0.0, self.vessel.noise))
        reading = None if "sensor_broken" in self.faults else self._reading
        if reading is not None and "sensor_jumps" in self.faults and int(self.now) % 60 == 0:
            reading = max(0.0, reading - 0.4)
        self.points.update(
            level=reading,
            level_percent=None if reading is None else reading / self.vessel.full * 100.0,
            inlet_open=self._inlet > 0.02 * self.vessel.inlet,
            overflow=self.level >= self.vessel.overflow,
        )


class FireTank(Tank):
    """Evaporation only, about 3 mm a day. A solenoid ahead of the float valve lets the make-up in by level."""

    kind = "fire_tank"
    faults_offered: ClassVar[Mapping[str, str]] = {
        **Tank.faults_offered,
        "solenoid_stuck_shut": "energised, it does not open",
        "solenoid_stuck_open": "off, it does not shut; level m (as it is)",
    }
    starts, stops = FIRE.wanted - 0.02, FIRE.wanted - 0.002

    def __init__(self, name: str, random: Random) -> None:
        self.solenoid = False
        self.by_hand = False
        super().__init__(name, random, vessel=FIRE, drawn=lambda now, dt: 0.003 * FIRE.area * 1000.0 / 86400.0)

    def write(self, point: str, value: Value) -> None:
        """Once commanded from afar, the panel leaves the solenoid to whoever commands."""
        if point != "solenoid_on":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.by_hand, self.solenoid = True, bool(value)
        self._measure()

    def flow(self, dt: float) -> None:
        if self.by_hand:
            super().flow(dt)
            return
        if self.level <= self.starts:
            self.solenoid = True
        elif self.level >= self.stops:
            self.solenoid = False
        super().flow(dt)

    def begin(self, fault: str, details: Details) -> None:
        super().begin(fault, details)
        if fault == "solenoid_stuck_open":
            self.level = number(details, "level", self.level)

    def _throttled(self) -> float:
        passes = self.solenoid or "solenoid_stuck_open" in self.faults
        return super()._throttled() if passes and "solenoid_stuck_shut" not in self.faults else 0.0

    def _measure(self) -> None:
        super()._measure()
        self.points["solenoid_on"] = self.solenoid
