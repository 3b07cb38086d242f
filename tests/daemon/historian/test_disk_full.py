"""A disk that takes nothing more: history waits in memory, says so, and goes on when there is room again."""

import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.historian import TrendQuery
from tests.daemon.historian.fake_influx import FakeInflux
from tests.daemon.historian.stage import FAST, LEVEL, START, Server, Told, at_work, historian, ramp, until

COUNT = 30_000
LIMITS = replace(FAST, buffer=2 * COUNT)


@pytest.fixture
def make_room() -> Iterator[Callable[[], None]]:
    """Until called, no file of this process may grow beyond 1 MiB: to SQLite that is a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_the_spool_survives_a_full_disk(fake: FakeInflux, tmp_path: Path, make_room: Callable[[], None]) -> None:
    told = Told()
    async with at_work(historian(tmp_path, Server(fake.url), told, LIMITS)) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: told.words[-1:] == ["full"])
        assert "disk" in subject.state().reason
        make_room()
        await until(lambda: len(fake.stored) == COUNT)
        await until(lambda: told.words[-1] == "ok" and subject.state().spooled == 0)
        assert subject.state().dropped == 0


async def test_the_embedded_history_survives_a_full_disk(tmp_path: Path, make_room: Callable[[], None]) -> None:
    told = Told()
    query = TrendQuery(LEVEL, START, START + timedelta(seconds=COUNT), max_points=2)
    async with at_work(historian(tmp_path, None, told, LIMITS)) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: told.words[-1:] == ["full"])
        make_room()
        await until(lambda: told.words[-1] == "ok")
    buckets = await subject.trend(query)
    assert (buckets[0].low, buckets[-1].high) == (0.0, (COUNT - 1) / 10)
