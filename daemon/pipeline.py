"""The one writer: deliveries in, alarms decided, journaled, and only then told to anyone."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import inf

from daemon.inbox import Inbox, Item, Operation, OperationKind
from daemon.journal import Journal
from daemon.points import PointStore
from daemon.publish import AlarmDocuments, flood_row, point_row
from daemon.records import Audit, Memory, Record
from estate.errors import CommandRefused
from estate.model import Clock, Now, PointId, Quality, Sample, point_id
from rules.alarm import AlarmId, Transition
from rules.engine import Engine
from rules.refusal import AlarmRefused, Refusal
from rules.suppression import UNSUPPRESSED, SuppressionKind

log = logging.getLogger(__name__)

LONGEST_WAIT = 1.0  # s; also the beat of the watchdog
SAVE_EVERY = 1.0  # s between two savings of the engine's memory: a kill costs no more of a running delay
ALIVE_EVERY = 30.0  # s: at the latest then it is noted that the daemon was alive
REPEAT_EVERY = 60.0  # s between two records of a value that does not change
REPEAT_PARTS = 60  # of all points, one after the other: all at once would hold the loop up
RENEW_EVERY = 1.0  # s between two documents of an alarm that only counts
JOURNAL = point_id("system", "journal")


class View(StrEnum):
    """The lists of ISA-18.2: what is before the operator, and what is kept from him, by its reason."""

    ALL = "all"
    STANDING = "standing"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


LISTED = {
    View.SHELVED: SuppressionKind.SHELVED,
    View.SUPPRESSED: SuppressionKind.BY_DESIGN,
    View.OUT_OF_SERVICE: SuppressionKind.OUT_OF_SERVICE,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One transition with its document, in the journal unless the disk refuses. What listeners get."""

    transition: Transition
    document: bytes


Listener = Callable[[Sequence[Decision]], None]


class Pipeline:
    """Owns points and alarms. Listeners hear of decisions after the commit and must not block.

    `standing` and `suppressed` are what the journal holds: while a commit runs, the engine is ahead of them.
    A disk that refuses silences nobody: after the journal's patience all goes on from memory, which is an
    alarm of its own (point `system.journal`), and devices keep their events until the journal holds them.

    Those of `listen_renewed` get new documents of alarms that did not move: what chatters and counts, what
    belongs together in a flood. Latest wins, at most one per alarm in RENEW_EVERY seconds.

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
        self.standing = dict(engine.standing)
        self.suppressed = dict(engine.suppressed)
        self._listeners: list[Listener] = []
        self._renewing: list[Listener] = []
        self._flooding: list[Callable[[bytes], None]] = []
        self._flood_told: tuple[AlarmId | None, int] = (None, 0)
        self._touched: set[PointId] = set()
        self._journal_told: str | None = None
        self._saved_at = -inf
        self._renewed_at = -inf
        self._began = self._clock.now()
        self._repeated_at = self._began.mono
        self._repeating = 0
        self.passes = 0

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def listen_renewed(self, listener: Listener) -> None:
        self._renewing.append(listener)

    def listen_flood(self, listener: Callable[[bytes], None]) -> None:
        """Hears when a flood of alarms begins, grows and ends, at most once in RENEW_EVERY seconds."""
        self._flooding.append(listener)

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
        changes = self.points.apply(self._of_journal(now))
        records: list[Record] = []
        answers: list[tuple[Operation, Transition | CommandRefused]] = []
        transitions: list[Transition] = []
        for item in items:
            if isinstance(item, Operation):
                transitions += self.engine.step(changes, now)
                self._remember(changes, now)
                changes = []
                answer = self._operate(item, now)
                if isinstance(answer, Transition):
                    transitions.append(answer)
                    records.append(_audit(item, now))
                answers.append((item, answer))
                continue
            records += item.events
            changes += self.points.apply(item.samples)
            if item.seen:
                changes += self.points.refresh(item.seen, item.seen_at)
                self._touched.update(item.seen)
        # Only now: after a stall the news of every point is among the items, and none of them was silent.
        changes += self.points.expire(self._heard_until(now))
        transitions += self.engine.step(changes, now)
        self._remember(changes, now)
        self._repeat(now)
        records += transitions
        records += self._memories(now)
        durable = not self._journal.trouble
        if records:
            durable = await self._journal.commit(records)
            if transitions:
                self._take_over(transitions)
                committed = self._clock.now().utc if durable else None
                decisions = [Decision(one, self._document(one, committed)) for one in transitions]
                for listener in self._listeners:
                    listener(decisions)
        self._renew(now)
        for item in items:
            if not isinstance(item, Operation):
                item.settled(durable)
        for operation, answer in answers:
            if operation.outcome.cancelled():
                continue
            if isinstance(answer, Transition):
                operation.outcome.set_result(answer)
            else:
                operation.outcome.set_exception(answer)
        self.passes += 1

    def _heard_until(self, now: Now) -> Now:
        """Silence is judged up to here: what still waits in the inbox came after the last pass began."""
        began, self._began = self._began, now
        return began if self._inbox.waiting else now

    def _repeat(self, now: Now) -> None:
        """Values that did not change but were said again: a constant value and a dead one must not look alike."""
        each = REPEAT_EVERY / REPEAT_PARTS
        due = int((now.mono - self._repeated_at) / each)
        self._repeated_at += due * each
        for _ in range(min(due, REPEAT_PARTS)):
            self._repeating = (self._repeating + 1) % REPEAT_PARTS
            self._history(self.points.said_since(now.mono - REPEAT_EVERY, now, self._repeating, REPEAT_PARTS))

    def _of_journal(self, now: Now) -> Sequence[Sample]:
        """A word about the journal when there is news."""
        trouble = self._journal.trouble
        if trouble == self._journal_told:
            return ()
        self._journal_told = trouble
        return (Sample(JOURNAL, not trouble, Quality.GOOD, now.utc, now.mono, reason=trouble),)

    def _take_over(self, transitions: Sequence[Transition]) -> None:
        engine = self.engine
        for alarm in dict.fromkeys(one.alarm for one in transitions):
            for ours, theirs in ((self.standing, engine.standing), (self.suppressed, engine.suppressed)):
                ours.pop(alarm, None)  # the one longest unchanged comes first
                if alarm in theirs:
                    ours[alarm] = theirs[alarm]

    def _operate(self, operation: Operation, now: Now) -> Transition | CommandRefused:
        engine, alarm, by, note = self.engine, operation.alarm, operation.by, operation.note
        try:
            seen = operation.occurrence
            if seen is not None and alarm in engine.alarms and engine.alarms[alarm].occurrence != seen:
                raise AlarmRefused(alarm, Refusal.CHANGED)
            match operation.kind:
                case OperationKind.ACKNOWLEDGE:
                    return engine.acknowledge(alarm, by, now, note)
                case OperationKind.UNACKNOWLEDGE:
                    return engine.unacknowledge(alarm, by, now, note)
                case OperationKind.RESET:
                    return engine.reset(alarm, by, now, note)
                case OperationKind.SHELVE:
                    if operation.until is None:
                        raise AlarmRefused(alarm, Refusal.NO_END)
                    return engine.shelve(alarm, by, now, operation.until, note)
                case OperationKind.UNSHELVE:
                    return engine.unshelve(alarm, by, now, note)
                case OperationKind.REMOVE_FROM_SERVICE:
                    return engine.remove_from_service(alarm, by, now, note, operation.order, operation.until)
                case OperationKind.RETURN_TO_SERVICE:
                    return engine.return_to_service(alarm, by, now, note)
        except CommandRefused as refusal:
            return refusal

    def _memories(self, now: Now) -> list[Memory]:
        """What has changed in the engine's memory, not too often; goes into the same commit as what changed it."""
        since = now.mono - self._saved_at
        if since < SAVE_EVERY or (since < ALIVE_EVERY and not self.engine.forgetful):
            return []
        self._saved_at = now.mono
        return [Memory(key, body) for key, body in self.engine.take_memory(now).items()]

    def _renew(self, now: Now) -> None:
        if now.mono - self._renewed_at < RENEW_EVERY:
            return
        self._renewed_at = now.mono
        flood = self.engine.flood
        told = (flood.first, len(flood.groups))
        if told != self._flood_told:
            self._flood_told = told
            for hears in self._flooding:
                hears(flood_row(flood.active, *told))
        last = (self._last(alarm) for alarm in self.engine.take_renewed())
        renewed = [Decision(one, self._document(one, None)) for one in last if one is not None]
        if renewed:
            for listener in self._renewing:
                listener(renewed)

    def _last(self, alarm: AlarmId) -> Transition | None:
        return self.standing.get(alarm) or self.suppressed.get(alarm)

    def _document(self, transition: Transition, committed: datetime | None) -> bytes:
        alarm = transition.alarm
        count = self.engine.chatter(alarm)
        proposal = self.engine.proposal(alarm) if count else None
        return self._documents.build(transition, committed, self.engine.group(alarm), count, proposal)

    def _remember(self, changes: Sequence[Sample], now: Now) -> None:
        if changes:
            # A stale value is as old as it was, but until now it was good: history must not say otherwise.
            self._history([replace(one, at=now.utc) if one.quality is Quality.STALE else one for one in changes])
            self._touched.update(sample.point for sample in changes)

    async def operate(self, operation: Operation) -> Transition:
        """Ask for what an operator wants; returns once it is in the journal. Raises CommandRefused."""
        await self._inbox.put(operation)
        return await operation.outcome

    def alarm_rows(self) -> list[bytes]:
        """The document of every alarm that stands, oldest first, and of every one that is suppressed."""
        return self.alarm_list(View.ALL)

    def alarm_list(self, view: View) -> list[bytes]:
        """The documents of one of the lists. An alarm that is suppressed in two ways is in both of their lists."""
        standing, suppressed = self.standing, self.suppressed
        if view is View.STANDING:
            chosen = [one for one in standing.values() if one.suppression is UNSUPPRESSED]
        elif view is View.ALL:
            chosen = [*standing.values(), *(one for one in suppressed.values() if one.alarm not in standing)]
        else:
            kind = LISTED[view]
            chosen = [one for one in suppressed.values() if kind in one.suppression.kinds]
        return [self._document(one, None) for one in chosen]

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


def _audit(operation: Operation, now: Now) -> Audit:
    until = "" if operation.until is None else f"until {operation.until.isoformat()}"
    detail = "; ".join(part for part in (operation.order, operation.note, until) if part)
    return Audit(now.utc, operation.by, operation.console, operation.kind.value, operation.alarm, detail)
