"""One run: recorded samples and recorded operators' actions through the engine, faster than they happened."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.assembly import Assembly
from daemon.historian.recorded import Asked, Recording
from daemon.journal_reader import JournalReader
from daemon.kpi.shift import Shifts
from daemon.replay.course import Log, Outcome, Run, outcome
from daemon.replay.sieve import Sieve
from estate.errors import CommandRefused
from estate.model import Now, PointId, Sample
from rules.alarm import AlarmId, Transition, Trigger
from rules.engine import Engine
from rules.instance import RuleInstance
from rules.life import PROCESS

WARM_UP = timedelta(hours=1), timedelta(days=1)
"""So much history goes in before the period begins, at least and at most: the longest window of a condition. What
looks back further than a day (a pump idle for a week) knows nothing at the beginning, as after a first start."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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


async def play(
    assembly: Assembly,
    recording: Recording,
    journal: Path,
    played: Played,
    progress: Progress,
    only: Collection[AlarmId] | None = None,
) -> Run:
    """Run the engine over the period. What stood before it is taken from the journal, as at a restart.

    Time is the recorded one: a sample counts as received when it was measured. What operators did is done again
    where it still fits; where it does not (nothing to acknowledge) it is counted in `refused`. `only` some alarms:
    see daemon.replay.share. Memory is bounded by one stretch of samples, and what the engine says. Raises
    TransportError when the history cannot be read.
    """
    rules = [one for one in assembly.rules if only is None or one.alarm in only]
    asked = asked_by(rules)
    begin = played.start - warm_up(rules)
    run = _Running(assembly, rules, played)
    span = (played.end - begin).total_seconds()
    with JournalReader(journal) as reader:
        run.restore(reader.last_before(begin))
        run.operations = _operations(reader, begin, played.end, only)
        run.feed(sorted(await recording.latest(asked, begin), key=lambda one: one.at), begin)
        async for samples in recording.stream(asked, begin, played.end):
            if samples:
                run.samples_until(samples)
                progress((samples[-1].at - begin).total_seconds() / span)
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


def _operations(
    reader: JournalReader, start: datetime, end: datetime, only: Collection[AlarmId] | None
) -> Iterator[Transition]:
    return (
        one
        for one in reader.transitions(start, end)
        if one.trigger in OPERATIONS and one.by != PROCESS and (only is None or one.alarm in only)
    )


class _Running:
    """The engine and its time, which is seconds since 1970 on both clocks."""

    def __init__(self, assembly: Assembly, rules: Sequence[RuleInstance], played: Played) -> None:
        self._engine = Engine(rules, assembly.site.annunciation, assembly.masks)
        self._standing = Log()
        self._log = Log()
        self._end = _seconds(played.end)
        self._sieve = Sieve(assembly, rules)
        self._samples = 0
        self._refused = 0
        self.operations: Iterator[Transition] = iter(())
        self._waiting: deque[Transition] = deque()

    def restore(self, transitions: Sequence[Transition]) -> None:
        foreign = set(self._engine.restore(transitions))
        for one in transitions:
            if one.alarm not in foreign:
                self._standing.take(one)

    def feed(self, samples: Sequence[Sample], at: datetime) -> None:
        """What the points were at the beginning, all at once."""
        seconds = _seconds(at)
        self._step([Sample(one.point, one.value, one.quality, one.at, seconds) for one in samples], Now(at, seconds))

    def samples_until(self, samples: Sequence[Sample]) -> None:
        engine, take = self._engine, self._log.take
        step, deadline = engine.step, engine.next_deadline
        operation = self._next_operation()
        lets_through = self._sieve.lets_through
        for sample in samples:
            if not lets_through(sample):
                continue
            at = sample.received
            if operation <= at:
                self._operate_until(at)
                operation = self._next_operation()
            due = deadline()
            if due is not None and due <= at:
                self._wake_until(at)
            for transition in step((sample,), Now(sample.at, at)):
                take(transition)
        self._samples += len(samples)

    def finish(self) -> None:
        self._operate_until(self._end)
        self._wake_until(self._end)

    def run(self) -> Run:
        return Run(self._standing, self._log, self._samples, self._sieve.passed_over, self._refused)

    def _next_operation(self) -> float:
        if not self._waiting:
            following = next(self.operations, None)
            if following is None:
                return float("inf")
            self._waiting.append(following)
        return _seconds(self._waiting[0].decided)

    def _operate_until(self, at: float) -> None:
        while (when := self._next_operation()) <= at:
            one = self._waiting.popleft()
            self._wake_until(when)
            now = Now(one.decided, when)
            self._step((), now)
            try:
                self._log.take(OPERATIONS[one.trigger](self._engine, one, now))
            except CommandRefused:
                self._refused += 1

    def _wake_until(self, at: float) -> None:
        """Let timers fire at their own times, not at that of the next sample."""
        while (due := self._engine.next_deadline()) is not None and due <= at:
            self._step((), Now(EPOCH + timedelta(seconds=due), due))

    def _step(self, samples: Sequence[Sample], now: Now) -> None:
        for transition in self._engine.step(samples, now):
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


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH) / timedelta(seconds=1)
