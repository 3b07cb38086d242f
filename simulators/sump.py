"""A sump: water comes in, two pumps lift it out, floats and a level sensor watch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from simulators.climate import dry_sky
from simulators.faults import Details, number
from simulators.plant import Plant

NOISE = 0.003
"""Standard deviation of a submersible level sensor, m."""
CATCHMENT, RUNOFF, LAG = 800.0, 0.9, 300.0
"""Roof and yard that drain into one pit: m2, share that runs off, and s until it is there (reference/devices.md C2)."""


@dataclass(frozen=True, slots=True)
class Pit:
    """Area m2, levels m above the floor, flows l/s. Figures of a usual 1.2 x 1.2 m basement pit."""

    area: float = 1.44
    dry: float = 0.15
    stop: float = 0.30
    start_1: float = 0.80
    start_2: float = 1.00
    high: float = 1.20
    overflow: float = 1.60
    one_pump: float = 8.0
    two_pumps: float = 14.0


class Sump(Plant):
    kind = "sump"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "high_inflow": "heavy rain; flow l/s (20), level m (as it is)",
        "pump_runs_level_stands": "valve shut: a pump runs and the level does not fall",
        "clogged": "impeller clogged; factor (0.2) of the normal flow",
        "dry_run": "a pump runs with no water before it",
        "pump_trip": "overload trip; pump (1)",
        "stuck_float": "high-water float stuck; up (true)",
        "narrow_band": "stop level just under the start level: short cycling",
        "pump_idle": "a pump does not take its turn; pump (2)",
        "left_in_hand": "selector left out of automatic; pump (1)",
        "control_failed": "the level control is dead, the high float starts the pumps",
        "seal_leak": "water in the seal chamber; pump (1)",
        "sensor_broken": "level sensor line broken",
        "sensor_frozen": "level reading frozen",
        "check_valve": "riser runs back: the level jumps after each stop",
        "power_loss": "panel without supply: pumps stand",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"level": "set the level; level m"}

    def __init__(
        self,
        name: str,
        random: Random,
        *,
        pit: Pit | None = None,
        inflow: float | None = None,
        noise: float = NOISE,
        rain: Callable[[float], float] = dry_sky,
    ) -> None:
        super().__init__(name, random)
        self.pit = pit or Pit()
        self.inflow = random.uniform(1.0, 1.8) if inflow is None else inflow
        self.noise = noise
        self.rain = rain
        self._runoff = 0.0
        self._backup = False
        self.level = random.uniform(self.pit.stop + 0.05, self.pit.start_1 - 0.05)
        self.lead = 1
        self.called: set[int] = set()
        self.starts = 0
        self._reading = self.level
        self._measure()

    def flow(self, dt: float) -> None:
        self._control()
        arriving = RUNOFF * self.rain(self.now) * CATCHMENT / 3600.0
        self._runoff += (arriving - self._runoff) * min(dt / LAG, 1.0)
        inflow = self._inflow()
        outflow = self._outflow(inflow)
        level = self.level + (inflow - outflow) / 1000.0 / self.pit.area * dt
        self.level = min(max(level, 0.0), self.pit.overflow)
        self._measure()

    def running(self) -> set[int]:
        """Pumps that turn."""
        if "power_loss" in self.faults:
            return set()
        tripped = {int(self.detail("pump_trip", "pump", 1))} if "pump_trip" in self.faults else set()
        hand = {self.lead} if {"pump_runs_level_stands", "dry_run"} & self.faults.keys() else set()
        idle = {int(self.detail("pump_idle", "pump", 2.0))} if "pump_idle" in self.faults else set()
        if "left_in_hand" in self.faults:
            idle.add(int(self.detail("left_in_hand", "pump", 1.0)))
        idle |= tripped
        called = {3 - pump if pump in idle else pump for pump in self.called}
        return (called | hand) - tripped

    def begin(self, fault: str, details: Details) -> None:
        if fault == "high_inflow":
            self.level = number(details, "level", self.level)
        elif fault == "dry_run":
            self.level = min(self.level, self.pit.dry * 0.5)
        elif fault == "pump_runs_level_stands":
            self.level = max(self.level, 0.5)

    def settle(self) -> None:
        super().settle()
        self._measure()

    def perform(self, act: str, details: Details) -> None:
        self.level = number(details, "level", self.level)

    def _control(self) -> None:
        """Level control with alternation: the pump that started first rests next time."""
        pit, second = self.pit, 3 - self.lead
        stop = pit.start_1 - 0.05 if "narrow_band" in self.faults else pit.stop
        if "control_failed" in self.faults:
            self._back_up()
            return
        if self.level <= stop and self.called:
            self.called.clear()
            self.lead = second
            if "check_valve" in self.faults:
                # 50 m of DN80 riser hold 251 l (reference/devices.md C2).
                self.level += 0.251 / pit.area
        elif self.level >= pit.start_1 and not self.called:
            self.called.add(self.lead)
            self.starts += 1
        if self.level >= pit.start_2:
            self.called.add(second)

    def _back_up(self) -> None:
        """What the high float does alone: both pumps until it hangs again and a little longer."""
        if self.level >= self.pit.high:
            self.called, self._backup = {1, 2}, True
        elif self.level <= self.pit.start_1:
            self.called.clear()
            self._backup = False

    def _inflow(self) -> float:
        if "high_inflow" in self.faults:
            return self.detail("high_inflow", "flow", 20.0)
        return self.inflow + self._runoff

    def _outflow(self, inflow: float) -> float:
        pumps = len(self.running())
        if pumps == 0:
            return 0.0
        if "pump_runs_level_stands" in self.faults or "dry_run" in self.faults:
            return inflow
        lifted = self.pit.one_pump if pumps == 1 else self.pit.two_pumps
        if "clogged" in self.faults:
            lifted *= self.detail("clogged", "factor", 0.2)
        return lifted if self.level > 0.02 else min(lifted, inflow)

    def _measure(self) -> None:
        running = self.running()
        if "sensor_frozen" not in self.faults:
            self._reading = max(0.0, self.level + (self.random.gauss(0.0, self.noise) if self.noise else 0.0))
        broken = "sensor_broken" in self.faults
        stuck = self.faults["stuck_float"].details.get("up", True) is True if "stuck_float" in self.faults else None
        high = self.level >= self.pit.high if stuck is None else stuck
        trip = int(self.detail("pump_trip", "pump", 1)) if "pump_trip" in self.faults else 0
        hand = int(self.detail("left_in_hand", "pump", 1.0)) if "left_in_hand" in self.faults else 0
        leak = int(self.detail("seal_leak", "pump", 1.0)) if "seal_leak" in self.faults else 0
        self.points.update(
            level=None if broken else self._reading,
            pump_1_running=1 in running,
            pump_2_running=2 in running,
            pump_1_fault=trip == 1,
            pump_2_fault=trip == 2,
            high_water=high,
            dry_running="dry_run" in self.faults,
            sensor_fault=broken,
            float_order=stuck is True and self.level < self.pit.start_1,
            supply_ok="power_loss" not in self.faults,
            overflow=self.level >= self.pit.overflow,
            backup_start=self._backup and "control_failed" in self.faults,
            not_in_auto=hand != 0,
            pump_1_not_in_auto=hand == 1,
            pump_2_not_in_auto=hand == 2,
            pump_1_leakage=leak == 1,
            pump_2_leakage=leak == 2,
        )
