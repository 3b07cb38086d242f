"""What the historian's tests share: a site, samples, and a historian at work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.historian import Historian, Limits, Pauses
from estate.model import Delivery, PointId, Quality, Sample, SystemClock, Value

# Servers with a retention refuse or hide what is too old, so the samples are of today.
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
LEVEL = PointId("sump-1-ctl.level")
UNITS = {LEVEL: "m"}
FAST = Limits(pauses=Pauses(first=0.05, longest=0.2, proof=0.2, person=0.3, disk=0.2))


@dataclass(frozen=True)
class Server:
    url: str
    org: str = "estate"
    bucket: str = "estate"
    token_file: str | None = None


@dataclass(frozen=True)
class SmallSite:
    history: Server | None
    folder: Path
    id: str = "riverside"


@dataclass
class Told:
    """What the historian delivered to the pipeline."""

    samples: list[Sample] = field(default_factory=list)

    async def __call__(self, delivery: Delivery) -> None:
        self.samples += delivery.samples

    @property
    def words(self) -> list[Value | None]:
        return [sample.value for sample in self.samples]


def sample(
    value: Value | None, second: float, point: str = LEVEL, quality: Quality = Quality.GOOD, reason: str = ""
) -> Sample:
    """`second` after START, on both clocks."""
    return Sample(PointId(point), value, quality, START + timedelta(seconds=second), second, reason=reason)


def ramp(count: int, first: int = 0, point: str = LEVEL) -> list[Sample]:
    """One changed sample a second."""
    return [sample(i / 10, i, point) for i in range(first, first + count)]


def historian(directory: Path, server: Server | None, deliver: Told | None = None, limits: Limits = FAST) -> Historian:
    return Historian(SmallSite(server, directory), directory, deliver or Told(), SystemClock(), UNITS, limits)


@asynccontextmanager
async def at_work(subject: Historian) -> AsyncIterator[Historian]:
    """Runs it for the time of the block; the end is the daemon's orderly end."""
    task = asyncio.get_running_loop().create_task(subject.run())
    try:
        yield subject
        assert not task.done(), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
