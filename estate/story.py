"""A story: points set at times and the alarm states expected, written by engineers, run by `estated test`."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from estate.strict import Id, PointPath, Strict, Words

Moment = Annotated[str, StringConstraints(pattern=r"^([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]+)?s)?$", min_length=2)]
"""Time since the story began: `0s`, `1.5s`, `20m`, `1h30m`."""

AlarmPath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\.[a-z][a-z0-9_]{0,47}$")]


class Step(Strict):
    """`set` gives points their values (`no communication` makes one bad), `do` acts for an operator, then `expect`."""

    at: Moment
    set: Mapping[PointPath, bool | int | float | str] = {}
    do: Mapping[str, str] = {}
    expect: Mapping[AlarmPath, str] = {}

    @property
    def seconds(self) -> float:
        parts = re.findall(r"([0-9.]+)([hms])", self.at)
        return sum(float(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


class Story(Strict):
    story: Words
    equipment: tuple[Id, ...] = ()
    steps: tuple[Step, ...]
