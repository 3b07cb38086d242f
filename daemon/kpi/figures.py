"""The figures of one position over one time, as they are reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil


class Band(StrEnum):
    """How an operator fares, after EEMUA 191."""

    OVERLOADED = "overloaded"
    REACTIVE = "reactive"
    STABLE = "stable"
    ROBUST = "robust"


@dataclass(frozen=True, slots=True)
class Often:
    """An alarm and how often it did something, with the text it had last."""

    alarm: str
    count: int
    text_zh: str = ""
    text_en: str = ""


@dataclass(frozen=True, slots=True)
class TimeToAcknowledge:
    """Seconds from the first annunciation to the acknowledgement, by nearest rank; None when none came."""

    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Annunciations only. `seconds` is the time looked at; shares are 0 to 1.

    `average` per ten minutes; `peak` in any ten minutes; `windows_over` of `windows` ten-minute windows held more
    than ten; `chattering` alarms returned to normal three times or more within a minute, in `chatter_episodes`;
    `fleeting` occurrences lasted less than a minute; `stale` ones were on for more than 24 h.
    """

    seconds: float
    annunciations: int
    average: float
    per_person_hour: float
    peak: int
    windows: int
    windows_over: int
    floods: int
    flood_seconds: float
    chattering: tuple[Often, ...]
    chatter_episodes: int
    fleeting: int
    stale: int
    priorities: Mapping[int, int]
    top: tuple[Often, ...]
    acknowledge: Mapping[int, TimeToAcknowledge]
    unanswered: int

    @property
    def windows_over_share(self) -> float:
        return self.windows_over / self.windows if self.windows else 0.0

    @property
    def flood_share(self) -> float:
        return self.flood_seconds / self.seconds if self.seconds else 0.0

    @property
    def top_share(self) -> float:
        return sum(one.count for one in self.top) / self.annunciations if self.annunciations else 0.0

    @property
    def band(self) -> Band:
        if self.average > 10:
            return Band.OVERLOADED
        if self.average >= 5:
            return Band.REACTIVE
        if self.average < 1 and self.peak < 10 and self.windows_over_share < 0.01:
            return Band.ROBUST
        return Band.STABLE


def nearest_rank(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least this share of all do not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
