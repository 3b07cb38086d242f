"""A condition that has to be true at the moment a command is given: asked once, over the values of that moment."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from estate.model import Value
from rules.absence import without
from rules.condition import parse
from rules.evaluation import Compiler, Evaluate, Found, Places
from rules.kinds import Kind, Known, check
from rules.tree import names


@dataclass(frozen=True, slots=True)
class Interlock:
    """`points` are the class points it reads."""

    points: tuple[str, ...]
    _evaluate: Evaluate

    def allows(self, value: Callable[[str], Value | None]) -> bool:
        """`value` gives a point's good value or None. What is not known is not allowed."""
        return self._evaluate([value(point) for point in self.points]) is True


ALWAYS = Interlock((), lambda values: True)


def interlock(text: str, known: Known, parameters: Mapping[str, Value], absent: Container[str]) -> Interlock | None:
    """The interlock of one equipment; None when it cannot be decided without a point that this equipment lacks.

    Raises ConditionError for a text that rules.command would not have let pass.
    """
    if not text:
        return ALWAYS
    tree = without(check(parse(text), known), absent)
    if tree is None:
        return None
    points = tuple(dict.fromkeys(one.name for one in names(tree) if one.name in known.points))
    places = {name: place for place, name in enumerate(points)}
    analogs = frozenset(name for name in points if known.points[name] is Kind.NUMBER)
    return Interlock(points, Compiler(Places(places, parameters, analogs), Found()).compile(tree))
