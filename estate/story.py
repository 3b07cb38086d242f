"""A story: what happens at an estate, step by step, and what has to come of it. Run by `estated test`."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import JsonValue, StringConstraints

from estate.strict import Id, PointName, PointPath, Strict, Text, Words

Moment = Annotated[str, StringConstraints(pattern=r"^([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]+)?s)?$", min_length=2)]
"""Time since the story began: `0s`, `1.5s`, `20m`, `1h30m`."""

AlarmPath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\.[a-z][a-z0-9_]{0,47}$")]


def seconds(moment: str) -> float:
    """A Moment in s."""
    parts = re.findall(r"([0-9.]+)([hms])", moment)
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


class Said(Strict):
    """What an MQTT device says, in its own words. `type: state` is its state document, `data` the payload's data."""

    device: Id
    type: Words
    data: Mapping[str, JsonValue] = {}
    historic: bool = False


class Step(Strict):
    """One moment. First `set`, `event`, `lost` and `back` happen, then `do`, and then what is expected must be so.

    `set` gives points their values, or takes them away: `no communication`, `sensor fault`, `stale` and the
    other words of Quality. `lost` devices fall silent with all their points, `back` ones return with the
    values they had. `do` is one operator's action with `by`, `note`, `for` and `order`; with `refused` it must
    be refused, for this reason. `expect` are alarm states, `text` what the operator reads (zh), `suppressed`
    what lies over an alarm (`none` if nothing, several joined by "and"), and `commands` what linked actions
    last asked of an equipment (`none` if nothing).
    """

    at: Moment
    set: Mapping[PointPath, bool | int | float | str] = {}
    event: Said | None = None
    lost: tuple[Id, ...] = ()
    back: tuple[Id, ...] = ()
    do: Mapping[str, str] = {}
    refused: Words | None = None
    expect: Mapping[AlarmPath, str] = {}
    text: Mapping[AlarmPath, Words] = {}
    suppressed: Mapping[AlarmPath, str] = {}
    commands: Mapping[Id, str] = {}

    @property
    def seconds(self) -> float:
        return seconds(self.at)


class Story(Strict):
    """`story` is the sentence it proves. Of `equipment`, no alarm may come that the story does not mention."""

    story: Text
    equipment: tuple[Id, ...] = ()
    steps: tuple[Step, ...]


class StockStory(Story):
    """A story of a class of the library, played on one equipment that has the id of its class.

    `without` are class points that this equipment does not have, `parameters` its own values,
    `profile` the model of the MQTT device behind it, where the story lets that speak.
    """

    without: tuple[PointName, ...] = ()
    parameters: Mapping[PointName, bool | int | float | str] = {}
    profile: Id | None = None
