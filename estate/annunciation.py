"""How many alarms a person can take: from when on one counts as chattering, and many as a flood."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from estate.strict import Strict

Times = Annotated[int, Field(ge=2, le=1000)]
Span = Annotated[float, Field(gt=0, le=86400)]


class ChatterLimits(Strict):
    """One alarm raised `raises` times within `within` s is held together until `quiet` s without a move.

    Three in a minute: ISA-18.2 as quoted in reference peers.md B3.
    """

    raises: Times = 3
    within: Span = 60.0
    quiet: Span = 300.0


class FloodLimits(Strict):
    """More than `count` announcements within `within` s are a flood; fewer than `ends` in that time end it.

    Ten in ten minutes for one operator: ISA-18.2 (peers.md B3). More than `burst` within `burst_within` s are one
    as well (devices.md D.0 rule 6), which matters where a site raises the first limit.
    """

    count: Times = 10
    within: Span = 600.0
    ends: Times = 5
    burst: Times = 20
    burst_within: Span = 60.0

    @model_validator(mode="after")
    def _ends_below(self) -> Self:
        if self.ends > self.count:
            raise PydanticCustomError("flood_never_ends", "flood_never_ends")
        return self


class Annunciation(Strict):
    """The part `annunciation` of site.yaml. `longest_shelf` in s: nothing is shelved for longer than a shift."""

    chatter: ChatterLimits = ChatterLimits()
    flood: FloodLimits = FloodLimits()
    longest_shelf: Span = 43200.0
