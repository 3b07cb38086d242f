"""A checked tree becomes nested functions over a list of current values, once, so that evaluating is cheap.

Everything is three-valued: None is unknown, and comes of any value that is missing or not good.
`and` and `or` follow Kleene: false and unknown is false, true or unknown is true, else unknown stays unknown.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from estate.model import Value
from rules.tree import Arithmetic, Both, Call, Comparison, Either, Literal, Name, Negative, Node, Not, Rate, names

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
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max}


@dataclass(frozen=True, slots=True)
class Places:
    """Where in the list each thing stands: points, rates by (point, window), and parameters as constants.

    `analogs` are the points whose limits take a deadband.
    """

    points: Mapping[str, int]
    rates: Mapping[tuple[str, float], int]
    parameters: Mapping[str, Value]
    analogs: frozenset[str]


def compile_condition(tree: Node, places: Places, deadband: float = 0.0) -> Evaluate:
    """The condition as a function from values to True, False or None.

    With a deadband (in the unit of the analog) it is the condition of a standing alarm: every ordered
    comparison of an analog stays true until the value is back beyond the limit by the deadband. Under
    `not` the limit moves the other way. Slopes are not shifted: the deadband is not in their unit.
    """
    return _Compiler(places, deadband).compile(tree, 1)


@dataclass(frozen=True, slots=True)
class _Compiler:
    places: Places
    deadband: float

    def compile(self, node: Node, toward: int) -> Evaluate:
        """`toward` is 1 where true helps to raise, -1 where true holds back (under `not`), 0 where neither."""
        match node:
            case Literal():
                return _constant(node.value)
            case Name():
                return self._name(node.name)
            case Rate():
                return operator.itemgetter(self.places.rates[node.point.name, node.window])
            case Not():
                return _negation(self.compile(node.operand, -toward))
            case Both():
                return _conjunction(tuple(self.compile(one, toward) for one in node.operands))
            case Either():
                return _disjunction(tuple(self.compile(one, toward) for one in node.operands))
            case Comparison():
                return self._comparison(node, toward)
            case Arithmetic():
                return _binary(_OPERATORS[node.operator], self.compile(node.left, 0), self.compile(node.right, 0))
            case Negative():
                return _unary(operator.neg, self.compile(node.operand, 0))
            case Call():
                return _call(_FUNCTIONS[node.function], tuple(self.compile(one, 0) for one in node.arguments))

    def _name(self, name: str) -> Evaluate:
        if name in self.places.points:
            return operator.itemgetter(self.places.points[name])
        return _constant(self.places.parameters[name])

    def _comparison(self, node: Comparison, toward: int) -> Evaluate:
        compare = _OPERATORS[node.operator]
        left = self.compile(node.left, 0)
        shift = self._shift(node, toward)
        constant = self._number(node.right)
        if constant is not None:
            if isinstance(node.left, Name) and node.left.name in self.places.points:
                return _limit(compare, self.places.points[node.left.name], constant + shift)
            return _binary(compare, left, _constant(constant + shift))
        right = self.compile(node.right, 0)
        if shift:
            right = _binary(operator.add, right, _constant(shift))
        return _binary(compare, left, right)

    def _shift(self, node: Comparison, toward: int) -> float:
        """How far the right side moves so that a standing alarm holds on."""
        if not self.deadband or node.operator in ("==", "!=") or not _reads(node, self.places.analogs):
            return 0.0
        return toward * (self.deadband if node.operator in ("<", "<=") else -self.deadband)

    def _number(self, node: Node) -> float | None:
        value = node.value if isinstance(node, Literal) else None
        if isinstance(node, Name):
            value = self.places.parameters.get(node.name)
        return None if value is None or isinstance(value, bool | str) else value


def _reads(node: Comparison, analogs: frozenset[str]) -> bool:
    """Whether a side reads an analog other than as a slope."""
    return any(name.name in analogs for side in (node.left, node.right) if not _has_rate(side) for name in names(side))


def _has_rate(node: Node) -> bool:
    match node:
        case Rate():
            return True
        case Arithmetic():
            return _has_rate(node.left) or _has_rate(node.right)
        case Negative():
            return _has_rate(node.operand)
        case Call():
            return any(_has_rate(one) for one in node.arguments)
        case _:
            return False


def _constant(value: Value) -> Evaluate:
    return lambda values: value


def _limit(compare: Callable[[Any, Any], Any], place: int, limit: float) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        value = values[place]
        return None if value is None else compare(value, limit)

    return evaluate


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


def _unary(function: Callable[[Any], Any], operand: Evaluate) -> Evaluate:
    def evaluate(values: Slots) -> Any:
        value = operand(values)
        return None if value is None else function(value)

    return evaluate


def _call(function: Callable[..., Any], arguments: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(values: Slots) -> Any:
        found = [argument(values) for argument in arguments]
        return None if None in found else function(*found)

    return evaluate


def _negation(operand: Evaluate) -> Evaluate:
    def evaluate(values: Slots) -> bool | None:
        value = operand(values)
        return None if value is None else not value

    return evaluate


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
