"""The long plays, only with ESTATED_LONG=1 or the long profile: a clean week, every fault, and those that take days."""

import os
from time import perf_counter, process_time

import pytest
from hypothesis import settings

from tests.library.week.estate import BRISK, CLOSE, STEADY, PlayedEstate, played, riverside
from tests.library.week.ordeal import Ordeal, Result
from tests.library.week.plan import rows
from tests.library.week.report import figures, table

LONG = os.environ.get("ESTATED_LONG") == "1" or settings().max_examples >= 24_000
SEED = 7
WEEK = 7 * 86400.0

pytestmark = pytest.mark.skipif(not LONG, reason="half an hour each; ESTATED_LONG=1 plays them")


def test_a_clean_week_of_the_whole_estate_raises_no_alarm_of_priority_one_or_two() -> None:
    """PE-1, HH-1, AC-1, GT-1, PK-1, EL-3, FR-4, PW-1, LT-2, WS-2, DR-1, HV-1, HV-2, RM-1: seven days, every digit."""

    async def week(estate: PlayedEstate) -> None:
        wall, cpu = perf_counter(), process_time()
        await estate.go(WEEK, STEADY)
        print(figures(estate, perf_counter() - wall, process_time() - cpu))
        for one in estate.raised:
            if not one.hidden:
                print(f"{estate.local(one.at):%a %H:%M:%S} P{one.priority} {one.alarm}")
        assert [one for one in estate.raised if one.priority <= 2 and not one.hidden] == []

    played(week, riverside(), seed=SEED, traffic=1.0)


def test_every_fault_alarms_within_its_delay_and_two_polls_and_nothing_else_but_its_kin() -> None:
    """Every fault that the simulators know, on one device that takes it."""
    found: list[Result] = []

    async def suffer(estate: PlayedEstate) -> None:
        wall, cpu = perf_counter(), process_time()
        await estate.go(60.0, CLOSE)
        ordeal = Ordeal(estate)
        await ordeal.suffer(name for name, row in rows().items() if not row.slow and not row.unseen)
        found.extend(ordeal.results)
        print(figures(estate, perf_counter() - wall, process_time() - cpu))

    played(suffer, riverside(), seed=SEED, traffic=4.0)
    print(*table(found, [name for name, row in rows().items() if row.unseen]), sep="\n")
    assert {one.fault.name: one.wrong for one in found if one.wrong} == {}


def test_faults_that_take_days_alarm_when_their_time_has_come() -> None:
    """Pumps that take no turn, a test that stays away, a bypass and a tap that are forgotten."""
    found: list[Result] = []

    async def suffer(estate: PlayedEstate) -> None:
        await estate.go(60.0, CLOSE)
        ordeal = Ordeal(estate, BRISK)
        await ordeal.suffer_together(name for name, row in rows().items() if row.slow)
        found.extend(ordeal.results)

    played(suffer, riverside(), seed=SEED, traffic=4.0)
    print(*table(found), sep="\n")
    assert {one.fault.name: one.wrong for one in found if one.wrong} == {}
