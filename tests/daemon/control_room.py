"""A daemon without a web part, in the test's own loop: real site files, bus, journal, rules and commands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.actions import Actions, Command
from daemon.assembly import Assembly, assemble
from daemon.inbox import Inbox
from daemon.journal import Journal
from daemon.pipeline import Pipeline
from daemon.points import PointStore
from daemon.publish import AlarmDocuments
from daemon.schedule import Schedule
from drivers.modbus.source import ModbusSource
from drivers.source import Writable
from estate.model import Clock, EquipmentId, PointId, Sample, SystemClock, nothing
from rules.engine import Engine
from simulators.relocate import relocate
from simulators.simulation import Simulation

SITE = """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
buses:
  - {id: lamps, tcp: "10.0.0.1:502", timeout: 0.2}
  - {id: valves, tcp: "10.0.0.2:502", timeout: 0.2}
"""
DEVICES = """\
- {id: relay, profile: waveshare-relay-8, bus: lamps, unit: 1, poll: 0.1, commands: true}
- {id: other-relay, profile: waveshare-relay-8, bus: lamps, unit: 2, poll: 0.1}
- {id: station, profile: generic-valve-station, bus: valves, unit: 1, poll: 0.1, commands: true}
- id: meters
  profile: generic-process-io
  bus: valves
  unit: 2
  poll: 0.1
  scale: {ai_1: {low: 0, high: 20, unit: A}, ai_2: {low: 0, high: 1000, unit: lx}, ai_3: {low: 0, high: 1000, unit: lx}}
"""
ROW = "number: '1', name: {zh: 一, en: One}, place: {zh: 墙, en: Wall}"
EQUIPMENT = f"""\
- {{id: lamp-1, class: lamp, {ROW}, points: {{on: relay.on_1, lit: relay.lit_1}}}}
- {{id: lamp-2, class: lamp, {ROW}, points: {{on: relay.on_2, lit: relay.lit_2}}}}
- {{id: lamp-3, class: lamp, {ROW}, points: {{on: other-relay.on_1, lit: other-relay.lit_1}}}}
- {{id: lamp-4, class: lamp, {ROW}, points: {{on: relay.lit_4}}}}
- id: circuit
  class: lighting_circuit
  number: "1"
  name: {{zh: 回路, en: Circuit}}
  place: {{zh: 路, en: Way}}
  points: {{on: relay.on_5, feedback: relay.lit_5, current: meters.ai_1, light: meters.ai_2}}
  parameters: {{current_usual: 8.0}}
- id: tanks
  class: tank_group
  number: "1"
  name: {{zh: 水箱组, en: Tanks}}
  place: {{zh: 泵房, en: Pump room}}
  device: station
  parameters: {{valve_time: 4.0}}
"""


def site_files(folder: Path, **more: str) -> Path:
    """A site with eight relays, eight more that are not enabled, and two tanks behind motorised valves."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"site.yaml": SITE, "devices.yaml": DEVICES, "equipment.yaml": EQUIPMENT} | {
        f"{name}.yaml": text for name, text in more.items()
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@dataclass
class ControlRoom:
    """The parts a test looks at, and commands by hand."""

    assembly: Assembly
    simulation: Simulation
    journal: Journal
    points: PointStore
    actions: Actions
    schedule: Schedule
    pipeline: Pipeline
    _numbers: int = 0

    def command(self, target: str, action: str, **more: Any) -> Command:
        self._numbers += 1
        given = {"id": f"hand-{id(self):x}-{self._numbers}", "by": "li", "reason": "test", "console": "desk-1"} | more
        return Command(target=EquipmentId(target), action=action, by_hand=True, **given)

    async def give(self, target: str, action: str, **more: Any) -> list[str]:
        """The steps of a command, once it has an end."""
        command = self.command(target, action, **more)
        await self.actions.give(command)
        steps = await self.ended(command.id)
        await self.until(lambda: command.target not in self.actions._busy)  # and whoever waits for it has heard
        return steps

    async def ended(self, command: str, within: float = 10.0) -> list[str]:
        await self.until(lambda: (one := self.actions.ledger.known(command)) is not None and one.state.is_final, within)
        return [step.step for step in (await self.actions.ledger.find(command)).steps]

    async def until(self, true: Callable[[], Any], within: float = 10.0) -> None:
        """Wait for something; the bound is generous because the machine may be busy."""
        async with asyncio.timeout(within):
            while not true():
                await asyncio.sleep(0.02)

    def value(self, point: str) -> Any:
        sample = self.points.latest(PointId(point))
        return None if sample is None else sample.value


@asynccontextmanager
async def control_room(
    site: Path,
    simulation: Simulation,
    state: Path,
    *,
    writers: Callable[[Mapping[str, Writable]], Mapping[str, Writable]] = dict,
    scheduled: bool = True,
    clock: Clock | None = None,
) -> AsyncIterator[ControlRoom]:
    """The daemon's parts running on `site`, which leads to the simulation's ports.

    `scheduled` false: the test looks at the timetables itself, at times of its own.
    """
    ticking = clock or SystemClock()
    assembly = assemble(site)
    with Journal(state) as journal:
        inbox = Inbox()
        points = PointStore(assembly.max_age)
        engine = Engine(assembly.rules)
        engine.restore(journal.last_transitions())

        def forget(samples: Sequence[Sample]) -> None:
            """No history."""

        pipeline = Pipeline(inbox, points, engine, journal, AlarmDocuments(assembly), ticking, forget, nothing)
        sources = [
            ModbusSource(
                bus,
                [(one, assembly.profiles[one.profile]) for one in assembly.site.devices if one.bus == bus.id],
                inbox.put,
                ticking,
            )
            for bus in assembly.site.buses
        ]
        of_bus = dict(zip((bus.id for bus in assembly.site.buses), sources, strict=True))
        lines: Mapping[str, Writable] = {one.id: of_bus[one.bus] for one in assembly.site.devices if one.bus}
        actions = Actions(assembly, points, journal, writers(lines), inbox.put, ticking)
        actions.restore(list(engine.standing.values()))
        schedule = Schedule(assembly, actions, points, inbox.put, ticking)
        pipeline.listen(actions.decided)
        room = ControlRoom(assembly, simulation, journal, points, actions, schedule, pipeline)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.run()) for one in (pipeline, actions, *sources)]
            if scheduled:
                running.append(tasks.create_task(schedule.run()))
            try:
                yield room
            finally:
                for task in running:
                    task.cancel()


@asynccontextmanager
async def playing(folder: Path, into: Path) -> AsyncIterator[tuple[Simulation, Path]]:
    """The Modbus devices of a site on loopback, and the site that leads to them; the world moves in real time."""
    from estate.site import load_site

    simulation = Simulation(load_site(folder), None, traffic=0.0)
    async with asyncio.TaskGroup() as tasks:
        for line in simulation.lines:
            await line.open()
        running = [tasks.create_task(line.run()) for line in simulation.lines]
        running.append(tasks.create_task(_move(simulation)))
        try:
            yield simulation, relocate(folder, into, buses={line.name: line.address for line in simulation.lines})
        finally:
            for task in running:
                task.cancel()


async def _move(simulation: Simulation) -> None:
    while True:
        await asyncio.sleep(0.05)
        simulation.advance(0.05)


__all__ = ["ControlRoom", "control_room", "playing", "site_files", "suppress"]
