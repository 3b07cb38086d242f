"""A flood is grouped for the eye and the first of each group marked; nothing is held back."""

from dataclasses import replace
from datetime import timedelta

from estate.annunciation import Annunciation, FloodLimits
from estate.model import EquipmentId, Now, PointId, Quality, Sample
from estate.strict import Text
from rules.alarm import AlarmId, Transition
from rules.engine import Engine
from rules.flood import Group
from rules.instance import RuleInstance, instantiate
from tests.rules.watching import BEGIN, NAME, class_of


def pits(count: int, **more: object) -> list[RuleInstance]:
    """Alarms in three places, one after the other."""
    return [
        rule
        for number in range(count)
        for rule in instantiate(
            EquipmentId(f"pit-{number}"),
            class_of("running", **more),
            name=NAME,
            place=Text(zh=f"地库{number % 3}", en="basement") if number != 5 else None,
            bindings={"running": PointId(f"pit-{number}.running")},
        )
    ]


def alarm(number: int) -> AlarmId:
    return AlarmId(f"pit-{number}.it")


def at(seconds: float) -> Now:
    return Now(BEGIN + timedelta(seconds=seconds), 1000.0 + seconds)


def fail(engine: Engine, number: int, seconds: float) -> list[Transition]:
    now = at(seconds)
    return engine.step([Sample(PointId(f"pit-{number}.running"), True, Quality.GOOD, now.utc, now.mono)], now)


def test_the_eleventh_announcement_in_ten_minutes_begins_a_flood() -> None:
    engine = Engine(pits(20))
    for number in range(10):
        fail(engine, number, number * 50)
    assert not engine.flood.active
    assert engine.group(alarm(0)) is None
    fail(engine, 10, 500)
    assert engine.flood.active
    assert engine.flood.first == alarm(0)
    assert engine.group(alarm(0)) == Group("place:地库0", True)
    assert engine.group(alarm(3)) == Group("place:地库0", False)
    assert engine.group(alarm(1)) == Group("place:地库1", True)
    assert engine.group(alarm(5)) == Group("equipment:pit-5", True)
    assert set(engine.take_renewed()) == {alarm(number) for number in range(11)}


def test_eleven_in_more_than_ten_minutes_are_no_flood() -> None:
    engine = Engine(pits(20))
    for number in range(20):
        fail(engine, number, number * 61)
    assert not engine.flood.active


def test_a_burst_is_a_flood_where_the_site_allows_more_in_ten_minutes() -> None:
    engine = Engine(pits(60), Annunciation(flood=FloodLimits(count=50)))
    for number in range(20):
        fail(engine, number, number)
    assert not engine.flood.active
    fail(engine, 20, 20)
    assert engine.flood.active


def test_it_ends_when_fewer_than_five_came_in_ten_minutes_and_groups_go() -> None:
    engine = Engine(pits(40))
    for number in range(12):
        fail(engine, number, number)
    engine.take_renewed()
    fail(engine, 12, 400)
    ends = engine.next_deadline()
    assert ends == 1000.0 + 8 + 600
    engine.step((), at(607.9))
    assert engine.flood.active
    engine.step((), at(608))
    assert not engine.flood.active
    assert engine.group(alarm(0)) is None
    assert alarm(0) in engine.take_renewed()


def test_the_first_of_a_flood_is_what_began_it_and_not_what_came_long_before() -> None:
    engine = Engine(pits(40))
    fail(engine, 30, 0)
    for number in range(10):
        fail(engine, number, 400 + number)
    assert engine.flood.active
    assert engine.flood.first == alarm(0)
    assert engine.group(alarm(30)) == Group("place:地库0", True), "it is grouped all the same"


def test_what_its_cause_takes_over_is_no_longer_one_of_many() -> None:
    first, *others = pits(20)
    cause = AlarmId("pit-1.it")
    engine = Engine([replace(first, parents=(frozenset({cause}),)), *others])
    fail(engine, 0, 0)
    fail(engine, 1, 1)
    for number in range(2, 11):
        fail(engine, number, 2)
    assert not engine.flood.active, "ten are left"
    fail(engine, 11, 3)
    assert engine.flood.first == cause
    assert engine.group(alarm(0)) is None
    assert engine.group(alarm(3)) == Group("place:地库0", True)


def test_in_a_flood_the_next_of_a_group_becomes_its_first_when_the_first_is_taken_over() -> None:
    first, *others = pits(30)
    cause = AlarmId("pit-20.it")
    engine = Engine([replace(first, parents=(frozenset({cause}),)), *others])
    for number in range(12):
        fail(engine, number, 0)
    assert (engine.flood.first, engine.group(alarm(3))) == (alarm(0), Group("place:地库0", False))
    fail(engine, 20, 1)
    assert engine.group(alarm(0)) is None
    assert engine.group(alarm(3)) == Group("place:地库0", True)
    assert engine.flood.first == alarm(1)


def test_lines_that_fall_silent_belong_together() -> None:
    lines = [replace(one, class_="bus", place=None) for one in pits(12)]
    engine = Engine(lines)
    for number in range(12):
        fail(engine, number, 0)
    assert {group.key for group in engine.flood.groups.values()} == {"class:bus"}


def test_nothing_is_dropped_or_held_back() -> None:
    engine = Engine(pits(500))
    told = [one for number in range(500) for one in fail(engine, number, 0.0)]
    assert [one.alarm for one in told] == [alarm(number) for number in range(500)]
    assert all(one.announces for one in told)
    keys = {group.key for group in engine.flood.groups.values()}
    assert len(keys) == 4
    assert sum(group.first_out for group in engine.flood.groups.values()) == 4


def test_a_panic_button_in_the_middle_stands_alone() -> None:
    engine = Engine([*pits(20), *pits_safe()])
    for number in range(15):
        fail(engine, number, 0.0)
    (panic,) = fail(engine, 99, 1.0)
    assert panic.announces
    assert engine.flood.active
    assert engine.group(panic.alarm) is None


def pits_safe() -> list[RuleInstance]:
    cls = class_of("running", life_safety=True)
    bindings = {"running": PointId("pit-99.running")}
    return list(instantiate(EquipmentId("pit-99"), cls, name=NAME, place=Text(zh="地库0", en="b"), bindings=bindings))


def test_a_restart_remembers_what_came_before_it() -> None:
    before = Engine(pits(20))
    journal = [one for number in range(8) for one in fail(before, number, number)]
    engine = Engine(pits(20))
    engine.restore(journal, {}, [(one.alarm, one.decided) for one in journal])
    for number in range(8, 11):
        fail(engine, number, 30)
    assert engine.flood.active
