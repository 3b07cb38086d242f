"""A condition taken apart: each part with its value, its limit and its result, by the compiler of the rules itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from daemon.explain.explanation import Joined, Part, Reading
from daemon.explain.wording import LANGUAGES, decimals, number, say, say_whether, words
from estate.model import Value
from rules.absence import without
from rules.condition import parse
from rules.evaluation import Compiler, Deadband, Found, Places
from rules.functions import written
from rules.instance import RuleInstance
from rules.kinds import Kind, check
from rules.rule import EquipmentClass
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
    Outcome,
    OverTime,
    Rate,
    Recently,
    Since,
    Stale,
    children,
    names,
    remembers,
)


class Anatomy:
    """One evaluation of one rule: `values` as the engine kept them, `readings` of its points by name."""

    def __init__(
        self,
        instance: RuleInstance,
        cls: EquipmentClass,
        absent: Sequence[str],
        values: Sequence[Any],
        readings: Mapping[str, Reading],
        present: bool,
    ) -> None:
        self._instance = instance
        self._cls = cls
        self._absent = absent
        self._values = list(values)
        self._readings = readings
        known = cls.known
        points = {one.name: place for place, one in enumerate(instance.inputs)}
        analogs = frozenset(name for name in points if known.points[name] is Kind.NUMBER)
        self._places = Places(points, instance.parameters, analogs)
        rule = instance.rule
        unit = known.units.get(rule.deadband, "") if isinstance(rule.deadband, str) else ""
        size = instance.parameters[rule.deadband] if isinstance(rule.deadband, str) else rule.deadband
        whole = Deadband(max(0.0, float(size)), unit)
        self._deadband = whole if present else Deadband()
        self._compiler = Compiler(self._places, _Kept(instance, whole), self._deadband)

    def condition(self) -> Part:
        """The rule's `when`, or the question an alarm of a sequence asks."""
        if self._instance.stage is not None:
            return self._sequence()
        tree = self._tree(self._instance.rule.when)
        assert tree is not None, "a rule that cannot be decided has no alarm"
        return self._part(tree, 1)

    def exception(self) -> Part | None:
        """The rule's `unless`."""
        tree = self._tree(self._instance.rule.unless)
        return None if tree is None else self._part(tree, -1)

    def _tree(self, condition: str) -> Node | None:
        return without(check(parse(condition), self._cls.known), self._absent) if condition else None

    def _sequence(self) -> Part:
        stage = self._instance.stage
        assert stage is not None
        result = self._instance.raises(self._values)
        told = {}
        for language in LANGUAGES:
            key = "completed" if stage.outcome is Outcome.COMPLETED else "sequence"
            facts = stage.words(language) | {"outcome": words()["outcome"][stage.outcome.value][language]}
            told[language] = say_whether("part", key, result is True, language, **facts)
        readings = tuple(self._readings[one.name] for one in self._instance.inputs if one.decides)
        return Part(result, told["zh"], told["en"], readings=readings)

    def _part(self, node: Node, toward: int) -> Part:
        result = self._compiler.compile(node, toward)(self._values)
        match node:
            case Both():
                return self._joined(node, result, Joined.ALL, node.operands, toward)
            case Either():
                return self._joined(node, result, Joined.ANY, node.operands, toward)
            case AtLeast():
                return self._joined(node, result, Joined.AT_LEAST, node.operands, toward)
            case Not() if not isinstance(node.operand, Name):
                return self._joined(node, result, Joined.NOT, (node.operand,), -toward)
            case Not():
                inner = self._part(node.operand, -toward)
                return Part(result, inner.zh, inner.en, readings=inner.readings)
        zh, en = (self._told(node, toward, result, language) for language in LANGUAGES)
        named = dict.fromkeys(one.name for one in names(node) if one.name in self._readings)
        return Part(result, zh, en, readings=tuple(self._readings[one] for one in named))

    def _joined(self, node: Node, result: bool | None, how: Joined, operands: tuple[Node, ...], toward: int) -> Part:
        parts = tuple(self._part(one, toward) for one in operands)
        zh, en = (self._told(node, toward, result, language) for language in LANGUAGES)
        return Part(result, zh, en, how, parts)

    def _told(self, node: Node, toward: int, result: bool | None, language: str) -> str:
        """A part in words that say what it came to."""
        match node:
            case Both() | Either():
                joint = say("part", "and" if isinstance(node, Both) else "or", language)
                return joint.join(self._inner(one, toward, language) for one in node.operands)
            case AtLeast():
                inner = say("part", "list", language).join(self._inner(one, toward, language) for one in node.operands)
                return say("part", "at_least", language, inner=inner, least=node.least)
            case Not() if isinstance(node.operand, Name):
                return self._inner(node.operand, -toward, language)
            case Not():
                return say("part", "not", language, inner=self._inner(node.operand, -toward, language))
            case Comparison():
                return self._comparison(node, toward, result, language)
            case Name():
                return self._state(node, result, language)
            case Held() | Recently():
                inner = self._inner(node.operand, toward, language)
                key = "held" if isinstance(node, Held) else "recently"
                return say_whether("part", key, result is True, language, inner=inner, window=self._window(node.window))
            case Changed():
                name = self._name(node.point.name, language)
                return say_whether(
                    "part", "changed", result is True, language, name=name, window=self._window(node.window)
                )
            case Stale():
                name, quality = self._name(node.point.name, language), self._quality(node.point.name, language)
                return say_whether("part", "stale", result is True, language, name=name, quality=quality)
            case _:
                return self._term(node, language, None)

    def _inner(self, node: Node, toward: int, language: str) -> str:
        return self._told(node, toward, self._compiler.compile(node, toward)(self._values), language)

    def _state(self, node: Name, result: bool | None, language: str) -> str:
        name = self._name(node.name, language)
        if result is None:
            return say("part", "unknown", language, name=name, quality=self._quality(node.name, language))
        return say("part", "yes" if result else "no", language, name=name)

    def _comparison(self, node: Comparison, toward: int, result: bool | None, language: str) -> str:
        places = max((decimals(value) for value in self._numbers(node)), default=0)
        left, right = self._term(node.left, language, places), self._term(node.right, language, places)
        if result is None:
            unknown = [one.name for one in names(node) if one.name in self._readings and self._missing(one.name)]
            if unknown:
                name, quality = self._name(unknown[0], language), self._quality(unknown[0], language)
                return say("part", "unknown", language, name=name, quality=quality)
            return say("part", "compared_unknown", language, left=left, right=right)
        told = f"{left} {say_whether('compare', node.operator, result, language)} {right}"
        return told + self._shifted(node, toward, places, language)

    def _shifted(self, node: Comparison, toward: int, places: int, language: str) -> str:
        """The limit as the deadband has moved it, while the alarm stands."""
        read = [one.name for one in names(node) if one.name in self._places.analogs]
        limit = self._value(node.right)
        if not toward or not read or node.operator in ("==", "!=") or not _is_number(limit) or remembers(node):
            return ""
        size = self._deadband.within(node.unit)
        if not size:
            return ""
        moved = limit + toward * (size if node.operator in ("<", "<=") else -size)
        told = number(moved, node.unit or self._unit(node.right), max(places, decimals(size)))
        return say("part", "deadband", language, limit=told)

    def _term(self, node: Node, language: str, places: int | None) -> str:
        """A side of a comparison: its name, and its value."""
        match node:
            case Literal():
                return number(node.value, node.unit, places if _is_number(node.value) else None)
            case Name():
                value = self._value(node)
                if value is None:
                    quality = self._quality(node.name, language)
                    return say("part", "unknown", language, name=self._name(node.name, language), quality=quality)
                told = number(value, self._unit(node), places if _is_number(value) else None)
                return f"{self._name(node.name, language)} {told}"
            case Arithmetic():
                sides = (self._term(one, language, places) for one in (node.left, node.right))
                return f" {node.operator} ".join(sides)
            case Negative():
                return f"-{self._term(node.operand, language, places)}"
            case Call():
                inner = ", ".join(self._term(one, language, places) for one in node.arguments)
                return f"{node.function}({inner})"
            case Rate():
                name, window = self._name(node.point.name, language), self._window(node.window)
                unit = f"{self._unit(node.point)}/s".lstrip("/")
                value = self._value(node)
                told = "—" if value is None else f"{value:.3g} {unit}"
                return f"{say('part', 'rate', language, name=name, window=window)} {told}"
            case Count():
                inner, window = self._inner(node.operand, 0, language), self._window(node.window)
                value = self._value(node)
                told = "—" if value is None else f"{value}"
                return f"{say('part', 'count', language, inner=inner, window=window)} {told}"
            case Since():
                return say("part", "since", language, inner=self._inner(node.operand, 0, language))
            case _:
                return self._inner(node, 0, language)

    def _value(self, node: Node) -> Any:
        """What a side comes to now; None where it is unknown, or a time that only the rule itself can tell."""
        return None if isinstance(node, Since) else self._compiler.compile(node, 0)(self._values)

    def _numbers(self, node: Comparison) -> Iterator[Value]:
        for one in (node.left, node.right):
            for each in _plain(one):
                value = self._value(each)
                if _is_number(value):
                    yield value

    def _missing(self, name: str) -> bool:
        return self._values[self._places.points[name]] is None

    def _name(self, name: str, language: str) -> str:
        if name in self._cls.points:
            return self._cls.points[name].name.in_(language)
        told = words()["parameter"].get(name)
        return str(told[language]) if told is not None else name

    def _unit(self, node: Node) -> str:
        if isinstance(node, Literal):
            return node.unit
        return self._cls.known.units.get(node.name, "") if isinstance(node, Name) else ""

    def _quality(self, name: str, language: str) -> str:
        reading = self._readings.get(name)
        quality = reading.quality if reading is not None else "none"
        if quality == "good":
            quality = "odd"
        said = say("quality", quality, language)
        return f"{said}: {reading.reason}" if reading is not None and reading.reason else said

    def _window(self, window: Duration) -> str:
        value = self._instance.parameters.get(window.parameter)
        seconds = value * window.scale if _is_number(value) else window.seconds
        return f"{seconds:g}"


class _Kept(Found):
    """Finds functions over time where the rule's own evaluation keeps their values."""

    def __init__(self, instance: RuleInstance, deadband: Deadband) -> None:
        self._instance = instance
        self._deadband = deadband
        self._place = {one.key: one.place for one in instance.functions}

    def place(self, node: OverTime, toward: int) -> int:
        key = written(node, self._instance.parameters)
        if toward < 0 and self._deadband.size:
            key = f"not {key}"
        return self._place[key]

    def since(self, node: Since) -> tuple[int, int]:
        return self.place(node, 0), self._instance.now


def _plain(node: Node) -> Iterator[Node]:
    """The names and numbers within a side, but not what functions over time read."""
    if isinstance(node, Name | Literal):
        yield node
    elif not remembers(node):
        for one in children(node):
            yield from _plain(one)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
