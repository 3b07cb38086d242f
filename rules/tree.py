"""The nodes of a condition. `column` counts from 1 and is where the reader should look."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from estate.model import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """`unit` is the one written behind a number, if any."""

    value: Value
    column: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A point or a parameter of the equipment class."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in seconds, or the `parameter` that holds it (and its `scale` to seconds)."""

    seconds: float
    column: int
    parameter: str = ""
    scale: float = 1.0


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
    """`unit` is what both sides are in once the tree is checked; "" where nobody knows."""

    operator: str
    left: "Node"
    right: "Node"
    column: int
    unit: str = ""


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
    """The slope of a point over the window, in its unit per second."""

    point: Name
    window: Duration
    column: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Whether a point has had another value within the window."""

    point: Name
    window: Duration
    column: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Whether the quality of a point is anything but good."""

    point: Name
    column: int


@dataclass(frozen=True, slots=True)
class Held:
    """Whether the operand has been true for the whole window."""

    operand: "Node"
    window: Duration
    column: int


@dataclass(frozen=True, slots=True)
class Recently:
    """Whether the operand was true at any time within the window; `within` is made of these."""

    operand: "Node"
    window: Duration
    column: int


@dataclass(frozen=True, slots=True)
class Count:
    """How often the operand became true within the window."""

    operand: "Node"
    window: Duration
    column: int


@dataclass(frozen=True, slots=True)
class Since:
    """Seconds since the operand last became true."""

    operand: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Whether `least` of the operands are true."""

    least: int
    operands: "tuple[Node, ...]"
    column: int


class Outcome(StrEnum):
    """What may be asked of a step of a sequence, or (COMPLETED) of the sequence as a whole."""

    EARLY = "early"
    LATE = "late"
    MISSING = "missing"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: what it waits for, after which step (-1: the trigger), and when it may and must come, in s."""

    name: str
    when: "Node"
    restart_on: "Node | None"
    after: int
    earliest: float | None
    latest: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A sequence and one question about it: the `outcome` of the step at `place`. Never written by hand."""

    trigger: "Node"
    ends: "Node | None"
    stages: tuple[Stage, ...]
    place: int
    outcome: Outcome
    column: int = 1


OverTime = Rate | Changed | Stale | Held | Recently | Count | Since | Progress
"""What needs a memory of its own."""

Node = Literal | Name | Not | Both | Either | Comparison | Arithmetic | Negative | Call | AtLeast | OverTime


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Not() | Negative() | Held() | Recently() | Count() | Since():
            return (node.operand,)
        case Both() | Either() | AtLeast():
            return node.operands
        case Comparison() | Arithmetic():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case Rate() | Changed() | Stale():
            return (node.point,)
        case Progress():
            found = [node.trigger, node.ends, *(part for one in node.stages for part in (one.when, one.restart_on))]
            return tuple(one for one in found if one is not None)
        case Literal() | Name():
            return ()


def names(node: Node) -> Iterator[Name]:
    """Every point and parameter named, from left to right, as often as it is named; not those of durations."""
    if isinstance(node, Name):
        yield node
    for child in children(node):
        yield from names(child)


def remembers(node: Node) -> bool:
    """Whether a part of it looks back in time, which a single moment cannot answer."""
    return isinstance(node, OverTime) or any(remembers(one) for one in children(node))


def durations(node: Node) -> Iterator[Duration]:
    """Every window, from left to right."""
    if isinstance(node, Held | Recently | Count | Rate | Changed):
        yield node.window
    for child in children(node):
        yield from durations(child)
