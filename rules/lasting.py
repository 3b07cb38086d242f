"""How long an answer lasts although no value changes: nobody has to look at a rule before that.

What is false as a whole because one part is false lasts as long as that part does, whatever the others do.
"""

from collections.abc import Callable
from functools import lru_cache
from math import inf

from rules.evaluation import Compiler, Evaluate, Found, Slots
from rules.tree import (
    Arithmetic,
    AtLeast,
    Both,
    Call,
    Comparison,
    Either,
    Held,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    OverTime,
    Rate,
    Since,
    Stale,
)
from rules.trend import Trend

Until = Callable[[Slots, Slots, float], float]
"""From the values of a moment, the memories behind them and the moment itself to the time (both monotonic s) until
which the answer stays: later, infinite for one that stays. In the place of its value a function over time has in the
memories the time at which that will be another, a slope its trend."""


class Lasting:
    """For the same parts as `compiler`, which says what they come to."""

    def __init__(self, compiler: Compiler, found: Found) -> None:
        self._compiler = compiler
        self._found = found

    def compile(self, node: Node, toward: int = 1) -> Until | None:
        """`toward` as the compiler has it; None for what changes with values only."""
        match node:
            case Literal() | Name():
                return None
            case Not():
                return self.compile(node.operand, -toward)
            case Both():
                return self._joined(node.operands, toward, False)
            case Either():
                return self._joined(node.operands, toward, True)
            case AtLeast():
                return earliest(*(self.compile(one, toward) for one in node.operands))
            case Comparison():
                return self._comparison(node)
            case Arithmetic():
                return earliest(self.compile(node.left, 0), self.compile(node.right, 0))
            case Negative():
                return self.compile(node.operand, 0)
            case Call():
                return earliest(*(self.compile(one, 0) for one in node.arguments))
            case Held():
                return self._function(node, -toward)
            case _:
                return self._function(node, toward)

    def _function(self, node: OverTime, toward: int) -> Until | None:
        if isinstance(node, Stale):
            return None
        place = self._found.place(node, toward)
        return _sloping(place) if isinstance(node, Rate) else _at(place)

    def _joined(self, operands: tuple[Node, ...], toward: int, decided: bool) -> Until | None:
        return joined(
            tuple((self._compiler.compile(one, toward), self.compile(one, toward)) for one in operands), decided
        )

    def _comparison(self, node: Comparison) -> Until | None:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Since):
                limit = self._compiler.compile(other, 0)
                place, _ = self._found.since(one)
                return earliest(self.compile(other, 0), _elapsing(place, limit))
            if isinstance(one, Rate):
                steady = self._compiler.number(other)
                if steady is not None:
                    return _crossing(self._found.place(one, 0), steady)
        return earliest(self.compile(node.left, 0), self.compile(node.right, 0))


_shared = lru_cache(maxsize=None)


@_shared
def _at(place: int) -> Until:
    def until(values: Slots, memories: Slots, at: float) -> float:
        when: float = memories[place]
        return when

    return until


@_shared
def _sloping(place: int) -> Until:
    """A slope used as a number: it moves all the time."""

    def until(values: Slots, memories: Slots, at: float) -> float:
        trend: Trend = memories[place]
        return trend.look_again(at)

    return until


@_shared
def _crossing(place: int, limit: float) -> Until:
    """A slope compared with a constant."""

    def until(values: Slots, memories: Slots, at: float) -> float:
        trend: Trend = memories[place]
        return trend.crosses(limit, at)

    return until


@_shared
def earliest(*parts: Until | None) -> Until | None:
    """The first end of several."""
    some = tuple(one for one in parts if one is not None)
    if len(some) < 2:
        return some[0] if some else None

    def until(values: Slots, memories: Slots, at: float) -> float:
        return min([one(values, memories, at) for one in some])

    return until


@_shared
def joined(parts: tuple[tuple[Evaluate, Until | None], ...], decided: bool) -> Until | None:
    """Of parts of which one that is `decided` decides the whole: as long as any of those does, else until the first."""
    if all(lasts is None for _, lasts in parts):
        return None

    def until(values: Slots, memories: Slots, at: float) -> float:
        deciding = [lasts for evaluate, lasts in parts if evaluate(values) is decided]
        if not deciding:
            return min([lasts(values, memories, at) for _, lasts in parts if lasts is not None])
        if None in deciding:
            return inf
        return max([lasts(values, memories, at) for lasts in deciding if lasts is not None])

    return until


@_shared
def _elapsing(place: int, limit: Evaluate) -> Until:
    """A comparison with the time since a rise, of which the earliest and the latest that it can have been is known."""

    def until(values: Slots, memories: Slots, at: float) -> float:
        earliest, latest = values[place], values[place + 1]
        wanted = limit(values)
        if earliest is None or wanted is None:
            return inf
        if at < earliest + wanted:
            return float(earliest + wanted)
        return float(latest + wanted) if at < latest + wanted else inf

    return until
