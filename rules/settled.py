"""A value over time that may still change within the present moment, and how its past is written down."""

from dataclasses import dataclass
from math import inf, isinf
from typing import Any, Generic, TypeVar

State = TypeVar("State", bound=tuple[Any, ...])

Saved = list[Any]
"""JSON: numbers, truths, words, nulls and lists of them. Times are seconds of UTC, so that it outlives the machine's
monotonic clock."""


@dataclass(frozen=True, slots=True)
class Shift:
    """From monotonic seconds to seconds of UTC, as the two clocks stand now. Infinite times become null."""

    seconds: float

    def wall(self, mono: float) -> float | None:
        return None if isinf(mono) else mono + self.seconds

    def mono(self, wall: float | None) -> float:
        return -inf if wall is None else wall - self.seconds


class Settled(Generic[State]):
    """Remembers of one value what `passed` keeps of each of its changes. Times are monotonic seconds.

    Changes of one moment come one after the other, so a mixture of old and new values that lasted no
    time must leave no trace, or their order would decide: until time moves on, or `settle` says that it
    has (a point that changes twice at one stamp did change twice), only the last value of the moment
    counts, as if it had come at once.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._before: Any = None
        self._value: Any = None
        self._moment = -inf

    def update(self, at: float, value: Any) -> bool:
        """Take the value as it is from `at` on; returns whether it is another."""
        if value == self._value and (value is None) is (self._value is None):
            return False
        if at != self._moment:
            self.settle()
            self._moment = at
        self._value = value
        return True

    def settle(self) -> None:
        self._state = self.state
        self._before = self._value

    @property
    def state(self) -> State:
        """What is known now, the present moment included."""
        if self._before == self._value:
            return self._state
        return self.passed(self._state, self._moment, self._before, self._value)

    def passed(self, state: State, at: float, before: Any, after: Any) -> State:
        """The state after the value went from `before` to `after`, two different ones; None is unknown."""
        raise NotImplementedError

    def unknown_until(self, gap: float) -> float:
        """The end of the last time without knowledge: infinite while that lasts."""
        return inf if self._value is None else gap

    def memory(self, shift: Shift) -> Saved:
        return [self._before, self._value, shift.wall(self._moment), self.saved(self._state, shift)]

    def restore(self, saved: Saved, shift: Shift) -> None:
        self._before, self._value = saved[0], saved[1]
        self._moment = shift.mono(saved[2])
        self._state = self.loaded(saved[3], shift)

    def saved(self, state: State, shift: Shift) -> Saved:
        raise NotImplementedError

    def loaded(self, saved: Saved, shift: Shift) -> State:
        raise NotImplementedError
