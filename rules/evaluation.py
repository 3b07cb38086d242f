"""A checked tree becomes nested functions over a list of current values, once, so that evaluating is cheap.

Everything is three-valued: None is unknown, and comes of any value that is missing or not good.
`and` and `or` follow Kleene: false and unknown is false, true or unknown is true, else unknown stays unknown.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from estate.model import Value
from rules.tree import (
    Arithmetic,
    AtLeast,
    Both,
    Call,
    Comparison,
    Count,
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
    children,
    names,
    remembers,
)
from rules.units import parse_unit, scale

Slots = list[Any]
"""Current values by place, None where unknown; kinds were checked before, so functions need not ask again."""

Evaluate = Callable[[Slots], Any]

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_MIRRORED: Mapping[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max}


@dataclass(frozen=True, slots=True)
class Places:
    """Where in the list each point stands, and the parameters, which are constants.

    `analogs` are the points whose limits take a deadband.
    """

    points: Mapping[str, int]
    parameters: Mapping[str, Value]
    analogs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Deadband:
    """How far limits move while an alarm stands, in the unit of the analog; `unit` "" fits every analog."""

    size: float = 0.0
    unit: str = ""

    def within(self, unit: str) -> float:
        """The size where both sides of a comparison are in `unit`; 0 where it is of another dimension."""
        ours, theirs = parse_unit(self.unit), parse_unit(unit)
        if ours is None or theirs is None:
            return self.size
        if ours.fits(theirs):
            return self.size * scale(ours, theirs)
        return self.size if {self.unit, unit} <= {"K", "degC", "°C", "℃"} else 0.0


class Compiler:
    """Functions from values to True, False or None; the list also holds what functions over time have found.

    With a deadband it is the condition of a standing alarm: every ordered comparison of an analog stays
    true until the value is back beyond the limit by the deadband. Under `not` the limit moves the other
    way. Slopes, counts and times are not shifted: the deadband is not in their unit.
    """

    def __init__(self, places: Places, found: "Found", deadband: Deadband | None = None) -> None:
        self._places = places
        self._found = found
        self._deadband = deadband or Deadband()

    def compile(self, node: Node, toward: int = 1) -> Evaluate:
        """`toward` is 1 where true helps to raise, -1 where true holds back (under `not`), 0 where neither."""
        match node:
            case Literal():
                return _constant(node.value)
            case Name():
                return self._name(node.name)
            case Not():
                return _negation(self.compile(node.operand, -toward))
            case Both():
                return _conjunction(tuple(self.compile(one, toward) for one in node.operands))
            case Either():
                return _disjunction(tuple(self.compile(one, toward) for one in node.operands))
            case AtLeast():
                return _at_least(node.least, tuple(self.compile(one, toward) for one in node.operands))
            case Comparison():
                return self._comparison(node, toward)
            case Arithmetic():
                return _binary(_OPERATORS[node.operator], self.compile(node.left, 0), self.compile(node.right, 0))
            case Negative():
                return _unary(operator.neg, self.compile(node.operand, 0))
            case Call():
                return _call(_FUNCTIONS[node.function], tuple(self.compile(one, 0) for one in node.arguments))
            case Held():
                return _negation(_value_at(self._found.place(node, -toward)))
            case Count():
                return _whole_count(self._found.place(node, 0))
            case _:
                return _value_at(self._found.place(node, toward))

    def _name(self, name: str) -> Evaluate:
        if name in self._places.points:
            self._found.used(self._places.points[name])
            return _value_at(self._places.points[name])
        return _constant(self._places.parameters[name])

    def _comparison(self, node: Comparison, toward: int) -> Evaluate:
        for one, other, symbol in (
            (node.left, node.right, node.operator),
            (node.right, node.left, _MIRRORED[node.operator]),
        ):
            if isinstance(one, Count):
                return _counted(_OPERATORS[symbol], symbol, self._found.place(one, 0), self.compile(other, 0))
            if isinstance(one, Since):
                place, now = self._found.since(one)
                elapsed = _elapsed(place, now, self.compile(other, 0))
                return elapsed if symbol in (">", ">=") else _negation(elapsed)
        compare = _OPERATORS[node.operator]
        shift = self._shift(node, toward)
        point = self._places.points.get(node.left.name) if isinstance(node.left, Name) else None
        word = self._word(node.right)
        if point is not None and word is not None:
            self._found.compared(point, word)
            return _limit(compare, point, word)
        constant = self.number(node.right)
        if constant is not None:
            if point is not None:
                self._found.compared(point, constant + shift)
                return _limit(compare, point, constant + shift)
            return _binary(compare, self.compile(node.left, 0), _constant(constant + shift))
        right = self.compile(node.right, 0)
        if shift:
            right = _binary(operator.add, right, _constant(shift))
        return _binary(compare, self.compile(node.left, 0), right)

    def _shift(self, node: Comparison, toward: int) -> float:
        """How far the right side moves so that a standing alarm holds on."""
        if node.operator in ("==", "!=") or not _reads(node, self._places.analogs):
            return 0.0
        size = self._deadband.within(node.unit)
        return toward * (size if node.operator in ("<", "<=") else -size)

    def number(self, node: Node) -> float | None:
        """The number that a part always is, if it reads no point."""
        if any(name.name in self._places.points for name in names(node)) or remembers(node):
            return None
        value = self.compile(node, 0)([])
        return None if value is None or isinstance(value, bool | str) else value

    def _word(self, node: Node) -> str | bool | None:
        """The word that a part always is."""
        value = node.value if isinstance(node, Literal) else None
        if isinstance(node, Name):
            value = self._places.parameters.get(node.name)
        return value if isinstance(value, str | bool) else None


class Found:
    """What the compiler asks for the place of a function over time, and tells how points are used; see rules.functions.

    Where nobody wants to know how, nothing comes of it.
    """

    def used(self, place: int) -> None:
        """The value of a point counts as it is."""

    def compared(self, place: int, limit: Value) -> None:
        """The value of a point is compared with a constant, and so it is in every other use that is told."""

    def place(self, node: OverTime, toward: int) -> int:
        raise NotImplementedError

    def since(self, node: Since) -> tuple[int, int]:
        """The place of the last rise (earliest and latest, two slots) and the place of the present time."""
        raise NotImplementedError


def _reads(node: Comparison, analogs: frozenset[str]) -> bool:
    """Whether a side reads an analog other than as a slope."""
    return any(name.name in analogs for side in (node.left, node.right) if not _has_rate(side) for name in names(side))


def _has_rate(node: Node) -> bool:
    return isinstance(node, Rate) or any(_has_rate(one) for one in children(node))


# Two hundred sumps have one condition: what is the same is built once. Typed, because True is not 1 here.
_shared = lru_cache(maxsize=None, typed=True)


@_shared
def _value_at(place: int) -> Evaluate:
    return operator.itemgetter(place)


@_shared
def _constant(value: Value) -> Evaluate:
    return lambda values: value


@_shared
def _limit(compare: Callable[[Any, Any], Any], place: int, limit: Value) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        value = values[place]
        return None if value is None else compare(value, limit)

    return evaluate


@_shared
def _binary(function: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Slots) -> Any:
        one = left(values)
        if one is None:
            return None
        other = right(values)
        if other is None:
            return None
        try:
            return function(one, other)
        except (ZeroDivisionError, OverflowError):
            return None

    return evaluate


@_shared
def _unary(function: Callable[[Any], Any], operand: Evaluate) -> Evaluate:
    def evaluate(values: Slots) -> Any:
        value = operand(values)
        return None if value is None else function(value)

    return evaluate


@_shared
def _call(function: Callable[..., Any], arguments: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(values: Slots) -> Any:
        found = [argument(values) for argument in arguments]
        return None if None in found else function(*found)

    return evaluate


@_shared
def _negation(operand: Evaluate) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        value = operand(values)
        return None if value is None else not value

    return evaluate


@_shared
def _conjunction(operands: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        known: bool | None = True
        for operand in operands:
            value = operand(values)
            if value is False:
                return False
            if value is None:
                known = None
        return known

    return evaluate


@_shared
def _disjunction(operands: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        known: bool | None = False
        for operand in operands:
            value = operand(values)
            if value is True:
                return True
            if value is None:
                known = None
        return known

    return evaluate


@_shared
def _at_least(least: int, operands: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        true = possible = 0
        for operand in operands:
            value = operand(values)
            if value is True:
                true += 1
            if value is not False:
                possible += 1
        if true >= least:
            return True
        return None if possible >= least else False

    return evaluate


@_shared
def _whole_count(place: int) -> Evaluate:
    """A count inside arithmetic: unknown unless the whole window was seen."""

    def evaluate(values: Slots) -> int | None:
        seen: int = values[place]
        return seen if values[place + 1] else None

    return evaluate


@_shared
def _counted(compare: Callable[[Any, Any], Any], symbol: str, place: int, limit: Evaluate) -> Evaluate:
    """A count against a limit. What was seen is the least it can be; if not all was seen, it may be more."""
    upward = symbol in (">", ">=")

    def evaluate(values: Slots) -> bool | None:
        least = limit(values)
        if least is None:
            return None
        seen = values[place]
        if values[place + 1]:
            return bool(compare(seen, least))
        if upward:
            return True if compare(seen, least) else None
        if symbol in ("<", "<="):
            return None if compare(seen, least) else False
        return (symbol == "!=") if seen > least else None

    return evaluate


@_shared
def _elapsed(place: int, now: int, limit: Evaluate) -> Evaluate:
    """Whether so long has passed since the last rise, of which the earliest and latest time is known."""

    def evaluate(values: Slots) -> bool | None:
        earliest, latest = values[place], values[place + 1]
        wanted = limit(values)
        if earliest is None or wanted is None:
            return None
        if values[now] >= latest + wanted:
            return True
        return False if values[now] < earliest + wanted else None

    return evaluate
