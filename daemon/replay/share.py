"""Divides the work: what both rule sets have alike is played once, and all of it is spread over the cores.

Rules that read a common point go together, so that its samples are read once. An alarm depends on those that explain
it and on nothing else: they are played along wherever they are needed, and tell nothing there.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from daemon.assembly import Assembly
from rules.alarm import AlarmId
from rules.functions import Memory
from rules.instance import RuleInstance


@dataclass(frozen=True, slots=True)
class Portion:
    """What one process tells of: alarms of the old rules, and those of the new ones that are not the same."""

    old: frozenset[AlarmId]
    new: frozenset[AlarmId]


@dataclass(frozen=True, slots=True)
class Shares:
    """`alike` are alarms whose new outcome is their old one."""

    portions: tuple[Portion, ...]
    alike: frozenset[AlarmId]


def share(old: Assembly, new: Assembly | None, parts: int) -> Shares:
    """Spread over so many processes; without `new` the old rules alone."""
    alike = frozenset[AlarmId]() if new is None else _alike(old, new)
    jobs = [(_weight(group), "old", group) for group in _groups(old.rules)]
    if new is not None:
        fresh = [one for one in new.rules if one.alarm not in alike]
        jobs += [(_weight(group), "new", group) for group in _groups(fresh)]
    loads = [0.0] * parts
    taken: list[dict[str, set[AlarmId]]] = [{"old": set(), "new": set()} for _ in range(parts)]
    for weight, which, group in sorted(jobs, key=lambda one: (-one[0], one[1], one[2][0].alarm)):
        least = loads.index(min(loads))
        loads[least] += weight
        taken[least][which].update(one.alarm for one in group)
    portions = tuple(Portion(frozenset(one["old"]), frozenset(one["new"])) for one in taken)
    return Shares(tuple(one for one in portions if one.old or one.new), alike)


def accompanied(rules: Sequence[RuleInstance], told: Collection[AlarmId]) -> list[RuleInstance]:
    """The rules of these alarms, and of those that explain them, and of those that explain those."""
    by_alarm = {one.alarm: one for one in rules}
    needed = _spread(told, lambda alarm: _explaining(by_alarm[alarm]) if alarm in by_alarm else ())
    return [one for one in rules if one.alarm in needed]


def _alike(old: Assembly, new: Assembly) -> frozenset[AlarmId]:
    """Alarms that both rule sets judge alike, and whose explanations they judge alike."""
    if old.site.annunciation != new.site.annunciation:
        return frozenset()
    before = {one.alarm: one for one in old.rules}
    children: dict[AlarmId, list[AlarmId]] = {}
    for rules in (old.rules, new.rules):
        for one in rules:
            for parent in _explaining(one):
                children.setdefault(parent, []).append(one.alarm)
    after = {one.alarm: one for one in new.rules}
    other = [
        alarm
        for alarm in before.keys() | after.keys()
        if alarm not in before or alarm not in after or not _same(before[alarm], after[alarm], old, new)
    ]
    return frozenset(before.keys() & after.keys()) - _spread(other, lambda alarm: children.get(alarm, ()))


def _explaining(rule: RuleInstance) -> Iterable[AlarmId]:
    return (one for together in rule.parents for one in together)


def _spread(begin: Iterable[AlarmId], following: Callable[[AlarmId], Iterable[AlarmId]]) -> set[AlarmId]:
    """All that can be reached."""
    found: set[AlarmId] = set()
    waiting = list(begin)
    while waiting:
        alarm = waiting.pop()
        if alarm not in found:
            found.add(alarm)
            waiting.extend(following(alarm))
    return found


def _groups(rules: Sequence[RuleInstance]) -> list[list[RuleInstance]]:
    """Rules by common points: union-find."""
    leader: dict[str, str] = {}

    def find(one: str) -> str:
        while leader.setdefault(one, one) != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for rule in rules:
        for part in (rule, *rule.companions):
            for one in part.inputs:
                leader[find(f"point {one.point}")] = find(f"alarm {rule.alarm}")
    groups: dict[str, list[RuleInstance]] = {}
    for rule in rules:
        groups.setdefault(find(f"alarm {rule.alarm}"), []).append(rule)
    return list(groups.values())


def _weight(group: Iterable[RuleInstance]) -> float:
    """About how long a group takes: numbers change often, and a rule over slopes or changes hears of each of them."""
    busy = (Memory.SLOPE, Memory.CHANGE)
    points = {one.point: float in one.types for rule in group for one in rule.inputs}
    return sum(30.0 if number else 2.0 for number in points.values()) + sum(
        1.0 + 30.0 * sum(one.memory in busy for one in rule.functions) for rule in group
    )


def _same(one: RuleInstance, other: RuleInstance, old: Assembly, new: Assembly) -> bool:
    """Whether the two can only come to the same, in everything but words."""
    return (
        (one.rule, one.parameters, one.inputs, one.stage, one.parents, one.on_delay, one.off_delay, one.remind)
        == (other.rule, other.parameters, other.inputs, other.stage, other.parents, other.on_delay, other.off_delay,
            other.remind)
        and [function.key for function in one.functions] == [function.key for function in other.functions]
        and old.masks.get(one.alarm) == new.masks.get(other.alarm)
        and len(one.companions) == len(other.companions)
        and all(_same(a, b, old, new) for a, b in zip(one.companions, other.companions, strict=True))
    )  # fmt: skip
