"""Commands to devices: asked, checked, sent, read back; each step stamped in the journal.

What came of a command returns as a sample of `<equipment>.command_state`, so that a lamp that did not
light is an alarm like any other. Nothing is sent that the site did not enable for the device and the
profile did not mark writable. A restart sends nothing: what it interrupted is stamped and told as what it is.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from daemon.assembly import Assembly
from daemon.journal import Journal
from daemon.ledger import ALARM, Entry, Ledger, State
from daemon.linkage import Linkage
from daemon.orders import Bar, NotAllowed, Order, Orders
from daemon.pipeline import Decision
from daemon.points import PointStore
from daemon.records import Audit, Step
from drivers.source import Deliver, Writable
from estate.errors import CommandRefused, DeviceRefused, NotSent, TransportError
from estate.model import Clock, Delivery, EquipmentId, PointId, Quality, Sample, Value
from estate.strict import Text
from rules.alarm import Transition

log = logging.getLogger(__name__)

PATIENCE = 75.0
"""s for a driver to say what came of a write. Each has a shorter patience of its own, at most twice the 30 s of a
slow bus: this one is for the day when none of them ends."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do to one equipment. `by` is a user, or what asked for it; only `by_hand` has a `console`.

    `until` is when it is to be taken back.
    """

    id: str
    target: EquipmentId
    action: str
    by: str
    reason: str = ""
    console: str = ""
    alarm: str = ""
    occurrence: int = 0
    until: datetime | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    command: Command
    order: Order


class Actions:
    """Takes decisions and people's commands and carries them out, one at a time per equipment.

    At most one command waits per output: a newer one takes the place of an older one that was not sent yet (a
    lamp that is to be on and then off again is to be off), so the queue is as long as the site has outputs and
    never full. A command whose interlock reads what another one is just moving waits for that one's end.

    `rests(target)` is what an equipment should do when nothing holds it any more: "" for nothing. `settled` hears
    what each command came to. Neither may block.
    """

    def __init__(
        self,
        assembly: Assembly,
        points: PointStore,
        journal: Journal,
        writers: Mapping[str, Writable],
        deliver: Deliver,
        clock: Clock,
    ) -> None:
        self.orders = Orders(assembly, writers)
        self.ledger = Ledger(journal)
        self.linkage = Linkage(assembly.rules, assembly.site.equipment)
        self.rests: Callable[[EquipmentId], str] = lambda target: ""
        self.settled: Callable[[Command, State], None] = lambda command, state: None
        self.timetabled: frozenset[EquipmentId] = frozenset()
        self.patience = PATIENCE
        self._assembly = assembly
        self._points = points
        self._writers = writers
        self._deliver = deliver
        self._clock = clock
        self._waiting: dict[PointId, _Waiting] = {}
        self._refused: dict[EquipmentId, tuple[Command, str]] = {}
        self._busy: dict[EquipmentId, Order] = {}
        self._wanted = asyncio.Event()
        self._noted = asyncio.Event()
        self._numbers = count(1)
        self._start = clock.now().utc.strftime("%Y%m%dT%H%M%S%f")

    def decided(self, decisions: Sequence[Decision]) -> None:
        """Pipeline listener: queue what the alarm's rule links."""
        for decision in decisions:
            one = decision.transition
            for target, action in self.linkage.of(one):
                held = action == "switch_off" and self.rests(target) == "switch_on"
                if not held:
                    self.ask(target, action, ALARM, one.alarm, one.alarm, one.occurrence)

    def restore(self, standing: Sequence[Transition]) -> None:
        """After a restart: remember which alarms hold which lamps; send nothing."""
        self.linkage.restore(standing)

    def ask(self, target: EquipmentId, action: str, by: str, reason: str, alarm: str = "", occurrence: int = 0) -> None:
        """Queue what an alarm or a timetable wants; what comes of it is in the journal and in `command_state`."""
        number = f"{self._start}-{next(self._numbers)}"
        self._queue(Command(number, target, action, by, reason, alarm=alarm, occurrence=occurrence))

    async def give(self, command: Command) -> Entry:
        """A person's command. Returns when it is in the journal and queued; the same id again only tells its state.

        Raises NotAllowed, which is in the journal too; nothing was queued then.
        """
        known = self.ledger.known(command.id)
        if known is None:
            try:
                known = await self.ledger.find(command.id)
            except LookupError:
                known = self.ledger.known(command.id)  # asked again meanwhile
        if known is not None:
            if (known.target, known.action) != (command.target, command.action):
                raise NotAllowed(Bar.OTHER_COMMAND.words)
            return known
        asked = self._steps(command)
        now = self._clock.now().utc
        what = f"{command.action} {command.id}: {command.reason}"
        audit = [Audit(now, command.by, command.console, "command", command.target, what)]
        try:
            order = self.orders.find(command.target, command.action)
            self._may_last(order, command, now)
            order.check(self._value)
            if order.command.pulse and (order.point in self._waiting or self._is_moving(order.point)):
                raise NotAllowed(Bar.PULSE_WAITING.words)
        except NotAllowed as refusal:
            await self.ledger.stamp(*asked, self._step(command, State.REFUSED, refusal.why.en), audit=audit)
            raise
        await self.ledger.stamp(*asked, audit=audit)
        self._put(_Waiting(command, order))
        return await self.ledger.find(command.id)

    def allowed(self, order: Order) -> Text | None:
        """Why a command would be refused at this moment; None when it would not."""
        try:
            order.check(self._value)
        except NotAllowed as refusal:
            return refusal.why
        return None

    async def run(self) -> None:
        """One task per equipment that is being moved: a slow valve must not hold up the lamp of a wall."""
        await self._begin(await self._close_interrupted())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_down(), name="commands noted")
            while True:
                self._wanted.clear()
                for point, waiting in list(self._waiting.items()):
                    if self._is_free(waiting.order) and self._waiting.get(point) is waiting:
                        del self._waiting[point]
                        self._busy[waiting.order.target] = waiting.order
                        group.create_task(self._work(waiting), name=f"command {waiting.command.id}")
                self._noted.set()  # after the tasks whose turn it is: their commits go first
                await self._wanted.wait()

    async def _close_interrupted(self) -> list[Step]:
        """Commands of the life before this one: what was sent may have been done, what was not never will be.

        Returns how they ended, those that may have been done last.
        """
        ends = []
        left = await asyncio.to_thread(self.ledger.open_steps)
        for last in sorted(left, key=lambda one: one.step == State.SENT):
            entry = await self.ledger.find(last.command)
            if self.ledger.is_under_way(last.command) or entry.state.is_final:
                continue  # asked for since the start
            state, detail = State.FAILED, "not sent: the daemon ended before its turn"
            if last.step == State.SENT:
                state, detail = State.UNKNOWN, "the daemon ended before the result was known"
            at = self._clock.now().utc
            ends.append(Step(last.command, last.alarm, last.occurrence, last.target, last.action, state, at, detail))
        if ends:
            await self.ledger.stamp(*ends)
        return ends

    async def _begin(self, interrupted: Sequence[Step]) -> None:
        """Every `command_state` is idle, but what was not done remains so over any number of restarts."""
        ends: dict[str, Step] = {}
        for one in (*await asyncio.to_thread(self.ledger.not_done), *interrupted):
            if (EquipmentId(one.target), one.action) in self.orders:
                ends[one.target] = one
        now = self._clock.now()
        samples = []
        for target, bound in self._assembly.bindings.items():
            if "command_state" in bound:
                end = ends.get(target)
                state, reason = (State(end.step).value, end.detail) if end is not None else ("idle", "")
                samples.append(Sample(bound["command_state"], state, Quality.GOOD, now.utc, now.mono, reason=reason))
        # In the lane of all that follows, or it would overtake this.
        await self._deliver(Delivery(samples=samples, life_safety=True))

    async def _write_down(self) -> None:
        """What nobody waits for goes to the journal in one commit: no flood may hold a lamp up."""
        try:
            while True:
                await self._noted.wait()
                self._noted.clear()
                await self.ledger.flush()
                while self._refused:
                    command, why = self._refused.pop(next(iter(self._refused)))
                    await self._result(command, State.FAILED.value, why)
        finally:
            await self.ledger.flush()

    def _queue(self, command: Command) -> None:
        self.ledger.note(*self._steps(command))
        self._wanted.set()
        try:
            order = self.orders.find(command.target, command.action)
        except NotAllowed as refusal:
            self.ledger.note(self._step(command, State.REFUSED, refusal.why.en))
            self._refused[command.target] = command, refusal.why.en
            self.settled(command, State.REFUSED)
            return
        self._put(_Waiting(command, order))

    def _put(self, waiting: _Waiting) -> None:
        older = self._waiting.get(waiting.order.point)
        if older is not None:
            loser, winner = (waiting, older) if older.order.command.pulse else (older, waiting)
            self.ledger.note(self._step(loser.command, State.REPLACED, f"by {winner.command.id}"))
            self.settled(loser.command, State.REPLACED)
            waiting = winner
        self._waiting[waiting.order.point] = waiting
        self._wanted.set()

    def _is_free(self, order: Order) -> bool:
        if order.target in self._busy:
            return False
        reads = frozenset(order.reads.values())
        return all(reads.isdisjoint(other.touches) for other in self._busy.values())

    def _is_moving(self, point: PointId) -> bool:
        return any(other.point == point for other in self._busy.values())

    async def _work(self, waiting: _Waiting) -> None:
        try:
            state = await self._carry_out(waiting.command, waiting.order)
            self.settled(waiting.command, state)
        finally:
            del self._busy[waiting.order.target]
            self._wanted.set()

    async def _carry_out(self, command: Command, order: Order) -> State:
        try:
            order.check(self._value)
        except NotAllowed as refusal:
            return await self._end(command, State.REFUSED, refusal.why.en)
        value = order.command.value
        await self.ledger.stamp(self._step(command, State.SENT, f"{order.point} = {value}"))
        await self._result(command, "sent")
        begun = self._clock.now().mono
        doubt = ""
        try:
            async with asyncio.timeout(self.patience):
                await self._writers[order.device].write(order.point, value, _told(command))
        except TimeoutError:
            doubt = f"the driver has not said in {self.patience:g} s what came of it"
        except (CommandRefused, NotSent, DeviceRefused) as error:
            return await self._end(command, State.FAILED, str(error))
        except TransportError as error:
            doubt = str(error)  # it may have been done: the field decides
        return await self._read_back(command, order, doubt, begun)

    async def _read_back(self, command: Command, order: Order, doubt: str, begun: float) -> State:
        if order.feedback is None:
            if doubt:
                return await self._end(command, State.UNKNOWN, doubt)
            return await self._end(command, State.CONFIRMED, "the device has taken it; nothing reads back")
        proof, within = order.command.proof, order.within
        if self._value(order.feedback) == proof:
            # Where nothing had to change, nothing need come before its next regular report.
            within += self._assembly.max_age.get(order.feedback, 0.0)
        try:
            await self._points.wait_for(order.feedback, proof, within, begun)
        except TimeoutError:
            detail = f"{order.feedback} was not read as {proof} within {within:g} s"
            return await self._end(command, State.UNKNOWN, f"{doubt}; {detail}" if doubt else detail)
        return await self._end(command, State.CONFIRMED, f"{order.feedback} = {proof}")

    async def _end(self, command: Command, state: State, detail: str) -> State:
        await self.ledger.stamp(self._step(command, state, detail))
        if state is not State.REFUSED or not command.by_hand:
            await self._result(command, "failed" if state is State.REFUSED else state.value, detail)
        return state

    def _may_last(self, order: Order, command: Command, now: datetime) -> None:
        if command.until is None:
            return
        if order.command.ends_with is None and order.target not in self.timetabled:
            raise NotAllowed(Bar.NOTHING_ENDS_IT.words)
        if order.longest is not None and command.until > now + timedelta(seconds=order.longest + 1):
            raise NotAllowed(Bar.TOO_LONG.words)

    def _value(self, point: PointId) -> Value | None:
        sample = self._points.latest(point)
        return sample.value if sample is not None and sample.quality is Quality.GOOD else None

    def _steps(self, command: Command) -> list[Step]:
        """What is stamped first of every command."""
        first = [self._step(command, State.REQUESTED, f"{command.by}: {command.reason}")]
        if command.until is not None:
            first.append(self._step(command, State.UNTIL, command.until.isoformat()))
        return first

    def _step(self, command: Command, state: State, detail: str) -> Step:
        at = self._clock.now().utc
        return Step(command.id, command.alarm, command.occurrence, command.target, command.action, state, at, detail)

    async def _result(self, command: Command, state: str, reason: str = "") -> None:
        point = self._assembly.bindings.get(command.target, {}).get("command_state")
        if point is None:
            return
        now = self._clock.now()
        sample = Sample(point, state, Quality.GOOD, now.utc, now.mono, reason=reason)
        await self._deliver(Delivery(samples=(sample,), life_safety=True))


def _told(command: Command) -> dict[str, str]:
    """What a device may show of a command."""
    told = {"by": command.by, "reason": command.reason}
    return told if command.until is None else {**told, "until": command.until.isoformat(timespec="seconds")}
