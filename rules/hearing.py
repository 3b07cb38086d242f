"""Who reads a point, and how far its number may move before any of them has to think."""

from collections.abc import Sequence
from math import isfinite

from estate.model import Value
from rules.bands import NOWHERE, Band, merged
from rules.functions import Memory
from rules.watch import Watch

Reader = tuple[Watch, int, bool]
"""The rule, the place of the point in it, and whether it decides."""


class Hearing:
    """One point. `readers` are all of its readers, `anxious` those that want to hear of every change.

    The others only compare it with limits. While a number stays between two of all their limits they note it.
    """

    __slots__ = ("_band", "_moody", "_tells", "anxious", "calm", "readers")

    def __init__(self, readers: Sequence[Reader]) -> None:
        self.readers = readers
        self.calm = [one for one in readers if _calm(*one)]
        self.anxious = [one for one in readers if not _calm(*one)] if self.calm else readers
        told = (watch.instance.tells[place] for watch, place, decides in self.calm if decides)
        self._tells = merged(one for one in told if one is not None)
        self._moody = [watch for watch, _, _ in self.calm if watch.analog is not None and watch.chatter is not None]
        self._band: Band = NOWHERE

    def calms(self, value: Value | None) -> bool:
        """Whether the calm readers cannot tell this value (None: not good) from the last; if so they only note it."""
        return isinstance(value, float) and self._band[0] < value < self._band[1]

    def moved(self, value: Value | None) -> None:
        """All readers are fed with this value."""
        self._band = NOWHERE
        if isinstance(value, float) and isfinite(value):
            for watch in self._moody:
                if watch.watches_values:
                    return
            self._band = self._tells.around(value)

    def stir(self) -> None:
        """One of the readers may want to hear of every value now: ask all of them next time."""
        self._band = NOWHERE


def _calm(watch: Watch, place: int, decides: bool) -> bool:
    if not decides:
        return True
    instance = watch.instance
    one = instance.inputs[place]
    if float not in one.types or one.values or instance.tells[place] is None:
        return False
    return all(one.memory is Memory.QUALITY for one in instance.functions)
