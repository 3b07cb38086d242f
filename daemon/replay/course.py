"""What became of each alarm in one run through the history: when it came and went, how often it was announced."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import NamedTuple

from daemon.kpi.annunciation import Move, microseconds, move_of
from daemon.kpi.figures import Figures
from daemon.kpi.report import Count
from daemon.kpi.shift import Shifts
from rules.alarm import Transition

STILL = -1  # µs that stand for "not yet over"


class Occurrence(NamedTuple):
    """Times in µs since 1970; `cleared` is STILL for one that goes on at the end."""

    raised: int
    cleared: int
    priority: int


@dataclass(slots=True)
class Course:
    """One alarm. `texts` are those of its last occurrence; numbers lie in an array: some alarms come by thousands."""

    rule: str
    texts: tuple[str, str] = ("", "")
    annunciations: int = 0
    _numbers: "array[int]" = field(default_factory=lambda: array("q"))

    def raised(self, at: int, priority: int) -> None:
        self._numbers.extend((at, STILL, priority))

    def cleared(self, at: int) -> None:
        """The end of the last occurrence; nothing when it has ended already."""
        if self._numbers and self._numbers[-2] == STILL:
            self._numbers[-2] = at

    def begin_anew(self) -> bool:
        """Forget what is over; returns whether an occurrence is left that goes on."""
        stands = bool(self._numbers) and self._numbers[-2] == STILL
        self._numbers = self._numbers[-3:] if stands else array("q")
        return stands

    @property
    def occurrences(self) -> Iterator[Occurrence]:
        numbers = iter(self._numbers)
        return map(Occurrence, numbers, numbers, numbers)

    def __len__(self) -> int:
        return len(self._numbers) // 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: `samples` read, those among them `passed_over` as deciding nothing, `refused` operations that did not
    fit, and what came out.

    `courses` holds the alarms that stood or came, by id; `figures` counts all positions and shifts together.
    """

    courses: dict[str, Course]
    figures: Figures
    samples: int = 0
    passed_over: int = 0
    refused: int = 0


class Log:
    """What one engine did, in few bytes: a month of many alarms goes from process to process in one piece."""

    def __init__(self) -> None:
        self._moves: list[Move] = []
        self._rules: dict[str, str] = {}

    def take(self, transition: Transition) -> None:
        self._moves.append(move_of(transition))
        self._rules[transition.alarm] = transition.rule

    def only(self, alarms: Collection[str]) -> "Log":
        """The part of these alarms."""
        log = Log()
        log._moves = [move for move in self._moves if move.alarm in alarms]
        log._rules = {alarm: rule for alarm, rule in self._rules.items() if alarm in alarms}
        return log

    def moves(self) -> list[Move]:
        return self._moves

    @property
    def rules(self) -> Mapping[str, str]:
        return self._rules


@dataclass(frozen=True, slots=True)
class Run:
    """What came of some alarms: `standing` their last transitions before it began, `log` all since."""

    standing: Log
    log: Log
    samples: int
    passed_over: int
    refused: int


def outcome(runs: Iterable[Run], start: datetime, end: datetime, shifts: Shifts) -> Outcome:
    """The runs of different alarms put together in order of time."""
    runs = list(runs)
    collector = _Collector(start, end, shifts)
    rules = {alarm: rule for run in runs for log in (run.standing, run.log) for alarm, rule in log.rules.items()}
    for move in sorted((move for run in runs for move in run.standing.moves()), key=lambda move: move.at):
        collector.standing(move, rules[move.alarm])
    for move in merge(*(run.log.moves() for run in runs), key=lambda move: move.at):
        collector.take(move, rules[move.alarm])
    return Outcome(
        collector.courses,
        collector.figures(),
        sum(run.samples for run in runs),
        sum(run.passed_over for run in runs),
        sum(run.refused for run in runs),
    )


class _Collector:
    """Takes moves in their order. What was decided before `start` only says what stands then."""

    def __init__(self, start: datetime, end: datetime, shifts: Shifts) -> None:
        self._start = microseconds(start)
        self._count = Count(start, end, shifts)
        self._counting = False
        self._before: dict[str, Move] = {}
        self.courses: dict[str, Course] = {}

    def standing(self, move: Move, rule: str) -> None:
        """An alarm's last transition before the run."""
        self._before[move.alarm] = move
        if move.after.condition_present:
            course = self.courses[move.alarm] = Course(rule, (move.text_zh, move.text_en))
            course.raised(move.raised, move.priority)

    def take(self, move: Move, rule: str) -> None:
        if move.at < self._start:
            self._before[move.alarm] = move
        else:
            self._begin()
            self._count.take(move)
        self._follow(move, rule)

    def figures(self) -> Figures:
        self._begin()
        return self._count.report().whole

    def _begin(self) -> None:
        if not self._counting:
            self._counting = True
            self._count.standing_before(self._before.values())
            # What came and went before the period is not of it.
            self.courses = {name: one for name, one in self.courses.items() if one.begin_anew()}

    def _follow(self, move: Move, rule: str) -> None:
        course = self.courses.get(move.alarm)
        if course is None:
            course = self.courses[move.alarm] = Course(rule)
        if move.after.condition_present and not move.before.condition_present:
            course.raised(move.at, move.priority)
            course.texts = (move.text_zh, move.text_en)
        elif move.clears:
            course.cleared(move.at)
        if move.annunciates and move.at >= self._start:
            course.annunciations += 1
