"""Which alarm switches what: linked actions of rules, and which lamps standing alarms still hold. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from estate.installation import Equipment
from estate.model import EquipmentId
from rules.alarm import AlarmState, Transition, Trigger
from rules.instance import RuleInstance

AGAIN = frozenset({Trigger.WORSEN, Trigger.REMIND})
"""Announce an alarm whose lamp burns already. One that nobody was told of, being suppressed, switches nothing."""


class Linked(NamedTuple):
    """What a transition asks of an equipment: one of its commands."""

    target: EquipmentId
    action: str


class Linkage:
    """A lamp switched on by alarms goes off again when the last of them is normal."""

    def __init__(self, rules: Iterable[RuleInstance], equipment: Iterable[Equipment]) -> None:
        self._rules = {one.alarm: one.rule for one in rules}
        self._equipment = {one.id: one for one in equipment}
        self._holding: dict[EquipmentId, set[str]] = {}

    def of(self, transition: Transition) -> Iterator[Linked]:
        """What is to be done now; to be asked once for each transition, in their order."""
        rule = self._rules.get(transition.alarm)
        for action in rule.actions if rule else ():
            target = self._target(transition, action.target)
            if target is None:
                continue
            holders = self._holding.setdefault(target, set())
            if transition.announces and transition.trigger not in AGAIN:
                if action.do == "switch_on":
                    holders.add(transition.alarm)
                yield Linked(target, action.do)
            elif transition.after is AlarmState.NORMAL and action.do == "switch_on" and transition.alarm in holders:
                holders.discard(transition.alarm)
                if not holders:
                    yield Linked(target, "switch_off")

    def restore(self, standing: Iterable[Transition]) -> None:
        """After a restart: remember which alarms hold which lamps; asks for nothing."""
        for transition in standing:
            rule = self._rules.get(transition.alarm)
            for action in rule.actions if rule else ():
                target = self._target(transition, action.target)
                if target is not None and action.do == "switch_on":
                    self._holding.setdefault(target, set()).add(transition.alarm)

    def holds(self, target: EquipmentId) -> bool:
        """Whether a standing alarm keeps it switched on."""
        return bool(self._holding.get(target))

    def _target(self, transition: Transition, name: str) -> EquipmentId | None:
        if name == "self":
            return transition.equipment
        owner = self._equipment.get(transition.equipment)
        target = owner.lamp if owner is not None and name == "lamp" else name
        return EquipmentId(target) if target in self._equipment else None
