"""A unit whose answers crash this program: its bus polls all the others, and it is told as offline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from drivers.modbus.source import ModbusSource
from drivers.profile import Profile
from drivers.quarantine import REST, TOO_OFTEN
from estate.errors import NotSent
from estate.installation import Bus, Device
from estate.model import Now, Quality, SystemClock, point_id
from tests.drivers.modbus.bus_rig import LEVEL, Inbox, profile_of
from tests.drivers.modbus.hostile import Hostile, listening

MODE = {"mode": {"table": "holding", "address": 25, "type": "uint16", "enum": {0: "off", 1: "on"}, "writable": True}}


class Broke(Exception):
    """What the crash is made of."""


class BreaksAtANumber(dict[int, Any]):
    """A profile's `enum` that raises for one number."""

    def __contains__(self, key: object) -> bool:
        if key == 666:
            raise Broke(key)
        return super().__contains__(key)


def breaking() -> Profile:
    model = profile_of(MODE)
    point = model.registers["mode"]
    broken = point.model_copy(update={"enum": BreaksAtANumber(point.enum or {})})
    return model.model_copy(update={"registers": {"mode": broken}})


class Watched:
    """A bus that is restarted as the daemon restarts it, but at once."""

    def __init__(self, port: int, inbox: Inbox, clock: Any) -> None:
        devices = [
            (Device(id=f"d{unit}", profile="bench-model", bus="b", unit=unit, poll=0.05, commands=True), profile)
            for unit, profile in ((1, breaking()), (2, profile_of(LEVEL)))
        ]
        bus = Bus(id="b", tcp=f"127.0.0.1:{port}", timeout=0.15, quiet=0.1)
        self.source = ModbusSource(bus, devices, inbox.deliver, clock)
        self.crashes = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watched"]:
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _run(self) -> None:
        while True:
            try:
                await self.source.run()
            except Broke:
                self.crashes += 1


class RunningClock:
    """The machine's clock, which the test may move on."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.ahead = 0.0

    def now(self) -> Now:
        now = self._clock.now()
        return replace(now, mono=now.mono + self.ahead)


async def test_a_unit_at_which_the_bus_crashes_is_left_alone_and_its_neighbours_are_polled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox, clock = Inbox(), RunningClock()
    device = Hostile().holding(1, {25: 666}).holding(2, {25: 135})
    async with listening(device), Watched(device.port, inbox, clock).running() as watched:
        await inbox.until(lambda: inbox.value("d2.level") == 1.35 and inbox.value("d1.online") is False)
        assert watched.crashes == TOO_OFTEN
        assert inbox.value("d1.protocol") == "set_aside"
        assert inbox.quality("d1.mode") is Quality.NO_COMMUNICATION
        before = len(device.requests(1))
        device.holding(2, {25: 136})
        await inbox.until(lambda: inbox.value("d2.level") == 1.36)
        assert len(device.requests(1)) == before
        with pytest.raises(NotSent):
            await watched.source.write(point_id("d1", "mode"), "on")
        # After its rest it is polled again; mended, it is as good as before.
        device.holding(1, {25: 1})
        clock.ahead = REST + 1
        await inbox.until(lambda: inbox.value("d1.mode") == "on")
        assert inbox.value("d1.online") is True
        assert inbox.value("d1.protocol") == "ok"
        assert watched.crashes == TOO_OFTEN
    said = [record.getMessage() for record in caplog.records if "crashes at d1" in record.getMessage()]
    assert len(said) == TOO_OFTEN
    assert "holding 25+1, heard [666]" in said[0]
