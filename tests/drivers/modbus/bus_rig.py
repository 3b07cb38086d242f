"""An inbox that tests can wait on, profiles written in place, and a source that runs for the length of a test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from drivers.modbus.source import ModbusSource
from drivers.profile import Profile
from estate.installation import Bus, Device
from estate.model import Delivery, PointId, Quality, Sample, SystemClock


class Inbox:
    """Keeps everything that was delivered; `until` waits for a condition on it."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.latest: dict[str, Sample] = {}
        self.seen: list[tuple[float, PointId]] = []
        self._news = asyncio.Event()

    async def deliver(self, delivery: Delivery) -> None:
        self.samples += delivery.samples
        self.latest.update({sample.point: sample for sample in delivery.samples})
        self.seen += [(delivery.seen_at, point) for point in delivery.seen]
        self._news.set()

    def value(self, point: str) -> object:
        return self.latest[point].value if point in self.latest else None

    def quality(self, point: str) -> Quality | None:
        return self.latest[point].quality if point in self.latest else None

    async def until(self, condition: Callable[[], bool], timeout: float = 8.0) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._news.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await self._news.wait()
        except TimeoutError:
            state = {s.point: (s.value, s.quality.value, s.reason) for s in list(self.latest.values())[-20:]}
            raise AssertionError(f"still waiting; last heard: {state}") from None


def profile_of(registers: dict[str, dict[str, Any]], **modbus: Any) -> Profile:
    return Profile.model_validate(
        {
            "profile": "bench-model",
            "vendor": "none",
            "model": "none",
            "source": "this test",
            "evidence": "own",
            "modbus": modbus,
            "registers": registers,
        }
    )


LEVEL = {"level": {"table": "holding", "address": 25, "type": "int16", "scale": 0.01, "unit": "m"}}


def source_of(
    inbox: Inbox, profile: Profile, port: int = 0, units: tuple[int, ...] = (1,), poll: float = 0.1, **bus: Any
) -> ModbusSource:
    """One bus with a device `d<unit>` per unit, all of one profile."""
    settings = {"timeout": 0.15, "quiet": 0.1} | bus
    if "serial" not in bus:
        settings["tcp"] = f"127.0.0.1:{port}"
    devices = [
        (Device(id=f"d{u}", profile="bench-model", bus="b", unit=u, poll=poll, commands=True), profile) for u in units
    ]
    return ModbusSource(Bus(id="b", **settings), devices, inbox.deliver, SystemClock())


@asynccontextmanager
async def polling(source: ModbusSource) -> AsyncIterator[ModbusSource]:
    task = asyncio.create_task(source.run())
    try:
        yield source
        assert not task.done(), f"the source ended by itself: {task}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
