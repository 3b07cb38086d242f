"""A booster set: three variable-speed pumps on a diaphragm tank, pressure control, cascade and sleep."""

from collections.abc import Callable, Mapping
from math import sqrt
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

HEAD_AT_ZERO = 65.0
CURVE = 0.15
"""H = n2 * 65 - 0.15 * Q2 in m and m3/h for one pump at speed ratio n (reference/devices.md C1)."""
METRES_PER_BAR = 10.2
SET = 4.5
VESSEL = 300.0
PRECHARGE = 3.8
LEAST = 1.1
"""m3/h behind the vessel below which a set goes to sleep: a tenth of what one pump lifts at the set point. Its flow
switch sits there, and does not see the pumps hunt."""
MAX_STEP = 0.25


def speed_for(head: float, flow: float) -> float:
    """Speed ratio at which one pump lifts `flow` m3/h to `head` m."""
    return sqrt((head + CURVE * flow * flow) / HEAD_AT_ZERO)


class Booster(Plant):
    """`demand(now, dt)` is what the building draws, l/s; `flow` in the points is m3/h."""

    kind = "booster"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "dry_run": "no water at the suction side",
        "burst": "pipe burst; flow l/s (12)",
        "pump_trip": "motor protection; pump (1)",
        "check_valve": "a stopped pump turns backwards",
        "lost_air": "the vessel has lost its air: short cycling",
        "sensor_frozen": "the pressure reading stands still",
        "change_over": "one pump always leads, the others never run",
        "left_in_hand": "the set is left out of automatic",
        "sensor_broken": "pressure sensor line broken",
        "power_loss": "panel without supply",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"pressure": "set the outlet pressure; bar"}

    def __init__(self, name: str, random: Random, *, demand: Callable[[float, float], float]) -> None:
        super().__init__(name, random)
        self.demand = demand
        self.water = self._water_at(SET)
        self.pumps = 0
        self.speed = 0.0
        self.lead = 1
        self.drawn = 0.0
        self._flow = 0.0
        self._wanted = 0.0
        self._since_high = self._since_low = self._since_idle = self._since_dry = 0.0
        self._integral = speed_for(SET * METRES_PER_BAR, 0.0)
        self._tripped_dry = False
        self._reading = SET
        self._measure()

    @property
    def pressure(self) -> float:
        """Isothermal gas above the membrane; below the precharge only the pipes hold water (0.2 bar/l)."""
        if self.water <= 0.0:
            return max(PRECHARGE + self.water * 0.2, 0.0)
        return (PRECHARGE + 1.0) / (1.0 - min(self.water / self._gas, 0.9)) - 1.0

    @property
    def _gas(self) -> float:
        """Litres that the vessel can take; 15 are left of 300 when it is waterlogged (reference/devices.md C1)."""
        return 15.0 if "lost_air" in self.faults else VESSEL

    def flow(self, dt: float) -> None:
        self._wanted = self.demand(self.now, dt)
        steps = max(1, round(dt / MAX_STEP))
        for _ in range(steps):
            self._advance(dt / steps)
        self._measure()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "lost_air":
            self.water *= 15.0 / VESSEL
        if fault == "dry_run":
            self.pumps, self._tripped_dry, self._since_dry = max(self.pumps, 1), False, 0.0
            self.water = min(self.water, 5.0)

    def end(self, fault: str) -> None:
        if fault == "lost_air":
            self.water *= VESSEL / 15.0
        if fault == "dry_run":
            self._tripped_dry = False

    def settle(self) -> None:
        super().settle()
        self._measure()

    def perform(self, act: str, details: Details) -> None:
        self.water = self._water_at(number(details, "pressure", SET))

    def running(self) -> list[int]:
        """Numbers of the pumps that turn: from the leading one on, tripped ones skipped."""
        if "power_loss" in self.faults or self._tripped_dry:
            return []
        tripped = int(self.detail("pump_trip", "pump", 1)) if "pump_trip" in self.faults else 0
        order = [(self.lead - 1 + i) % 3 + 1 for i in range(3)]
        return [pump for pump in order if pump != tripped][: self.pumps]

    def _water_at(self, pressure: float) -> float:
        if pressure < PRECHARGE:
            return (pressure - PRECHARGE) / 0.2
        return self._gas * (1.0 - (PRECHARGE + 1.0) / (pressure + 1.0))

    def _advance(self, dt: float) -> None:
        wanted = self._wanted + (self.detail("burst", "flow", 12.0) if "burst" in self.faults else 0.0)
        pressure = self.pressure
        self.drawn = wanted * min(1.0, pressure / 1.0)
        running = self.running()
        lifted = 0.0
        if running and "dry_run" not in self.faults:
            head = self.speed**2 * HEAD_AT_ZERO - pressure * METRES_PER_BAR
            lifted = len(running) * sqrt(max(head, 0.0) / CURVE) / 3.6
            # The pressure settles within a step: a pump never lifts past its own shut-off head.
            room = self._water_at(self.speed**2 * HEAD_AT_ZERO / METRES_PER_BAR) - self.water
            lifted = min(lifted, max(room, 0.0) / dt + self.drawn)
        if "dry_run" in self.faults:
            # With an empty suction side the outlet falls below 0.5 bar in 5-20 s (reference/devices.md C1).
            self.drawn = max(self.drawn, 2.0 if pressure > 0.1 else 0.0)
        self.water += (lifted - self.drawn) * dt
        self._flow = lifted * 3.6
        self._control(pressure, dt)

    def _control(self, pressure: float, dt: float) -> None:
        if self.pumps == 0:
            if pressure < SET - 0.3:
                self._start()
            return
        error = SET - pressure
        self._integral = min(max(self._integral + 0.02 * error * dt / 1.5, 0.6), 1.0)
        target = min(max(self._integral + 0.12 * error, 0.0), 1.0)
        self.speed += min(max(target - self.speed, -dt / 4.0), dt / 4.0)
        self._since_high = self._since_high + dt if self.speed > 0.98 and error > 0.05 else 0.0
        self._since_low = self._since_low + dt if self.pumps > 1 and self._flow / self.pumps < 3.0 else 0.0
        self._since_idle = self._since_idle + dt if self.drawn * 3.6 < LEAST and error < 0.1 else 0.0
        self._since_dry = self._since_dry + dt if "dry_run" in self.faults and pressure < 1.0 else 0.0
        self._tripped_dry = self._tripped_dry or self._since_dry > 30.0
        if self._since_high > 10.0 and self.pumps < 3 and "dry_run" not in self.faults:
            self.pumps, self._since_high = self.pumps + 1, 0.0
        elif self._since_low > 30.0:
            self.pumps, self._since_low = self.pumps - 1, 0.0
        elif self._since_idle > 30.0 and self.pumps == 1:
            self._sleep()

    def _start(self) -> None:
        self.pumps, self.speed = 1, 0.5
        self._integral = speed_for(SET * METRES_PER_BAR, 0.0)

    def _sleep(self) -> None:
        """Fill the vessel 0.2 bar above the set point, then stop; the next pump leads."""
        self.water = max(self.water, self._water_at(SET + 0.2))
        self.pumps, self.speed, self._since_idle = 0, 0.0, 0.0
        self.lead = 1 if "change_over" in self.faults else self.lead % 3 + 1

    def _measure(self) -> None:
        running = self.running()
        trip = int(self.detail("pump_trip", "pump", 1)) if "pump_trip" in self.faults else 0
        dry = "dry_run" in self.faults
        pressure = max(0.0, self.pressure + self.random.gauss(0.0, 0.01))
        if "sensor_frozen" not in self.faults:
            self._reading = pressure
        shown = None if "sensor_broken" in self.faults else self._reading
        self.points.update(
            pressure=shown,
            inlet_pressure=0.0 if dry else max(0.0, 0.3 + self.random.gauss(0.0, 0.005)),
            flow=0.0 if not running else self._flow,
            head=None if shown is None else shown * METRES_PER_BAR,
            rotation=bool(running) or "check_valve" in self.faults,
            alarm_code=57 if dry else (51 if trip else 0),
            at_max_power=len(running) == 3 and self.speed > 0.98,
            not_in_auto="left_in_hand" in self.faults,
            operation_mode="maximum" if "left_in_hand" in self.faults else "auto",
        )
        for pump in (1, 2, 3):
            self.points[f"pump_{pump}_running"] = pump in running
            self.points[f"pump_{pump}_speed"] = self.speed * 100.0 if pump in running else 0.0
            self.points[f"pump_{pump}_fault"] = pump == trip
