"""Fixtures of all tests: real components on free loopback ports, and a clock that the test moves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from estate.model import Now
from simulators.broker import RunningBroker, broker

# No deadlines: a machine that others use too is slow for reasons that no test is about.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
settings.register_profile("long", max_examples=24_000, stateful_step_count=50, deadline=None)

ROOT = Path(__file__).parent.parent


@dataclass
class HandClock:
    """Time stands still until the test moves it."""

    utc: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 7, 0, tzinfo=UTC))
    mono: float = 1000.0

    def now(self) -> Now:
        return Now(self.utc, self.mono)

    def forward(self, seconds: float) -> Now:
        self.utc += timedelta(seconds=seconds)
        self.mono += seconds
        return self.now()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """A real Mosquitto that anyone on loopback may use. Its absence is an error, not a skip."""
    async with broker(tmp_path / "mosquitto") as running:
        assert running.name == "Mosquitto", "install the Debian package mosquitto"
        yield running
