"""Faults on the whole estate, one after the other: each alarms in its time, and nothing else but what belongs to it."""

from random import Random

import pytest

from tests.library.week.estate import CLOSE, PlayedEstate, played, riverside
from tests.library.week.ordeal import Ordeal, Result
from tests.library.week.plan import Fault, Plan, rows
from tests.library.week.report import table

SEED = 7
SAMPLE = 16
SOON = 130.0
"""s in which the faults of the sample alarm: a day has no room for those that take an hour."""


def soon(plan: Plan) -> list[Fault]:
    """What alarms at any time of day, dry or wet, within SOON."""
    faults = (plan.fault(name) for name, row in rows().items() if row.alarm and not row.slow and not row.heal)
    free = (one for one in faults if one.row.hours == (0.0, 24.0) and not one.row.dry)
    return [one for one in free if plan.limit(one, CLOSE.tick) <= SOON]


def sample(plan: Plan) -> list[str]:
    """As many faults, each of another kind of thing."""
    chance = Random(SEED)
    kinds: dict[str, list[str]] = {}
    for one in soon(plan):
        kinds.setdefault(one.kind, []).append(one.name)
    return [chance.choice(kinds[kind]) for kind in chance.sample(sorted(kinds), SAMPLE)]


def test_a_sample_of_faults_alarms_in_time_and_nothing_else_does() -> None:
    """PE-1, HH-1, AC-1, PK-1, CC-1, EL-2, FR-1, PW-1, WS-2, DR-1, HV-1, RM-1: a fault of each of so many systems.

    Delay of the rule and two polls, after what the physics take; afterwards all is well again.
    """
    found: list[Result] = []

    async def suffer(estate: PlayedEstate) -> None:
        await estate.go(60.0, CLOSE)
        ordeal = Ordeal(estate)
        await ordeal.suffer(sample(ordeal.plan))
        found.extend(ordeal.results)

    played(suffer, riverside(), seed=SEED, traffic=4.0)
    print(*table(found), sep="\n")
    assert {one.fault.name: one.wrong for one in found if one.wrong} == {}
    assert len(found) == SAMPLE


def test_the_table_names_every_fault_that_the_simulators_know_and_nothing_else() -> None:
    """A fault that nobody wrote down would be played by nobody."""
    known: set[str] = set()

    async def ask(estate: PlayedEstate) -> None:
        offered = estate.simulation.targets.describe()
        known.update(f"{one['kind']}.{fault}" for one in offered for fault in one["faults"])

    played(ask, riverside())
    assert known - set(rows()) == set()
    assert set(rows()) - known == set()


@pytest.mark.parametrize("name", sorted(rows()))
def test_a_row_says_what_is_raised_or_why_nothing_is(name: str) -> None:
    row = rows()[name]
    assert sum(bool(word) for word in (row.alarm, row.nothing, row.unseen)) == 1
    Plan(riverside()).fault(name)


def excused(thing: str, unseen: str) -> bool:
    """Whether the class knows the alarm, the site does not have it, and it is said which wire is missing."""
    assembly = riverside()
    item = next(one for one in assembly.site.equipment if one.id == thing)
    rule, _, why = unseen.partition(": ")
    known = rule in assembly.own_classes[item.id].rules
    return known and f"{thing}.{rule}" not in {str(one.alarm) for one in assembly.rules} and bool(why)


def test_what_is_not_seen_is_a_stock_alarm_that_the_estate_has_no_sensor_for() -> None:
    """No fault is excused for want of a rule: the class knows it, and what is missing is a wire."""
    unseen = {name: row for name, row in rows().items() if row.unseen}
    assert unseen, "the estate was given every wire: this test and the word can go"
    assert [name for name, row in unseen.items() if not excused(row.thing, row.unseen)] == []


@pytest.mark.parametrize(
    "unseen", ["fault: it is wired", "no_such_alarm: nobody wrote the rule", "power_lost: ", "power_lost"]
)
def test_an_alarm_that_the_site_has_or_that_no_class_knows_excuses_nothing(unseen: str) -> None:
    assert excused("fan-1", "power_lost: no contact for its supply")
    assert not excused("fan-1", unseen)
