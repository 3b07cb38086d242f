"""What an engineer writes of a class of equipment: its points, its parameters, and its alarm rules."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from estate.model import Value
from estate.strict import Id, PointName, Strict, Text, Words
from rules.condition import RESERVED, ConditionError, parse
from rules.kinds import Kind, Known, check, kind_of
from rules.text import PLACES, TemplateError, check_template

Seconds = Annotated[float, Field(ge=0, le=86400)]
Names = Annotated[tuple[PointName, ...], Field(strict=False)]

PointKind = Literal["analog", "state", "enum", "text"]
_KINDS: Mapping[PointKind, Kind] = {
    "analog": Kind.NUMBER,
    "state": Kind.TRUTH,
    "enum": Kind.TEXT,
    "text": Kind.TEXT,
}


class ClassPoint(Strict):
    """One point of the class. An `enum` lists its `values`; `internal` ones are written by the daemon itself.

    `normal` is the value of a quiet day, for the eye of the operator; no rule reads it.
    """

    kind: PointKind
    name: Text
    unit: str = ""
    values: Annotated[tuple[Words, ...], Field(strict=False)] = ()
    optional: bool = False
    internal: bool = False
    normal: bool | str | None = None

    @property
    def value_kind(self) -> Kind:
        return _KINDS[self.kind]


class Parameter(Strict):
    """A limit or time that a site may set for each equipment. `source` says where the default comes from."""

    default: bool | int | float | str
    unit: str = ""
    source: Words

    @property
    def value_kind(self) -> Kind:
        return kind_of(self.default)


class Action(Strict):
    """What is done when the alarm is raised: `target` `lamp` is the lamp that the equipment names."""

    do: Literal["switch_on", "switch_off"]
    target: Id


class AlarmRule(Strict):
    """An alarm with its human part: what happens if nobody acts, and what to do.

    The condition `when` has to hold for `on_delay` seconds to raise and to be false for `off_delay`
    seconds to clear; both, and `deadband` (unit of the analog), may name a parameter instead. Unknown
    does neither. While `unless` is true the condition counts as false; unknown or absent it holds
    nothing back, because a broken bypass line must not silence an intrusion. `latched` alarms stay
    until reset. `emergency_plan` names one of the site's procedures.
    """

    when: Words
    unless: str = ""
    on_delay: Seconds | PointName = 0.0
    off_delay: Seconds | PointName = 0.0
    deadband: Annotated[float, Field(ge=0)] | PointName = 0.0
    priority: Annotated[int, Field(ge=1, le=4)]
    kind: Literal["process", "latched"] = "process"
    life_safety: bool = False
    text: Text
    consequence: Text
    response: Text
    emergency_plan: Id | None = None
    actions: Annotated[tuple[Action, ...], Field(strict=False)] = ()


class EquipmentClass(Strict):
    """What a sump or a door is, whatever its make. `ascending` lists parameters that must rise from left to right."""

    class_: Id = Field(validation_alias="class", serialization_alias="class")
    name: Text
    points: Mapping[PointName, ClassPoint]
    parameters: Mapping[PointName, Parameter] = {}
    ascending: Annotated[tuple[Names, ...], Field(strict=False)] = ()
    rules: Mapping[PointName, AlarmRule]

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        faults = [*_faults_of_names(self)]
        for name, rule in self.rules.items():
            faults += _faults_of_rule(self, name, rule)
        if not faults:
            faults += self.faults_of({}, ("parameters",))
        if faults:
            raise ValidationError.from_exception_data("EquipmentClass", faults)
        return self

    @property
    def known(self) -> Known:
        return Known(
            {name: point.value_kind for name, point in self.points.items()},
            {name: parameter.value_kind for name, parameter in self.parameters.items()},
            {name: point.values for name, point in self.points.items() if point.values},
        )

    def faults_of(self, values: Mapping[str, Value], at: tuple[str, ...] = ()) -> list[InitErrorDetails]:
        """What is wrong with an equipment's parameter values, as pydantic line errors with places under `at`."""
        faults = []
        effective = {name: parameter.default for name, parameter in self.parameters.items()}
        for name, value in values.items():
            if name not in effective:
                near = next(iter(get_close_matches(name, effective, n=1)), "")
                faults.append(_fault("unknown_parameter", (*at, name), value, word=name, near=near))
            elif kind_of(value) is not kind_of(effective[name]):
                faults.append(_fault("wrong_kind", (*at, name), value, word=name, kind=kind_of(effective[name]).value))
            else:
                effective[name] = value
        for row in self.ascending:
            for low, high in pairwise(row):
                one, other = effective.get(low), effective.get(high)
                if isinstance(one, int | float) and isinstance(other, int | float) and one >= other:
                    place = high if high in values else low
                    faults.append(_fault("not_ascending", (*at, place), other, low=low, high=high))
        return faults


def _fault(code: str, place: tuple[str, ...], value: object, **words: str | int) -> InitErrorDetails:
    """One mistake for pydantic's own list: its type is the code in rules/messages.yaml, its context fills that in."""
    template = " ".join((code.replace("_", " ") + ":", *(f"{{{name}}}" for name in words)))
    return InitErrorDetails(type=PydanticCustomError(f"rule_{code}", template, dict(words)), loc=place, input=value)


def _faults_of_names(cls: EquipmentClass) -> Iterator[InitErrorDetails]:
    for name, point in cls.points.items():
        if name in RESERVED or name in PLACES or name in cls.parameters:
            yield _fault("name_taken", ("points", name), name, word=name)
        if (point.kind == "enum") != bool(point.values):
            yield _fault("enum_values", ("points", name), name, word=name)
    for name in cls.parameters:
        if name in RESERVED or name in PLACES:
            yield _fault("name_taken", ("parameters", name), name, word=name)
    for row in cls.ascending:
        for name in row:
            if name not in cls.parameters or cls.parameters[name].value_kind is not Kind.NUMBER:
                yield _fault("unknown_parameter", ("ascending",), name, word=name, near="")


def _faults_of_rule(cls: EquipmentClass, name: str, rule: AlarmRule) -> Iterator[InitErrorDetails]:
    place = ("rules", name)
    for part, condition in (("when", rule.when), ("unless", rule.unless)):
        if not condition and part == "unless":
            continue
        try:
            check(parse(condition), cls.known)
        except ConditionError as error:
            yield _fault(error.code, (*place, part), condition, column=error.column, word=error.word, near=error.near)
    delays = {"on_delay": rule.on_delay, "off_delay": rule.off_delay, "deadband": rule.deadband}
    for part, value in delays.items():
        if isinstance(value, str):
            parameter = cls.parameters.get(value)
            if parameter is None or parameter.value_kind is not Kind.NUMBER:
                near = next(iter(get_close_matches(value, cls.parameters, n=1)), "")
                yield _fault("unknown_parameter", (*place, part), value, word=value, near=near)
    numbers = {one for one, kind in (*cls.known.points.items(), *cls.known.parameters.items()) if kind is Kind.NUMBER}
    words = {one for one, kind in cls.known.points.items() if kind is Kind.TEXT}
    for language, template in (("zh", rule.text.zh), ("en", rule.text.en)):
        try:
            check_template(template, frozenset(numbers), frozenset({*words, *PLACES}))
        except TemplateError as error:
            yield _fault(error.code, (*place, "text", language), template, word=error.word)
