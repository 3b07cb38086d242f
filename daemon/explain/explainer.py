"""Gathers what is known of a moment: from the running rule while it still remembers, else from journal and history."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.assembly import Assembly
from daemon.explain.anatomy import Anatomy
from daemon.explain.explanation import Explanation, Reading, Source, Timer
from daemon.historian.recorded import Asked, Recording
from daemon.journal_reader import JournalReader
from estate.errors import CommandRefused
from estate.model import Clock, Now, PointId, Sample
from rules.alarm import AlarmId, AlarmState, Transition
from rules.engine import Engine
from rules.instance import RuleInstance
from rules.suppression import UNSUPPRESSED
from rules.watch import Evaluation

BEFORE = timedelta(hours=1)  # at least so much history goes into a condition that is recomputed
LONGEST = timedelta(days=8)  # and at most so much, however long its windows are
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING = "none"


class UnknownAlarm(CommandRefused):
    """The site has no rule that makes such an alarm."""


@dataclass(frozen=True, slots=True)
class Live:
    """The running daemon: `latest` is the last sample of a point."""

    engine: Engine
    latest: Callable[[PointId], Sample | None]
    clock: Clock


class Explainer:
    """`live` only inside the daemon. Reading journal and history happens in threads; one at a time is heavy."""

    def __init__(self, assembly: Assembly, recording: Recording, journal: Path, live: Live | None = None) -> None:
        self._assembly = assembly
        self._rules = {one.alarm: one for one in assembly.rules}
        self._recording = recording
        self._journal = journal
        self._live = live
        self._turn = asyncio.Semaphore(1)

    async def explain(self, alarm: AlarmId, at: datetime | None = None) -> Explanation:
        """`at` in aware UTC; None: now, or the newest moment of the journal where nothing runs.

        Raises UnknownAlarm, TransportError when the history cannot be read, FileNotFoundError without a journal.
        """
        instance = self._rules.get(alarm)
        if instance is None:
            raise UnknownAlarm(f"no rule of this site makes the alarm {alarm}")
        async with self._turn:
            moment = at or await self._newest()
            before, after = await asyncio.to_thread(self._around, alarm, moment)
            if self._live is not None:
                found = self._remembered(self._live, instance, moment, at is None, before, after)
                if found is not None:
                    return found
            return await self._recomputed(instance, moment, before, after)

    async def _newest(self) -> datetime:
        if self._live is not None:
            return self._live.clock.now().utc
        span = await asyncio.to_thread(self._span)
        return span[1] if span is not None else datetime.now(UTC)

    def _span(self) -> tuple[datetime, datetime] | None:
        with JournalReader(self._journal) as reader:
            return reader.span()

    def _around(self, alarm: AlarmId, at: datetime) -> tuple[list[Transition], list[Transition]]:
        with JournalReader(self._journal) as reader:
            return reader.of_alarm(alarm, at)

    def _remembered(
        self,
        live: Live,
        instance: RuleInstance,
        at: datetime,
        latest: bool,
        before: Sequence[Transition],
        after: Sequence[Transition],
    ) -> Explanation | None:
        """From the last evaluations of the running rule; None when they do not reach back so far."""
        now = live.clock.now()
        evaluations = live.engine.evaluations(instance.alarm, now.mono if latest else None)
        known = [one for one in evaluations if _utc(one[0], now) <= at]
        if not known:
            return None
        due = live.engine.due(instance.alarm) if latest else None
        readings = {
            one.name: _reading(one.name, one.point, known[-1][2][place], live.latest(one.point))
            for place, one in enumerate(instance.inputs)
        }
        return self._explanation(instance, at, Source.LIVE, known[-1], now, due, readings, before, after)

    async def _recomputed(
        self, instance: RuleInstance, at: datetime, before: Sequence[Transition], after: Sequence[Transition]
    ) -> Explanation:
        """The recorded values of the time before, through the same compiled rule."""
        windows = [timedelta(seconds=min(one.window, LONGEST.total_seconds())) for one in instance.functions]
        begin = at - max([BEFORE, *(2 * one for one in windows)])
        asked = _asked(instance)
        engine = Engine([instance], self._assembly.site.annunciation)
        earlier = await asyncio.to_thread(self._around, instance.alarm, begin)
        engine.restore(earlier[0][-1:])
        last: dict[PointId, Sample] = {}
        first = Now(begin, _seconds(begin))
        for sample in await self._recording.latest(asked, begin):
            last[sample.point] = sample
            engine.step([Sample(sample.point, sample.value, sample.quality, sample.at, first.mono)], first)
        async for samples in self._recording.stream(asked, begin, at + timedelta(microseconds=1)):
            await asyncio.to_thread(_run, engine, samples)
            last.update((sample.point, sample) for sample in samples)
        now = Now(at, _seconds(at))
        _wake(engine, now.mono)
        engine.step((), now)
        known = engine.evaluations(instance.alarm, now.mono)
        if not known:
            state = before[-1] if before else None
            return Explanation(
                instance.alarm,
                at,
                Source.NOTHING,
                state.after if state else AlarmState.NORMAL,
                present=state is not None and state.after.condition_present,
                suppression=state.suppression if state else UNSUPPRESSED,
                before=tuple(before),
                after=tuple(after),
            )
        readings = {
            one.name: _reading(one.name, one.point, known[-1][2][place], last.get(one.point))
            for place, one in enumerate(instance.inputs)
        }
        due = engine.due(instance.alarm)
        return self._explanation(instance, at, Source.RECOMPUTED, known[-1], now, due, readings, before, after)

    def _explanation(
        self,
        instance: RuleInstance,
        at: datetime,
        source: Source,
        evaluation: Evaluation,
        now: Now,
        due: float | None,
        readings: Mapping[str, Reading],
        before: Sequence[Transition],
        after: Sequence[Transition],
    ) -> Explanation:
        evaluated, result, values = evaluation
        last = before[-1] if before else None
        state = last.after if last is not None else AlarmState.NORMAL
        present = state.condition_present
        cls = self._assembly.classes[instance.class_]
        absent = [name for name in cls.points if name not in self._assembly.bindings[instance.equipment]]
        # The deadband was on where the condition was there already; the result itself says which it was.
        for deadband in (present, not present):
            anatomy = Anatomy(instance, cls, absent, values, readings, deadband)
            condition, exception = anatomy.condition(), anatomy.exception()
            if (False if exception is not None and exception.result is True else condition.result) is result:
                break
        timer = None
        if due is not None:
            delay = instance.off_delay if present else instance.on_delay
            ends = _utc(due, now)
            timer = Timer(not present, ends - timedelta(seconds=delay), ends, delay)
        return Explanation(
            instance.alarm,
            at,
            source,
            state,
            present,
            result,
            _utc(evaluated, now),
            condition,
            exception,
            timer,
            last.suppression if last is not None else UNSUPPRESSED,
            last.chatter if last is not None else 0,
            tuple(before),
            tuple(after),
        )


def _asked(instance: RuleInstance) -> Asked:
    points = [one.point for one in instance.inputs]
    return Asked(points, frozenset(one.point for one in instance.inputs if bool in one.types))


def _run(engine: Engine, samples: Sequence[Sample]) -> None:
    for sample in samples:
        _wake(engine, sample.received)
        engine.step((sample,), Now(sample.at, sample.received))


def _wake(engine: Engine, until: float) -> None:
    while (due := engine.next_deadline()) is not None and due <= until:
        engine.step((), Now(EPOCH + timedelta(seconds=due), due))


def _reading(name: str, point: PointId, value: object, sample: Sample | None) -> Reading:
    """`value` is what the rule took: nothing unless it was good and of a kind that the class knows."""
    if sample is None:
        return Reading(point, name, None, NOTHING)
    if isinstance(value, bool | int | float | str):
        return Reading(point, name, value, "good")
    return Reading(point, name, None, sample.quality.value, sample.reason)


def _utc(mono: float, now: Now) -> datetime:
    return now.utc - timedelta(seconds=now.mono - mono)


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH) / timedelta(seconds=1)
