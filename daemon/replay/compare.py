"""Two runs side by side: which alarms come, which go, which change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from daemon.replay.course import STILL, Course, Occurrence, Outcome

ALIKE = 1_000_000  # µs: an occurrence that begins and ends so close to another is the same
_EVER = 2**63 - 1


@dataclass(slots=True)
class Difference:
    """One alarm. `come` are occurrences of the second run only, `gone` of the first only.

    `changed` pairs overlap, yet begin or end more than a second apart or differ in priority.
    """

    alarm: str
    rule: str
    texts: tuple[str, str]
    before: int
    after: int
    come: list[Occurrence] = field(default_factory=list)
    gone: list[Occurrence] = field(default_factory=list)
    changed: list[tuple[Occurrence, Occurrence]] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        return bool(self.come or self.gone or self.changed) or self.before != self.after


@dataclass(frozen=True, slots=True)
class RuleCount:
    """One rule, `class.name`, over all equipment: annunciations in each run, and occurrences that differ."""

    rule: str
    before: int
    after: int
    come: int
    gone: int
    changed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`alarms` holds those that differ, by id; `rules` every rule that had an alarm in either run."""

    alarms: tuple[Difference, ...]
    rules: tuple[RuleCount, ...]


def compare(before: Outcome, after: Outcome, classes: Mapping[str, str]) -> Comparison:
    """`classes` says of which equipment class an alarm is; sumps and doors may have rules of one name."""
    differences = [
        _difference(alarm, before.courses.get(alarm), after.courses.get(alarm))
        for alarm in sorted(before.courses.keys() | after.courses.keys())
    ]
    return Comparison(tuple(one for one in differences if one.differs), tuple(_by_rule(differences, classes)))


def _difference(alarm: str, old: Course | None, new: Course | None) -> Difference:
    known = new or old
    assert known is not None
    one = Difference(alarm, known.rule, known.texts, old.annunciations if old else 0, new.annunciations if new else 0)
    for was, will_be in _pairs(old.occurrences if old else (), new.occurrences if new else ()):
        if was is None and will_be is not None:
            one.come.append(will_be)
        elif will_be is None and was is not None:
            one.gone.append(was)
        elif was is not None and will_be is not None and not _alike(was, will_be):
            one.changed.append((was, will_be))
    return one


def _pairs(
    old: Iterable[Occurrence], new: Iterable[Occurrence]
) -> Iterator[tuple[Occurrence | None, Occurrence | None]]:
    """Occurrences that overlap, each with one other at most; both runs are in order of time."""
    olds, news = iter(old), iter(new)
    was, will_be = next(olds, None), next(news, None)
    while was is not None and will_be is not None:
        if _end(was) < will_be.raised:
            yield was, None
            was = next(olds, None)
        elif _end(will_be) < was.raised:
            yield None, will_be
            will_be = next(news, None)
        else:
            yield was, will_be
            was, will_be = next(olds, None), next(news, None)
    while was is not None:
        yield was, None
        was = next(olds, None)
    while will_be is not None:
        yield None, will_be
        will_be = next(news, None)


def _end(one: Occurrence) -> int:
    return _EVER if one.cleared == STILL else one.cleared


def _alike(one: Occurrence, other: Occurrence) -> bool:
    return (
        one.priority == other.priority
        and abs(one.raised - other.raised) <= ALIKE
        and abs(_end(one) - _end(other)) <= ALIKE
    )


def _by_rule(differences: Iterable[Difference], classes: Mapping[str, str]) -> Iterator[RuleCount]:
    rules: dict[str, list[Difference]] = {}
    for one in differences:
        class_ = classes.get(one.alarm, "?")
        rules.setdefault(f"{class_}.{one.rule}", []).append(one)
    for rule, some in sorted(rules.items()):
        yield RuleCount(
            rule,
            sum(one.before for one in some),
            sum(one.after for one in some),
            sum(len(one.come) for one in some),
            sum(len(one.gone) for one in some),
            sum(len(one.changed) for one in some),
        )
