"""What all equipment of one class with the same points and parameter values shares: everything that is compiled."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from estate.model import Value
from rules.absence import without
from rules.bands import tells
from rules.condition import parse
from rules.evaluation import Deadband, Places, Slots
from rules.functions import Condition, Functions
from rules.kinds import TYPES, Kind, Known, check
from rules.lasting import joined
from rules.rule import AlarmRule, EquipmentClass
from rules.text import fields
from rules.tree import Node, names


class Asked(NamedTuple):
    """An input before it is known which device has its point."""

    name: str
    types: tuple[type, ...]
    values: frozenset[Value]
    decides: bool


def number_of(value: float | str, parameters: Mapping[str, Value]) -> float:
    return max(0.0, float(parameters[value])) if isinstance(value, str) else value


class Binding:
    """Where each value of one rule stands, and its condition over them."""

    def __init__(
        self,
        known: Known,
        rule: AlarmRule,
        bound: Set[str],
        parameters: Mapping[str, Value],
        when: Node,
        unless: Node | None,
    ) -> None:
        trees = [when] if unless is None else [when, unless]
        deciding = dict.fromkeys(one.name for tree in trees for one in names(tree) if one.name in bound)
        templates = (rule.text.zh, rule.text.en)
        shown = dict.fromkeys(field for text in templates for _, field, _ in fields(text) if field in bound)
        self.asked = tuple(
            Asked(one, TYPES[known.points[one]], frozenset(known.values.get(one, ())), one in deciding)
            for one in {**deciding, **shown}
        )
        points = {one.name: place for place, one in enumerate(self.asked)}
        analogs = frozenset(one for one in points if known.points[one] is Kind.NUMBER)
        self.places = Places(points, parameters, analogs)
        self.functions = Functions(self.places, len(self.asked))
        unit = known.units.get(rule.deadband, "") if isinstance(rule.deadband, str) else ""
        deadband = Deadband(number_of(rule.deadband, parameters), unit)
        self.raises, self.holds = self.functions.condition(when, deadband)
        if unless is not None:
            let_go, held_back = self.functions.condition(unless, deadband, -1)
            self.raises, self.holds = _unless(self.raises, let_go), _unless(self.holds, held_back)
        told = self.functions.uses.told
        self.tells = tuple(told.get(place, tells(())) if one.decides else None for place, one in enumerate(self.asked))


def _unless(when: Condition, unless: Condition) -> Condition:
    def evaluate(values: Slots) -> bool | None:
        if unless.evaluate(values) is True:
            return False
        found: bool | None = when.evaluate(values)
        return found

    def lets(values: Slots) -> bool:
        return unless.evaluate(values) is not True

    return Condition(evaluate, joined(((when.evaluate, when.lasts), (lets, unless.lasts)), False))


@dataclass(frozen=True, slots=True)
class Mould:
    """What equipment of one class with the same points and parameter values has in common: all that is compiled."""

    cls: EquipmentClass
    known: Known
    absent: frozenset[str]
    parameters: Mapping[str, Value]
    trees: dict[str, Node | None] = field(default_factory=dict)
    bindings: dict[tuple[str, str], Binding] = field(default_factory=dict)

    def tree(self, condition: str) -> Node | None:
        """What is left of a condition with the points there are; None for none and where it cannot be decided."""
        if not condition:
            return None
        if condition not in self.trees:
            self.trees[condition] = without(check(parse(condition), self.known), self.absent)
        return self.trees[condition]

    def binding(self, rule_name: str, rule: AlarmRule, when: Node, role: str) -> Binding:
        if (rule_name, role) not in self.bindings:
            bound = self.cls.points.keys() - self.absent
            binding = Binding(self.known, rule, bound, self.parameters, when, self.tree(rule.unless))
            self.bindings[rule_name, role] = binding
        return self.bindings[rule_name, role]


Moulds = dict[tuple[object, ...], Mould]
"""By class, points and parameters; each keeps its class alive, so that no other takes its identity."""


def mould_of(cls: EquipmentClass, bound: tuple[str, ...], parameters: Mapping[str, Value], moulds: Moulds) -> Mould:
    key = (id(cls), bound, tuple((name, type(value), value) for name, value in parameters.items()))
    if key not in moulds:
        moulds[key] = Mould(cls, cls.known, frozenset(cls.points.keys() - set(bound)), parameters)
    return moulds[key]
