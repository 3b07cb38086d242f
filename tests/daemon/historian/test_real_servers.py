"""Against real servers: InfluxDB 1.6 behind nginx's rewrite of the write API, and VictoriaMetrics, with read-back."""

import json
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from daemon.historian import TrendQuery
from daemon.historian.line_protocol import nanoseconds
from estate.errors import TransportError
from estate.model import PointId, Quality, Sample
from tests.daemon.historian.conftest import Influx, Program
from tests.daemon.historian.stage import LEVEL, START, Server, Told, at_work, historian, ramp, sample, until


def count(influxd: Influx, database: str) -> int:
    """Numbers stored."""
    rows = influxd.rows(database, 'SELECT count("value") AS n FROM "point"')
    return int(rows[0]["n"]) if rows else 0


def qualities(influxd: Influx, database: str) -> int:
    """Samples stored: every one has a quality."""
    rows = influxd.rows(database, 'SELECT count("quality") AS n FROM "point"')
    return int(rows[0]["n"]) if rows else 0


async def test_every_kind_of_sample_is_read_back_as_it_was(influxd: Influx, nginx: Program, tmp_path: Path) -> None:
    database = influxd.database("kinds")
    odd = '粤B12345 "quoted", back\\slash\\ = tab\t end\\'
    samples = [
        sample(1.25, 0.123456),
        sample(True, 1, "door-1.rex"),
        sample(7, 2, "panel-1.battery"),
        sample(odd, 3, "gate-lpr.plate"),
        sample(None, 4, quality=Quality.NO_COMMUNICATION, reason="no answer"),
        sample(1.5, 5, quality=Quality.OUT_OF_RANGE),
    ]
    async with at_work(historian(tmp_path, Server(nginx.url, bucket=database))) as subject:
        subject.record(samples)
        await until(lambda: len(influxd.rows(database, 'SELECT * FROM "point"')) == 6)
        assert subject.state().dead == 0
    rows = influxd.rows(database, 'SELECT * FROM "point"')
    assert [row["time"] for row in rows] == [nanoseconds(each.at) for each in samples]
    assert [row["value"] for row in rows] == [1.25, 1, 7, None, None, 1.5]
    assert [row["text"] for row in rows] == [None, None, None, odd, None, None]
    assert [row["quality"] for row in rows] == [each.quality.value for each in samples]
    assert [row["quality_level"] for row in rows] == [0, 0, 0, 0, 2, 1]
    assert {(row["site"], row["device"], row["point"], row["unit"]) for row in rows} == {
        ("riverside", "sump-1-ctl", "level", "m"),
        ("riverside", "door-1", "rex", None),
        ("riverside", "panel-1", "battery", None),
        ("riverside", "gate-lpr", "plate", None),
    }


async def test_nothing_is_lost_while_influxdb_is_away_and_the_daemon_restarts_in_between(
    influxd: Influx, nginx: Program, tmp_path: Path
) -> None:
    database = influxd.database("outage")
    server = Server(nginx.url, bucket=database)
    told = Told()
    async with at_work(historian(tmp_path, server, told)) as subject:
        subject.record(ramp(600))
        await until(lambda: count(influxd, database) == 600)
        influxd.stop()
        subject.record(ramp(600, first=600))
        await until(lambda: told.words[-1:] == ["outage"])
        assert subject.state().spooled == 600
        nginx.stop()
        subject.record(ramp(600, first=1200))
    told = Told()
    async with at_work(historian(tmp_path, server, told)) as subject:
        subject.record(ramp(600, first=1800))
        await until(lambda: told.words == ["outage"])
        influxd.start()
        nginx.start()
        await until(lambda: count(influxd, database) == 2400)
        await until(lambda: told.words == ["outage", "ok"])
        await until(lambda: subject.state().spooled == 0)
        assert (subject.state().dropped, subject.state().dead) == (0, 0)
    values = influxd.rows(database, 'SELECT "value" FROM "point"')
    assert [row["value"] for row in values] == [i / 10 for i in range(2400)]


async def test_a_poison_point_in_a_real_database_goes_to_the_dead_letters_alone(
    influxd: Influx, nginx: Program, tmp_path: Path
) -> None:
    database = influxd.database("poison")
    # Someone else made "text" a number in this database, so every text of ours is a type conflict.
    write = f"{nginx.url}/api/v2/write?bucket={database}"
    at = nanoseconds(START)
    with urlopen(write, f"point,device=x,point=y text=1 {at}".encode(), timeout=5) as reply:
        assert reply.status == 204
    async with at_work(historian(tmp_path, Server(nginx.url, bucket=database))) as subject:
        subject.record([*ramp(599), sample("poison", 100.5, "lane-1.position")])
        await until(lambda: subject.state().dead == 1)
        await until(lambda: subject.state().spooled == 0)
        assert count(influxd, database) == 599
        assert subject.state().ok


async def test_a_missing_database_is_a_fault_of_configuration_and_nothing_is_lost(
    influxd: Influx, nginx: Program, tmp_path: Path
) -> None:
    told = Told()
    async with at_work(historian(tmp_path, Server(nginx.url, bucket="later"), told)) as subject:
        subject.record(ramp(600))
        # Old servers refuse before they have read the request, which a proxy may take for an outage at first.
        await until(lambda: told.words[-1:] == ["config"])
        assert "database not found" in told.samples[-1].reason
        influxd.database("later")
        await until(lambda: count(influxd, "later") == 600)


async def test_the_embedded_history_answers_as_influxdb_does(influxd: Influx, nginx: Program, tmp_path: Path) -> None:
    database = influxd.database("trend")
    points = [LEVEL, PointId("lane-1.position"), PointId("door-1.rex")]
    samples: list[Sample] = []
    for second in range(0, 7200, 7):
        quality = Quality.STALE if second % 91 == 0 else Quality.GOOD
        samples.append(sample(second % 100 / 10, second, points[0], quality))
        samples.append(sample(["closed", "opening", "开"][second % 3], second, points[1]))
        samples.append(sample(second % 2 == 0, second, points[2]))
        if second % 119 == 0:
            samples.append(sample(None, second + 1, points[0], Quality.SENSOR_FAULT))
    (tmp_path / "embedded").mkdir()
    embedded = historian(tmp_path / "embedded", None)
    served = historian(tmp_path, Server(nginx.url, bucket=f"{database}/autogen"))
    async with at_work(embedded), at_work(served):
        embedded.record(samples)
        served.record(samples)
        await until(lambda: qualities(influxd, database) == len(samples))
    for point in points:
        for width, start in ((50, 0), (7, 1234.567), (2000, 3600)):
            query = TrendQuery(point, START + timedelta(seconds=start), START + timedelta(hours=2), width)
            here, there = await embedded.trend(query), await served.trend(query)
            assert here == there
            assert 0 < len(here) <= width


async def test_a_name_with_a_quote_asks_about_itself_only(influxd: Influx, nginx: Program, tmp_path: Path) -> None:
    database = influxd.database("quote")
    async with at_work(historian(tmp_path, Server(nginx.url, bucket=database))) as subject:
        subject.record(ramp(600))
        await until(lambda: count(influxd, database) == 600)
        everything = PointId("x.y' OR 'a' = 'a")
        assert await subject.trend(TrendQuery(everything, START, START + timedelta(hours=1))) == []


async def test_victoria_metrics_takes_and_returns_every_number(victoria: Program, tmp_path: Path) -> None:
    async with at_work(historian(tmp_path, Server(victoria.url))) as subject:
        subject.record(ramp(600))
        subject.record([sample("粤B12345", 1, "gate-lpr.plate")])
        await until(lambda: subject.state().ok and subject.state().spooled == 0)
        victoria.get("/internal/force_flush")
        [series] = [
            json.loads(line)
            for line in victoria.get(
                "/api/v1/export", **{"match[]": 'point_value{device="sump-1-ctl",point="level",site="riverside"}'}
            ).splitlines()
        ]
        with pytest.raises(TransportError):
            await subject.trend(TrendQuery(LEVEL, START, START + timedelta(hours=1)))
    assert series["values"] == [i / 10 for i in range(600)]
    assert series["timestamps"] == [nanoseconds(START) // 10**6 + 1000 * i for i in range(600)]
    assert series["metric"]["unit"] == "m"
