"""Parts that crash or end are told of, each time, and started again after pauses that have a limit."""

import asyncio
from contextlib import suppress
from time import monotonic

import pytest

from daemon import supervise
from daemon.supervise import restarting


class Part:
    """Ends at once, each time in another way."""

    def __init__(self) -> None:
        self.started: list[float] = []
        self.told: list[tuple[str, str]] = []

    async def run(self) -> None:
        self.started.append(monotonic())
        if len(self.started) % 2:
            raise ValueError("no such bus")

    async def crashed(self, name: str, why: str) -> None:
        self.told.append((name, why))

    async def runs(self, times: int, longest: float) -> None:
        running = asyncio.create_task(restarting("bus-1", self.run, self.crashed, longest=longest))
        async with asyncio.timeout(10):
            while len(self.started) < times:
                await asyncio.sleep(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_each_crash_and_each_end_is_told_and_the_part_is_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    part = Part()
    await part.runs(3, longest=0.05)
    assert part.told[:2] == [
        ("bus-1", "ValueError: no such bus"),
        ("bus-1", "returned, though it should run for ever"),
    ]
    assert "bus-1 crashed" in caplog.text


async def test_no_pause_is_longer_than_the_longest(caplog: pytest.LogCaptureFixture) -> None:
    """From the first on: a bus whose driver crashes is watched again within SOURCE_PAUSE."""
    part = Part()
    began = monotonic()
    await part.runs(6, longest=0.2)
    assert monotonic() - began < 5 * 0.2 + 1.0
    assert supervise.SOURCE_PAUSE <= 5.0
