"""A simulated test estate, with and without its processes around it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from estate.site import Site, load_site
from simulators.simulation import Simulation

SITE = Path(__file__).parent / "site"


@pytest.fixture
def pond() -> Site:
    return load_site(SITE)


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
