"""The functions over time of one rule: where each keeps its value, what it reads, and what it is fed with."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from estate.model import Value
from rules.bands import Uses
from rules.evaluation import Compiler, Deadband, Evaluate, Found, Places, Slots
from rules.lasting import Lasting, Until, earliest
from rules.tree import (
    Arithmetic,
    AtLeast,
    Both,
    Call,
    Changed,
    Comparison,
    Count,
    Duration,
    Either,
    Held,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    OverTime,
    Progress,
    Rate,
    Recently,
    Since,
    Stale,
    names,
)


class Memory(StrEnum):
    """What kind of memory a function needs."""

    SLOPE = "rate"
    CHANGE = "changed"
    QUALITY = "stale"
    RECENT = "recent"
    EDGES = "count"
    RISE = "since"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Function:
    """`place` is where its value stands (`width` slots), `source` the point of one that reads a point itself.

    `arguments` are evaluated while the alarm does not stand, `standing` while it does. `reads` are all
    places of points it depends on. `key` names it across restarts: its text with all numbers filled in.

    `lasts` and `standing_lasts` say how long the arguments stay as they are. `begins` are the places that a sequence
    begins and ends with.
    """

    memory: Memory
    key: str
    place: int
    width: int
    reads: frozenset[int]
    window: float = 0.0
    source: int = -1
    arguments: tuple[Evaluate, ...] = ()
    standing: tuple[Evaluate, ...] = ()
    progress: Progress | None = None
    begins: frozenset[int] = frozenset()
    lasts: Until | None = None
    standing_lasts: Until | None = None

    @property
    def shifts(self) -> bool:
        """Whether it is fed with something else while the alarm stands."""
        return self.arguments != self.standing


@dataclass(frozen=True, slots=True)
class Condition:
    """`lasts` says how long an answer stays although no value changes; None: for ever."""

    evaluate: Evaluate
    lasts: Until | None


class Functions(Found):
    """Collects functions while a rule is compiled; inner ones come before those that are fed with them."""

    def __init__(self, places: Places, first: int) -> None:
        self._places = places
        self._next = first
        self._found: dict[str, Function] = {}
        self._deadband = Deadband()
        self.uses = Uses()
        self.now = -1

    @property
    def all(self) -> tuple[Function, ...]:
        return tuple(self._found.values())

    @property
    def slots(self) -> int:
        """How many places the list of values needs."""
        return self._next

    def condition(self, tree: Node, deadband: Deadband, toward: int = 1) -> tuple[Condition, Condition]:
        """The condition of an alarm that does not stand, and of one that does."""
        self._deadband = deadband
        return self._compiled(tree, toward), self._compiled(tree, toward, deadband)

    def _compiled(self, tree: Node, toward: int, deadband: Deadband | None = None) -> Condition:
        compiler = Compiler(self._places, self, deadband)
        return Condition(compiler.compile(tree, toward), Lasting(compiler, self).compile(tree, toward))

    def used(self, place: int) -> None:
        self.uses.whole(place)

    def compared(self, place: int, limit: Value) -> None:
        self.uses.compared(place, limit)

    def place(self, node: OverTime, toward: int) -> int:
        key = written(node, self._places.parameters)
        if toward < 0 and self._deadband.size:
            key = f"not {key}"
        if key not in self._found:
            self._found[key] = self._function(node, key, toward)
        return self._found[key].place

    def since(self, node: Since) -> tuple[int, int]:
        place = self.place(node, 0)
        if self.now < 0:
            self.now = self._take(1)
        return place, self.now

    def _take(self, width: int) -> int:
        place, self._next = self._next, self._next + width
        return place

    def _function(self, node: OverTime, key: str, toward: int) -> Function:
        points = self._places.points
        reads = frozenset(points[one.name] for one in names(node) if one.name in points)
        match node:
            case Rate():
                window = max(1.0, self._seconds(node.window))
                return Function(Memory.SLOPE, key, self._take(1), 1, reads, window, points[node.point.name])
            case Changed():
                window = self._seconds(node.window)
                return Function(Memory.CHANGE, key, self._take(1), 1, reads, window, points[node.point.name])
            case Stale():
                return Function(Memory.QUALITY, key, self._take(1), 1, reads, source=points[node.point.name])
            case Held():
                return self._fed(Memory.RECENT, key, 1, Not(node.operand, node.column), reads, node.window, toward)
            case Recently():
                return self._fed(Memory.RECENT, key, 1, node.operand, reads, node.window, toward)
            case Count():
                return self._fed(Memory.EDGES, key, 2, node.operand, reads, node.window, 0)
            case Since():
                return self._fed(Memory.RISE, key, 2, node.operand, reads, Duration(0.0, 0), 0)
            case Progress():
                asked = (node.trigger, node.ends, *(part for one in node.stages for part in (one.when, one.restart_on)))
                parts = [None if one is None else self._compiled(one, 0) for one in asked]
                arguments = tuple(_never if one is None else one.evaluate for one in parts)
                lasts = earliest(*(one.lasts for one in parts if one is not None))
                place = self._take(2)
                begins = (one.name for part in asked[:2] if part is not None for one in names(part))
                return Function(
                    Memory.PROGRESS, key, place, 2, reads,
                    arguments=arguments, standing=arguments, progress=node,
                    begins=frozenset(points[one] for one in begins if one in points),
                    lasts=lasts, standing_lasts=lasts,
                )  # fmt: skip

    def _fed(
        self, memory: Memory, key: str, width: int, operand: Node, reads: frozenset[int], window: Duration, toward: int
    ) -> Function:
        plain = self._compiled(operand, toward)
        standing = self._compiled(operand, toward, self._deadband) if toward else plain
        place = self._take(width)
        return Function(
            memory, key, place, width, reads, self._seconds(window),
            arguments=(plain.evaluate,), standing=(standing.evaluate,),
            lasts=plain.lasts, standing_lasts=standing.lasts,
        )  # fmt: skip

    def _seconds(self, window: Duration) -> float:
        value = self._places.parameters.get(window.parameter)
        if isinstance(value, bool | str) or value is None:
            return window.seconds
        return max(0.0, float(value) * window.scale)


def _never(values: Slots) -> bool:
    return False


def written(node: Node, parameters: Mapping[str, Value]) -> str:
    """A part as text, the same for the same meaning: columns gone, parameters filled in."""

    def told(one: Node) -> str:
        return written(one, parameters)

    def listed(parts: tuple[Node, ...], word: str) -> str:
        return f"({f' {word} '.join(told(one) for one in parts)})"

    def window(length: Duration) -> str:
        value = parameters.get(length.parameter)
        number = value * length.scale if isinstance(value, int | float) else length.seconds
        return f"{number:g}s"

    match node:
        case Literal():
            return repr(node.value)
        case Name():
            return repr(parameters[node.name]) if node.name in parameters else node.name
        case Not():
            return f"not {told(node.operand)}"
        case Negative():
            return f"-{told(node.operand)}"
        case Both():
            return listed(node.operands, "and")
        case Either():
            return listed(node.operands, "or")
        case Comparison() | Arithmetic():
            return f"({told(node.left)} {node.operator} {told(node.right)})"
        case AtLeast():
            return f"at_least({', '.join([str(node.least), *map(told, node.operands)])})"
        case Call():
            return f"{node.function}({', '.join(map(told, node.arguments))})"
        case Rate() | Changed():
            return f"{type(node).__name__.lower()}({node.point.name}, {window(node.window)})"
        case Stale():
            return f"stale({node.point.name})"
        case Held() | Recently() | Count():
            return f"{type(node).__name__.lower()}({told(node.operand)}, {window(node.window)})"
        case Since():
            return f"since({told(node.operand)})"
        case Progress():
            steps = "; ".join(
                f"{one.name}: {told(one.when)}"
                + (f" restart {told(one.restart_on)}" if one.restart_on is not None else "")
                + f" after {one.after} in {one.earliest or 0:g}..{one.latest if one.latest is not None else inf:g}"
                for one in node.stages
            )
            ends = f" until {told(node.ends)}" if node.ends is not None else ""
            return f"{node.outcome.value} {node.place} of {told(node.trigger)}{ends}: {steps}"
