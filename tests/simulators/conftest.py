"""A simulated test estate, with and without its processes around it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from estate.site import Site, load_site
from simulators.mqtt_link import BrokerAt
from simulators.simulation import Simulation

SITE = Path(__file__).parent / "site"


@pytest.fixture
def pond() -> Site:
    return load_site(SITE)


async def until(true: Callable[[], object], within: float = 10.0) -> None:
    """Wait for a condition; the bound is generous because the machine may be busy."""
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def lines(pond: Site) -> AsyncIterator[Simulation]:
    """The Modbus half of the test estate, answering; the world stands still unless the test moves it."""
    simulation = Simulation(pond, None, traffic=0.0)
    async with asyncio.TaskGroup() as tasks:
        for line in simulation.lines:
            await line.open()
        running = [tasks.create_task(line.run()) for line in simulation.lines]
        yield simulation
        for task in running:
            task.cancel()


def at(port: int, protocol: str = "5") -> BrokerAt:
    assert protocol in ("5", "3.1.1")
    return BrokerAt("127.0.0.1", port, protocol="5" if protocol == "5" else "3.1.1")
