"""What an engineer writes of a sequence: what begins it, its steps with their times, and the alarms of steps."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field
from pydantic_core import InitErrorDetails

from estate.model import Value
from estate.strict import PointName, Strict, Text, Words
from estate.wording import nearest
from rules.condition import parse
from rules.kinds import Kind, Known, check
from rules.tokens import ConditionError
from rules.tree import Outcome
from rules.units import parse_unit
from rules.writing import Announcement, Seconds, faults_of_announcement, misread, mistake

STEP_WORDS = ("sequence", "step")
STEP_NUMBERS = ("earliest", "latest", "took")
"""What texts of a sequence may name beside points and parameters; `took` is how long the step took, in s."""

TRIGGER = "trigger"
PREVIOUS = "previous"
LONGEST_NAME = 48  # of an alarm, as of everything that goes into topics


class Step(Strict):
    """What has to come true, and when: `earliest` and `latest` in s after the step named by `after`.

    `after` is the previous step unless it says otherwise (`trigger`, or a step further up). While
    `restart_on` is true the clock of the step stands, and begins anew when that is over.
    """

    name: Text
    when: Words
    after: PointName = PREVIOUS
    earliest: Seconds | PointName | None = None
    latest: Seconds | PointName | None = None
    restart_on: str = ""


class StepAlarm(Announcement):
    """An alarm of every step; its condition is what became of the step."""


class Sequence(Strict):
    """Begins when `trigger` comes true; ends when that is no longer so or, if given, when `ends` comes true.

    A step that comes before its earliest time raises `early`; one that is not there at its latest time
    `missing`, until it comes or the sequence ends; one that comes after that `late`. `completed` is raised
    when all steps have come: with `acknowledge: false` it only leaves its record.
    """

    name: Text
    trigger: Words
    ends: str = ""
    steps: Annotated[Mapping[PointName, Step], Field(min_length=1)]
    early: StepAlarm | None = None
    late: StepAlarm | None = None
    missing: StepAlarm | None = None
    completed: StepAlarm | None = None

    def alarm(self, outcome: Outcome) -> StepAlarm | None:
        return {
            Outcome.EARLY: self.early,
            Outcome.LATE: self.late,
            Outcome.MISSING: self.missing,
            Outcome.COMPLETED: self.completed,
        }[outcome]

    def asked(self) -> Iterator[tuple[str, Outcome]]:
        """Every alarm that a step may give: its name and what becomes of it. COMPLETED goes with the last step."""
        for name, step in self.steps.items():
            if step.earliest is not None:
                yield name, Outcome.EARLY
            if step.latest is not None:
                yield name, Outcome.LATE
                yield name, Outcome.MISSING
        if self.completed is not None:
            yield name, Outcome.COMPLETED


def alarm_name(sequence: str, step: str, outcome: Outcome) -> str:
    return f"{sequence}_{outcome}" if outcome is Outcome.COMPLETED else f"{sequence}_{step}_{outcome}"


def faults_of_sequence(
    name: str, sequence: Sequence, known: Known, defaults: Mapping[str, Value]
) -> Iterator[InitErrorDetails]:
    """What is wrong with one sequence of a class; `defaults` are the class's parameters."""
    place = ("sequences", name)
    conditions: dict[tuple[str, ...], str] = {("trigger",): sequence.trigger, ("ends",): sequence.ends}
    for step_name, step in sequence.steps.items():
        conditions["steps", step_name, "when"] = step.when
        conditions["steps", step_name, "restart_on"] = step.restart_on
    for at, condition in conditions.items():
        if condition:
            try:
                check(parse(condition), known)
            except ConditionError as error:
                yield misread(error, (*place, *at), condition)
    before: list[str] = [TRIGGER, PREVIOUS]
    for step_name, step in sequence.steps.items():
        here = (*place, "steps", step_name)
        if step_name in before:
            yield mistake("name_taken", here, step_name, word=step_name)
        if step.after not in before:
            near = nearest(step.after, before) or ""
            yield mistake("unknown_step", (*here, "after"), step.after, word=step.after, near=near)
        before.append(step_name)
        yield from _faults_of_times(here, step, known, defaults)
    for step_name, outcome in sequence.asked():
        if sequence.alarm(outcome) is None:
            yield mistake("step_alarm", place, outcome.value, word=step_name, outcome=outcome.value)
        if len(alarm_name(name, step_name, outcome)) > LONGEST_NAME:
            yield mistake("long_name", (*place, "steps", step_name), step_name, word=step_name)
    for outcome in Outcome:
        yield from _faults_of_alarm((*place, outcome.value), sequence.alarm(outcome), known)


def _faults_of_times(
    at: tuple[str, ...], step: Step, known: Known, defaults: Mapping[str, Value]
) -> Iterator[InitErrorDetails]:
    numbers: list[float] = []
    for part, value in (("earliest", step.earliest), ("latest", step.latest)):
        if isinstance(value, str):
            yield from faults_of_delay((*at, part), value, known)
            default = defaults.get(value)
            numbers += [float(default)] if isinstance(default, int | float) else []
        elif value is not None:
            numbers.append(value)
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        yield mistake("latest_too_early", (*at, "latest"), numbers[1])


def faults_of_delay(at: tuple[str, ...], name: str, known: Known) -> Iterator[InitErrorDetails]:
    """What is wrong with a parameter that stands for a time."""
    unit = parse_unit(known.units.get(name, ""))
    if known.parameters.get(name) is not Kind.NUMBER:
        near = nearest(name, known.parameters) or ""
        yield mistake("unknown_parameter", at, name, word=name, near=near)
    elif unit is not None and not unit.is_time:
        yield mistake("no_time", at, name, word=name, unit=known.units[name])


def _faults_of_alarm(at: tuple[str, ...], alarm: StepAlarm | None, known: Known) -> Iterator[InitErrorDetails]:
    if alarm is None:
        return
    kinds = {**known.parameters, **known.points}
    numbers = frozenset({*STEP_NUMBERS, *(one for one, kind in kinds.items() if kind is Kind.NUMBER)})
    words = frozenset({*STEP_WORDS, *(one for one, kind in known.points.items() if kind is Kind.TEXT)})
    yield from faults_of_announcement(at, alarm, numbers, words)
