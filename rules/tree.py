"""The nodes of a condition. `column` counts from 1 and is where the reader should look."""

from collections.abc import Iterator
from dataclasses import dataclass

from estate.model import Value


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    """A point or a parameter of the equipment class."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Both:
    """All operands joined by `and`."""

    operands: "tuple[Node, ...]"
    column: int


@dataclass(frozen=True, slots=True)
class Either:
    """All operands joined by `or`."""

    operands: "tuple[Node, ...]"
    column: int


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    left: "Node"
    right: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: str
    left: "Node"
    right: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Negative:
    operand: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """`abs`, `min` or `max`."""

    function: str
    arguments: "tuple[Node, ...]"
    column: int


@dataclass(frozen=True, slots=True)
class Rate:
    """The slope of a point over the last `window` seconds, in its unit per second."""

    point: Name
    window: float
    column: int


Node = Literal | Name | Not | Both | Either | Comparison | Arithmetic | Negative | Call | Rate


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Not() | Negative():
            return (node.operand,)
        case Both() | Either():
            return node.operands
        case Comparison() | Arithmetic():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case Rate():
            return (node.point,)
        case Literal() | Name():
            return ()


def names(node: Node) -> Iterator[Name]:
    """Every point and parameter named, from left to right, as often as it is named."""
    if isinstance(node, Name):
        yield node
    for child in children(node):
        yield from names(child)
