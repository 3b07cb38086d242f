"""The DC-09 receiver on a real port, with an inbox that settles only when told to, as a journal on a slow disk."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from drivers.dc09.source import Dc09Source
from drivers.profile import Profile
from estate.model import Clock, Delivery, Event, Sample, SystemClock
from estate.outline import Receiver
from estate.site import Device

PROFILE = Path(__file__).parents[3] / "drivers" / "profiles" / "contact-id-panel.yaml"


@dataclass
class Receiving:
    """What the receiver delivered. It settles at once unless `hold` is set."""

    source: Dc09Source
    deliveries: list[Delivery] = field(default_factory=list)
    held: list[Callable[[bool], None]] = field(default_factory=list)
    hold: bool = False

    async def deliver(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if self.hold:
            self.held.append(delivery.settled)
        else:
            delivery.settled(True)

    @property
    def events(self) -> list[Event]:
        return [event for delivery in self.deliveries for event in delivery.events]

    @property
    def samples(self) -> list[Sample]:
        return [sample for delivery in self.deliveries for sample in delivery.samples]

    def told(self, point: str) -> list[Any]:
        return [sample.value for sample in self.samples if sample.point == point]

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0.01)


def profile(supervision: float = 200.0) -> Profile:
    read = Profile.model_validate(yaml.safe_load(PROFILE.read_text("utf-8")))
    assert read.dc09 is not None
    return read.model_copy(update={"dc09": read.dc09.model_copy(update={"supervision": supervision})})


def panel(name: str = "panel-7", account: str = "12AB", **more: Any) -> Device:
    return Device(id=name, profile="contact-id-panel", account=account, **more)


@asynccontextmanager
async def listening(
    *panels: Device, clock: Clock | None = None, supervision: float = 200.0, **receiver: Any
) -> AsyncIterator[Receiving]:
    """A receiver for these panels; `receiver` is what site.yaml says of it."""
    it: Receiving

    async def deliver(delivery: Delivery) -> None:
        await it.deliver(delivery)

    devices = [(device, profile(supervision)) for device in panels or (panel(),)]
    it = Receiving(Dc09Source(Receiver(port=0, **receiver), devices, deliver, clock or SystemClock()))
    running = asyncio.create_task(it.source.run())
    await it.until(lambda: it.source.port)
    try:
        yield it
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest_asyncio.fixture
async def receiving() -> AsyncIterator[Receiving]:
    async with listening(supervision=1.0) as it:
        yield it
