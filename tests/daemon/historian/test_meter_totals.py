"""Daily totals of a meter read from a real InfluxDB: the same as from the embedded file."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from math import inf
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.consumption.book import FILE, BookReader
from daemon.consumption.meters import Counter
from daemon.consumption.totals import Source, totals
from daemon.historian.embedded import EmbeddedFile, EmbeddedHistory
from daemon.historian.line_protocol import nanoseconds
from daemon.metering import Course, Meter
from estate.model import PointId, Quality, Sample
from tests.daemon.historian.conftest import Influx, Program
from tests.daemon.historian.stage import Server, at_work, historian, until

POINT = PointId("meter-1.energy_import")
START = datetime(2026, 3, 1, 16, tzinfo=UTC)  # midnight in Shanghai
NOW = START + timedelta(days=2)


def course() -> list[Sample]:
    """12 kWh an hour for two days; on the second a new meter, and two hours that nobody read."""
    found = []
    for step in range(2 * 288):
        at = START + timedelta(minutes=5 * step)
        hours = 5 * step / 60.0
        if 40.0 <= hours < 42.0:
            continue
        count = 900.0 + 12.0 * hours if hours < 30.0 else 12.0 * (hours - 30.0)
        found.append(Sample(POINT, count, Quality.GOOD, at, at.timestamp()))
    gap = START + timedelta(hours=40)
    found.append(Sample(POINT, None, Quality.NO_COMMUNICATION, gap, gap.timestamp()))
    return sorted(found, key=lambda one: one.at)


async def test_two_days_out_of_influxdb_are_those_of_the_embedded_file(
    influxd: Influx, nginx: Program, tmp_path: Path
) -> None:
    """MT-1: gaps told, the replaced meter named, whichever store holds the readings."""
    samples = course()
    database = influxd.database("meters")
    counter = Counter(POINT, "kWh", Meter(most=inf))
    with closing(EmbeddedFile(tmp_path / "history.db", keep=timedelta(days=4000), max_bytes=1 << 30)) as file:
        file.append([(one, nanoseconds(one.at)) for one in samples])
    embedded = EmbeddedHistory(tmp_path / "history.db")
    async with at_work(historian(tmp_path, Server(nginx.url, bucket=database))) as subject:
        subject.record(samples)
        await until(lambda: len(influxd.rows(database, 'SELECT "quality" FROM "point"')) == len(samples))
        found = []
        for history in (subject, embedded):
            source = Source(history, BookReader(tmp_path / FILE), ZoneInfo("Asia/Shanghai"))
            found.append((await totals(source, [counter], date(2026, 3, 2), date(2026, 3, 3), NOW))[POINT])
    assert found[0] == found[1]
    first, second = found[0][date(2026, 3, 2)], found[0][date(2026, 3, 3)]
    assert (first.amount, first.coverage) == (pytest.approx(288.0, abs=1.0), 1.0)
    assert second.amount == pytest.approx(288.0, abs=3.0)
    assert second.coverage == pytest.approx(22 / 24, abs=0.01)
    assert second.estimated == pytest.approx(24.0, abs=1.5)
    assert second.courses == {Course.REPLACED}
