"""A rule bound to one equipment: which points it reads, and everything compiled that can be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite

from estate.model import EquipmentId, PointId, Value
from estate.strict import Text
from rules.alarm import AlarmId
from rules.bands import Tells
from rules.evaluation import Evaluate
from rules.functions import Function
from rules.lasting import Until
from rules.mould import Mould, Moulds, mould_of, number_of
from rules.rule import AlarmRule, EquipmentClass
from rules.sequence import PREVIOUS, TRIGGER, Sequence, StepAlarm, alarm_name
from rules.text import Render, Template
from rules.tree import Node, Outcome, Progress, Stage
from rules.units import SECOND, converted, parse_unit


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
class StageOf:
    """Which step of which sequence an alarm tells of, what became of it, and when it was due (s)."""

    sequence: str
    sequence_name: Text
    step: str
    step_name: Text
    outcome: Outcome
    earliest: float | None
    latest: float | None

    def words(self, language: str) -> dict[str, object]:
        """What its texts may name."""
        times = {
            name: value for name, value in (("earliest", self.earliest), ("latest", self.latest)) if value is not None
        }
        return {"sequence": self.sequence_name.in_(language), "step": self.step_name.in_(language), **times}


SETTLE = 1.0
"""s that a `suppress_when` has to be gone: what clears together with it is not announced for that moment."""


class Role(StrEnum):
    """What a condition decides: the alarm, whether its `suppress_when` holds it back, whether it is `severe`."""

    ALARM = "alarm"
    SUPPRESS = "suppress_when"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class RuleInstance:
    """One alarm of one equipment. Values stand in a list of `slots` places: the inputs, then the functions over time.

    `raises` is the condition of an alarm that does not stand, `holds` of one that does (the limits moved
    by the deadband); `raises_lasts` and `holds_lasts` say how long their answers stay while no value changes.
    Delays in seconds. `tells` says of each input which of its values are all the same to
    the rule, None where none are. `companions` are the rule's further conditions, each watched like
    an alarm of its own. `parents` are sets of alarms: while all of one set stand, they explain this one.
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
    functions: tuple[Function, ...]
    now: int
    slots: int
    raises: Evaluate
    raises_lasts: Until | None
    holds: Evaluate
    holds_lasts: Until | None
    on_delay: float
    off_delay: float
    text_zh: Render
    text_en: Render
    tells: tuple[Tells | None, ...]
    remind: float = 0.0
    role: Role = Role.ALARM
    companions: "tuple[RuleInstance, ...]" = ()
    stage: StageOf | None = None
    parents: tuple[frozenset[AlarmId], ...] = ()

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
    moulds: Moulds | None = None,
) -> tuple[RuleInstance, ...]:
    """The alarms of one equipment, in the order of its class.

    `bindings` are class points to points of devices; rules that cannot be decided without an absent
    point are left out (see rules.absence). `parameters` replace defaults and must have been checked.
    Whoever makes many keeps `moulds` for all of them: a thousand panels are compiled once.
    """
    effective = {one: parameter.default for one, parameter in cls.parameters.items()} | dict(parameters or {})
    bound = {one: bindings[one] for one in cls.points if one in bindings}
    names_of = {language: _names(language, place, name, number) for language in ("zh", "en")}
    mould = mould_of(cls, tuple(bound), effective, {} if moulds is None else moulds)
    one = _Equipment(equipment, mould, name, place, number, bound, names_of)
    alarms = [one.alarm(rule_name, rule, one.tree(rule.when)) for rule_name, rule in cls.rules.items()]
    for sequence_name, sequence in cls.sequences.items():
        alarms += one.sequence(sequence_name, sequence)
    return tuple(alarm for alarm in alarms if alarm is not None)


@dataclass(frozen=True, slots=True)
class _Equipment:
    """One equipment of a class while its alarms are made."""

    id: EquipmentId
    mould: Mould
    name: Text
    place: Text | None
    number: str
    bound: Mapping[str, PointId]
    names_of: Mapping[str, Mapping[str, object]]

    @property
    def parameters(self) -> Mapping[str, Value]:
        return self.mould.parameters

    def tree(self, condition: str) -> Node | None:
        return self.mould.tree(condition)

    def alarm(
        self, rule_name: str, rule: AlarmRule, when: Node | None, stage: StageOf | None = None, role: Role = Role.ALARM
    ) -> RuleInstance | None:
        if when is None:
            return None
        binding = self.mould.binding(rule_name, rule, when, role.value)
        places, words = binding.places.points, self.names_of
        if stage is not None:
            places = {**places, "took": binding.functions.all[-1].place + 1}
            words = {language: {**names, **stage.words(language)} for language, names in words.items()}
        companions = (
            self.alarm(rule_name, companion, self.tree(companion.when), role=of) for of, companion in _companions(rule)
        )
        return RuleInstance(
            alarm=AlarmId(f"{self.id}.{rule_name}"),
            equipment=self.id,
            class_=self.mould.cls.class_,
            rule_name=rule_name,
            rule=rule,
            place=self.place,
            name=self.name,
            number=self.number,
            parameters=self.parameters,
            inputs=tuple(Input(self.bound[one.name], *one) for one in binding.asked),
            functions=binding.functions.all,
            now=binding.functions.now,
            slots=binding.functions.slots,
            raises=binding.raises.evaluate,
            raises_lasts=binding.raises.lasts,
            holds=binding.holds.evaluate,
            holds_lasts=binding.holds.lasts,
            on_delay=self._seconds(rule.on_delay),
            off_delay=self._seconds(rule.off_delay),
            text_zh=Template(rule.text.zh, words["zh"], self.parameters, places),
            text_en=Template(rule.text.en, words["en"], self.parameters, places),
            tells=binding.tells,
            remind=self._seconds(rule.remind),
            role=role,
            companions=tuple(one for one in companions if one is not None),
            stage=stage,
        )

    def sequence(self, name: str, sequence: Sequence) -> Iterator[RuleInstance | None]:
        """The alarms of a sequence. A step that this equipment cannot show is left out; the next takes its place."""
        trigger, ends = self.tree(sequence.trigger), self.tree(sequence.ends)
        if trigger is None or (sequence.ends and ends is None):
            return
        stages: list[Stage] = []
        place_of = {TRIGGER: -1, PREVIOUS: -1}
        for step_name, step in sequence.steps.items():
            when = self.tree(step.when)
            after = place_of[step.after]
            if when is not None:
                earliest = None if step.earliest is None else self._seconds(step.earliest)
                latest = None if step.latest is None else self._seconds(step.latest)
                stages.append(Stage(step_name, when, self.tree(step.restart_on), after, earliest, latest))
            place_of[step_name] = len(stages) - 1 if when is not None else after
            place_of[PREVIOUS] = place_of[step_name]
        shown = {stage.name: place for place, stage in enumerate(stages)}
        for step_name, outcome in sequence.asked():
            alarm = sequence.alarm(outcome)
            if alarm is None or not stages or (step_name not in shown and outcome is not Outcome.COMPLETED):
                continue
            step = sequence.steps[step_name]
            place = shown.get(step_name, -1)
            condition = sequence.trigger if outcome is Outcome.COMPLETED else step.when
            rule = AlarmRule(when=condition, **{part: getattr(alarm, part) for part in StepAlarm.model_fields})
            needed = stages if outcome is Outcome.COMPLETED else _way_to(stages, place)
            asked = Progress(trigger, ends, tuple(needed), len(needed) - 1, outcome)
            of = StageOf(
                name, sequence.name, step_name, step.name, outcome, stages[place].earliest, stages[place].latest
            )
            yield self.alarm(alarm_name(name, step_name, outcome), rule, asked, of)

    def _seconds(self, value: float | str) -> float:
        """A time or the parameter that holds it, in s."""
        number = number_of(value, self.parameters)
        unit = parse_unit(self.mould.known.units.get(value, "")) if isinstance(value, str) else None
        return converted(number, unit, SECOND) if unit is not None and unit.is_time else number


def _way_to(stages: list[Stage], place: int) -> list[Stage]:
    """A step and those that it comes after, which are all that decides it."""
    way = [stages[place]]
    while way[0].after >= 0:
        way.insert(0, stages[way[0].after])
    return [replace(one, after=index - 1) for index, one in enumerate(way)]


def _companions(rule: AlarmRule) -> Iterator[tuple[Role, AlarmRule]]:
    """The further conditions of a rule, each as a rule of its own without what belongs to the alarm."""
    alone = {"unless": "", "on_delay": 0.0, "off_delay": 0.0, "deadband": 0.0, "suppress_when": "", "severe": None}
    if rule.suppress_when:
        yield Role.SUPPRESS, rule.model_copy(update={**alone, "when": rule.suppress_when, "off_delay": SETTLE})
    if (severe := rule.severe) is not None:
        own = {part: getattr(severe, part) for part in ("when", "on_delay", "off_delay", "deadband")}
        yield Role.SEVERE, rule.model_copy(update={**alone, **own})


def _names(language: str, place: Text | None, name: Text, number: str) -> Mapping[str, str]:
    """What texts call the equipment. A place that ends in the number, or begins the name, is not said twice."""
    where, called = place.in_(language) if place else "", name.in_(language)
    if where and called.startswith(where):
        called = called.removeprefix(where).lstrip(" ,，")
    return {"place": where, "name": called, "number": "" if number and where.endswith(number) else number}
