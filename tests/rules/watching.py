"""A class made of one rule, an engine that watches it, and points that a test sets by name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from estate.annunciation import Annunciation
from estate.model import Cause, EquipmentId, Now, PointId, Quality, Sample, Value
from estate.strict import Text
from rules.alarm import AlarmId, AlarmState, Transition, Trigger
from rules.engine import Engine
from rules.instance import RuleInstance, instantiate
from rules.rule import EquipmentClass
from rules.suppression import SuppressionKind

BEGIN = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
NAME = Text(zh="1号集水坑", en="Sump 1")
PLACE = Text(zh="地下车库", en="Car park")
IT = AlarmId("pit-1.it")
WORDS = {"zh": "字", "en": "words"}

POINTS: Mapping[str, Mapping[str, Any]] = {
    "level": {"kind": "analog", "unit": "m", "name": WORDS, "optional": True},
    "inflow": {"kind": "analog", "name": WORDS, "optional": True},
    "running": {"kind": "state", "name": WORDS, "optional": True},
    "ready": {"kind": "state", "name": WORDS, "optional": True},
    "mode": {"kind": "enum", "values": ["auto", "hand", "off"], "name": WORDS, "optional": True},
    "note": {"kind": "text", "name": WORDS, "optional": True},
}
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "limit": {"default": 1.2, "unit": "m", "source": "test"},
    "low_limit": {"default": 0.2, "unit": "m", "source": "test"},
    "wait": {"default": 10.0, "unit": "s", "source": "test"},
    "season": {"default": "dry", "source": "test"},
    "armed": {"default": True, "source": "test"},
}


def rule_of(when: str, **more: Any) -> dict[str, Any]:
    return {"when": when, "priority": 2, "text": WORDS, "consequence": WORDS, "response": WORDS, **more}


def class_of(when: str = "running", **more: Any) -> EquipmentClass:
    return EquipmentClass.model_validate(
        {
            "class": "pit",
            "name": WORDS,
            "points": POINTS,
            "parameters": PARAMETERS,
            "rules": {"it": rule_of(when, **more)},
        }
    )


def instances(
    cls: EquipmentClass, absent: frozenset[str] = frozenset(), **parameters: Value
) -> tuple[RuleInstance, ...]:
    bindings = {name: PointId(f"dev.{name}") for name in cls.points if name not in absent}
    return instantiate(
        EquipmentId("pit-1"), cls, name=NAME, place=PLACE, number="1号", bindings=bindings, parameters=parameters
    )


@dataclass
class Watching:
    """Time is the test's: `set` happens now, `later` moves on and lets the engine do what is due."""

    engine: Engine
    rule: RuleInstance
    alarm: AlarmId = IT
    seconds: float = 0.0
    journal: list[Transition] = field(default_factory=list)

    @property
    def now(self) -> Now:
        return Now(BEGIN + timedelta(seconds=self.seconds), 1000.0 + self.seconds)

    @property
    def state(self) -> AlarmState:
        return self.engine.alarms[self.alarm].state

    def sample(
        self, name: str, value: Value | None, quality: Quality = Quality.GOOD, cause: Cause | None = None
    ) -> Sample:
        return Sample(PointId(f"dev.{name}"), value, quality, self.now.utc, self.now.mono, cause)

    def step(self, *samples: Sample) -> list[Transition]:
        transitions = self.engine.step(samples, self.now)
        self.journal += transitions
        return transitions

    def set(self, **values: Value) -> list[Transition]:
        return self.step(*(self.sample(name, value) for name, value in values.items()))

    def lose(self, *names: str, quality: Quality = Quality.NO_COMMUNICATION) -> list[Transition]:
        value = 9.9 if quality is Quality.STALE else None
        return self.step(*(self.sample(name, value, quality) for name in names))

    def later(self, seconds: float) -> list[Transition]:
        self.seconds += seconds
        return self.step()

    def acknowledge(self) -> Transition:
        transition = self.engine.acknowledge(self.alarm, "anna", self.now)
        self.journal.append(transition)
        return transition

    def reset(self) -> Transition:
        transition = self.engine.reset(self.alarm, "anna", self.now)
        self.journal.append(transition)
        return transition

    def command(self, name: str, *more: Any) -> Transition:
        """Any command of the engine on this alarm, by anna."""
        transition: Transition = getattr(self.engine, name)(self.alarm, "anna", self.now, *more)
        self.journal.append(transition)
        return transition

    def shelve(self, seconds: float = 600.0, reason: str = "known") -> Transition:
        return self.command("shelve", self.now.utc + timedelta(seconds=seconds), reason)

    def remove(self, seconds: float | None = None) -> Transition:
        until = None if seconds is None else self.now.utc + timedelta(seconds=seconds)
        return self.command("remove_from_service", "maintenance", "WO-17", until)

    @property
    def announced(self) -> list[Trigger]:
        """What called an operator, in order."""
        return [one.trigger for one in self.journal if one.announces]

    @property
    def shown(self) -> SuppressionKind | None:
        return self.engine.alarms[self.alarm].suppression.shown

    def restarted(self, engine: Engine | None = None, down: float = 0.0) -> "Watching":
        """A new engine that is told what the journal's file would tell it, `down` seconds later."""
        fresh = Watching(engine or Engine([self.rule]), self.rule, self.alarm, self.seconds + down, list(self.journal))
        recent = [(one.alarm, one.decided) for one in self.journal if one.announces]
        assert fresh.engine.restore(self.journal, stored(self.engine, self.now), recent) == []
        fresh.step()
        return fresh


def stored(engine: Engine, now: Now) -> dict[str, Any]:
    """The engine's memory as it comes back out of the journal's file, saved at this moment."""
    kept = {key: body for key, body in engine.take_memory(now).items() if body is not None}
    return json.loads(json.dumps(kept))  # type: ignore[no-any-return]


def watching(
    when: str,
    *,
    parameters: Mapping[str, Value] | None = None,
    annunciation: Annunciation | None = None,
    **more: Any,
) -> Watching:
    (rule,) = instances(class_of(when, **more), **(parameters or {}))
    return Watching(Engine([rule], annunciation), rule)
