"""What rules, sequences and commands of a class have in common as written: times, texts, actions; and mistakes."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_core import InitErrorDetails, PydanticCustomError

from estate.strict import Id, PointName, Strict, Text
from rules.text import PLACES, TemplateError, check_template
from rules.tokens import ConditionError

Seconds = Annotated[float, Field(ge=0, le=86400)]
Names = Annotated[tuple[PointName, ...], Field(strict=False)]

Finding = Annotated[str, StringConstraints(pattern=r"^D\.[1-5]-[MSWPE][1-9][0-9]?: \S.{4,150}$")]
"""A failure known from the field that a rule finds: its label in docs/field-failures.md, and what it is in words."""


class Action(Strict):
    """What is done when the alarm is raised: the command `do` of `target`.

    `lamp` is the lamp that the equipment names, `self` the equipment itself, anything else an equipment of the site.
    """

    do: PointName
    target: Id


class Announcement(Strict):
    """What every alarm has beside its condition: how urgent it is, what operators read, and what is to be done."""

    priority: Annotated[int, Field(ge=1, le=4)]
    kind: Literal["process", "latched"] = "process"
    life_safety: bool = False
    acknowledge: bool = True
    never_suppress: bool = False
    text: Text
    consequence: Text
    response: Text
    emergency_plan: Id | None = None
    actions: Annotated[tuple[Action, ...], Field(strict=False)] = ()


def mistake(code: str, place: tuple[str, ...], value: object, **words: str | int) -> InitErrorDetails:
    """One mistake for pydantic's own list: its type is the code in rules/messages.yaml, its context fills that in."""
    template = " ".join((code.replace("_", " ") + ":", *(f"{{{name}}}" for name in words)))
    return InitErrorDetails(type=PydanticCustomError(f"rule_{code}", template, dict(words)), loc=place, input=value)


def misread(error: ConditionError, place: tuple[str, ...], condition: str) -> InitErrorDetails:
    """A condition that means nothing, as one mistake with its column."""
    return mistake(error.code, place, condition, column=error.column, word=error.word, near=error.near)


def faults_of_announcement(
    place: tuple[str, ...], alarm: Announcement, numbers: frozenset[str], words: frozenset[str]
) -> Iterator[InitErrorDetails]:
    """What is wrong with an alarm whose texts may name these numbers and words, and the place of the equipment."""
    for language, template in (("zh", alarm.text.zh), ("en", alarm.text.en)):
        try:
            check_template(template, numbers, words.union(PLACES))
        except TemplateError as error:
            yield mistake(error.code, (*place, "text", language), template, word=error.word)
    if alarm.kind == "latched" and not alarm.acknowledge:
        yield mistake("latched_advisory", (*place, "acknowledge"), alarm.acknowledge)
