"""Days left to what the register says is due, counted in the estate's own days."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

from daemon.assembly import assemble, check
from daemon.due_dates import DueDates, due_date
from estate.model import Delivery, Now
from estate.site import Site
from tests.conftest import HandClock

RIVERSIDE = Path("examples/riverside")


@pytest.fixture(scope="module")
def riverside() -> Site:
    return assemble(RIVERSIDE).site


async def unheard(delivery: Delivery) -> None:
    raise AssertionError("nobody asked for it")


def days(site: Site, clock: HandClock, utc: datetime) -> dict[str, object]:
    return {one.point: one.value for one in DueDates(site, unheard, clock).samples(Now(utc, 0.0))}


@pytest.mark.parametrize(
    ("utc", "left"),
    [
        (datetime(2027, 5, 1, 4, 0, tzinfo=UTC), 30.0),
        (datetime(2027, 5, 30, 15, 59, tzinfo=UTC), 1.0),  # still the 30th in Shanghai
        (datetime(2027, 5, 30, 16, 1, tzinfo=UTC), 0.0),  # already the 31st there
        (datetime(2027, 6, 3, 4, 0, tzinfo=UTC), -3.0),
    ],
)
def test_a_day_begins_at_midnight_of_the_estate(riverside: Site, clock: HandClock, utc: datetime, left: float) -> None:
    assert days(riverside, clock, utc)["lift-1.inspection_days"] == left


async def test_the_days_are_told_at_once_and_not_again_before_they_change(riverside: Site, clock: HandClock) -> None:
    heard: list[Delivery] = []

    async def hear(delivery: Delivery) -> None:
        heard.append(delivery)

    running = asyncio.create_task(DueDates(riverside, hear, clock).run())
    while not heard:
        await asyncio.sleep(0)
    running.cancel()
    due = {"lift-1.inspection_days", "lift-2.inspection_days", "ups-1.battery_days"}
    assert {sample.point for sample in heard[0].samples} == due


@pytest.mark.parametrize("written", ["2027-13-01", "31.05.2027", "soon"])
def test_a_date_that_is_none_is_a_fault_of_the_site(tmp_path: Path, written: str) -> None:
    assert due_date(written) is None
    site = tmp_path / "site"
    copytree(RIVERSIDE, site)
    text = (site / "equipment.yaml").read_text("utf-8")
    (site / "equipment.yaml").write_text(text.replace("2027-05-31", written), "utf-8")
    assert [fault.en for fault in check(site)] == [f"{written} is no date. Write it as 2027-05-31."]
