"""The keeper of the meters: what it reads, the book that outlives the history, balances and nights."""

import asyncio
import logging
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from daemon.assembly import Assembly
from daemon.consumption.book import FILE, Book, BookReader
from daemon.consumption.keeper import MeterKeeper
from daemon.historian.embedded import EmbeddedFile, EmbeddedHistory
from daemon.historian.sqlite_file import FileThread
from daemon.historian.trend import Bucket, TrendQuery
from estate.errors import TransportError
from estate.model import Delivery, Now, PointId, Quality, Sample, SystemClock
from tests.daemon.consumption.metered import ZONE, Count, elm, local, steadily, write

NOW = local(2026, 3, 22, 6)
WATER = "w-main.counter_1"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return elm(tmp_path_factory.mktemp("elm"))


class Counted(EmbeddedHistory):
    """Counts the questions it could not answer."""

    failed = 0

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        try:
            return await super().trend(query)
        except TransportError:
            self.failed += 1
            raise


@dataclass
class Kept:
    """A keeper over a history on disk, and what it told and recorded."""

    assembly: Assembly
    folder: Path
    shown: dict[PointId, Sample] = field(default_factory=dict)
    told: dict[str, Sample] = field(default_factory=dict)
    recorded: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = Counted(self.folder / "history.db")
        self.keeper = MeterKeeper(
            self.assembly, self.folder, self.history, self.shown.get, self.recorded.extend, self.deliver, SystemClock()
        )

    async def deliver(self, delivery: Delivery) -> None:
        self.told |= {sample.point: sample for sample in delivery.samples}

    async def look(self, at: datetime = NOW) -> None:
        with FileThread("test") as thread:
            book = await thread.do(Book, self.folder / FILE)
            try:
                await self.keeper.look(thread, book, Now(at, 0.0))
            finally:
                await thread.do(book.close)


def nights(first: datetime, last: datetime, flows: dict[date, float]) -> list[Count]:
    """A water meter: 2 m3/h by day, at night so many as are said of the day on which the night ends."""
    found: list[Count] = []
    at, count = first, 1000.0
    while at < last:
        found.append((at, count))
        here = at.astimezone(ZONE)
        count += (flows.get(here.date(), 0.10) if 1 <= here.hour < 5 else 2.0) / 12.0
        at += timedelta(minutes=5)
    return found


def test_good_counts_are_recorded_whether_they_moved_or_not_and_bad_ones_leave_a_gap(
    assembly: Assembly, tmp_path: Path
) -> None:
    kept = Kept(assembly, tmp_path)
    for point, value, quality in (
        ("m-a.energy_import", 5.0, Quality.GOOD), ("m-b.energy_import", 7.0, Quality.STALE),
        ("m-main.energy_import", None, Quality.NO_COMMUNICATION), (WATER, 3.0, Quality.GOOD),
    ):  # fmt: skip
        kept.shown[PointId(point)] = Sample(PointId(point), value, quality, NOW - timedelta(hours=3), 0.0)
    kept.keeper.note(Now(NOW, 50.0))
    assert [(one.point, one.value, one.at, one.received) for one in kept.recorded] == [
        ("m-a.energy_import", 5.0, NOW, 50.0),
        (WATER, 3.0, NOW, 50.0),
    ]


async def test_days_that_are_over_are_entered_once_and_again_when_more_of_them_is_known(
    assembly: Assembly, tmp_path: Path
) -> None:
    """MT-1: after a month the history is gone and the book still knows."""
    point = PointId("m-a.energy_import")
    write(tmp_path, {point: steadily(local(2026, 3, 19), local(2026, 3, 21, 12), 0.0, 10.0)})
    kept = Kept(assembly, tmp_path)
    await kept.look()
    book = BookReader(tmp_path / FILE)
    asked = ([point], date(2026, 3, 1), date(2026, 3, 31))
    first = book.days(*asked)[point]
    assert {day.day: round(one.coverage, 2) for day, one in first.items()} == {19: 1.0, 20: 1.0, 21: 0.5}
    assert first[date(2026, 3, 20)].amount == pytest.approx(240.0, abs=1.0)
    write(tmp_path, {point: steadily(local(2026, 3, 21, 12), local(2026, 3, 22, 6), 600.0, 10.0)})  # it had buffered
    await kept.look()
    again = book.days(*asked)[point]
    assert again[date(2026, 3, 21)].coverage == pytest.approx(1.0, abs=0.01)
    assert again[date(2026, 3, 21)].amount == pytest.approx(240.0, abs=1.0)
    (tmp_path / "history.db").unlink()
    assert book.days(*asked)[point] == again


async def test_the_balance_of_the_last_day_is_told_when_all_of_its_meters_are_known(
    assembly: Assembly, tmp_path: Path
) -> None:
    """devices.md D.4 P13: over 24 h."""
    start = NOW - timedelta(days=2)
    counts = {
        "m-main.energy_import": steadily(start, NOW, 0.0, 100.0),
        "m-a.energy_import": steadily(start, NOW, 0.0, 50.0),
    }
    write(tmp_path, counts)
    kept = Kept(assembly, tmp_path)
    await kept.look()
    unknown = kept.told["balance.missing"]
    assert (unknown.value, unknown.quality) == (None, Quality.NO_COMMUNICATION)
    assert "only 0% of the day is known" in unknown.reason
    write(tmp_path, {"m-b.energy_import": steadily(start, NOW, 0.0, 35.0)})
    await kept.look()
    assert kept.told["balance.missing"].value == pytest.approx(15.0, abs=0.2)


async def test_three_nights_over_the_usual_least_flow_stand_beside_what_is_usual(
    assembly: Assembly, tmp_path: Path
) -> None:
    """WS-3, devices.md D.3 W11: between 2 and 4 o'clock of the estate."""
    leaking = {date(2026, 3, 20): 0.30, date(2026, 3, 21): 0.31, date(2026, 3, 22): 0.29}
    write(tmp_path, {WATER: nights(local(2026, 3, 1), NOW, leaking)})
    kept = Kept(assembly, tmp_path)
    for day in range(5, 22):
        await kept.look(local(2026, 3, day, 6))
    before = kept.told["water.night_usual"].value
    assert before == pytest.approx(0.10, abs=0.01)
    await kept.look()
    shown = {name: kept.told[f"water.{name}"].value for name in ("night_1", "night_2", "night_3", "night_usual")}
    assert shown == pytest.approx({"night_1": 0.29, "night_2": 0.31, "night_3": 0.30, "night_usual": 0.10}, abs=0.01)


async def test_a_night_nobody_read_is_not_known_and_too_few_nights_say_nothing_of_the_usual(
    assembly: Assembly, tmp_path: Path
) -> None:
    write(tmp_path, {WATER: nights(local(2026, 3, 20, 12), local(2026, 3, 21, 23), {})})
    kept = Kept(assembly, tmp_path)
    await kept.look()
    assert kept.told["water.night_1"].quality is Quality.NO_COMMUNICATION
    assert kept.told["water.night_2"].value == pytest.approx(0.10, abs=0.01)
    assert kept.told["water.night_usual"].reason == "0 nights are known, 7 are needed"


async def test_a_history_that_cannot_be_read_enters_nothing(assembly: Assembly, tmp_path: Path) -> None:
    kept = Kept(assembly, tmp_path)
    with pytest.raises(TransportError):
        await kept.look()
    with closing(Book(tmp_path / FILE)) as book:
        assert book.booked(PointId("m-a.energy_import"), date(2026, 1, 1), date(2026, 12, 31)) == {}


async def test_the_running_keeper_reads_at_once_and_lives_on_without_a_history(
    assembly: Assembly, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(assembly, tmp_path)
    kept.shown[PointId(WATER)] = Sample(PointId(WATER), 3.0, Quality.GOOD, NOW, 0.0)
    running = asyncio.create_task(kept.keeper.run())
    async with asyncio.timeout(10):
        while "the history file cannot be read" not in caplog.text:
            await asyncio.sleep(0.01)
    assert {one.point for one in kept.recorded} == {WATER}
    assert not running.done()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_first_start_neither_warns_nor_waits_for_an_hour(
    assembly: Assembly, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The history's own thread is just making its file: for a moment it is there, and holds no table."""
    kept = Kept(assembly, tmp_path)
    (tmp_path / "history.db").touch()
    running = asyncio.create_task(kept.keeper.run())
    async with asyncio.timeout(10):
        while not kept.history.failed:
            await asyncio.sleep(0.01)
        assert kept.told == {}
        EmbeddedFile(tmp_path / "history.db", keep=timedelta(days=30), max_bytes=1 << 20).close()
        while "water.night_1" not in kept.told:
            await asyncio.sleep(0.01)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
