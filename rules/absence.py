"""What is left of a condition where an equipment does not have all the points of its class."""

from collections.abc import Container

from rules.tree import Both, Either, Node, Not, names


def without(tree: Node, absent: Container[str]) -> Node | None:
    """The condition without what reads absent points; None when nothing is left that could be true.

    An `or` goes on with the operands that remain. An `and` that loses an operand goes as a whole:
    `pump_running and rate(level, 30s) > 0` without a level sensor must not become an alarm for every
    running pump. What only holds an alarm back belongs in the rule's `unless`, where an absent point
    holds nothing back.
    """
    match tree:
        case Either():
            left = [one for one in (without(operand, absent) for operand in tree.operands) if one is not None]
            if len(left) > 1:
                return Either(tuple(left), tree.column)
            return left[0] if left else None
        case Both():
            whole = [one for one in (without(operand, absent) for operand in tree.operands) if one is not None]
            return Both(tuple(whole), tree.column) if len(whole) == len(tree.operands) else None
        case Not():
            operand = without(tree.operand, absent)
            return None if operand is None else Not(operand, tree.column)
        case _:
            return None if any(name.name in absent for name in names(tree)) else tree
