"""One rule while it is being watched: its current values, its slopes, its timer, and its last evaluations."""

from collections import deque

from estate.model import Sample, Value
from rules.evaluation import Slots
from rules.instance import RuleInstance
from rules.trend import Trend

REMEMBERED = 8  # evaluations per rule, for "why did it (not) alarm"

Evaluation = tuple[float, bool | None, tuple[Value | None, ...]]
"""Monotonic time, result, and the values it came from (inputs, then slopes)."""


class Watch:
    """Mutable; belongs to the engine. Times are monotonic seconds.

    `due` is when a pending raise or clear happens, `look` when a slope will be another although nothing
    changed, `queued` the earliest entry in the engine's queue, `origin` the sample that started the timer,
    `dropped` when a timer was last cancelled and when it would have been due.
    """

    __slots__ = (
        "dropped",
        "due",
        "evaluations",
        "inputs",
        "instance",
        "look",
        "origin",
        "queued",
        "result",
        "trends",
        "values",
    )

    def __init__(self, instance: RuleInstance) -> None:
        self.instance = instance
        self.inputs = len(instance.inputs)
        self.values: Slots = [None] * (self.inputs + len(instance.slopes))
        self.trends: tuple[tuple[int, int, Trend], ...] = tuple(
            (slope.source, place, Trend(slope.window)) for place, slope in enumerate(instance.slopes, self.inputs)
        )
        self.result: bool | None = None
        self.due: float | None = None
        self.dropped = (float("-inf"), 0.0)
        self.look: float | None = None
        self.queued: float | None = None
        self.origin: Sample | None = None
        self.evaluations: deque[Evaluation] = deque(maxlen=REMEMBERED)

    def feed(self, place: int, value: Value | None, at: float) -> bool:
        """Take a value (None: not good); returns whether anything is different now."""
        if value is not None and not self.instance.inputs[place].accepts(value):
            value = None
        for source, _, trend in self.trends:
            if source == place:
                if isinstance(value, int | float):
                    trend.add(at, value)
                else:
                    trend.interrupt()
        if self.values[place] == value:
            return False
        self.values[place] = value
        return True

    def evaluate(self, at: float, standing: bool) -> bool | None:
        """The condition now: with the deadband when the alarm is `standing`."""
        values = self.values
        if self.trends:
            look: float | None = None
            for _, place, trend in self.trends:
                values[place] = trend.rate(at)
                again = trend.look_again(at)
                if again is not None and (look is None or again < look):
                    look = again
            self.look = look
        result: bool | None = (self.instance.holds if standing else self.instance.raises)(values)
        self.result = result
        self.evaluations.append((at, result, tuple(values)))
        return result

    def start(self, at: float, delay: float, sample: Sample | None) -> None:
        """Let the timer run from `at`, or go on when it was cancelled at this very moment.

        Changes of one moment come one after the other; a mixture of old and new values that lasted no
        time must not start a delay over, or their order would decide.
        """
        cancelled, due = self.dropped
        if cancelled == at:
            self.due = due
        else:
            self.due = at + delay
            self.origin = sample or self.origin

    def cancel(self, at: float) -> None:
        if self.due is not None:
            self.dropped = (at, self.due)
            self.due = None

    @property
    def wake(self) -> float | None:
        """The next time (monotonic s) at which something may happen without a change."""
        if self.due is None or self.look is None:
            return self.look if self.due is None else self.due
        return min(self.due, self.look)
