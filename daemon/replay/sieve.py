"""Passes over samples that no rule can tell from the one before: a level that moves far from every limit.

A month of levels and pressures is millions of small changes, of which a few cross a limit. Left out is nothing that
decides: only numbers that are compared with fixed limits and with nothing else, and only while they stay between the
same two limits. The texts of alarms may show the last value that was not passed over.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping

from daemon.assembly import Assembly
from estate.model import PointId, Quality, Sample
from rules.absence import without
from rules.condition import parse
from rules.evaluation import Compiler, Found, Places
from rules.instance import RuleInstance
from rules.kinds import check
from rules.tree import Comparison, Name, Node, OverTime, Stale, children, names

_OUTSIDE = (-1, -1)


class Sieve:
    """One run's own: `rules` are those that are played in it. Samples of a point in order of time."""

    def __init__(self, assembly: Assembly, rules: Iterable[RuleInstance]) -> None:
        self._limits: Mapping[PointId, tuple[float, ...]] = limits(assembly, rules)
        self._band: dict[PointId, tuple[int, int]] = {}
        self.passed_over = 0

    def lets_through(self, sample: Sample) -> bool:
        limits = self._limits.get(sample.point)
        if limits is None:
            return True
        value = sample.value
        if sample.quality is not Quality.GOOD or not isinstance(value, float):
            self._band[sample.point] = _OUTSIDE
            return True
        band = (bisect_left(limits, value), bisect_right(limits, value))
        if self._band.get(sample.point) == band:
            self.passed_over += 1
            return False
        self._band[sample.point] = band
        return True


def limits(assembly: Assembly, rules: Iterable[RuleInstance]) -> dict[PointId, tuple[float, ...]]:
    """Every number that a point is compared with, for points that are used in no other way."""
    found: dict[PointId, set[float]] = {}
    spoiled: set[PointId] = set()
    for rule in rules:
        for instance in (rule, *rule.companions):
            numbers = {one.name: one.point for one in instance.inputs if float in one.types and one.decides}
            if instance.stage is not None:
                spoiled |= set(numbers.values())
                continue
            size = instance.rule.deadband
            deadband = instance.parameters[size] if isinstance(size, str) else size
            for tree in _trees(instance, assembly):
                for name, limit in _uses(tree, instance, set(numbers)):
                    if limit is None or not isinstance(deadband, int | float):
                        spoiled.add(numbers[name])
                    else:
                        found.setdefault(numbers[name], set()).update((limit - deadband, limit, limit + deadband))
    return {point: tuple(sorted(some)) for point, some in found.items() if point not in spoiled}


def _trees(instance: RuleInstance, assembly: Assembly) -> Iterator[Node]:
    cls = assembly.classes[instance.class_]
    absent = [name for name in cls.points if name not in assembly.bindings[instance.equipment]]
    for condition in (instance.rule.when, instance.rule.unless):
        if condition:
            tree = without(check(parse(condition), cls.known), absent)
            if tree is not None:
                yield tree


def _uses(node: Node, instance: RuleInstance, numbers: set[str]) -> Iterator[tuple[str, float | None]]:
    """Each use of a number: the limit it is compared with, None where it is used in another way."""
    if isinstance(node, Stale):
        return
    if isinstance(node, Comparison):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Name) and one.name in numbers:
                yield one.name, _constant(other, instance, numbers)
            else:
                yield from ((name.name, None) for name in names(one) if name.name in numbers)
        return
    if isinstance(node, Name):
        if node.name in numbers:
            yield node.name, None
        return
    for child in children(node):
        yield from _uses(child, instance, numbers)


def _constant(node: Node, instance: RuleInstance, numbers: set[str]) -> float | None:
    """The number that a side always is; None when it depends on anything."""
    points = {one.name for one in instance.inputs}
    if any(name.name in points for name in names(node)) or _remembers(node):
        return None
    value = Compiler(Places({}, instance.parameters, frozenset()), Found()).compile(node, 0)([])
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _remembers(node: Node) -> bool:
    return isinstance(node, OverTime) or any(_remembers(one) for one in children(node))
