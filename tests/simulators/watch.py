"""The stock rules over what simulated devices show, on the simulation's own clock."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from estate.model import Now, Quality, Sample, Value, point_id
from rules.alarm import AlarmState
from rules.engine import Engine
from rules.instance import RuleInstance
from simulators.simulation import Simulation

START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


class Watch:
    """Every `every` s the rules are given the wired points that show something else than before."""

    def __init__(self, simulation: Simulation, rules: Iterable[RuleInstance], every: float = 1.0) -> None:
        self.simulation = simulation
        self.rules = {str(rule.alarm): rule for rule in rules}
        self.engine = Engine(tuple(self.rules.values()))
        self.raised: dict[str, float] = {}
        self._every = every
        self._shown: dict[tuple[str, str], Value | None] = {}
        wiring = simulation.wiring
        self._points = [
            (d, p) for d, profile in wiring.profiles.items() for p in profile.points if wiring.is_wired(d, p)
        ]

    @property
    def now(self) -> float:
        return self.simulation.world.now

    def go(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-6:
            self.simulation.advance(self._every)
            now = Now(START + timedelta(seconds=self.now), self.now)
            samples = []
            for device, point in self._points:
                value = self.simulation.wiring.value(device, point)
                if self._shown.get((device, point), "nothing") != value:
                    self._shown[device, point] = value
                    quality = Quality.GOOD if value is not None else Quality.SENSOR_FAULT
                    samples.append(Sample(point_id(device, point), value, quality, now.utc, now.mono))
            for transition in self.engine.step(samples, now):
                if transition.after is not AlarmState.NORMAL:
                    self.raised.setdefault(str(transition.alarm), self.now)

    def fault(self, target: str, fault: str, **details: Any) -> None:
        self.simulation.targets.inject(target, fault, details=details)

    def heal(self, target: str, fault: str) -> None:
        self.simulation.targets.clear(target, fault)

    def shows(self, equipment: str) -> dict[str, Value | None]:
        return self.simulation.world.plant(equipment).points

    def grave(self) -> list[str]:
        """What was raised in the two upper priorities."""
        return [alarm for alarm in self.raised if self.rules[alarm].rule.priority <= 2]
