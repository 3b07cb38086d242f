"""Samples read back exactly as they were recorded, from the embedded file and from a real InfluxDB."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.historian.raw_query import rows as in_answer
from daemon.historian.reading import recording
from daemon.historian.recorded import Asked, Recording
from estate.errors import TransportError
from estate.model import PointId, Quality, Sample, Value
from tests.daemon.historian.conftest import Influx, Program
from tests.daemon.historian.stage import LEVEL, START, Server, SmallSite, at_work, historian, sample, until

LANE, REX = PointId("lane-1.position"), PointId("door-1.rex")
ASKED = Asked((LEVEL, LANE, REX), (REX,))


def an_hour() -> list[Sample]:
    found = []
    for second in range(0, 3600, 7):
        found.append(sample(second % 100 / 10, second, LEVEL))
        found.append(sample(["closed", "opening", '开 "x" \\'][second % 3], second + 0.25, LANE))
        found.append(sample(second % 2 == 0, second + 0.5, REX))
        if second % 119 == 0:
            found.append(sample(None, second + 1, LEVEL, Quality.SENSOR_FAULT))
            found.append(sample(second % 100 / 10, second + 2, LEVEL, Quality.STALE))
            found.append(sample(1.0, second + 2.125, PointId("nobody.asks")))
    return found


def told(samples: list[Sample]) -> list[tuple[PointId, Value | None, Quality, object]]:
    return [(one.point, one.value, one.quality, one.at) for one in samples]


async def everything(source: Recording, minutes: float = 61) -> list[Sample]:
    return [one async for some in source.stream(ASKED, START, START + timedelta(minutes=minutes)) for one in some]


async def test_both_histories_give_back_what_was_recorded(influxd: Influx, nginx: Program, tmp_path: Path) -> None:
    database = influxd.database("recorded")
    server = Server(nginx.url, bucket=f"{database}/autogen")
    recorded = an_hour()
    async with at_work(historian(tmp_path, None)) as embedded, at_work(historian(tmp_path, server)) as served:
        embedded.record(recorded)
        served.record(recorded)
        await until(lambda: len(influxd.rows(database, 'SELECT "quality" FROM "point"')) == len(recorded))
    wanted = told([one for one in recorded if one.point in ASKED.points])
    file = recording(SmallSite(None, tmp_path), tmp_path)
    there = recording(SmallSite(server, tmp_path), tmp_path)
    for source in (file, there):
        assert told(await everything(source)) == wanted
        late = START + timedelta(seconds=1800)
        latest = {one.point: one for one in await source.latest(ASKED, late)}
        for point in ASKED.points:
            before = [one for one in recorded if one.point == point and one.at < late]
            assert told([latest[point]]) == told(before[-1:])
        assert await source.latest(ASKED, START) == []


async def test_a_history_that_is_not_there_is_a_transport_error(tmp_path: Path) -> None:
    for site in (SmallSite(None, tmp_path / "none"), SmallSite(Server("http://127.0.0.1:9"), tmp_path)):
        with pytest.raises(TransportError):
            await everything(recording(site, tmp_path / "none", 2.0))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"results": []},
        {"results": [{"error": "database not found"}]},
        {"results": [{"partial": True, "series": []}]},
        {"results": [{"series": [{"tags": {"device": "a"}, "values": []}]}]},
        {"results": [{"series": [{"tags": {"device": "sump-1-ctl", "point": "level"}, "values": [[1, 2]]}]}]},
        {
            "results": [
                {"series": [{"tags": {"device": "sump-1-ctl", "point": "level"}, "values": [[1, 2, None, "?"]]}]}
            ]
        },
    ],
)
def test_an_answer_that_is_no_series_of_samples_is_refused(answer: dict[str, object]) -> None:
    with pytest.raises(TransportError):
        in_answer(answer, ASKED)
