"""Whether an alarm can come and go at all: limits inside their sensor's range, in order, with room to clear."""

from collections.abc import Iterator
from dataclasses import dataclass

from daemon.lint.comparing import Limit, limits, sufficient
from daemon.lint.finding import Finding, Watched
from daemon.wiring import Offered
from estate.document import Document
from estate.model import PointId
from rules.instance import RuleInstance

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Edge:
    """One limit of one rule, and how far the value has to come back."""

    alarm: RuleInstance
    limit: Limit
    deadband: float

    @property
    def clears_at(self) -> float:
        return self.limit.value - self.deadband if self.limit.upper else self.limit.value + self.deadband


def impossible(one: Watched, rules: Document | None, offered: Offered) -> Iterator[Finding]:
    """Faults: an alarm that could never come, never go, or that leaves no value for a quiet day."""
    for alarm in one.alarms:
        tree = one.conditions.get(alarm.alarm)
        if tree is not None:
            for limit in dict.fromkeys(limits(tree, alarm.parameters)):
                yield from _outside(one, rules, alarm, limit, offered)
    edges = _edges(one)
    for edge in edges:
        span = _range(one.bound.get(edge.limit.point), offered)
        if span is not None and edge.deadband and _never_back(edge, span):
            yield _about("never_clears", one, rules, edge, range=_shown(span), back=f"{edge.clears_at:g}")
    for point in dict.fromkeys(edge.limit.point for edge in edges):
        high, low = _nearest(edges, point, True), _nearest(edges, point, False)
        if high is not None and low is not None and high.limit.value <= low.limit.value:
            own = [edge for edge in (high, low) if one.rule_place(rules, edge.alarm.rule_name) != one.place]
            place = one.rule_place(rules, (*own, high)[0].alarm.rule_name)
            names = {"point": point, "rule": high.alarm.rule_name, "other": low.alarm.rule_name}
            words = {**names, "high": f"{high.limit.value:g}", "low": f"{low.limit.value:g}"}
            yield Finding("band_empty", place, one.id, tuple(words.items()))


def doubtful(one: Watched, rules: Document | None) -> Iterator[Finding]:
    """Warnings: a deadband as wide as the band between two limits, so that one alarm ends where another begins."""
    edges = _edges(one)
    for edge in edges:
        other = _nearest(edges, edge.limit.point, not edge.limit.upper)
        if other is None:
            continue
        band = edge.limit.value - other.limit.value if edge.limit.upper else other.limit.value - edge.limit.value
        if 0 < band <= edge.deadband:
            words = {"deadband": f"{edge.deadband:g}", "band": f"{band:g}", "other": other.alarm.rule_name}
            yield _about("deadband_wide", one, rules, edge, **words)


def _outside(
    one: Watched, rules: Document | None, alarm: RuleInstance, limit: Limit, offered: Offered
) -> Iterator[Finding]:
    source = one.bound.get(limit.point)
    span = _range(source, offered)
    if span is None:
        return
    low, high = span
    never = limit.value >= high if limit.upper else limit.value <= low
    if not never and low <= limit.value <= high:
        return
    parameter = limit.named[0] if len(limit.named) == 1 else ""
    key = "parameters" if parameter in one.cls.parameters else "rules"
    place = one.rule_place(rules, parameter if key == "parameters" else alarm.rule_name, key)
    named = {"name": parameter or limit.point, "value": f"{limit.value:g}", "source": str(source)}
    code = "limit_unreachable" if never else "limit_always"
    yield Finding(code, place, one.id, (*named.items(), ("range", _shown(span)), ("rule", alarm.rule_name)))


def _edges(one: Watched) -> list[_Edge]:
    """Limits that raise an alarm by themselves; what stands under an `and` says nothing about the band."""
    edges = []
    for alarm in one.alarms:
        tree = one.conditions.get(alarm.alarm)
        if tree is not None:
            deadband = alarm.rule.deadband
            width = alarm.parameters[deadband] if isinstance(deadband, str) else deadband
            edges += [_Edge(alarm, limit, float(width)) for limit in sufficient(tree, alarm.parameters)]
    return edges


def _nearest(edges: list[_Edge], point: str, upper: bool) -> _Edge | None:
    """The lowest of the upper limits of a point, or the highest of the lower ones."""
    found = [edge for edge in edges if edge.limit.point == point and edge.limit.upper is upper]
    sign = 1 if upper else -1
    return min(found, key=lambda edge: sign * edge.limit.value, default=None)


def _never_back(edge: _Edge, span: Span) -> bool:
    return edge.clears_at <= span[0] if edge.limit.upper else edge.clears_at >= span[1]


def _about(code: str, one: Watched, rules: Document | None, edge: _Edge, **values: str) -> Finding:
    place = one.rule_place(rules, edge.alarm.rule_name)
    known = {"rule": edge.alarm.rule_name, "point": edge.limit.point, **values}
    return Finding(code, place, one.id, tuple(known.items()))


def _range(point: PointId | None, offered: Offered) -> Span | None:
    """What the sensor can show, in its unit; None where nobody says."""
    if point is None:
        return None
    scale = offered.scales.get(point)
    if scale is not None:
        return min(scale.low, scale.high), max(scale.low, scale.high)
    described = offered.kinds.get(point)
    return described.valid if described is not None else None


def _shown(span: Span) -> str:
    return f"{span[0]:g} … {span[1]:g}"
