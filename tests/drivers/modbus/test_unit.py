"""One device by a clock that the test moves: whom to believe, when to ask again, what to tell."""

from typing import Any

import pytest

from drivers.modbus.unit import Turn, Unit
from estate.installation import Device
from estate.model import Delivery, Quality
from tests.conftest import HandClock
from tests.drivers.modbus.bus_rig import LEVEL, profile_of

NEW = {"d.protocol": "ok", "d.identity": "unproven", "d.clock": "ok"}
PROBED = {"table": "holding", "address": 2, "expect": [8, 9]}


def unit_of(clock: HandClock, points: dict[str, Any] = LEVEL, poll: float = 1.0, **modbus: Any) -> Unit:
    device = Device(id="d", profile="bench-model", unit=1, poll=poll, max_age=modbus.pop("max_age", None))
    return Unit(device, profile_of(points, **modbus), clock.mono)


def told(delivery: Delivery | None) -> dict[str, Any]:
    samples = delivery.samples if delivery is not None else ()
    return {s.point: s.quality if s.value is None else s.value for s in samples}


def only(unit: Unit) -> Turn:
    (turn,) = unit.turns()
    return turn


def test_a_lost_unit_is_tried_after_5_10_20_40_and_then_every_60_seconds(clock: HandClock) -> None:
    unit = unit_of(clock)
    for _ in range(3):
        clock.mono = max(clock.mono, only(unit).due)
        last = unit.failed(only(unit), "no answer", clock.now())
    assert told(last) == {"d.online": False, "d.level": Quality.NO_COMMUNICATION}
    pauses = []
    for _ in range(7):
        pauses.append(only(unit).due - clock.mono)
        clock.mono = only(unit).due
        assert unit.failed(only(unit), "no answer", clock.now()) is None
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert told(unit.answered(only(unit), (120,), clock.forward(60))) == {"d.online": True, "d.level": 1.2} | NEW
    assert only(unit).due == clock.mono
    assert told(unit.answered(only(unit), (120,), clock.now())) == {}


def test_two_failures_with_an_answer_between_them_lose_nothing(clock: HandClock) -> None:
    unit = unit_of(clock)
    for _ in range(5):
        unit.answered(only(unit), (120,), clock.forward(1))
        assert unit.failed(only(unit), "no answer", clock.forward(1)) is None
        assert unit.failed(only(unit), "no answer", clock.forward(1)) is None


def test_a_wrong_identity_is_looked_at_again_after_a_minute_and_may_have_been_put_right(clock: HandClock) -> None:
    unit = unit_of(clock, probe=PROBED)
    assert told(unit.answered(only(unit), (3,), clock.now())) == {
        "d.online": True,
        "d.protocol": "ok",
        "d.clock": "ok",
        "d.identity": "mismatch",
        "d.level": Quality.CONFIGURATION,
    }
    assert only(unit).due - clock.mono == 60
    assert told(unit.answered(only(unit), (8,), clock.forward(60))) == {"d.identity": "ok"}
    assert told(unit.answered(only(unit), (150,), clock.forward(1))) == {"d.level": 1.5}


def test_a_probe_that_the_device_refuses_is_a_mismatch(clock: HandClock) -> None:
    unit = unit_of(clock, probe=PROBED)
    assert told(unit.refused(only(unit), 2, "exception 2", clock.now()))["d.identity"] == "mismatch"


def test_nothing_but_the_probe_is_asked_of_a_device_that_came_back(clock: HandClock) -> None:
    unit = unit_of(clock, probe=PROBED)
    unit.answered(only(unit), (8,), clock.now())
    assert only(unit).block.start == 25
    unit.cut_off("the bus is gone", clock.forward(1))
    unit.reachable(clock.forward(10))
    assert (only(unit).block.start, only(unit).due) == (2, clock.mono)


def test_a_device_that_is_busy_for_ever_is_lost_in_the_end(clock: HandClock) -> None:
    unit = unit_of(clock)
    delivered = [unit.refused(only(unit), 6, "busy", clock.forward(0.5)) for _ in range(29)]
    assert delivered == [None] * 29
    assert told(unit.refused(only(unit), 6, "busy", clock.forward(0.5)))["d.online"] is False


def test_a_refused_register_is_asked_for_again_after_a_minute(clock: HandClock) -> None:
    unit = unit_of(clock)
    assert told(unit.refused(only(unit), 2, "exception 2: illegal address", clock.now())) == {
        "d.online": True,
        "d.protocol": "ok",
        "d.identity": "unproven",
        "d.clock": "ok",
        "d.level": Quality.CONFIGURATION,
    }
    assert only(unit).due - clock.mono == 60
    assert told(unit.answered(only(unit), (150,), clock.forward(60))) == {"d.level": 1.5}


def test_a_block_that_is_never_answered_turns_bad_alone_while_the_rest_lives_on(clock: HandClock) -> None:
    unit = unit_of(clock, LEVEL | {"hours": {"table": "input", "address": 0}})
    dumb, level = sorted(unit.turns(), key=lambda turn: turn.block.table.value, reverse=True)
    bad: dict[str, Any] = {}
    for _ in range(3):
        unit.answered(level, (120,), clock.forward(1))
        bad |= told(unit.failed(dumb, "no answer", clock.forward(1)))
    assert bad == {"d.hours": Quality.NO_COMMUNICATION}
    assert dumb.due - clock.mono == 60


@pytest.mark.parametrize(("max_age", "reads", "refreshes"), [(None, 12, 12), (30.0, 31, 4)])
def test_an_unchanged_value_is_refreshed_three_times_within_its_greatest_age(
    clock: HandClock, max_age: float | None, reads: int, refreshes: int
) -> None:
    unit = unit_of(clock, max_age=max_age)
    seen = 0
    unit.answered(only(unit), (120,), clock.now())
    for _ in range(reads):
        delivery = unit.answered(only(unit), (120,), clock.forward(1))
        seen += delivery is not None and delivery.seen == ("d.level",) and delivery.seen_at == clock.mono
    assert seen == refreshes - (max_age is not None)


def test_a_malformed_answer_is_shown_for_a_minute(clock: HandClock) -> None:
    unit = unit_of(clock)
    unit.answered(only(unit), (120,), clock.now())
    assert told(unit.failed(only(unit), "wrong", clock.forward(1), malformed=True)) == {"d.protocol": "malformed"}
    assert told(unit.answered(only(unit), (120,), clock.forward(59))) == {}
    assert told(unit.answered(only(unit), (120,), clock.forward(1))) == {"d.protocol": "ok"}


def test_an_input_is_told_only_together_with_the_modules_verdict_on_it(clock: HandClock) -> None:
    points = {
        "ai": {"table": "input", "address": 0, "scale": 0.001, "current_loop": True, "status_point": "state"},
        "state": {"table": "input", "address": 60, "enum": {0: "normal", 1: "burn_out"}},
    }
    unit = unit_of(clock, points)
    verdict, value = unit.turns()
    assert "d.ai" not in told(unit.answered(value, (12000,), clock.now()))
    assert told(unit.answered(verdict, (0,), clock.now())) == {"d.state": "normal", "d.ai": 12.0}
    assert told(unit.answered(verdict, (1,), clock.now())) == {"d.state": "burn_out", "d.ai": Quality.SENSOR_FAULT}
    assert told(unit.answered(value, (12001,), clock.now())) == {}
    assert told(unit.answered(verdict, (0,), clock.now())) == {"d.state": "normal", "d.ai": 12.001}


def test_beats_that_were_missed_are_left_out_and_the_rhythm_stays(clock: HandClock) -> None:
    unit = unit_of(clock)
    start = clock.mono
    unit.answered(only(unit), (1,), clock.forward(2.3))
    assert only(unit).due == start + 3
