"""What meters counted by day and month, out of a history file: gaps are told, replacements bridged, months kept."""

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from daemon.assembly import Assembly
from daemon.commands.meters import main_meters
from daemon.consumption.book import FILE, Book, Total
from daemon.consumption.meters import meters_of
from daemon.consumption.report import By, Report, build
from daemon.metering import Course
from estate.model import PointId
from tests.daemon.consumption.metered import Count, elm, local, source, steadily, write

FIRST = date(2026, 3, 2)
NOW = local(2026, 3, 4, 12)
START = local(2026, 3, 1, 12)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return elm(tmp_path_factory.mktemp("elm"))


async def reported(
    assembly: Assembly, folder: Path, counts: Mapping[str, Iterable[Count]], by: By = By.DAY, first: date = FIRST,
    last: date = date(2026, 3, 4), now: datetime = NOW,
) -> Report:  # fmt: skip
    write(folder, counts)
    return await build(source(folder), meters_of(assembly), by, first, last, now)


def of(report: Report, meter: str) -> dict[date, Total]:
    (branch,) = (one for one in report.branches if one.item.id == meter)
    return {period.start: period.total for period in branch.periods}


async def test_each_day_of_the_estate_has_what_was_counted_between_its_midnights(
    assembly: Assembly, tmp_path: Path
) -> None:
    """MT-1: 12 kWh an hour are 288 a day, and half of that by noon."""
    report = await reported(assembly, tmp_path, {"m-a.energy_import": steadily(START, NOW, 5000.0, 12.0)})
    found = of(report, "house-a")
    assert {day: one.amount for day, one in found.items()} == pytest.approx(
        {date(2026, 3, 2): 288.0, date(2026, 3, 3): 288.0, date(2026, 3, 4): 144.0}, abs=1.01
    )
    assert [one.coverage for one in found.values()] == pytest.approx([1.0, 1.0, 1.0], abs=0.01)
    assert all(one.estimated == 0.0 and not one.courses for one in found.values())


async def test_a_meter_nobody_read_has_no_consumption_of_nought(assembly: Assembly, tmp_path: Path) -> None:
    """MT-1: no silent gaps: what is not known is None, and its coverage says so."""
    report = await reported(assembly, tmp_path, {"m-a.energy_import": steadily(START, NOW, 5000.0, 12.0)})
    assert [(one.amount, one.coverage) for one in of(report, "house-b").values()] == [(None, 0.0)] * 3
    (balance,) = report.balances
    assert [(one.missing, one.plausible) for one in balance.periods] == [(None, None)] * 3
    (yields,) = report.photovoltaics
    assert [(one.produced, one.worth) for one in yields.periods] == [(None, None)] * 3


async def test_what_was_counted_in_a_gap_counts_and_is_called_an_estimate(assembly: Assembly, tmp_path: Path) -> None:
    """MT-1: six hours without readings over midnight: the amount is right, its share of each day is by time."""
    gone, back = local(2026, 3, 2, 21), local(2026, 3, 3, 3)
    course: list[Count] = [*steadily(START, gone, 5000.0, 10.0), (gone, None)]
    course += steadily(back, NOW, 5000.0 + 10.0 * (back - START).total_seconds() / 3600.0, 10.0)
    found = of(await reported(assembly, tmp_path, {"m-a.energy_import": course}), "house-a")
    amounts = [found[date(2026, 3, day)] for day in (2, 3)]
    assert [one.amount for one in amounts] == pytest.approx([240.0, 240.0], abs=2.0)
    assert [one.estimated for one in amounts] == pytest.approx([30.0, 30.0], abs=2.0)
    assert [one.coverage for one in amounts] == pytest.approx([0.875, 0.875], abs=0.01)


async def test_a_replaced_meter_and_one_that_rolls_over_leave_the_totals_right(
    assembly: Assembly, tmp_path: Path
) -> None:
    """MT-1: the day on which it happened names it. 32 bits of 0.01 kWh end at 21,474,836.48 kWh."""
    end, changed = 2**31 / 100.0, local(2026, 3, 3, 10)
    hours = (changed - START).total_seconds() / 3600.0
    rolled = [(at, value % end) for at, value in steadily(START, NOW, end - 100.0, 5.0) if value is not None]
    report = await reported(
        assembly,
        tmp_path,
        {
            "m-a.energy_import": [*steadily(START, changed, 54_000.0, 10.0), *steadily(changed, NOW, 0.0, 10.0)],
            "m-pv.energy_import": rolled,
        },
    )
    replaced, turned = of(report, "house-a"), of(report, "sun")
    assert replaced[date(2026, 3, 3)].amount == pytest.approx(240.0, abs=2.0)
    assert replaced[date(2026, 3, 3)].courses == {Course.REPLACED}
    assert replaced[date(2026, 3, 4)].courses == frozenset()
    assert [one.amount for one in turned.values()] == pytest.approx([120.0, 120.0, 60.0], abs=1.0)
    assert Course.ROLLED_OVER in turned[date(2026, 3, 2)].courses
    assert hours > 0


async def test_main_and_sub_meters_are_compared_over_days_that_are_known(assembly: Assembly, tmp_path: Path) -> None:
    """MT-1, WS-3: 4 % are cables, 20 % are somebody without a meter, half a day says nothing."""
    report = await reported(
        assembly,
        tmp_path,
        {
            "m-main.energy_import": steadily(START, NOW, 0.0, 100.0),
            "m-a.energy_import": steadily(START, NOW, 0.0, 60.0),
            "m-b.energy_import": [
                *steadily(START, local(2026, 3, 3), 0.0, 36.0),
                *steadily(local(2026, 3, 3), local(2026, 3, 4), 36.0 * 36, 20.0),
                *steadily(local(2026, 3, 4, 9), NOW, 36.0 * 36 + 20.0 * 24 + 36 * 9, 36.0),
            ],
        },
    )
    (found,) = report.balances
    assert [one.missing for one in found.periods] == pytest.approx([0.04, 0.20, 0.04], abs=0.01)
    assert [one.plausible for one in found.periods] == [True, False, None]
    assert found.periods[2].coverage == pytest.approx(0.25, abs=0.02)


async def test_the_yield_is_split_and_worth_the_tariff(assembly: Assembly, tmp_path: Path) -> None:
    """MT-2: 0.43 CNY for each kWh produced; more fed in than produced is no own use at all."""
    report = await reported(
        assembly,
        tmp_path,
        {
            "m-pv.energy_import": steadily(START, NOW, 1000.0, 10.0),
            "m-main.energy_export": [
                *steadily(START, local(2026, 3, 3), 500.0, 4.0),
                *steadily(local(2026, 3, 3), NOW, 500.0 + 4.0 * 36, 14.0),
            ],
        },
    )
    (found,) = report.photovoltaics
    first, second, _ = found.periods
    assert found.tariff == 0.43
    assert (first.produced, first.fed_in, first.own_use) == pytest.approx((240.0, 96.0, 144.0), abs=1.0)
    assert first.worth == pytest.approx(103.2, abs=0.5)
    assert second.own_use is None


async def test_months_come_from_the_book_when_the_history_has_forgotten_them(
    assembly: Assembly, tmp_path: Path
) -> None:
    """MT-1: comparison with the month before; half a month against a whole one is none."""
    point = PointId("m-a.energy_import")
    with closing(Book(tmp_path / FILE)) as book:
        january = {date(2026, 1, 1) + timedelta(days=n): Total(10.0, 1.0) for n in range(31)}
        february = {date(2026, 2, 1) + timedelta(days=n): Total(12.0, 1.0) for n in range(28)}
        book.enter(point, january | february)
        book.enter(point, {date(2026, 1, 5): Total(99.0, 0.5)})  # worse than what is known
        book.enter(point, {date(2026, 2, 7): Total(12.0, 1.0, 0.0, frozenset({Course.REPLACED}))})
    report = await reported(
        assembly,
        tmp_path,
        {point: steadily(local(2026, 3, 1), NOW, 0.0, 1.0)},
        By.MONTH,
        date(2026, 2, 10),
        date(2026, 3, 4),
    )
    (branch,) = (one for one in report.branches if one.item.id == "house-a")
    february_, march = branch.periods
    assert february_.start == date(2026, 2, 1)
    assert february_.total.amount == pytest.approx(336.0)
    assert february_.change == pytest.approx((336.0 - 310.0) / 310.0)
    assert march.total.amount == pytest.approx(84.0, abs=0.5)
    assert march.total.coverage == pytest.approx(1.0, abs=0.01)


def test_the_command_prints_what_is_known_and_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    site.mkdir()
    elm(site)
    counts = {"m-a.energy_import": steadily(START, NOW, 5000.0, 12.0)}
    write(tmp_path / "state" / "history", counts)
    asked = (site, tmp_path / "state", "day", "2026-03-02", "2026-03-03")
    assert main_meters(*asked, "en", as_json=False) == 0
    printed = capsys.readouterr().out
    assert "house-a  Switch room House A  [kWh]" in printed
    assert "288.00  100.0%" in printed
    assert "not known    0.0%" in printed
    assert main_meters(*asked, "zh", as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in told["meters"]] == ["main", "house-a", "house-b", "sun", "water"]
    assert told["meters"][1]["periods"][0]["amount"] == pytest.approx(288.0, abs=1.01)
    assert told["meters"][2]["periods"][0]["amount"] is None
    assert main_meters(site, tmp_path / "state", "day", "2026-03-05", "2026-03-02", "en", as_json=False) == 1
    assert main_meters(site, tmp_path / "none", "day", "2026-03-02", "2026-03-03", "en", as_json=False) == 1
    assert "the history file cannot be read" in capsys.readouterr().err
