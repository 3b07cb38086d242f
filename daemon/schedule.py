"""What is due by the clock: the edges of timetables, and the end of what was asked for a time only.

A timetable acts at its edges and at no other moment. After a restart it takes whatever it finds as given: nothing
is written until its next edge, and where the field is not as the table wants it, `<equipment>.timetable_state`
says `differs`. What was to be taken back is taken back when its time comes, also if that was while the daemon
was down, however long; when that fails it is tried again, because a bypass must not be forgotten. A command that
failed has an end too, should the device have obeyed all the same: then the field is looked at.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.actions import Actions, Command
from daemon.assembly import Assembly
from daemon.ledger import ALARM, END, TIMETABLE, Entry, State
from daemon.orders import NotAllowed, Order
from daemon.points import PointStore
from daemon.timetable.plan import Dark, Plan
from drivers.source import Deliver
from estate.model import Clock, Delivery, EquipmentId, Now, PointId, Quality, Sample, Value
from estate.timetable import Timetable

log = logging.getLogger(__name__)

LOOK = 1.0  # s between looks at measured light and at the field
AGAIN, SELDOM = 30.0, 600.0  # s: first and longest pause before what could not be taken back is tried again
MOVED = frozenset((State.SENT, State.CONFIRMED, State.UNKNOWN))
"""In these states a command may have moved the equipment."""
REACHED = MOVED | {State.FAILED}
"""In these states a command was on its way to the device."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The command `action` is due at `until`; of a timetabled equipment it is what the table wants then.

    `given` is what it takes back; `failed`: that was not done, as far as anybody knows, and it overrides nothing.
    """

    target: EquipmentId
    action: str
    given: str
    until: datetime
    failed: bool = False
    pause: float = AGAIN


@dataclass(slots=True)
class _Table:
    """`planned` holds from `begun` to `edge`; with the light it becomes what is `wanted`, None until that is known."""

    plan: Plan
    dark: Dark | None
    wanted: bool | None = None
    planned: bool = False
    edge: datetime | None = None
    begun: datetime | None = None


class Schedule:
    """`run` for ever; `look` is one turn of it. Registers itself with the actions."""

    def __init__(
        self, assembly: Assembly, actions: Actions, points: PointStore, deliver: Deliver, clock: Clock
    ) -> None:
        site = assembly.site
        zone = ZoneInfo(site.timezone)
        self._assembly = assembly
        self._actions = actions
        self._points = points
        self._deliver = deliver
        self._clock = clock
        self._tables = [_Table(Plan(one, zone, site.location), _dark(one)) for one in site.timetables]
        self._table_of = {EquipmentId(target): table for table in self._tables for target in table.plan.table.equipment}
        self._endings: dict[PointId, Ending] = {}
        self._by_hand: set[EquipmentId] = set()
        self._told: dict[EquipmentId, str] = {}
        actions.rests = self.rests
        actions.settled = self._settled
        actions.timetabled = frozenset(self._table_of)

    async def run(self) -> None:
        self.restore(await asyncio.to_thread(self._actions.ledger.not_taken_back))
        while True:
            await self.look(self._clock.now())
            await asyncio.sleep(LOOK)

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take over what the journal says is still to be taken back."""
        for entry in entries:
            by, _, reason = entry.steps[0].detail.partition(": ")
            if by in (ALARM, TIMETABLE) or all(one.step != State.SENT for one in entry.steps):
                continue
            target = EquipmentId(entry.target)
            if by == END:
                if entry.state is State.CONFIRMED:
                    self._taken_back(target, reason)
                continue
            try:
                order = self._actions.orders.find(target, entry.action)
            except NotAllowed:
                continue
            self._given(order, entry.until, entry.state)

    async def look(self, now: Now) -> None:
        """Give what is due at `now`."""
        for table in self._tables:
            self._edge(table, now)
        for point, ending in list(self._endings.items()):
            if ending.until <= now.utc:
                self._end(point, ending, now)
        states = [self._state(target, table, now) for target, table in self._table_of.items()]
        changed = [one for one in states if one is not None]
        if changed:
            await self._deliver(Delivery(samples=changed))

    @property
    def endings(self) -> Mapping[PointId, Ending]:
        """What is still to be taken back, by the output it was given to."""
        return self._endings

    def rests(self, target: EquipmentId) -> str:
        """The command that fits what the equipment should do if nothing else held it; "" for none."""
        override = self._override(target)
        if override is not None:
            return override.given
        table = self._table_of.get(target)
        if table is None or table.wanted is None:
            return ""
        return _command(table.plan.table, table.wanted)

    def _edge(self, table: _Table, now: Now) -> None:
        if table.edge is None or now.utc >= table.edge or (table.begun is not None and now.utc < table.begun):
            table.begun, table.edge = now.utc, table.plan.next_change(now.utc)
            table.planned = table.plan.wants_on(now.utc)
        wanted: bool | None = table.planned
        if table.dark is not None and table.plan.table.light is not None:
            dark = table.dark.measured(self._number(PointId(table.plan.table.light.point)), now.mono)
            wanted = dark if wanted else False
        before, table.wanted = table.wanted, wanted if wanted is not None else table.wanted
        if wanted is None or before is None or wanted is before:
            return
        action = _command(table.plan.table, wanted)
        for name in table.plan.table.equipment:
            target = EquipmentId(name)
            self._by_hand.discard(target)
            if self._override(target) is not None or (not wanted and self._actions.linkage.holds(target)):
                continue
            self._actions.ask(target, action, TIMETABLE, table.plan.table.id)

    def _end(self, point: PointId, ending: Ending, now: Now) -> None:
        """Ask for it, and keep it until it is confirmed."""
        order = self._actions.orders.find(ending.target, ending.given)
        if self._points.latest(order.feedback or order.point) is None:
            return  # the daemon has just started: the device may not even be connected
        pause = min(2 * ending.pause, SELDOM)
        self._endings[point] = replace(ending, until=now.utc + timedelta(seconds=ending.pause), pause=pause)
        table = self._table_of.get(ending.target)
        action = ending.action
        off = action == "switch_off"
        if table is not None and table.wanted is not None:
            action, off = _command(table.plan.table, table.wanted), not table.wanted
        stands = self._stands(order) if ending.failed else True
        if not action or stands is False or (off and self._actions.linkage.holds(ending.target)):
            del self._endings[point]  # nothing to do, or it goes off with the last alarm that holds it
            return
        if stands is None:
            return
        self._actions.ask(ending.target, action, END, ending.given)

    def _settled(self, command: Command, state: State) -> None:
        """What a command came to: it may have to be taken back, or take back another."""
        try:
            order = self._actions.orders.find(command.target, command.action)
        except NotAllowed:
            return
        if command.by == END:
            if state is State.CONFIRMED:
                self._taken_back(command.target, command.reason)
            return
        if not command.by_hand or state not in REACHED:
            return
        self._given(order, command.until, state)
        if state in MOVED and command.target in self._table_of:
            self._by_hand.add(command.target)

    def _given(self, order: Order, until: datetime | None, state: State) -> None:
        """A hand's command was sent and came to `state`. What is in doubt takes away no end that was set before,
        unless it sets one of its own."""
        if state is State.CONFIRMED or (until is not None and state in MOVED):
            for point, one in list(self._endings.items()):
                if point == order.point or (one.target, one.action) == (order.target, order.name):
                    del self._endings[point]
        if until is not None:
            ending = Ending(
                order.target, order.command.ends_with or "", order.name, until, failed=state is State.FAILED
            )
            self._endings.setdefault(order.point, ending)

    def _taken_back(self, target: EquipmentId, given: str) -> None:
        for point, one in list(self._endings.items()):
            if (one.target, one.given) == (target, given):
                del self._endings[point]

    def _override(self, target: EquipmentId) -> Ending | None:
        return next((one for one in self._endings.values() if one.target == target and not one.failed), None)

    def _stands(self, order: Order) -> bool | None:
        """Whether the field shows what the command wanted; None when it cannot be seen. What nothing reads back
        may always be so."""
        if order.feedback is None:
            return True
        found = self._value(order.feedback)
        return None if found is None else found == order.command.proof

    def _state(self, target: EquipmentId, table: _Table, now: Now) -> Sample | None:
        """`timetable_state` where the class has it and it is another than before."""
        point = self._assembly.bindings.get(target, {}).get("timetable_state")
        if point is None:
            return None
        ending = self._override(target)
        state, reason = self._compared(target, table), ""
        if ending is not None:
            state, reason = "override", f"until {ending.until.isoformat(timespec='seconds')}"
        elif target in self._by_hand and state == "differs":
            state, reason = "override", "until the next edge"
        if self._told.get(target) == f"{state} {reason}":
            return None
        self._told[target] = f"{state} {reason}"
        return Sample(point, state, Quality.GOOD, now.utc, now.mono, reason=reason)

    def _compared(self, target: EquipmentId, table: _Table) -> str:
        if table.wanted is None:
            return "unknown"
        try:
            order = self._actions.orders.find(target, _command(table.plan.table, table.wanted))
        except NotAllowed:
            return "unknown"
        found = self._value(order.feedback or order.point)
        if found is None:
            return "unknown"
        return "as_planned" if found == order.command.proof else "differs"

    def _number(self, point: PointId) -> float | None:
        value = self._value(point)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def _value(self, point: PointId) -> Value | None:
        sample = self._points.latest(point)
        return sample.value if sample is not None and sample.quality is Quality.GOOD else None


def _dark(table: Timetable) -> Dark | None:
    light = table.light
    return Dark(light.on_below, light.off_above, light.hold) if light is not None else None


def _command(table: Timetable, on: bool) -> str:
    return table.on if on else table.off
