"""`estated simulate SITE`: plays every device of a site until told to stop."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from estate.errors import ConfigError
from estate.site import Broker, load_site
from simulators.broker import free_port
from simulators.control import Control, ControlServer
from simulators.mqtt_link import BrokerAt
from simulators.relocate import relocate
from simulators.simulation import Simulation

TICK = 0.05
"""Real seconds between two looks at the world."""
MOST_AT_ONCE = 5.0
"""A world that cannot keep up skips what would be more than so many ticks."""


@dataclass(frozen=True, slots=True)
class Playing:
    """A simulation that runs: where to steer it, and the site folder that leads to it."""

    control: str
    token: str
    site: Path
    buses: Mapping[str, str]
    simulation: Simulation

    def as_json(self) -> str:
        told = {"control": self.control, "token": self.token, "site": str(self.site), "buses": dict(self.buses)}
        return json.dumps(told)


def nothing(playing: Playing) -> None:
    """Nobody waits for the simulation to be ready."""


async def play(
    site_folder: Path,
    *,
    broker: BrokerAt | None = None,
    login: tuple[str, str] | None = None,
    speed: float = 1.0,
    seed: int = 1,
    traffic: float = 1.0,
    control_port: int = 0,
    into: Path | None = None,
    console_port: int | None = None,
    history_url: str | None = None,
    ready: Callable[[Playing], None] = nothing,
) -> None:
    """Play a site until cancelled. Raises ConfigError for a site with faults.

    `broker` is where the simulated adapters connect (None: the site's own); `login` is the user and password
    the copy of the site gets, when the daemon has its own. `into` receives that copy, pointing here, with the
    console's port and the history's address changed too if given.
    """
    site = load_site(site_folder)
    at = broker or (broker_of(site.mqtt, site.folder) if site.mqtt is not None else None)
    simulation = Simulation(site, at, seed=seed, traffic=traffic)
    for line in simulation.lines:
        await line.open()
    buses = {line.name: line.address for line in simulation.lines}
    receiver = (site.dc09.host, site.dc09.port) if site.dc09 is not None else ("", 0)
    if into is not None and site.dc09 is not None:
        receiver = ("127.0.0.1", free_port())  # the daemon's; several sites may be played on one machine
    copy = site_folder
    if into is not None:
        copy = relocate(
            site_folder,
            into,
            buses=buses,
            broker=_for_the_daemon(at, login),
            console_port=console_port,
            history_url=history_url,
            receiver=receiver,
        )
    control = Control(simulation.targets, simulation.state, simulation.tell)
    server = ControlServer(control.app(), control_port)
    async with asyncio.TaskGroup() as tasks:
        for line in simulation.lines:
            tasks.create_task(line.run(), name=f"line {line.name}")
        for adapter in simulation.adapters:
            tasks.create_task(adapter.run(), name=f"adapter {adapter.name}")
        for panel in simulation.panels.values():
            tasks.create_task(panel.run(*receiver), name=f"panel {panel.name}")
        tasks.create_task(_serve(server), name="control")
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for it
                await asyncio.sleep(0.01)
            ready(Playing(server.url, control.token, copy, buses, simulation))
            await _run_world(simulation, speed)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asyncio.gather(*(adapter.goodbye() for adapter in simulation.adapters))


async def _serve(server: ControlServer) -> None:
    try:
        await server.serve()
    except SystemExit as error:
        raise OSError("the control port is taken") from error


async def _run_world(simulation: Simulation, speed: float) -> None:
    last = monotonic()
    while True:
        await asyncio.sleep(TICK)
        now = monotonic()
        simulation.advance(min(now - last, MOST_AT_ONCE * TICK) * speed)
        last = now


def broker_of(broker: Broker, folder: Path) -> BrokerAt:
    """The site's own broker, with the password from its file."""
    password = (folder / broker.password_file).read_text("utf-8").strip() if broker.password_file else None
    ca_file = str(folder / broker.ca_file) if broker.ca_file else None
    return BrokerAt(broker.host, broker.port, broker.username, password, broker.protocol, ca_file)


def _for_the_daemon(broker: BrokerAt | None, login: tuple[str, str] | None) -> BrokerAt | None:
    if broker is None or login is None:
        return broker
    return BrokerAt(broker.host, broker.port, *login, broker.protocol, broker.ca_file)


async def _until_signal(playing: Any) -> None:
    """Cancel what plays on SIGTERM or SIGINT."""
    task = asyncio.ensure_future(playing)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main_play(given: argparse.Namespace) -> int:
    """The command `estated simulate`. One JSON line on stdout when ready; exit code 1 for a site with faults.

    `given` holds site, into, broker (host:port), username, password_file, protocol, console_port,
    control_port, speed and seed.
    """
    host, _, port = given.broker.rpartition(":")
    password = given.password_file.read_text("utf-8").strip() if given.password_file else None
    playing = play(
        given.site,
        broker=BrokerAt(host, int(port), given.username, password, given.protocol),
        speed=given.speed,
        seed=given.seed,
        control_port=given.control_port,
        into=given.into,
        console_port=given.console_port,
        ready=lambda ready: print(ready.as_json(), flush=True),
    )
    try:
        asyncio.run(_until_signal(playing))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
