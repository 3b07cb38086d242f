"""Commands to devices: asked, checked, sent, read back; each step stamped in the journal.

What came of a command returns as a sample of `<equipment>.command_state`, so that a lamp that did not
light is an alarm like any other. Nothing is sent that the site did not enable for the device and the
profile did not mark writable. A restart sends nothing.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from daemon.assembly import Assembly
from daemon.journal import Journal
from daemon.linkage import Linkage
from daemon.pipeline import Decision
from daemon.points import PointStore
from daemon.records import Step
from drivers.source import Deliver, Writable
from estate.errors import CommandRefused, TransportError
from estate.model import Clock, Delivery, EquipmentId, Quality, Sample, Value, point_id
from rules.alarm import Transition

log = logging.getLogger(__name__)

READ_BACK = 2.0  # s: a command not confirmed by the field within this is not done
SWITCHES: Mapping[str, Value] = {"switch_on": True, "switch_off": False}


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do to one equipment, on behalf of an alarm or a person."""

    id: str
    alarm: str
    occurrence: int
    target: EquipmentId
    action: str


class Actions:
    """Takes decisions, runs the linked commands, one at a time per target.

    At most one command waits per target: a newer one takes the place of an older one that was not
    sent yet (a lamp that is to be on and then off again is to be off), so the queue is as long as the
    site has targets and never full.
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
        self._assembly = assembly
        self._points = points
        self._journal = journal
        self._writers = writers
        self._deliver = deliver
        self._clock = clock
        self._waiting: dict[EquipmentId, Command] = {}
        self._busy: set[EquipmentId] = set()
        self._wanted = asyncio.Event()
        self._numbers = count(1)
        self._start = clock.now().utc.strftime("%Y%m%dT%H%M%S")
        self._linkage = Linkage(assembly.rules, assembly.site.equipment)
        self._devices = {one.id: one for one in assembly.site.devices}

    def decided(self, decisions: Sequence[Decision]) -> None:
        """Pipeline listener: queue what the alarm's rule links."""
        for decision in decisions:
            for target, action in self._linkage.of(decision.transition):
                self._ask(decision.transition, target, action)

    def restore(self, standing: Sequence[Transition]) -> None:
        """After a restart: remember which alarms hold which lamps; send nothing."""
        self._linkage.restore(standing)

    def _ask(self, transition: Transition, target: EquipmentId, action: str) -> None:
        command = Command(
            f"{self._start}-{next(self._numbers)}", transition.alarm, transition.occurrence, target, action
        )
        self._waiting[target] = command
        self._wanted.set()

    async def run(self) -> None:
        """Up to eight targets at once: a mute relay board must not hold up the lamp of another wall."""
        now = self._clock.now()
        states = [bound["command_state"] for bound in self._assembly.bindings.values() if "command_state" in bound]
        await self._deliver(
            Delivery(samples=[Sample(point, "idle", Quality.GOOD, now.utc, now.mono) for point in states])
        )
        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(self._work(), name=f"actions-{number}")

    async def _work(self) -> None:
        while True:
            free = next((one for one in self._waiting if one not in self._busy), None)
            if free is None:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            command = self._waiting.pop(free)
            self._busy.add(free)
            try:
                await self._carry_out(command)
            finally:
                self._busy.discard(free)
                self._wanted.set()

    async def _carry_out(self, command: Command) -> None:
        bindings = self._assembly.bindings[command.target]
        value = SWITCHES[command.action]
        await self._stamp(command, "requested")
        output = bindings["on"]
        refusal = self._interlock(output)
        if refusal:
            await self._stamp(command, "refused", refusal)
            await self._result(command, "failed", refusal)
            return
        device = output.rpartition(".")[0]
        await self._stamp(command, "sent", f"{output} = {value}")
        await self._result(command, "sent")
        try:
            await self._writers[device].write(output, value)
        except (TransportError, CommandRefused) as error:
            await self._stamp(command, "failed", str(error))
            await self._result(command, "failed", str(error))
            return
        feedback = bindings.get("lit", output)
        try:
            await self._points.wait_for(feedback, value, READ_BACK)
        except TimeoutError:
            detail = f"{feedback} did not become {value} within {READ_BACK:g} s"
            await self._stamp(command, "unknown", detail)
            await self._result(command, "unknown", detail)
            return
        await self._stamp(command, "confirmed", f"{feedback} = {value}")
        await self._result(command, "confirmed")

    def _interlock(self, output: str) -> str:
        """Why this output may not be written; empty when it may."""
        device, _, point = output.rpartition(".")
        one = self._devices[device]
        if not one.commands:
            return f"commands are not enabled for {device} in this site"
        if device not in self._writers:
            return f"{device} cannot be written to"
        described = self._assembly.profiles[one.profile].registers.get(point)
        if described is None or not described.writable:
            return f"{output} is not writable in profile {one.profile}"
        return ""

    async def _stamp(self, command: Command, step: str, detail: str = "") -> None:
        at = self._clock.now().utc
        one = Step(command.id, command.alarm, command.occurrence, command.target, command.action, step, at, detail)
        await self._journal.commit([one])

    async def _result(self, command: Command, state: str, reason: str = "") -> None:
        now = self._clock.now()
        point = point_id(command.target, "command_state")
        sample = Sample(point, state, Quality.GOOD, now.utc, now.mono, reason=reason)
        await self._deliver(Delivery(samples=(sample,), life_safety=True))
