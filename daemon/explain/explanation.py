"""What an explanation consists of: the condition taken apart, the timer, the suppressions, and what happened around."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from estate.model import PointId, Value
from rules.alarm import AlarmId, AlarmState, Transition
from rules.suppression import UNSUPPRESSED, Suppression


class Source(StrEnum):
    """Where the values come from."""

    LIVE = "live"  # the running rule's own last evaluations
    RECOMPUTED = "recomputed"  # recorded values through the rule as it is today
    NOTHING = "nothing"  # neither


class Joined(StrEnum):
    """How the parts of a part are joined; a leaf has none."""

    LEAF = "leaf"
    ALL = "and"
    ANY = "or"
    NOT = "not"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class Reading:
    """One point as the rule saw it. `value` None: not good, `quality` says why ("none": nothing is recorded)."""

    point: PointId
    name: str
    value: Value | None
    quality: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition: what it came to, in words, and its own parts. Leaves name what they read."""

    result: bool | None
    zh: str
    en: str
    joined: Joined = Joined.LEAF
    parts: "tuple[Part, ...]" = ()
    readings: tuple[Reading, ...] = ()

    def text(self, language: str) -> str:
        return self.en if language == "en" else self.zh

    @property
    def reasons(self) -> "tuple[Part, ...]":
        """The leaves that made it come to what it did; of an `and` that failed only what failed."""
        if self.joined is Joined.LEAF:
            return (self,)
        match self.joined, self.result:
            case (Joined.ALL, True) | (Joined.ANY, False) | (Joined.NOT, _):
                chosen = self.parts
            case Joined.AT_LEAST, False:
                chosen = tuple(one for one in self.parts if one.result is not True)
            case _:
                chosen = tuple(one for one in self.parts if one.result is self.result)
        return tuple(leaf for one in chosen for leaf in one.reasons)


@dataclass(frozen=True, slots=True)
class Timer:
    """A delay under way: towards raising or clearing, since when and until when (UTC), its length in s."""

    raises: bool
    since: datetime
    due: datetime
    delay: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one alarm at one moment (UTC). `present`: the deadband applied, as of a condition that is there.

    `evaluated` is when the condition was last looked at; None, with neither `condition` nor `result`, when nothing
    is known. `before` are the alarm's last transitions up to then, oldest first, `after` the first ones later.
    """

    alarm: AlarmId
    at: datetime
    source: Source
    state: AlarmState
    present: bool
    result: bool | None = None
    evaluated: datetime | None = None
    condition: Part | None = None
    exception: Part | None = None
    timer: Timer | None = None
    suppression: Suppression = UNSUPPRESSED
    chatter: int = 0
    before: tuple[Transition, ...] = ()
    after: tuple[Transition, ...] = ()
