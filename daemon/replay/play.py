"""One run: recorded samples and recorded operators' actions through the engine, faster than they happened."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.assembly import Assembly
from daemon.historian.line_protocol import nanoseconds
from daemon.historian.recorded import Asked, Recording, Row, moment
from daemon.journal_reader import JournalReader
from daemon.kpi.shift import Shifts
from daemon.replay.course import Log, Outcome, Run, outcome
from daemon.replay.share import accompanied
from estate.errors import CommandRefused
from estate.model import Now, PointId, Quality, Sample
from rules.alarm import AlarmId, Transition, Trigger
from rules.engine import Engine
from rules.instance import RuleInstance
from rules.life import PROCESS

WARM_UP = timedelta(hours=1), timedelta(days=1)
"""So much history goes in before the period begins, at least and at most: the longest window of a condition. What
looks back further than a day (a pump idle for a week) knows nothing at the beginning, as after a first start."""

Progress = Callable[[float], None]
"""Hears the share of the time that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Played:
    """What is played: aware UTC, `start` included, `end` excluded. `shifts` for the figures only."""

    start: datetime
    end: datetime
    shifts: Shifts


def asked_by(rules: Sequence[RuleInstance]) -> Asked:
    """The points that rules read, and which of them are true or false."""
    points: dict[PointId, bool] = {}
    for rule in rules:
        for instance in (rule, *rule.companions):
            for one in instance.inputs:
                points[one.point] = points.get(one.point, False) or bool in one.types
    return Asked(tuple(points), frozenset(point for point, state in points.items() if state))


def warm_up(rules: Iterable[RuleInstance]) -> timedelta:
    """How much history has to go in before the period begins."""
    least, most = WARM_UP
    windows = (function.window for one in rules for part in (one, *one.companions) for function in part.functions)
    return max(least, min(most, timedelta(seconds=max(windows, default=0.0))))


@dataclass(frozen=True, slots=True)
class Before:
    """What the journal says of a run: what stood at its `begin`, and what operators did after it."""

    begin: datetime
    standing: Sequence[Transition]
    operations: Sequence[Transition]


def before(assembly: Assembly, journal: Path, played: Played) -> Before:
    """Blocks. Raises FileNotFoundError without a journal."""
    begin = played.start - warm_up(assembly.rules)
    with JournalReader(journal) as reader:
        operations = (one for one in reader.transitions(begin, played.end) if one.trigger in OPERATIONS)
        return Before(begin, reader.last_before(begin), [one for one in operations if one.by != PROCESS])


async def play(
    assembly: Assembly,
    recording: Recording,
    before: Before,
    played: Played,
    progress: Progress,
    told: Collection[AlarmId] | None = None,
) -> Run:
    """Run the engine over the period, beginning with what stood before it, as at a restart.

    Time is the recorded one: a sample counts as received when it was measured. What operators did is done again
    where it still fits; where it does not (nothing to acknowledge) it is counted in `refused`. What is told is what
    became of the alarms in `told` (None: all), see daemon.replay.share. Memory is bounded by one stretch of samples,
    and what the engine says. Raises TransportError when the history cannot be read.
    """
    rules = assembly.rules if told is None else accompanied(assembly.rules, told)
    playing = {one.alarm for one in rules}
    asked = asked_by(rules)
    begin = before.begin
    run = _Running(assembly, rules, begin, played.end, playing if told is None else told)
    span = (played.end - begin).total_seconds()
    run.restore(before.standing)
    run.operations = (one for one in before.operations if one.alarm in playing)
    run.feed(sorted(await recording.latest(asked, begin), key=lambda one: one.at))
    async for rows in recording.rows(asked, begin, played.end):
        if rows:
            run.rows_until(rows)
            progress((moment(rows[-1][1]) - begin).total_seconds() / span)
    run.finish()
    progress(1.0)
    return run.run()


def recorded_outcome(journal: Path, played: Played) -> Outcome:
    """What really happened, from the journal alone, in the same form."""
    standing, log = Log(), Log()
    with JournalReader(journal) as reader:
        for one in reader.last_before(played.start):
            standing.take(one)
        for one in reader.transitions(played.start, played.end):
            log.take(one)
    return outcome([Run(standing, log, 0, 0, 0)], played.start, played.end, played.shifts)


class _Running:
    """The engine and its time: seconds since the begin, since those since 1970 do not hold a µs."""

    def __init__(
        self,
        assembly: Assembly,
        rules: Sequence[RuleInstance],
        begin: datetime,
        end: datetime,
        told: Collection[AlarmId],
    ) -> None:
        self._engine = Engine(rules, assembly.site.annunciation, assembly.masks)
        self._told = told
        self._standing = Log()
        self._log = Log()
        self._begin = begin
        self._zero = nanoseconds(begin)
        self._end = self._seconds(end)
        self._samples = 0
        self._passed_over = 0
        self._refused = 0
        self.operations: Iterator[Transition] = iter(())
        self._waiting: deque[Transition] = deque()

    def restore(self, transitions: Sequence[Transition]) -> None:
        self._engine.restore(transitions)
        for one in transitions:
            if one.alarm in self._told:
                self._standing.take(one)

    def feed(self, samples: Sequence[Sample]) -> None:
        """What the points were at the beginning, all at once."""
        begun = [Sample(one.point, one.value, one.quality, one.at, 0.0) for one in samples]
        self._step(begun, Now(self._begin, 0.0))

    def rows_until(self, rows: Sequence[Row]) -> None:
        """In order of time. What was measured at one time is one moment, as when it was received."""
        passes = self._engine.passes
        samples: list[Sample] = []
        begun, pending, zero = 0, self._pending(), self._zero
        for point, stamp, value, quality in rows:
            if samples and stamp != begun:
                self._step(samples, Now(samples[0].at, samples[0].received))
                samples.clear()
                pending = self._pending()
            at = (stamp - zero) / 1e9
            if at >= pending:
                self._operate_until(at)
                self._wake_until(at)
                pending = self._pending()
            if value is not None and quality is Quality.GOOD and passes(point, value):
                self._passed_over += 1
            else:
                samples.append(Sample(point, value, quality, moment(stamp), at))
                begun = stamp
        if samples:
            self._step(samples, Now(samples[0].at, samples[0].received))
        self._samples += len(rows)

    def _pending(self) -> float:
        """When (s) something happens next although no sample comes: a timer, an operator."""
        due = self._engine.next_deadline()
        operation = self._next_operation()
        return operation if due is None or operation < due else due

    def finish(self) -> None:
        self._operate_until(self._end)
        self._wake_until(self._end)

    def run(self) -> Run:
        return Run(self._standing, self._log, self._samples, self._passed_over, self._refused)

    def _next_operation(self) -> float:
        if not self._waiting:
            following = next(self.operations, None)
            if following is None:
                return float("inf")
            self._waiting.append(following)
        return self._seconds(self._waiting[0].decided)

    def _operate_until(self, at: float) -> None:
        while (when := self._next_operation()) <= at:
            one = self._waiting.popleft()
            self._wake_until(when)
            now = Now(one.decided, when)
            self._step((), now)
            try:
                self._take(OPERATIONS[one.trigger](self._engine, one, now))
            except CommandRefused:
                self._refused += one.alarm in self._told

    def _wake_until(self, at: float) -> None:
        """Let timers fire at their own times, not at that of the next sample."""
        while (due := self._engine.next_deadline()) is not None and due <= at:
            self._step((), Now(self._begin + timedelta(seconds=due), due))

    def _seconds(self, moment: datetime) -> float:
        return (moment - self._begin) / timedelta(seconds=1)

    def _step(self, samples: Sequence[Sample], now: Now) -> None:
        for transition in self._engine.step(samples, now):
            self._take(transition)

    def _take(self, transition: Transition) -> None:
        if transition.alarm in self._told:
            self._log.take(transition)


Operate = Callable[[Engine, Transition, Now], Transition]


def _shelve(engine: Engine, one: Transition, now: Now) -> Transition:
    shelf = one.suppression.shelf
    assert shelf is not None, "a shelving without its shelf"
    return engine.shelve(one.alarm, one.by, now, shelf.until, shelf.reason)


def _remove(engine: Engine, one: Transition, now: Now) -> Transition:
    removal = one.suppression.removal
    assert removal is not None, "a removal from service without its order"
    return engine.remove_from_service(one.alarm, one.by, now, removal.reason, removal.order, removal.until)


OPERATIONS: Mapping[Trigger, Operate] = {
    Trigger.ACKNOWLEDGE: lambda engine, one, now: engine.acknowledge(one.alarm, one.by, now, one.note),
    Trigger.UNACKNOWLEDGE: lambda engine, one, now: engine.unacknowledge(one.alarm, one.by, now, one.note),
    Trigger.RESET: lambda engine, one, now: engine.reset(one.alarm, one.by, now, one.note),
    Trigger.SHELVE: _shelve,
    Trigger.UNSHELVE: lambda engine, one, now: engine.unshelve(one.alarm, one.by, now, one.note),
    Trigger.REMOVE_FROM_SERVICE: _remove,
    Trigger.RETURN_TO_SERVICE: lambda engine, one, now: engine.return_to_service(one.alarm, one.by, now, one.note),
}
"""What people do. What the rules did by themselves at the time is left to the rules that are played."""
