"""A rule bound to one equipment: which points it reads, and everything compiled that can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from estate.model import EquipmentId, PointId, Value
from estate.strict import Text
from rules.absence import without
from rules.alarm import AlarmId
from rules.condition import parse
from rules.evaluation import Evaluate, Places, Slots, compile_condition
from rules.kinds import TYPES, Kind
from rules.rule import AlarmRule, EquipmentClass
from rules.text import Render, compile_template, fields
from rules.tree import Node, Rate, children, names


@dataclass(frozen=True, slots=True)
class Input:
    """One point that a rule reads. `decides` is false for points that only its text shows."""

    point: PointId
    name: str
    types: tuple[type, ...]
    values: frozenset[Value]
    decides: bool

    def accepts(self, value: Value) -> bool:
        """Whether the class knows such a value. Another is taken as unknown, never as "not in alarm"."""
        if type(value) not in self.types:
            return False
        if type(value) is float:
            return isfinite(value)
        return not self.values or value in self.values


@dataclass(frozen=True, slots=True)
class Slope:
    """A `rate(...)`: fed by the input at place `source`, over `window` seconds."""

    source: int
    window: float


@dataclass(frozen=True, slots=True)
class RuleInstance:
    """One alarm of one equipment. Values stand in a list: first the inputs, then the slopes.

    `raises` is the condition of an alarm that does not stand, `holds` of one that does (the limits moved
    by the deadband). Delays in seconds.
    """

    alarm: AlarmId
    equipment: EquipmentId
    class_: str
    rule_name: str
    rule: AlarmRule
    place: Text | None
    name: Text
    number: str
    parameters: Mapping[str, Value]
    inputs: tuple[Input, ...]
    slopes: tuple[Slope, ...]
    raises: Evaluate
    holds: Evaluate
    on_delay: float
    off_delay: float
    text_zh: Render
    text_en: Render

    @property
    def points(self) -> frozenset[PointId]:
        """The points that decide this alarm."""
        return frozenset(one.point for one in self.inputs if one.decides)


def instantiate(
    equipment: EquipmentId,
    cls: EquipmentClass,
    *,
    name: Text,
    place: Text | None = None,
    number: str = "",
    bindings: Mapping[str, PointId],
    parameters: Mapping[str, Value] | None = None,
) -> tuple[RuleInstance, ...]:
    """The alarms of one equipment, in the order of its class.

    `bindings` are class points to points of devices; rules that cannot be decided without an absent
    point are left out (see rules.absence). `parameters` replace defaults and must have been checked.
    """
    effective = {one: parameter.default for one, parameter in cls.parameters.items()} | dict(parameters or {})
    bound = {one: bindings[one] for one in cls.points if one in bindings}
    absent = frozenset(cls.points) - frozenset(bound)
    instances = []
    for rule_name, rule in cls.rules.items():
        when = without(parse(rule.when), absent)
        if when is None:
            continue
        unless = without(parse(rule.unless), absent) if rule.unless else None
        binding = _Binding(cls, rule, bound, effective, when, unless)
        words = {language: {**_names(language, place, name, number), **effective} for language in ("zh", "en")}
        instances.append(
            RuleInstance(
                alarm=AlarmId(f"{equipment}.{rule_name}"),
                equipment=equipment,
                class_=cls.class_,
                rule_name=rule_name,
                rule=rule,
                place=place,
                name=name,
                number=number,
                parameters=effective,
                inputs=binding.inputs,
                slopes=binding.slopes,
                raises=binding.condition(0.0),
                holds=binding.condition(_number(rule.deadband, effective)),
                on_delay=_number(rule.on_delay, effective),
                off_delay=_number(rule.off_delay, effective),
                text_zh=compile_template(rule.text.zh, words["zh"], binding.places.points),
                text_en=compile_template(rule.text.en, words["en"], binding.places.points),
            )
        )
    return tuple(instances)


def _names(language: str, place: Text | None, name: Text, number: str) -> Mapping[str, str]:
    """What texts call the equipment. A place that ends in the number, or begins the name, is not said twice."""
    where, called = place.in_(language) if place else "", name.in_(language)
    if where and called.startswith(where):
        called = called.removeprefix(where).lstrip(" ,，")
    return {"place": where, "name": called, "number": "" if number and where.endswith(number) else number}


def _number(value: float | str, parameters: Mapping[str, Value]) -> float:
    return max(0.0, float(parameters[value])) if isinstance(value, str) else value


class _Binding:
    """Where each value of one rule stands."""

    def __init__(
        self,
        cls: EquipmentClass,
        rule: AlarmRule,
        bound: Mapping[str, PointId],
        parameters: Mapping[str, Value],
        when: Node,
        unless: Node | None,
    ) -> None:
        self._when = when
        self._unless = unless
        trees = [when] if unless is None else [when, unless]
        deciding = dict.fromkeys(one.name for tree in trees for one in names(tree) if one.name in bound)
        templates = (rule.text.zh, rule.text.en)
        shown = dict.fromkeys(field for text in templates for _, field, _ in fields(text) if field in bound)
        known = cls.known
        self.inputs = tuple(
            Input(bound[one], one, TYPES[known.points[one]], frozenset(known.values.get(one, ())), one in deciding)
            for one in {**deciding, **shown}
        )
        points = {one.name: place for place, one in enumerate(self.inputs)}
        rates = dict.fromkeys((one.point.name, one.window) for tree in trees for one in _rates(tree))
        self.slopes = tuple(Slope(points[point], window) for point, window in rates)
        self.places = Places(
            points,
            {rate: place for place, rate in enumerate(rates, len(self.inputs))},
            parameters,
            frozenset(one for one in points if known.points[one] is Kind.NUMBER),
        )

    def condition(self, deadband: float) -> Evaluate:
        when = compile_condition(self._when, self.places, deadband)
        if self._unless is None:
            return when
        unless = compile_condition(self._unless, self.places, -deadband)

        def evaluate(values: Slots) -> bool | None:
            if unless(values) is True:
                return False
            found: bool | None = when(values)
            return found

        return evaluate


def _rates(tree: Node) -> list[Rate]:
    own = [tree] if isinstance(tree, Rate) else []
    return own + [rate for child in children(tree) for rate in _rates(child)]
