"""Which values of a point a rule cannot tell apart: a level far from every limit moves without being looked at."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from estate.model import Value

Band = tuple[float, float]
"""The limits on either side of a number, both excluded."""

NOWHERE: Band = (inf, -inf)
"""No number lies in it."""


@dataclass(frozen=True, slots=True)
class Tells:
    """What a rule compares a point with and is all that it wants to know of it: numbers in order, words by name."""

    limits: tuple[float, ...]
    words: frozenset[Value]

    def alike(self, one: Value | None, other: Value | None) -> bool:
        """Whether the rule cannot tell them apart. Not to know is like nothing else."""
        if one is None or other is None:
            return False
        if isinstance(one, str | bool) or isinstance(other, str | bool):
            return one not in self.words and other not in self.words
        limits = self.limits
        place = bisect_left(limits, one)
        if place != bisect_left(limits, other):
            return False
        return place == len(limits) or limits[place] not in (one, other)

    def around(self, value: float) -> Band:
        """All numbers like this one; none are like a limit."""
        limits = self.limits
        place = bisect_left(limits, value)
        if place == len(limits):
            return (limits[-1] if limits else -inf, inf)
        if limits[place] == value:
            return NOWHERE
        return (limits[place - 1] if place else -inf, limits[place])


def tells(compared: Iterable[Value]) -> Tells:
    """Of what a point is compared with. One object for all rules that compare with the same: there are many."""
    some = tuple(compared)
    words = frozenset(one for one in some if isinstance(one, str | bool))
    return _shared(tuple(sorted({one for one in some if not isinstance(one, str | bool)})), words)


@lru_cache(maxsize=4096)
def _shared(limits: tuple[float, ...], words: frozenset[Value]) -> Tells:
    return Tells(limits, words)


def merged(some: Iterable[Tells]) -> Tells:
    """What several rules tell apart together."""
    return tells(value for one in some for value in (*one.limits, *one.words))


class Uses:
    """Collects, while a rule is compiled, how it uses each point, by its place."""

    def __init__(self) -> None:
        self._compared: dict[int, set[Value] | None] = {}

    def whole(self, place: int) -> None:
        """The value itself counts: every change may decide."""
        self._compared[place] = None

    def compared(self, place: int, limit: Value) -> None:
        """It counts on which side of `limit` the value is, or whether it is this word."""
        known = self._compared.setdefault(place, set())
        if known is not None:
            known.add(limit)

    @property
    def told(self) -> Mapping[int, Tells | None]:
        """None for a place whose every change may decide."""
        return {place: None if one is None else tells(one) for place, one in self._compared.items()}
