"""Whether an alarm can come at all, and in time: limits inside the range of their sensor, and the 2 s promise."""

from collections.abc import Iterator, Mapping

from daemon.wiring import Offered
from estate.errors import Fault
from estate.folder import Placed
from estate.installation import Equipment
from estate.model import PointId
from rules.condition import parse
from rules.instance import RuleInstance
from rules.tree import Comparison, Name, Node, children

LIMIT = 2.0
"""s from a device's change to the operator's text and tone, for security and life safety (CR-1)."""

PUSH = 0.3
"""s kept back for decision, commit, socket and paint; `estated bench` measures them far below."""


def too_slow(row: Placed[Equipment], alarm: RuleInstance, offered: Offered) -> Iterator[Fault]:
    """Says when the worst case of a life-safety alarm (a change just after a poll) is later than promised."""
    if not alarm.rule.life_safety:
        return
    poll = max((offered.poll.get(point, 0.0) for point in alarm.points), default=0.0)
    worst = poll + alarm.on_delay + PUSH
    if worst > LIMIT:
        yield row.fault(
            "too_slow",
            "id",
            alarm=alarm.alarm,
            worst=f"{worst:g}",
            limit=f"{LIMIT:g}",
            poll=f"{poll:g}",
            delay=f"{alarm.on_delay:g}",
            push=f"{PUSH:g}",
        )


def unreachable(
    row: Placed[Equipment], alarm: RuleInstance, bound: Mapping[str, PointId], offered: Offered
) -> Iterator[Fault]:
    """Says which parameters are compared with a sensor that can never show such a value."""
    for point, parameter in _compared(parse(alarm.rule.when)):
        value = alarm.parameters.get(parameter)
        span = _range(bound.get(point), offered)
        if span is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low, high = span
        if not low < value < high:
            place = ("parameters", parameter) if parameter in row.value.parameters else ("id",)
            shown = f"{low:g} … {high:g}"
            yield row.fault("limit_unreachable", *place, name=parameter, value=value, source=bound[point], range=shown)


def _compared(node: Node) -> Iterator[tuple[str, str]]:
    """Pairs (one side, other side) of every comparison of two plain names, both ways round."""
    if isinstance(node, Comparison) and isinstance(node.left, Name) and isinstance(node.right, Name):
        yield node.left.name, node.right.name
        yield node.right.name, node.left.name
    for child in children(node):
        yield from _compared(child)


def _range(point: PointId | None, offered: Offered) -> tuple[float, float] | None:
    if point is None:
        return None
    scale = offered.scales.get(point)
    if scale is not None:
        return min(scale.low, scale.high), max(scale.low, scale.high)
    described = offered.kinds.get(point)
    return described.valid if described is not None else None
