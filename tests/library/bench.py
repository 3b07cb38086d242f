"""One or several pieces of stock equipment with the plant behind them, and the rules over what the plant shows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import yaml

from estate.installation import Equipment
from estate.model import EquipmentId, Now, PointId, Quality, Sample, Value
from estate.strict import Text
from rules.alarm import AlarmState, Transition
from rules.engine import Engine
from rules.instance import instantiate
from rules.rule import EquipmentClass
from simulators.plant import Plant
from simulators.world import World

START = datetime(2026, 3, 1, tzinfo=UTC)
LIBRARY = Path("rules/library")


@cache
def stock(name: str) -> EquipmentClass:
    return EquipmentClass.model_validate(yaml.safe_load((LIBRARY / f"{name}.yaml").read_text("utf-8")))


class Bench:
    """Every class point that the plant has is bound to it; the equipment is called as its class."""

    def __init__(
        self,
        classes: Sequence[str],
        parameters: Mapping[str, Value] | None = None,
        *,
        seed: int = 1,
        traffic: float = 0.0,
    ) -> None:
        word = Text(zh="试验", en="trial")
        rows = [Equipment(id=one, class_=one, number="1", name=word, place=word) for one in classes]
        self.world = World(rows, seed=seed, traffic=traffic)
        rules = []
        for one in classes:
            cls, plant = stock(one), self.world.plants[one]
            own = {name: value for name, value in (parameters or {}).items() if name in cls.parameters}
            bound = {name: PointId(f"{one}.{name}") for name in cls.points if name in plant.points}
            rules += instantiate(
                EquipmentId(one), cls, name=word, place=word, number="1", bindings=bound, parameters=own
            )
        self.engine = Engine(rules)
        self.rules = {str(rule.alarm): rule for rule in rules}
        self.raised: dict[str, float] = {}
        self.transitions: list[Transition] = []
        self._shown: dict[str, Value | None] = {}

    def plant(self, name: str) -> Plant:
        return self.world.plants[name]

    def go(self, seconds: float, poll: float = 1.0) -> None:
        """Let the world run, and read everything after each poll."""
        for _ in range(round(seconds / poll)):
            self.world.advance(poll)
            self.read()

    def read(self) -> None:
        now = Now(START + timedelta(seconds=self.world.now), self.world.now)
        samples = []
        for name, plant in self.world.plants.items():
            for point, value in plant.points.items():
                path = f"{name}.{point}"
                if self._shown.get(path, "nothing") != value:
                    self._shown[path] = value
                    quality = Quality.GOOD if value is not None else Quality.SENSOR_FAULT
                    samples.append(Sample(PointId(path), value, quality, now.utc, now.mono))
        for transition in self.engine.step(samples, now):
            self.transitions.append(transition)
            if transition.after is not AlarmState.NORMAL:
                self.raised.setdefault(str(transition.alarm), self.world.now)

    @property
    def standing(self) -> set[str]:
        """Alarms whose condition holds."""
        present = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.LATCHED_UNACKNOWLEDGED)
        return {str(alarm) for alarm, one in self.engine.standing.items() if one.after in present}
