"""The memories of one watched rule: fed with values and time, they fill their places in the list of values."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from estate.model import Now, Value
from rules.edges import Edges, Rise
from rules.evaluation import Slots
from rules.functions import Function, Memory
from rules.lasting import Until
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

    def __init__(self, functions: Sequence[Function], slots: int, now: int) -> None:
        self.memories: Slots = [inf] * slots
        self._now = now
        self._fed: list[tuple[Function, _Fed]] = []
        self._changes: list[tuple[Function, Change]] = []
        self._trends: list[tuple[Function, Trend]] = []
        self._sources = frozenset(one.source for one in functions)
        self._slopes: list[int] = []
        self._moot = False
        self._qualities = [one for one in functions if one.memory is Memory.QUALITY]
        self._order: list[tuple[Function, _Fed | Change | Trend]] = []
        for one in functions:
            memory = _started(one)
            if memory is None:
                continue
            self._order.append((one, memory))
            self.memories[one.place] = memory
            if isinstance(memory, Change):
                self._changes.append((one, memory))
            elif isinstance(memory, Trend):
                self._trends.append((one, memory))
                self._slopes.append(one.place)
            else:
                self._fed.append((one, memory))
        self._slow = bool(self._changes) or any(one.window >= SHORT for one, _ in self._trends)
        self._moment = -inf
        self._heard: set[int] = set()
        self._unheard: frozenset[int] = frozenset()
        self._waiting: set[str] = set()
        self._lost_at = -inf
        self._saved_at = -inf
        self._moved = False

    def feed(self, values: Slots, place: int, value: Value | None, at: float) -> bool:
        """Take the value of a point (None: not good); whether the rule may be another now however alike
        the value and the one before it are."""
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
        return self._sourced(values, place, value, at) or news if place in self._sources else news

    def _sourced(self, values: Slots, place: int, value: Value | None, at: float) -> bool:
        """Feed the functions that read the point themselves."""
        news = False
        for one, trend in self._trends:
            if one.source == place:
                self._waiting.discard(one.key)
                if isinstance(value, int | float):
                    trend.add(at, value)
                else:
                    trend.interrupt()
                if self._moot:
                    values[one.place] = trend.rate(at)
                elif value != values[place]:
                    news = True
        for one, change in self._changes:
            if one.source == place:
                self._waiting.discard(one.key)
                news = (change.update(at, value) and values[one.place] is not True) or news
        for one in self._qualities:
            if one.source == place and values[one.place] is not (value is None):
                values[one.place] = value is None
                news = True
        return news

    def run(self, values: Slots, at: float, standing: bool) -> float:
        """Fill in every function's value at `at`, and how long it lasts; returns when one will have to be told
        something else although nothing changes (infinite: never)."""
        look = inf
        memories = self.memories
        if self._now >= 0:
            values[self._now] = at
        waiting = self._waiting
        for one, memory in self._order:
            if isinstance(memory, Trend):
                values[one.place] = None if one.key in waiting else memory.rate(at)
                continue
            if isinstance(memory, Change):
                known = one.key not in waiting
            else:
                known = self._ask(one, memory, values, at, standing)
                lasts = one.standing_lasts if standing else one.lasts
                if lasts is not None:
                    look = min(look, lasts(values, memories, at))
            if known:
                memories[one.place] = memory.write(values, one.place, at)
            else:
                memories[one.place] = inf
                values[one.place : one.place + one.width] = (
                    [0, False] if one.memory is Memory.EDGES else [None] * one.width
                )
        return look

    @property
    def slopes(self) -> Sequence[int]:
        """The places of slopes."""
        return self._slopes

    def weigh(self, values: Slots, at: float, standing: bool, result: bool | None, lasts: Until | None) -> float:
        """Find out, with the slopes unknown in `values` and the `result` of that, whether anything depends on them.

        If not, changes of the points behind them are not worth an evaluation until another value changes, or until
        what decided without them comes to its end, which is returned: as long as they do not matter.
        """
        look = inf if lasts is None else lasts(values, self.memories, at)
        self._moot = result is not None
        for one, _ in self._fed:
            arguments, own = (one.standing, one.standing_lasts) if standing else (one.arguments, one.lasts)
            self._moot = self._moot and all(argument(values) is not None for argument in arguments)
            if own is not None:
                look = min(look, own(values, self.memories, at))
        return look if self._moot else inf

    def sleeps(self, place: int) -> bool:
        """Whether a point is one of a sequence that has not begun: nothing comes of its change."""
        if len(self._order) != 1:
            return False
        one, memory = self._order[0]
        return isinstance(memory, Machine) and memory.sleeps and place not in one.begins

    def _ask(self, one: Function, memory: _Fed, values: Slots, at: float, standing: bool) -> bool:
        """Feed a memory with what its conditions say now; False while it waits for points after a restart."""
        arguments = one.standing if standing else one.arguments
        machine = one.progress is not None
        told: Any = tuple([argument(values) for argument in arguments]) if machine else arguments[0](values)
        if self._waiting and one.key in self._waiting:
            if (machine or told is None) and not one.reads.isdisjoint(self._unheard):
                return False
            self._waiting.discard(one.key)
        if memory.update(at, told):
            self._moved = True
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
        return self._slow and at >= self._saved_at + SAVED_EVERY

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
