"""What each part of a condition gives, and in what unit: bar against metres is found here, before any start."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from estate.model import Value
from estate.wording import nearest
from rules.tokens import ConditionError
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
    Progress,
    Rate,
    Recently,
    Since,
    Stale,
    names,
)
from rules.units import CELSIUS, KELVIN, MINUTE, ONE, PERCENT, SECOND, Unit, converted, parse_unit, scale

MOST_COUNTED = 250
"""`count` stops here: more is more than any limit may ask for."""


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
    """What a condition may name: the kind of each point and parameter; `values` of points that have a fixed list.

    `units` of points and parameters; a name without one may be compared with anything.
    """

    points: Mapping[str, Kind]
    parameters: Mapping[str, Kind]
    values: Mapping[str, tuple[str, ...]]
    units: Mapping[str, str] = field(default_factory=dict)

    def kind(self, name: Name) -> Kind:
        kind = self.points.get(name.name) or self.parameters.get(name.name)
        if kind is None:
            near = nearest(name.name, [*self.points, *self.parameters]) or ""
            raise ConditionError("unknown_name", name.column, name.name, near)
        return kind


@dataclass(frozen=True, slots=True)
class _Part:
    """A checked part: the tree with its units made one, the kind, and the unit (None: any) as written."""

    node: Node
    kind: Kind
    unit: Unit | None = None
    written: str = ""


def check(tree: Node, known: Known) -> Node:
    """The tree with every conversion of units written out, so that evaluating need not think of units.

    Raises ConditionError when it is not a condition over `known`: wrong name, wrong kind, units that do
    not fit, no point at all.
    """
    part = _Checker(known).part(tree)
    if part.kind is not Kind.TRUTH:
        raise ConditionError("not_a_condition", tree.column)
    if not any(name.name in known.points for name in names(tree)):
        raise ConditionError("reads_no_point", tree.column)
    return part.node


@dataclass(frozen=True, slots=True)
class _Checker:
    known: Known

    def part(self, node: Node) -> _Part:
        match node:
            case Literal():
                unit = parse_unit(node.unit)
                return _Part(node, kind_of(node.value), unit, node.unit)
            case Name():
                written = self.known.units.get(node.name, "")
                return _Part(node, self.known.kind(node), parse_unit(written), written)
            case Not() | Since():
                return self._truth_or_time(node, replace(node, operand=self._wanted(node.operand, Kind.TRUTH).node))
            case Both() | Either():
                operands = tuple(self._wanted(one, Kind.TRUTH).node for one in node.operands)
                return _Part(replace(node, operands=operands), Kind.TRUTH)
            case AtLeast():
                return self._at_least(node)
            case Comparison():
                return self._comparison(node)
            case Arithmetic():
                return self._arithmetic(node)
            case Negative():
                inner = self._wanted(node.operand, Kind.NUMBER)
                if isinstance(inner.node, Since):
                    raise ConditionError("since_alone", inner.node.column)
                return replace(inner, node=replace(node, operand=inner.node))
            case Call():
                return self._call(node)
            case Held() | Recently() | Count():
                inner = self._wanted(node.operand, Kind.TRUTH)
                whole = replace(node, operand=inner.node, window=self._duration(node.window))
                return _Part(whole, Kind.NUMBER, ONE) if isinstance(node, Count) else _Part(whole, Kind.TRUTH)
            case Rate() | Changed() | Stale():
                return self._of_point(node)
            case Progress():
                return _Part(node, Kind.TRUTH)

    def _wanted(self, node: Node, kind: Kind) -> _Part:
        part = self.part(node)
        if part.kind is not kind:
            raise ConditionError(f"expected_{kind.value}", node.column)
        return part

    @staticmethod
    def _truth_or_time(node: Not | Since, checked: Node) -> _Part:
        return _Part(checked, Kind.NUMBER, SECOND, "s") if isinstance(node, Since) else _Part(checked, Kind.TRUTH)

    def _of_point(self, node: Rate | Changed | Stale) -> _Part:
        kind = self.known.points.get(node.point.name)
        if kind is None or (isinstance(node, Rate) and kind is not Kind.NUMBER):
            self.known.kind(node.point)
            code = "expected_point" if isinstance(node, Rate) else "expected_any_point"
            raise ConditionError(code, node.point.column, node.point.name)
        if isinstance(node, Stale):
            return _Part(node, Kind.TRUTH)
        node = replace(node, window=self._duration(node.window))
        if isinstance(node, Changed):
            return _Part(node, Kind.TRUTH)
        written = self.known.units.get(node.point.name, "")
        unit = parse_unit(written)
        if unit is not None and unit.fits(CELSIUS):
            unit, written = KELVIN, "K"
        return _Part(node, Kind.NUMBER, unit and unit.times(SECOND, -1), written and f"{written}/s")

    def _duration(self, window: Duration) -> Duration:
        if not window.parameter:
            return window
        name = Name(window.parameter, window.column)
        unit = parse_unit(self.known.units.get(window.parameter, ""))
        is_number = self.known.kind(name) is Kind.NUMBER and window.parameter in self.known.parameters
        if not is_number or (unit is not None and not unit.is_time):
            raise ConditionError("expected_duration", window.column, window.parameter)
        return replace(window, scale=scale(unit, SECOND) if unit is not None else 1.0)

    def _at_least(self, node: AtLeast) -> _Part:
        """A parameter that stands last is the time within which, since it cannot be a condition."""
        *operands, last = node.operands
        if isinstance(last, Name) and self.known.parameters.get(last.name) is Kind.NUMBER:
            if len(operands) < max(2, node.least):
                raise ConditionError("argument_count", node.column, "at_least")
            window = Duration(0.0, last.column, last.name)
            return self._at_least(replace(node, operands=tuple(Recently(one, window, one.column) for one in operands)))
        checked = tuple(self._wanted(one, Kind.TRUTH).node for one in node.operands)
        return _Part(replace(node, operands=checked), Kind.TRUTH)

    def _arithmetic(self, node: Arithmetic) -> _Part:
        left, right = self._wanted(node.left, Kind.NUMBER), self._wanted(node.right, Kind.NUMBER)
        for part in (left, right):
            if isinstance(part.node, Since):
                raise ConditionError("since_alone", part.node.column)
        if node.operator in ("*", "/"):
            unit, written = _product(left, right, node.operator)
            product: Node = replace(node, left=left.node, right=right.node)
            if unit is not None and unit.fits(ONE) and unit != ONE:
                factor = Literal(scale(unit, ONE), node.column)
                unit, written, product = ONE, "", Arithmetic("*", product, factor, node.column)
            return _Part(product, Kind.NUMBER, unit, written)
        unit, written = left.unit, left.written
        if left.unit is not None and right.unit is not None and {CELSIUS, KELVIN} >= {left.unit, right.unit}:
            unit, written = _temperature(left.unit, right.unit)
        else:
            left, right = self._one_unit(left, right, node.operator, node.column)
            unit, written = (left.unit, left.written) if left.unit is not None else (right.unit, right.written)
        return _Part(replace(node, left=left.node, right=right.node), Kind.NUMBER, unit, written)

    def _call(self, node: Call) -> _Part:
        parts = [self._wanted(one, Kind.NUMBER) for one in node.arguments]
        for part in parts:
            if isinstance(part.node, Since):
                raise ConditionError("since_alone", part.node.column)
        first = next((one for one in parts if one.unit is not None and not isinstance(one.node, Literal)), parts[0])
        if first.unit is None:
            first = next((one for one in parts if one.unit is not None), parts[0])
        same = [one if one is first else self._one_unit(first, one, ",", node.column)[1] for one in parts]
        return replace(first, node=replace(node, arguments=tuple(one.node for one in same)))

    def _comparison(self, node: Comparison) -> _Part:
        left, right = self.part(node.left), self.part(node.right)
        if left.kind is not right.kind:
            raise ConditionError("different_kinds", node.column, f"{left.kind} {node.operator} {right.kind}")
        ordered = node.operator not in ("==", "!=")
        if ordered and left.kind is not Kind.NUMBER:
            raise ConditionError("no_order", node.column, f"{left.kind} {node.operator} {right.kind}")
        if isinstance(left.node, Since) and isinstance(right.node, Since):
            raise ConditionError("since_alone", node.column)
        if not ordered and (isinstance(left.node, Since) or isinstance(right.node, Since)):
            raise ConditionError("since_equal", node.column, node.operator)
        self._listed(node)
        if left.kind is not Kind.NUMBER:
            return _Part(replace(node, left=left.node, right=right.node), Kind.TRUTH)
        self._countable(left, right)
        if isinstance(right.node, Since):
            right, left = self._one_unit(right, left, node.operator, node.column)
        else:
            left, right = self._one_unit(left, right, node.operator, node.column)
        base = right if isinstance(right.node, Since) or left.unit is None else left
        return _Part(replace(node, left=left.node, right=right.node, unit=base.written), Kind.TRUTH)

    def _one_unit(self, base: _Part, other: _Part, operator: str, column: int) -> tuple[_Part, _Part]:
        """Both in the unit of `base`, or of the other one when `base` is a literal or has none."""
        if isinstance(base.node, Literal) and not isinstance(other.node, Literal):
            other, base = self._one_unit(other, base, operator, column)
            return base, other
        for one, beside in ((base, other), (other, base)):
            if isinstance(one.node, Literal) and one.unit is not None and beside.unit is None:
                raise ConditionError("stray_unit", one.node.column, f"{one.node.value:g} {one.written}")
        if base.unit is None or other.unit is None:
            return base, other
        literal = other.node if isinstance(other.node, Literal) else None
        unit = other.unit
        if literal is not None and literal.unit == "m" and base.unit.is_time:
            unit = MINUTE
        if not unit.fits(base.unit):
            raise ConditionError("different_units", column, f"{base.written or '1'} {operator} {other.written or '1'}")
        factor = scale(unit, base.unit)
        node = other.node
        if literal is not None and isinstance(literal.value, int | float):
            node = replace(literal, value=converted(literal.value, unit, base.unit))
        elif factor != 1.0:
            node = Arithmetic("*", node, Literal(factor, node.column), node.column)
        return base, _Part(node, Kind.NUMBER, base.unit, base.written)

    def _listed(self, node: Comparison) -> None:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Name) and isinstance(other, Literal):
                listed = self.known.values.get(one.name)
                if listed is not None and other.value not in listed:
                    near = nearest(str(other.value), listed) or ""
                    raise ConditionError("unknown_value", other.column, str(other.value), near)

    @staticmethod
    def _countable(left: _Part, right: _Part) -> None:
        for one, other in ((left, right), (right, left)):
            if isinstance(one.node, Count) and isinstance(other.node, Literal):
                value = other.node.value
                if isinstance(value, int | float) and value >= MOST_COUNTED:
                    raise ConditionError("counts_too_far", other.node.column, f"{value:g}")


def _product(left: _Part, right: _Part, operator: str) -> tuple[Unit | None, str]:
    """A bare number leaves the unit as it is. Percent in a product may mean anything, so nothing is known after it."""
    sign = 1 if operator == "*" else -1
    bare_left = isinstance(left.node, Literal) and left.unit is None
    bare_right = isinstance(right.node, Literal) and right.unit is None
    one, other = ONE if bare_left else left.unit, ONE if bare_right else right.unit
    if bare_left and bare_right:
        return None, ""
    if bare_right:
        return left.unit, left.written
    if one is None or other is None or PERCENT in (one, other):
        return None, ""
    if bare_left and sign == 1:
        return right.unit, right.written
    return one.times(other, sign), f"{left.written or '1'}{'·' if sign == 1 else '/'}{right.written or '1'}"


def _temperature(left: Unit, right: Unit) -> tuple[Unit, str]:
    """The difference of two temperatures is in kelvin; a temperature and a difference give a temperature."""
    if left == right:
        return KELVIN, "K"
    return CELSIUS, "degC"
