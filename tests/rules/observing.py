"""One watched rule without an engine: values set at times, its answers at times, and a restart in between."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from estate.model import Now, Value
from rules.rule import EquipmentClass
from rules.watch import Watch
from tests.rules.watching import BEGIN, class_of, instances

MACHINE = 1000.0
"""Monotonic seconds at the begin; another start of the machine has another."""


class Observed:
    """Time is in seconds since the begin. Looks that the watch asks for happen by themselves, at their time."""

    def __init__(self, when: str | EquipmentClass, machine: float = MACHINE, rule: int = 0) -> None:
        self.cls = when if isinstance(when, EquipmentClass) else class_of(when)
        self.machine = machine
        self.rule = rule
        self.watch = Watch(instances(self.cls)[rule])
        self.places = {one.name: place for place, one in enumerate(self.watch.instance.inputs)}
        self.looks = 0

    def now(self, at: float) -> Now:
        return Now(BEGIN + timedelta(seconds=at), self.machine + at)

    def pass_to(self, at: float) -> None:
        """Let happen what the watch asked to look at until then."""
        while self.watch.look is not None and self.watch.look <= self.machine + at:
            look = self.watch.look
            self.watch.evaluate(look)
            self.looks += 1
            assert self.watch.look is None or self.watch.look > look, "the same moment again and again"

    def set(self, at: float, values: Mapping[str, Value | None]) -> None:
        """In this order, each evaluated on its own, as the engine does."""
        self.pass_to(at)
        for name, value in values.items():
            if name in self.places and self.watch.feed(self.places[name], value, self.machine + at):
                self.watch.evaluate(self.machine + at)

    def answer(self, at: float) -> bool | None:
        """What the last evaluation said, without asking for a new one."""
        self.pass_to(at)
        return self.watch.result

    def memory(self, at: float) -> Any:
        timed = self.watch.timed
        assert timed is not None
        return json.loads(json.dumps(timed.memory(self.now(at))))

    def restarted(self, saved: Any, at: float, machine: float = 5000.0) -> "Observed":
        """On a machine whose clock began elsewhere."""
        fresh = Observed(self.cls, machine, self.rule)
        timed = fresh.watch.timed
        assert timed is not None
        timed.restore(saved, fresh.now(at))
        return fresh
