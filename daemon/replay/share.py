"""Divides the work: what both rule sets have alike is played once, and all of it is spread over the cores.

Alarms belong together when their rules read a common point or one explains the other; what becomes of one such group
is nothing to any other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from daemon.assembly import Assembly
from rules.alarm import AlarmId
from rules.functions import Memory
from rules.instance import RuleInstance


@dataclass(frozen=True, slots=True)
class Portion:
    """What one process plays: alarms of the old rules, and those of the new ones that are not the same."""

    old: frozenset[AlarmId]
    new: frozenset[AlarmId]


@dataclass(frozen=True, slots=True)
class Shares:
    """`alike` are alarms whose new outcome is their old one."""

    portions: tuple[Portion, ...]
    alike: frozenset[AlarmId]


def share(old: Assembly, new: Assembly | None, parts: int) -> Shares:
    """Spread over so many processes; without `new` the old rules alone."""
    groups = _groups(old.rules)
    fresh: list[frozenset[AlarmId]] = []
    alike: frozenset[AlarmId] = frozenset()
    by_alarm = {one.alarm: one for one in old.rules}
    if new is not None:
        others = {one.alarm: one for one in new.rules}
        same_site = old.site.annunciation == new.site.annunciation
        known = set(groups)
        for group in _groups(new.rules):
            if same_site and group in known and all(_same(by_alarm[one], others[one], old, new) for one in group):
                alike |= group
            else:
                fresh.append(group)
        by_alarm |= others
    jobs = [(_weight(group, by_alarm), "old", group) for group in groups]
    jobs += [(_weight(group, by_alarm), "new", group) for group in fresh]
    loads = [0.0] * parts
    taken: list[dict[str, set[AlarmId]]] = [{"old": set(), "new": set()} for _ in range(parts)]
    for weight, which, group in sorted(jobs, key=lambda one: (-one[0], one[1], min(one[2]))):
        least = loads.index(min(loads))
        loads[least] += weight
        taken[least][which] |= group
    portions = tuple(Portion(frozenset(one["old"]), frozenset(one["new"])) for one in taken)
    return Shares(tuple(one for one in portions if one.old or one.new), alike)


def _groups(rules: Sequence[RuleInstance]) -> list[frozenset[AlarmId]]:
    """Union-find over points and parents."""
    leader: dict[str, str] = {}

    def find(one: str) -> str:
        while leader.setdefault(one, one) != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for rule in rules:
        read = (f"point {one.point}" for part in (rule, *rule.companions) for one in part.inputs)
        explained = (f"alarm {parent}" for parents in rule.parents for parent in parents)
        for other in (*read, *explained):
            leader[find(other)] = find(f"alarm {rule.alarm}")
    groups: dict[str, set[AlarmId]] = {}
    for rule in rules:
        groups.setdefault(find(f"alarm {rule.alarm}"), set()).add(rule.alarm)
    return [frozenset(group) for group in groups.values()]


def _weight(group: Iterable[AlarmId], rules: Mapping[AlarmId, RuleInstance]) -> float:
    """About how long a group takes: numbers change often, and slopes are looked at without any change."""
    return sum(
        1
        + 20 * sum(float in one.types for one in rules[alarm].inputs)
        + 200 * sum(one.memory is Memory.SLOPE for one in rules[alarm].functions)
        for alarm in group
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
