"""The memories of one watched rule: fed with values and time, they fill their places in the list of values."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from estate.model import Now, Value
from rules.edges import Edges, Rise
from rules.evaluation import Slots
from rules.functions import Function, Limit, Memory
from rules.progress import Sequence as Machine
from rules.recent import Change, Recent
from rules.settled import Shift
from rules.trend import Trend

BRIDGED = 300.0
"""s for which a restart is bridged: what was so before it and is so again when first heard counts as so meanwhile.
After a longer one the time between was not seen."""

SAVED_EVERY = 60.0
"""s between two savings of what moves with every value of an analog."""
SHORT = 600.0
"""s: a slope over less is not worth saving, it is known again soon."""

VERSION = 1
"""Of what `memory` gives; another one is forgotten."""

_Fed = Recent | Edges | Rise | Machine


class Timed:
    """Belongs to a watch. Cost per change grows with the functions of the one rule, not with their windows.

    Memory per function: two to four times and values, `count` at most 250 times, `rate` at most 121
    changes, a sequence six times for each step.
    """

    def __init__(self, functions: Sequence[Function], limits: Sequence[Limit], now: int) -> None:
        self._functions = functions
        self._limits = limits
        self._now = now
        self._fed: list[tuple[Function, _Fed]] = []
        self._changes: list[tuple[Function, Change]] = []
        self._trends: list[tuple[Function, Trend]] = []
        self._qualities = [one for one in functions if one.memory is Memory.QUALITY]
        self._order: list[tuple[Function, _Fed | Change | Trend]] = []
        for one in functions:
            memory = _started(one)
            if memory is None:
                continue
            self._order.append((one, memory))
            if isinstance(memory, Change):
                self._changes.append((one, memory))
            elif isinstance(memory, Trend):
                self._trends.append((one, memory))
            else:
                self._fed.append((one, memory))
        self._moment = -inf
        self._heard: set[int] = set()
        self._unheard: frozenset[int] = frozenset()
        self._waiting: set[str] = set()
        self._lost_at = -inf
        self._saved_at = -inf
        self._moved = False

    def feed(self, values: Slots, place: int, value: Value | None, at: float) -> bool:
        """Take the value of a point (None: not good); whether the rule is another now even if the value is the same."""
        news = False
        if at != self._moment:
            self._moment = at
            self._heard.clear()
        elif place in self._heard:
            self._heard.clear()
            for _, memory in self._fed:
                memory.settle()
            for _, change in self._changes:
                change.settle()
        self._heard.add(place)
        if self._waiting and at > self._lost_at + BRIDGED:
            self._give_up()
        if place in self._unheard:
            self._unheard -= {place}
            news = True
        for one, trend in self._trends:
            if one.source == place:
                self._waiting.discard(one.key)
                if isinstance(value, int | float):
                    trend.add(at, value)
                else:
                    trend.interrupt()
        for one, change in self._changes:
            if one.source == place:
                self._waiting.discard(one.key)
                change.update(at, value)
        for one in self._qualities:
            if one.source == place and values[one.place] is not (value is None):
                values[one.place] = value is None
                news = True
        return news

    def run(self, values: Slots, at: float, standing: bool) -> float | None:
        """Fill in every function's value at `at`; returns when one will be another although nothing changes."""
        look = inf
        if self._now >= 0:
            values[self._now] = at
        for one, memory in self._order:
            if isinstance(memory, Trend | Change):
                if one.key in self._waiting:
                    values[one.place] = None
                    continue
            elif not self._ask(one, memory, values, at, standing):
                values[one.place : one.place + one.width] = (
                    [0, False] if one.memory is Memory.EDGES else [None] * one.width
                )
                continue
            again = memory.write(values, one.place, at)
            if again < look:
                look = again
        for limit in self._limits:
            wanted = limit.evaluate(values)
            if wanted is not None and values[limit.place] is not None:
                for rise in (values[limit.place], values[limit.place + 1]):
                    if at < rise + wanted < look:
                        look = rise + wanted
        return look if look < inf else None

    def _ask(self, one: Function, memory: _Fed, values: Slots, at: float, standing: bool) -> bool:
        """Feed a memory with what its conditions say now; False while it waits for points after a restart."""
        arguments = one.standing if standing else one.arguments
        machine = isinstance(memory, Machine)
        told: Any = tuple(argument(values) for argument in arguments) if machine else arguments[0](values)
        if one.key in self._waiting:
            if (machine or told is None) and not one.reads.isdisjoint(self._unheard):
                return False
            self._waiting.discard(one.key)
        self._moved = memory.update(at, told) or self._moved
        return True

    def _give_up(self) -> None:
        """Points that are heard too late after a restart vouch for nothing: the time since then was not seen."""
        for one, memory in self._order:
            if one.key not in self._waiting:
                continue
            if isinstance(memory, Trend):
                memory.interrupt()
            elif isinstance(memory, Machine):
                memory.update(self._lost_at, (None,) * len(one.arguments))
            else:
                memory.update(self._lost_at, None)
        self._waiting.clear()
        self._unheard = frozenset()

    def unsaved(self, at: float) -> bool:
        """Whether a restart now would forget what `memory` has not told since; asked after `run`."""
        if self._moved:
            return True
        slow = self._changes or any(one.window >= SHORT for one, _ in self._trends)
        return bool(slow) and at >= self._saved_at + SAVED_EVERY

    def memory(self, now: Now) -> dict[str, Any] | None:
        """JSON: what has to outlive a restart, with the time of asking; None when there is nothing. Changes nothing."""
        if not self._order:
            return None
        shift = Shift(now.utc.timestamp() - now.mono)
        saved = {one.key: memory.memory(shift) for one, memory in self._order}
        lost = {"lost": shift.wall(self._lost_at)} if self._waiting else {}
        return {"version": VERSION, "at": shift.wall(now.mono), "functions": saved, **lost}

    def saved(self, at: float) -> None:
        """What `memory` told at `at` is in the journal."""
        self._moved = False
        self._saved_at = at

    def restore(self, memory: Mapping[str, Any], now: Now) -> None:
        """Go on where `memory` was taken. Nothing is known until the points are heard again.

        A function that is not in it, because the rule is another now, begins anew.
        """
        if memory.get("version") != VERSION:
            return
        shift = Shift(now.utc.timestamp() - now.mono)
        known = memory["functions"]
        for one, each in self._order:
            if one.key in known:
                each.restore(known[one.key], shift)
                self._waiting.add(one.key)
                self._unheard |= one.reads
        self._lost_at = shift.mono(memory.get("lost", memory["at"]))


def _started(one: Function) -> _Fed | Change | Trend | None:
    match one.memory:
        case Memory.SLOPE:
            return Trend(one.window)
        case Memory.CHANGE:
            return Change(one.window)
        case Memory.RECENT:
            return Recent(one.window)
        case Memory.EDGES:
            return Edges(one.window)
        case Memory.RISE:
            return Rise()
        case Memory.PROGRESS:
            assert one.progress is not None
            return Machine(one.progress)
        case Memory.QUALITY:
            return None
