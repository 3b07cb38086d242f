"""timetables.yaml: what is switched by the clock, the sun and measured light."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from estate.strict import Id, PointName, PointPath, Strict, Text

Moment = Annotated[
    str,
    StringConstraints(
        pattern=r"^((([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)|24:00|(sunrise|sunset)([+-][0-9]{1,3}m)?)$"
    ),
]
"""Local time `18:30` (or `18:30:15`), or the sun's: `sunset`, `sunset+15m`, `sunrise-10m`."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class Location(Strict):
    """Where the estate lies, in degrees, north and east positive: the sun rises by it."""

    latitude: Annotated[float, Field(ge=-66, le=66)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Period(Strict):
    """Switched on at `start` of these days, off at `end`: of the next day when that is not later.

    `first` and `last` bound it to dates, both included: a festival.
    """

    start: Moment = Field(validation_alias="from", serialization_alias="from")
    end: Moment = Field(validation_alias="to", serialization_alias="to")
    days: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    first: Day | None = None
    last: Day | None = None


class Light(Strict):
    """Within its periods on only while it is dark: below `on_below` for `hold` s, until above `off_above` for as long.

    Without a good measurement it counts as dark.
    """

    point: PointPath
    on_below: float
    off_above: float
    hold: Annotated[float, Field(ge=0, le=3600)] = 120.0

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.on_below >= self.off_above:
            raise PydanticCustomError("light_limits", "light_limits")
        return self


class Timetable(Strict):
    """`on` and `off` are commands of the equipment's class."""

    id: Id
    name: Text
    equipment: Annotated[tuple[Id, ...], Field(min_length=1)]
    on: PointName = "switch_on"
    off: PointName = "switch_off"
    periods: Annotated[tuple[Period, ...], Field(min_length=1, max_length=32)]
    light: Light | None = None

    @property
    def follows_the_sun(self) -> bool:
        return any(moment.startswith("sun") for one in self.periods for moment in (one.start, one.end))
