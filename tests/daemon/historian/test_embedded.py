"""History without a server: the same trends from a file that keeps within its bounds."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.historian import Bucket, TrendQuery
from daemon.historian.embedded import EmbeddedFile, EmbeddedHistory
from daemon.historian.line_protocol import nanoseconds
from estate.errors import TransportError
from estate.model import PointId, Quality, Sample
from tests.daemon.historian.stage import FAST, LEVEL, START, Server, Told, at_work, historian, ramp, sample, until


def stamped(samples: list[Sample]) -> list[tuple[Sample, int]]:
    return [(each, nanoseconds(each.at)) for each in samples]


def after(**since_start: float) -> datetime:
    return START + timedelta(**since_start)


async def test_a_site_without_a_server_has_trends_and_says_its_history_is_well(tmp_path: Path) -> None:
    told = Told()
    async with at_work(historian(tmp_path, None, told)) as subject:
        subject.record(ramp(600))
        await until(lambda: told.words == ["ok"])
        buckets: list[Bucket] = []
        while not buckets or buckets[-1].last != 59.9:
            buckets = await subject.trend(TrendQuery(LEVEL, START, after(seconds=600), max_points=11))
        assert subject.state().ok
    assert [(b.time_ms - nanoseconds(START) // 10**6, b.low, b.high, b.last) for b in buckets[:2]] == [
        (0, 0.0, 5.9, 5.9),
        (60_000, 6.0, 11.9, 11.9),
    ]
    assert len(buckets) == 10


def test_a_site_without_a_server_does_not_load_its_libraries() -> None:
    script = "import sys, daemon.historian; sys.exit(any(m in sys.modules for m in ('aiohttp', 'influxdb_client')))"
    subprocess.run([sys.executable, "-c", script], check=True)


async def test_what_was_in_memory_at_the_end_is_there_after_a_restart(tmp_path: Path) -> None:
    told = Told()
    async with at_work(historian(tmp_path, None, told)) as subject:
        await until(lambda: told.words == ["ok"])
        subject.record(ramp(3))
    [bucket] = await historian(tmp_path, None).trend(TrendQuery(LEVEL, START, after(hours=1), max_points=2))
    assert (bucket.low, bucket.high) == (0.0, 0.2)


async def test_a_bucket_shows_its_worst_quality_and_its_last_text(tmp_path: Path) -> None:
    file = EmbeddedFile(tmp_path / "history.db", keep=timedelta(days=30), max_bytes=1 << 30)
    file.append(
        stamped(
            [
                sample(1.0, 0),
                sample(None, 1, quality=Quality.SENSOR_FAULT, reason="4 mA line open"),
                sample(2.0, 2),
                sample("closed", 0, "lane-1.position"),
                sample("detached", 1, "lane-1.position", Quality.STALE),
            ]
        )
    )
    history = EmbeddedHistory(tmp_path / "history.db")
    [level] = await history.trend(TrendQuery(LEVEL, START, after(hours=1), max_points=2))
    [lane] = await history.trend(TrendQuery(PointId("lane-1.position"), START, after(hours=1), max_points=2))
    file.close()
    assert (level.low, level.high, level.last, level.text, level.quality) == (1.0, 2.0, 2.0, None, "bad")
    assert (lane.low, lane.last, lane.text, lane.quality) == (None, None, "detached", "uncertain")


async def test_a_point_never_recorded_has_an_empty_trend_and_a_missing_file_an_error(tmp_path: Path) -> None:
    query = TrendQuery(PointId("nobody.knows"), START, after(hours=1))
    with pytest.raises(TransportError):
        await EmbeddedHistory(tmp_path / "history.db").trend(query)
    EmbeddedFile(tmp_path / "history.db", keep=timedelta(days=30), max_bytes=1 << 30).close()
    assert await EmbeddedHistory(tmp_path / "history.db").trend(query) == []


async def test_what_is_older_than_the_retention_is_forgotten(tmp_path: Path) -> None:
    file = EmbeddedFile(tmp_path / "history.db", keep=timedelta(days=30), max_bytes=1 << 30)
    days = [replace(sample(float(day), 0), at=after(days=day)) for day in range(40)]
    file.append(stamped(days))
    assert file.prune(after(days=39, seconds=1)) == 10
    buckets = await EmbeddedHistory(tmp_path / "history.db").trend(TrendQuery(LEVEL, START, after(days=40)))
    file.close()
    assert [bucket.last for bucket in buckets] == [float(day) for day in range(10, 40)]


async def test_a_file_that_grew_too_large_forgets_the_oldest_of_every_point(tmp_path: Path) -> None:
    file = EmbeddedFile(tmp_path / "history.db", keep=timedelta(days=30), max_bytes=300_000)
    for point in ("a.x", "b.x"):
        file.append(stamped(ramp(10_000, point=point)))
    gone = file.prune(after(days=1))
    for point in ("a.x", "b.x"):
        [bucket] = await EmbeddedHistory(tmp_path / "history.db").trend(
            TrendQuery(PointId(point), START, after(hours=10), max_points=2)
        )
        assert bucket.last == 999.9
        assert bucket.low == pytest.approx(gone / 2 / 10)
    file.close()
    assert 0 < gone < 20_000


@pytest.mark.parametrize("name", ["history.db", "spool.db"])
async def test_a_damaged_file_is_set_aside_and_history_goes_on(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is not a database" * 1000)
    server = Server("http://127.0.0.1:9") if name == "spool.db" else None
    with pytest.RaisesGroup(sqlite3.DatabaseError, flatten_subgroups=True):
        await historian(tmp_path, server).run()
    assert (tmp_path / f"{name}.damaged").read_bytes().startswith(b"this is not")
    async with at_work(historian(tmp_path, server, limits=FAST)):
        await until(lambda: (tmp_path / name).exists())


@pytest.mark.parametrize("points", [2, 3, 7, 100, 1000])
@pytest.mark.parametrize("seconds", [1, 59.999, 3600, 86_400 * 30])
def test_a_trend_never_has_more_buckets_than_asked_for(points: int, seconds: float) -> None:
    query = TrendQuery(LEVEL, START + timedelta(milliseconds=1), after(seconds=seconds), points)
    first = nanoseconds(query.start) // 10**6 // query.width_ms
    last = (nanoseconds(query.end) // 10**6 - 1) // query.width_ms
    assert last - first + 1 <= points


@pytest.mark.parametrize(("start", "end", "points"), [(0, 0, 10), (1, 0, 10), (0, 1, 1)])
def test_a_trend_of_nothing_is_refused(start: int, end: int, points: int) -> None:
    with pytest.raises(ValueError, match="a trend needs"):
        TrendQuery(LEVEL, after(seconds=start), after(seconds=end), points)
