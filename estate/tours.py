"""Guard tours: which checkpoints, in which order, at what times. The optional file tours.yaml of a site."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from estate.strict import Id, Strict

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
"""Local time of the estate: `22:00` or `22:00:30`."""

DAY = 86400.0


def seconds_of_day(time: str) -> int:
    """A ClockTime in s since midnight."""
    hours, minutes, *seconds = (int(part) for part in time.split(":"))
    return 3600 * hours + 60 * minutes + (seconds[0] if seconds else 0)


class Stop(Strict):
    """One checkpoint of a tour (an equipment of class `checkpoint`), due so many s `after` the round's start."""

    checkpoint: Id
    after: Annotated[float, Field(ge=0, lt=DAY)]


class Tour(Strict):
    """One route, walked every day from each of `starts`. `id` is that of its equipment of class `tour`.

    With `every`, each start is repeated after so many s until midnight.
    A checkpoint may be visited `tolerance` s before or after its time. Visits count when one of `readers` reports
    them. Readers that `upload` in a `batch` are judged when they have been read out, which has to be `upload_within`
    s of the round's end. `hasty` is the share of the planned walking time that nobody can do without running.
    """

    id: Id
    readers: Annotated[tuple[Id, ...], Field(min_length=1)]
    starts: Annotated[tuple[ClockTime, ...], Field(min_length=1)]
    stops: Annotated[tuple[Stop, ...], Field(min_length=1)]
    every: Annotated[int, Field(ge=10, le=86400)] | None = None
    tolerance: Annotated[float, Field(gt=0, le=7200)] = 600.0
    ordered: bool = True
    upload: Literal["live", "batch"] = "live"
    upload_within: Annotated[float, Field(gt=0, le=7 * DAY)] = 43200.0
    hasty: Annotated[float, Field(ge=0, lt=1)] = 0.4

    @property
    def begins(self) -> tuple[int, ...]:
        """All starts of a day in s since midnight, in their order."""
        firsts = [seconds_of_day(start) for start in self.starts]
        if self.every is None:
            return tuple(sorted(firsts))
        return tuple(sorted({at for first in firsts for at in range(first, int(DAY), self.every)}))

    @property
    def length(self) -> float:
        """s from the start to the last stop."""
        return self.stops[-1].after

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [stop.after for stop in self.stops]
        if times != sorted(set(times)):
            raise PydanticCustomError("tour_order", "tour_order")
        starts = self.begins
        following = [*starts[1:], starts[0] + DAY]
        if any(after - before <= self.length for before, after in zip(starts, following, strict=True)):
            raise PydanticCustomError("tour_overlap", "tour_overlap")
        return self
