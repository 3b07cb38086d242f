"""What is left of a condition where an equipment does not have all the points of its class."""

from collections.abc import Container
from dataclasses import replace

from rules.tree import AtLeast, Both, Either, Held, Node, Not, Recently, Since, names


def without(tree: Node, absent: Container[str]) -> Node | None:
    """The condition without what reads absent points; None when nothing is left that could be true.

    An `or` goes on with the operands that remain. An `and` that loses an operand goes as a whole:
    `pump_running and rate(level, 30s) > 0` without a level sensor must not become an alarm for every
    running pump. So many of n is asked of those that are left, while they are enough. What only holds an
    alarm back belongs in the rule's `unless`, where an absent point holds nothing back.
    """
    match tree:
        case Either():
            left = _left(tree.operands, absent)
            if len(left) > 1:
                return Either(left, tree.column)
            return left[0] if left else None
        case Both():
            left = _left(tree.operands, absent)
            return Both(left, tree.column) if len(left) == len(tree.operands) else None
        case AtLeast():
            left = _left(tree.operands, absent)
            return replace(tree, operands=left) if len(left) >= tree.least else None
        case Not() | Held() | Recently() | Since():
            operand = without(tree.operand, absent)
            return None if operand is None else replace(tree, operand=operand)
        case _:
            return None if any(name.name in absent for name in names(tree)) else tree


def _left(operands: tuple[Node, ...], absent: Container[str]) -> tuple[Node, ...]:
    return tuple(one for one in (without(operand, absent) for operand in operands) if one is not None)
