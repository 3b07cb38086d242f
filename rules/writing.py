"""Small parts of what an engineer writes in a class: times, lists of names, linked actions; and its mistakes."""

from typing import Annotated

from pydantic import Field
from pydantic_core import InitErrorDetails, PydanticCustomError

from estate.strict import Id, PointName, Strict

Seconds = Annotated[float, Field(ge=0, le=86400)]
Names = Annotated[tuple[PointName, ...], Field(strict=False)]


class Action(Strict):
    """What is done when the alarm is raised: the command `do` of `target`.

    `lamp` is the lamp that the equipment names, `self` the equipment itself, anything else an equipment of the site.
    """

    do: PointName
    target: Id


def mistake(code: str, place: tuple[str, ...], value: object, **words: str | int) -> InitErrorDetails:
    """One mistake for pydantic's own list: its type is the code in rules/messages.yaml, its context fills that in."""
    template = " ".join((code.replace("_", " ") + ":", *(f"{{{name}}}" for name in words)))
    return InitErrorDetails(type=PydanticCustomError(f"rule_{code}", template, dict(words)), loc=place, input=value)
