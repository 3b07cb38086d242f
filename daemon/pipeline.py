"""The one writer: deliveries in, alarms decided, journaled, and only then told to anyone."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from daemon.inbox import Inbox, Item, Operation
from daemon.journal import Journal
from daemon.points import PointStore
from daemon.publish import AlarmDocuments, point_row
from daemon.records import Record
from estate.errors import CommandRefused
from estate.model import Clock, Now, PointId, Sample
from rules.alarm import Transition
from rules.engine import Engine

log = logging.getLogger(__name__)

LONGEST_WAIT = 1.0  # s; also the beat of the watchdog


@dataclass(frozen=True, slots=True)
class Decision:
    """One transition with its document, durable in the journal. What listeners get."""

    transition: Transition
    document: bytes


Listener = Callable[[Sequence[Decision]], None]


class Pipeline:
    """Owns points and alarms. `listeners` hear of decisions after the commit and must not block.

    `history` takes every sample that changed; `beat` is called after each pass, so that a live web
    server never keeps a dead engine looking alive.
    """

    def __init__(
        self,
        inbox: Inbox,
        points: PointStore,
        engine: Engine,
        journal: Journal,
        documents: AlarmDocuments,
        clock: Clock,
        history: Callable[[Sequence[Sample]], None],
        beat: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self.points = points
        self.engine = engine
        self._journal = journal
        self._documents = documents
        self._clock = clock
        self._history = history
        self._beat = beat
        self._listeners: list[Listener] = []
        self._touched: set[PointId] = set()
        self.passes = 0

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def run(self) -> None:
        while True:
            items = await self._inbox.take(self._wait())
            await self._pass(items)
            self._beat()

    def _wait(self) -> float:
        deadline = self.engine.next_deadline()
        nearest = min(inf if deadline is None else deadline, self.points.next_expiry)
        return min(max(0.0, nearest - self._clock.now().mono), LONGEST_WAIT)

    async def _pass(self, items: Sequence[Item]) -> None:
        now = self._clock.now()
        changes = self.points.expire(now)
        records: list[Record] = []
        answers: list[tuple[Operation, Transition | CommandRefused]] = []
        transitions: list[Transition] = []
        for item in items:
            if isinstance(item, Operation):
                transitions += self.engine.step(changes, now)
                self._remember(changes)
                changes = []
                answer = self._operate(item, now)
                if isinstance(answer, Transition):
                    transitions.append(answer)
                answers.append((item, answer))
                continue
            records += item.events
            changes += self.points.apply(item.samples)
            if item.seen:
                changes += self.points.refresh(item.seen, item.seen_at)
                self._touched.update(item.seen)
        transitions += self.engine.step(changes, now)
        self._remember(changes)
        records += transitions
        if records:
            await self._journal.commit(records)
            if transitions:
                committed = self._clock.now().utc
                decisions = [Decision(one, self._documents.build(one, committed)) for one in transitions]
                for listener in self._listeners:
                    listener(decisions)
        for item in items:
            if not isinstance(item, Operation):
                item.settled()
        for operation, answer in answers:
            if operation.outcome.cancelled():
                continue
            if isinstance(answer, Transition):
                operation.outcome.set_result(answer)
            else:
                operation.outcome.set_exception(answer)
        self.passes += 1

    def _operate(self, operation: Operation, now: Now) -> Transition | CommandRefused:
        act = {"acknowledge": self.engine.acknowledge, "reset": self.engine.reset}[operation.kind]
        try:
            return act(operation.alarm, operation.by, now, operation.note)
        except CommandRefused as refusal:
            return refusal

    def _remember(self, changes: Sequence[Sample]) -> None:
        if changes:
            self._history(changes)
            self._touched.update(sample.point for sample in changes)

    async def operate(self, operation: Operation) -> Transition:
        """Ask for an acknowledgement or a reset; returns once it is in the journal. Raises CommandRefused."""
        await self._inbox.put(operation)
        return await operation.outcome

    def alarm_rows(self) -> list[bytes]:
        """The document of every alarm that stands, oldest first."""
        return [self._documents.build(one, None) for one in self.engine.standing.values()]

    def point_rows(self, only: Sequence[PointId] | None = None) -> list[bytes]:
        """Points for the console, all or some."""
        now = self._clock.now()
        if only is None:
            samples = list(self.points.all())
        else:
            samples = [one for one in map(self.points.latest, only) if one is not None]
        return [point_row(one, self.points.age(one.point, now)) for one in samples]

    def take_touched(self) -> list[PointId]:
        """Points that changed or were seen again since the last call."""
        touched = list(self._touched)
        self._touched.clear()
        return touched


async def stream_points(
    pipeline: Pipeline, watched: Callable[[], bool], send: Callable[[list[bytes]], None], every: float = 0.5
) -> None:
    """Send the points that moved to the consoles, latest wins, at most once in `every` seconds."""
    while True:
        await asyncio.sleep(every)
        touched = pipeline.take_touched()
        if touched and watched():
            send(pipeline.point_rows(touched))


def heartbeat(clock: Clock, version: str, standing: int) -> bytes:
    """The daemon's own sign of life on estate/v1/{site}/daemon/hb."""
    return json.dumps({"v": 1, "ts": clock.now().utc.isoformat(), "version": version, "standing": standing}).encode()
