"""What an engineer writes of a class of equipment: its points, its parameters, and its alarm rules."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from estate.model import Value
from estate.strict import Id, PointName, Strict, Text, Words
from estate.wording import nearest
from rules.command import ClassCommand, faults_of_commands
from rules.condition import LONGEST_WINDOW, RESERVED, SHORTEST_WINDOW, ConditionError, parse
from rules.evaluation import Deadband
from rules.kinds import Kind, Known, check, kind_of
from rules.sequence import STEP_NUMBERS, STEP_WORDS, Sequence, alarm_name, faults_of_delay, faults_of_sequence
from rules.text import PLACES
from rules.tree import Comparison, Node, children, durations
from rules.writing import Announcement, Finding, Names, Seconds, faults_of_announcement, misread, mistake

PointKind = Literal["analog", "state", "enum", "text"]
_KINDS: Mapping[PointKind, Kind] = {
    "analog": Kind.NUMBER,
    "state": Kind.TRUTH,
    "enum": Kind.TEXT,
    "text": Kind.TEXT,
}


class ClassPoint(Strict):
    """One point of the class. An `enum` lists its `values`; `internal` ones are written by the daemon itself.

    `normal` is the value of a quiet day, for the eye of the operator; no rule reads it. A `personal` one (a plate, a
    card's reference) is shown to those only who may operate.
    """

    kind: PointKind
    name: Text
    unit: str = ""
    values: Annotated[tuple[Words, ...], Field(strict=False)] = ()
    optional: bool = False
    internal: bool = False
    normal: bool | str | None = None
    personal: bool = False

    @property
    def value_kind(self) -> Kind:
        return _KINDS[self.kind]


class Parameter(Strict):
    """A limit or time that a site may set for each equipment. `source` says where the default comes from.

    `words` are all that a text may be. A `registered` one is kept for people: commissioning (`estated check`)
    asks for it, and says where it is under `least` or over `most`.
    """

    default: bool | int | float | str
    unit: str = ""
    source: Words
    words: Annotated[tuple[Words, ...], Field(strict=False)] = ()
    registered: bool = False
    least: float | None = None
    most: float | None = None

    @property
    def value_kind(self) -> Kind:
        return kind_of(self.default)


class Severe(Strict):
    """When the same alarm is worse: while `when` holds, its priority is this one, and whoever acknowledged it is
    called again. Delays in seconds, `deadband` in the unit of the analog."""

    when: Words
    priority: Annotated[int, Field(ge=1, le=3)]
    on_delay: Seconds | PointName = 0.0
    off_delay: Seconds | PointName = 0.0
    deadband: Annotated[float, Field(ge=0)] | PointName = 0.0


class AlarmRule(Announcement):
    """An alarm with its human part: what happens if nobody acts, and what to do.

    The condition `when` has to hold for `on_delay` seconds to raise and to be false for `off_delay`
    seconds to clear; both, and `deadband` (unit of the analog), may name a parameter instead. Unknown
    does neither. While `unless` is true the condition counts as false; unknown or absent it holds
    nothing back, because a broken bypass line must not silence an intrusion. `latched` alarms stay
    until reset. `emergency_plan` names one of the site's procedures.

    `acknowledge: false` is an advisory: it goes when its condition goes. `remind` calls again so many
    seconds after an acknowledgement while the condition lasts (0: never). While `suppress_when` is true
    the alarm is suppressed by design. `never_suppress` (panic, fire, duress, tamper) can be neither shelved
    nor suppressed nor taken out of service. An alarm that is `lost_with_supply` is suppressed while one that
    `cuts_supply` stands at the equipment that feeds it (`fed_by`). `finds` are failures known from the field that
    it was written for; docs/field-failures.md is made of them.
    """

    when: Words
    unless: str = ""
    on_delay: Seconds | PointName = 0.0
    off_delay: Seconds | PointName = 0.0
    deadband: Annotated[float, Field(ge=0)] | PointName = 0.0
    remind: Annotated[float, Field(ge=0, le=604800)] | PointName = 0.0
    suppress_when: str = ""
    severe: Severe | None = None
    lost_with_supply: bool = False
    cuts_supply: bool = False
    finds: Annotated[tuple[Finding, ...], Field(strict=False)] = ()


class EquipmentClass(Strict):
    """What a sump or a door is, whatever its make. `ascending` lists parameters that must rise from left to right.

    One that `bridges_outages` (a UPS, a transfer switch) keeps what it feeds alive when its own supply is gone.
    """

    class_: Id = Field(validation_alias="class", serialization_alias="class")
    name: Text
    bridges_outages: bool = False
    points: Mapping[PointName, ClassPoint]
    parameters: Mapping[PointName, Parameter] = {}
    ascending: Annotated[tuple[Names, ...], Field(strict=False)] = ()
    commands: Mapping[PointName, ClassCommand] = {}
    rules: Mapping[PointName, AlarmRule]
    sequences: Mapping[PointName, Sequence] = {}

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        faults = [*_faults_of_names(self)]
        for name, rule in self.rules.items():
            faults += _faults_of_rule(self, name, rule)
        defaults = {name: parameter.default for name, parameter in self.parameters.items()}
        for name, sequence in self.sequences.items():
            faults += faults_of_sequence(name, sequence, self.known, defaults)
            for step, outcome in sequence.asked():
                if (alarm := alarm_name(name, step, outcome)) in self.rules:
                    faults.append(mistake("name_taken", ("sequences", name), alarm, word=alarm))
        faults += _faults_of_commands(self)
        if not faults:
            faults += self.faults_of({}, ("parameters",))
        if faults:
            raise ValidationError.from_exception_data("EquipmentClass", faults)
        return self

    @cached_property
    def known(self) -> Known:
        return Known(
            {name: point.value_kind for name, point in self.points.items()},
            {name: parameter.value_kind for name, parameter in self.parameters.items()},
            {name: point.values for name, point in self.points.items() if point.values},
            {name: one.unit for name, one in self.points.items() if one.unit}
            | {name: parameter.unit for name, parameter in self.parameters.items() if parameter.unit},
        )

    @cached_property
    def _windows(self) -> frozenset[tuple[str, float]]:
        """Parameters that stand for the window of a function over time, and what makes seconds of them."""
        texts = [text for rule in self.rules.values() for text in (rule.when, rule.unless, rule.suppress_when)]
        texts += [rule.severe.when for rule in self.rules.values() if rule.severe is not None]
        for sequence in self.sequences.values():
            texts += [sequence.trigger, sequence.ends]
            texts += [text for step in sequence.steps.values() for text in (step.when, step.restart_on)]
        known = self.known
        found = (one for text in texts if text for one in durations(check(parse(text), known)))
        return frozenset((one.parameter, one.scale) for one in found if one.parameter)

    def faults_of(self, values: Mapping[str, Value], at: tuple[str, ...] = ()) -> list[InitErrorDetails]:
        """What is wrong with an equipment's parameter values, as pydantic line errors with places under `at`."""
        faults = []
        effective = {name: parameter.default for name, parameter in self.parameters.items()}
        for name, value in values.items():
            if name not in effective:
                near = nearest(name, effective) or ""
                faults.append(mistake("unknown_parameter", (*at, name), value, word=name, near=near))
            elif kind_of(value) is not kind_of(effective[name]):
                faults.append(mistake("wrong_kind", (*at, name), value, word=name, kind=kind_of(effective[name]).value))
            elif (words := self.parameters[name].words) and value not in words:
                near = nearest(str(value), words) or ""
                faults.append(
                    mistake("not_listed", (*at, name), value, word=str(value), known=", ".join(words), near=near)
                )
            else:
                effective[name] = value
        for name, scale in self._windows:
            length = effective.get(name)
            if isinstance(length, int | float) and not SHORTEST_WINDOW <= length * scale <= LONGEST_WINDOW:
                faults.append(mistake("time_out_of_range", (*at, name), length, word=name))
        for row in self.ascending:
            for low, high in pairwise(row):
                one, other = effective.get(low), effective.get(high)
                if isinstance(one, int | float) and isinstance(other, int | float) and one >= other:
                    place = high if high in values else low
                    faults.append(mistake("not_ascending", (*at, place), other, low=low, high=high))
        return faults


def _faults_of_names(cls: EquipmentClass) -> Iterator[InitErrorDetails]:
    taken = {*RESERVED, *PLACES, *(STEP_WORDS + STEP_NUMBERS if cls.sequences else ())}
    for name, point in cls.points.items():
        if name in taken or name in cls.parameters:
            yield mistake("name_taken", ("points", name), name, word=name)
        if (point.kind == "enum") != bool(point.values):
            yield mistake("enum_values", ("points", name), name, word=name)
    for name in cls.parameters:
        if name in taken:
            yield mistake("name_taken", ("parameters", name), name, word=name)
    for row in cls.ascending:
        for name in row:
            if name not in cls.parameters or cls.parameters[name].value_kind is not Kind.NUMBER:
                yield mistake("unknown_parameter", ("ascending",), name, word=name, near="")


def _faults_of_commands(cls: EquipmentClass) -> Iterator[InitErrorDetails]:
    yield from faults_of_commands(cls.commands, cls.known)
    if cls.commands and "command_state" not in cls.points:
        yield mistake("command_state", ("commands",), "", word="command_state")
    for name, rule in cls.rules.items():
        for action in rule.actions:
            if action.target == "self" and action.do not in cls.commands:
                near = nearest(action.do, cls.commands) or ""
                yield mistake("unknown_command", ("rules", name, "actions"), action.do, word=action.do, near=near)


def _faults_of_rule(cls: EquipmentClass, name: str, rule: AlarmRule) -> Iterator[InitErrorDetails]:
    place = ("rules", name)
    conditions: dict[tuple[str, ...], str] = {
        ("when",): rule.when,
        ("unless",): rule.unless,
        ("suppress_when",): rule.suppress_when,
    }
    numbers_of: dict[tuple[str, ...], float | str] = {
        ("on_delay",): rule.on_delay,
        ("off_delay",): rule.off_delay,
        ("deadband",): rule.deadband,
        ("remind",): rule.remind,
    }
    if (severe := rule.severe) is not None:
        conditions["severe", "when"] = severe.when
        numbers_of |= {("severe", part): getattr(severe, part) for part in ("on_delay", "off_delay", "deadband")}
        if severe.priority >= rule.priority:
            yield mistake("not_severe", (*place, "severe", "priority"), severe.priority)
    for part, wanted in (("suppress_when", rule.suppress_when), ("lost_with_supply", rule.lost_with_supply)):
        if rule.never_suppress and wanted:
            yield mistake("never_suppressed", (*place, part), wanted)
    for at, condition in conditions.items():
        if not condition and at != ("when",):
            continue
        try:
            checked = check(parse(condition), cls.known)
        except ConditionError as error:
            yield misread(error, (*place, *at), condition)
            continue
        deadband = numbers_of.get((*at[:-1], "deadband"))
        if at[-1] == "when" and isinstance(deadband, str) and (unit := cls.known.units.get(deadband)):
            compared = {one.unit for one in _comparisons(checked)}
            if compared and not any(Deadband(1.0, unit).within(one) for one in compared):
                yield mistake("deadband_unit", (*place, *at[:-1], "deadband"), deadband, word=deadband, unit=unit)
    for at, value in numbers_of.items():
        if isinstance(value, str) and at[-1] != "deadband":
            yield from faults_of_delay((*place, *at), value, cls.known)
        elif isinstance(value, str) and cls.known.parameters.get(value) is not Kind.NUMBER:
            near = nearest(value, cls.parameters) or ""
            yield mistake("unknown_parameter", (*place, *at), value, word=value, near=near)
    numbers = {one for one, kind in (*cls.known.points.items(), *cls.known.parameters.items()) if kind is Kind.NUMBER}
    words = {one for one, kind in cls.known.points.items() if kind is Kind.TEXT}
    yield from faults_of_announcement(place, rule, frozenset(numbers), frozenset(words))


def _comparisons(node: Node) -> Iterator[Comparison]:
    if isinstance(node, Comparison):
        yield node
    for child in children(node):
        yield from _comparisons(child)
