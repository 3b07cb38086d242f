"""A whole estate played on a clock: its simulated world on one side, the daemon's own parts on the other.

Site file -> simulators -> registers and MQTT messages -> the daemon's drivers (decoding, quality, lost devices),
point store, pipeline, engine, patrols, commands and timetables -> transitions. Left out are sockets, disks, the
console and the history; time jumps from one moment at which something is due to the next.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from daemon.actions import Actions
from daemon.assembly import Assembly, assemble
from daemon.due_dates import DueDates
from daemon.inbox import Inbox, Operation, OperationKind
from daemon.pipeline import Decision
from daemon.points import PointStore
from daemon.publish import AlarmDocuments
from daemon.schedule import Schedule
from drivers.dc09.source import Dc09Source
from drivers.source import Writable
from estate.command_keys import read_command_keys
from estate.model import Delivery, EquipmentId, PointId, Quality, Sample, Value, nothing, point_id
from rules.alarm import AlarmId, Trigger
from rules.engine import Engine
from simulators.mqtt_link import BrokerAt
from simulators.simulation import Simulation
from tests.library.week.air import Air, AirLink, HeardSource
from tests.library.week.clock import GRAIN, START, PlayedClock, PlayedLoop
from tests.library.week.lines import AGAIN, PolledLine
from tests.library.week.meters import SteppedKeeper
from tests.library.week.pipes import LOOPBACK
from tests.library.week.stepped import CountedJournal, SteppedPatrol, SteppedPipeline

RIVERSIDE = Path(__file__).parents[3] / "examples" / "riverside"
REFRESHED = 3 * AGAIN
"""s: a sound line's unchanged values are asked for every AGAIN s only, so they may get so old."""
CALENDAR = 3600.0
SETTLED = 15.0
"""s after a command in which what it changes is watched closely: currents follow contacts."""
WALK = 30.0
"""s between two looks at the guard tours while nothing happens."""


@cache
def riverside() -> Assembly:
    """Put together once for all tests: nothing in it changes."""
    return assemble(RIVERSIDE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How closely one looks: every `tick` s, at a world that moves in steps of at most `step` s.

    `deadband` and `heard` leave out what would not be news: see lines.PolledLine and air.Air.
    """

    tick: float
    step: float
    deadband: float = 0.0
    heard: int = 1


CLOSE = Pace(tick=0.5, step=0.5)
"""As close as the estate's own polls."""
STEADY = Pace(tick=2.0, step=1.0)
"""As close as most analogs are polled; every heartbeat and every digit counts."""
BRISK = Pace(tick=10.0, step=10.0, deadband=0.05, heard=2)
"""A day in less than a minute: states as soon as they change, numbers when they have moved by a twentieth."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm came up `at` s after the beginning. `hidden`: something suppressed it, and nobody was told."""

    alarm: AlarmId
    at: float
    priority: int
    hidden: bool


class PlayedEstate:
    """`await start()` first, then `go`. Needs a running PlayedLoop; `state` is an empty folder.

    It begins `day` days after START.
    """

    def __init__(self, assembly: Assembly, state: Path, *, seed: int = 1, traffic: float = 1.0, day: int = 0) -> None:
        random.seed(seed)
        self.loop = asyncio.get_running_loop()
        assert isinstance(self.loop, PlayedLoop)
        self.clock = PlayedClock(self.loop, START + timedelta(days=day))
        self.assembly = assembly
        self.air = Air()
        site = assembly.site
        self.zone = ZoneInfo(site.timezone)
        self.simulation = Simulation(
            site, BrokerAt("", 0), seed=seed, traffic=traffic, clock=self.clock, link=self.air.link
        )
        self.world = self.simulation.world
        self.engine = Engine(assembly.rules, site.annunciation, assembly.masks)
        self.rules = {one.alarm: one for one in assembly.rules}
        self.points = PointStore({point: max(age, REFRESHED) for point, age in assembly.max_age.items()})
        self._state = state
        self.journal = CountedJournal(state / "journal.db")
        documents = AlarmDocuments(assembly)
        self.pipeline = SteppedPipeline(
            Inbox(), self.points, self.engine, self.journal, documents, self.clock, self._changed, nothing
        )
        self.pipeline.listen(self._decided)
        self.raised: list[Raised] = []
        self._pending: list[Delivery] = []
        self._as_shown: dict[str, dict[str, Any]] = {}
        self._spoken_of: dict[str, list[Any]] = {}
        self._calendar = self._walked = self._watched_until = 0.0
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Wire the daemon's parts as daemon/app.py does, and let every device introduce itself."""
        site, assembly, clock, simulation = self.assembly.site, self.assembly, self.clock, self.simulation
        self.journal.__enter__()
        devices = []
        for device in site.devices:
            profile = assembly.profiles[device.profile]
            if profile.modbus is not None:  # a pause between two requests changes nothing where requests take no time
                section = profile.modbus.model_copy(update={"min_interval": 0.0})
                profile = profile.model_copy(update={"modbus": section})
            devices.append((device, profile))
        lines = {line.name: line for line in simulation.lines}
        self.lines = [
            PolledLine(lines[bus.id], on_it, self._deliver, clock, simulation.wiring)
            for bus in site.buses
            if (on_it := [one for one in devices if one[0].bus == bus.id])
        ]
        writers: dict[str, Writable] = {
            device.id: line for line in self.lines for device in site.devices if device.bus == line.bus_id
        }
        self.patrol = SteppedPatrol(assembly, self.journal, self._deliver, clock)
        keys, _ = read_command_keys(site.folder)
        assert site.mqtt is not None
        self.heard = [
            HeardSource(self.air, site.mqtt, site.id, devices, life_safety, self.patrol.deliver, clock=clock,
                        restored={}, secrets=site.folder, keys=keys)
            for life_safety in (True, False)
        ]  # fmt: skip
        for source in self.heard:
            writers |= dict.fromkeys(source.commanded, source)
        self.actions = Actions(assembly, self.points, self.journal, writers, self._deliver, clock)
        self.pipeline.listen(self.actions.decided)
        self.schedule = Schedule(assembly, self.actions, self.points, self._deliver, clock)
        self._receive()
        self.meters = SteppedKeeper(assembly, self._state, self.points.latest, self._deliver, clock)
        self._due_dates = DueDates(site, self._deliver, clock)
        self._running.append(self.loop.create_task(self.actions.run(), name="actions"))
        now = clock.now()
        await self._deliver(
            Delivery(samples=[Sample(point_id("system", "console"), True, Quality.GOOD, now.utc, now.mono)])
        )
        await self.patrol.begin()
        for source in self.heard:
            source.open(now.mono)
        for adapter in simulation.adapters:
            assert isinstance(adapter.link, AirLink)
            adapter.link.connect()
        for line in self.lines:
            line.start()
        await self._look(0.0)

    def _receive(self) -> None:
        """Panels that report over IP, and who listens to them."""
        receiver = self.assembly.site.dc09
        if receiver is None:
            return
        devices = [(one, self.assembly.profiles[one.profile]) for one in self.assembly.site.devices]
        source = Dc09Source(receiver, devices, self._deliver, self.clock)
        self._running.append(self.loop.create_task(source.run(), name=source.name))
        for panel in self.simulation.panels.values():
            self._running.append(self.loop.create_task(panel.run(LOOPBACK, receiver.port), name=panel.name))

    async def close(self) -> None:
        tasks = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        while tasks:
            for task in tasks:
                task.cancel()
            self.loop.seconds += 1.0  # whoever sleeps on his way out would sleep for ever
            await self.loop.settle()
            tasks = [one for one in tasks if not one.done()]
        self.meters.close()
        self.journal.__exit__(None, None, None)

    @property
    def played(self) -> float:
        """s since the beginning."""
        return self.clock.played

    @property
    def hour(self) -> float:
        """Local time of day, h."""
        local = self.clock.now().utc.astimezone(self.zone)
        return local.hour + local.minute / 60.0 + local.second / 3600.0

    def local(self, played: float) -> datetime:
        """The estate's time so many seconds after the beginning."""
        return (self.clock.start + timedelta(seconds=played)).astimezone(self.zone)

    async def go(self, seconds: float, pace: Pace) -> None:
        """Let `seconds` pass. What is being switched is watched closely, whatever the pace."""
        end = self.played + seconds
        self.air.heard, self.world.longest_step = pace.heard, pace.step
        for line in self.lines:
            line.deadband = pace.deadband
        while (left := end - self.played) > 1e-6:
            begun = self.loop.seconds
            if self._is_switching:
                self._watched_until = begun + SETTLED
            step = min(CLOSE.tick if begun < self._watched_until else pace.tick, left)
            if step <= CLOSE.tick or any(not line.is_sound for line in self.lines):
                await self._sleep_until(begun + step)
            else:
                self.loop.seconds = begun + step
                await self.loop.settle()
            passed = self.loop.seconds - begun
            self.world.advance(passed)
            await self._look(passed)

    @property
    def _is_switching(self) -> bool:
        return bool(self.actions._busy or self.actions._waiting)

    async def _sleep_until(self, moment: float) -> None:
        """Let everything that falls due before `moment` do so at its own time; wake when something is switched."""
        switching = self._is_switching
        while switching is self._is_switching:
            due = self.loop.next_timer
            decides = self.engine.next_deadline()
            if decides is not None and decides < due:
                due = decides
            if due >= moment:
                self.loop.seconds = moment
                return
            self.loop.seconds = max(due + GRAIN, self.loop.seconds)
            await self.loop.settle()
            await self.pipeline.take(self._taken())
            await self.loop.settle()

    async def _look(self, tick: float) -> None:
        simulation, now, switching = self.simulation, self.loop.seconds, self._is_switching
        for name, plant in self.world.plants.items():
            if plant._happened:
                simulation.report(plant)
            if plant.points != self._as_shown.get(name):
                self._as_shown[name] = dict(plant.points)
                for device in self._speakers(name):
                    device.refresh()
        for adapter in simulation.adapters:
            adapter.beat(now)
        for source in self.heard:
            await source.hear()
        for line in self.lines:
            await line.ask(now, tick, switching)
        if self.played >= self._walked:
            self._walked = self.played + (WALK if tick > 1.0 else 1.0)
            await self.patrol.look()
        if self.played >= self._calendar:
            self._calendar = self.played + CALENDAR
            moment = self.clock.now()
            await self._deliver(Delivery(samples=tuple(self._due_dates.samples(moment))))
            for device in simulation.spoken.values():
                device.refresh()
        await self.meters.look_now()
        if self.assembly.site.timetables:
            await self.schedule.look(self.clock.now())
        await self.loop.settle()
        await self.pipeline.take(self._taken())
        await self.loop.settle()
        for task in self._running:
            if task.done():
                task.result()

    async def acknowledge_all(self) -> None:
        """What an operator does who has dealt with everything: acknowledge, and reset what latches."""
        for alarm, last in list(self.engine.standing.items()):
            wanted = [OperationKind.ACKNOWLEDGE] if last.after.needs_acknowledge else []
            if self.rules[alarm].rule.kind == "latched":
                wanted.append(OperationKind.RESET)
            for kind in wanted:
                asked = Operation(kind, alarm, "operator", "desk")
                await self.pipeline.take([asked])
                asked.outcome.exception()  # a reset of what is still there is refused

    @property
    def present(self) -> set[AlarmId]:
        """Alarms whose condition holds, those that are suppressed too."""
        alarms = self.engine.alarms
        return {one for one in (*self.engine.standing, *self.engine.suppressed) if alarms[one].state.condition_present}

    def value(self, point: str) -> Value | None:
        """The last good value of a point."""
        sample = self.points.latest(PointId(point))
        return sample.value if sample is not None and sample.quality is Quality.GOOD else None

    def heard_of(self, equipment: str) -> bool:
        """Whether any point of it has a value: it takes part."""
        points = self.assembly.bindings[EquipmentId(equipment)].values()
        return any(self.points.latest(point) is not None for point in points)

    def _speakers(self, plant: str) -> list[Any]:
        spoken = self._spoken_of.get(plant)
        if spoken is None:
            known = self.simulation.spoken
            spoken = [known[one] for one in self.simulation.wiring.devices_of(plant) if one in known]
            self._spoken_of[plant] = spoken
        return spoken

    async def _deliver(self, delivery: Delivery) -> None:
        self._pending.append(delivery)

    def _taken(self) -> list[Delivery]:
        taken, self._pending = self._pending, []
        return taken

    def _changed(self, samples: Sequence[Sample]) -> None:
        """The history keeps nothing here."""

    def _decided(self, decisions: Sequence[Decision]) -> None:
        for one in decisions:
            moved = one.transition
            if moved.trigger in (Trigger.RAISE, Trigger.RAISE_SUPPRESSED):
                hidden = moved.trigger is Trigger.RAISE_SUPPRESSED
                self.raised.append(Raised(moved.alarm, self.played, moved.priority, hidden))


def played(act: "Callable[[PlayedEstate], Awaitable[None]]", assembly: Assembly, **given: Any) -> None:
    """Start an estate, let `act` do with it what it wants, and put everything away."""

    async def whole() -> None:
        with TemporaryDirectory() as folder:
            estate = PlayedEstate(assembly, Path(folder), **given)
            try:
                await estate.start()
                await act(estate)
            finally:
                await estate.close()

    with asyncio.Runner(loop_factory=PlayedLoop) as runner:
        runner.run(whole())
