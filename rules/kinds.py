"""What kind of value each part of a condition gives; a string against a number is found here, before any start."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from estate.model import Value
from rules.condition import ConditionError
from rules.tree import (
    Arithmetic,
    Both,
    Call,
    Comparison,
    Either,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Rate,
    children,
    names,
)


class Kind(StrEnum):
    NUMBER = "number"
    TRUTH = "truth"
    TEXT = "text"


TYPES: Mapping[Kind, tuple[type, ...]] = {Kind.NUMBER: (float, int), Kind.TRUTH: (bool,), Kind.TEXT: (str,)}


def kind_of(value: Value) -> Kind:
    if isinstance(value, bool):
        return Kind.TRUTH
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Known:
    """What a condition may name: the kind of each point and parameter; `values` of points that have a fixed list."""

    points: Mapping[str, Kind]
    parameters: Mapping[str, Kind]
    values: Mapping[str, tuple[str, ...]]

    def kind(self, name: Name) -> Kind:
        kind = self.points.get(name.name) or self.parameters.get(name.name)
        if kind is None:
            near = get_close_matches(name.name, [*self.points, *self.parameters], n=1)
            raise ConditionError("unknown_name", name.column, name.name, near[0] if near else "")
        return kind


def check(tree: Node, known: Known) -> None:
    """Raises ConditionError when the tree is not a condition over `known`: wrong name, wrong kind, no point at all."""
    if _kind(tree, known) is not Kind.TRUTH:
        raise ConditionError("not_a_condition", tree.column)
    if not any(name.name in known.points for name in names(tree)):
        raise ConditionError("reads_no_point", tree.column)


def _kind(node: Node, known: Known) -> Kind:
    match node:
        case Literal():
            return kind_of(node.value)
        case Name():
            return known.kind(node)
        case Not() | Both() | Either():
            _all(node, Kind.TRUTH, known)
            return Kind.TRUTH
        case Comparison():
            _comparison(node, known)
            return Kind.TRUTH
        case Arithmetic() | Negative() | Call():
            _all(node, Kind.NUMBER, known)
            return Kind.NUMBER
        case Rate():
            if known.points.get(node.point.name) is not Kind.NUMBER:
                known.kind(node.point)
                raise ConditionError("expected_point", node.point.column, node.point.name)
            return Kind.NUMBER


def _all(node: Node, wanted: Kind, known: Known) -> None:
    for child in children(node):
        if _kind(child, known) is not wanted:
            raise ConditionError(f"expected_{wanted.value}", child.column)


def _comparison(node: Comparison, known: Known) -> None:
    left, right = _kind(node.left, known), _kind(node.right, known)
    if left is not right:
        raise ConditionError("different_kinds", node.column, f"{left} {node.operator} {right}")
    if node.operator not in ("==", "!=") and left is not Kind.NUMBER:
        raise ConditionError("no_order", node.column, f"{left} {node.operator} {right}")
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(one, Name) and isinstance(other, Literal):
            listed = known.values.get(one.name)
            if listed is not None and other.value not in listed:
                near = get_close_matches(str(other.value), listed, n=1)
                raise ConditionError("unknown_value", other.column, str(other.value), near[0] if near else "")
