"""Conditions looked at without running them: which limits a point is compared with, and which conditions are one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from estate.model import Value
from rules.tree import Arithmetic, Both, Comparison, Either, Literal, Name, Negative, Node, Not, children, names

_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Limit:
    """`point` is over (`upper`) or under `value` when the comparison is true; `named` are the parameters in it."""

    point: str
    upper: bool
    value: float
    named: tuple[str, ...]


def limits(node: Node, parameters: Mapping[str, Value], upright: bool = True) -> Iterator[Limit]:
    """Every comparison of a point with a constant; `not` turns it round."""
    if isinstance(node, Comparison) and node.operator in _SWAPPED:
        yield from _limit(node, parameters, upright)
    for child in children(node):
        yield from limits(child, parameters, upright != isinstance(node, Not))


def sufficient(node: Node, parameters: Mapping[str, Value]) -> Iterator[Limit]:
    """Comparisons that raise the alarm by themselves: the condition, or one side of its `or`."""
    match node:
        case Comparison() if node.operator in _SWAPPED:
            yield from _limit(node, parameters, True)
        case Either():
            for operand in node.operands:
                yield from sufficient(operand, parameters)
        case _:
            pass


def _limit(node: Comparison, parameters: Mapping[str, Value], upright: bool) -> Iterator[Limit]:
    for side, other, operator in (
        (node.left, node.right, node.operator),
        (node.right, node.left, _SWAPPED[node.operator]),
    ):
        if isinstance(side, Name) and side.name not in parameters:
            value = constant(other, parameters)
            if value is not None:
                turned = operator if upright else _OPPOSITE[operator]
                yield Limit(side.name, turned in (">", ">="), value, tuple(one.name for one in names(other)))


def constant(node: Node, parameters: Mapping[str, Value]) -> float | None:
    """The number that a side always has; None when it reads a point."""
    match node:
        case Literal(value=value):
            return _number(value)
        case Name():
            return _number(parameters.get(node.name))
        case Negative():
            inner = constant(node.operand, parameters)
            return None if inner is None else -inner
        case Arithmetic():
            left, right = constant(node.left, parameters), constant(node.right, parameters)
            return None if left is None or right is None else _calculated(node.operator, left, right)
        case _:
            return None


def _calculated(operator: str, left: float, right: float) -> float | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right if right else None


def _number(value: Value | None) -> float | None:
    return None if value is None or isinstance(value, bool | str) else float(value)


def meaning(node: object, parameters: Mapping[str, Value], points: Mapping[str, object]) -> Any:
    """What a condition says, however it is written: equal for two that are true at the same values.

    Parameters count as their values, points as what they are bound to, `and` and `or` in any order,
    `a < b` as `b > a`.
    """
    match node:
        case Name():
            return ("point", points[node.name]) if node.name in points else ("value", parameters.get(node.name))
        case Literal():
            return ("value", node.value)
        case Both() | Either():
            return (type(node).__name__, frozenset(meaning(one, parameters, points) for one in node.operands))
        case Comparison() if node.operator in ("<", "<="):
            turned = (_SWAPPED[node.operator], node.right, node.left)
            return ("Comparison", *(meaning(one, parameters, points) for one in turned))
        case Comparison():
            return ("Comparison", *(meaning(one, parameters, points) for one in (node.operator, node.left, node.right)))
        case tuple():
            return tuple(meaning(one, parameters, points) for one in node)
        case _ if is_dataclass(node):
            parts = (getattr(node, one.name) for one in fields(node) if one.name != "column")
            return (type(node).__name__, *(meaning(one, parameters, points) for one in parts))
        case _:
            return node
