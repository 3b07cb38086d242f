"""A whole bus: rhythm, quarantine, identity, refusals, and what is told of it."""

import asyncio
import time
from collections import deque
from itertools import pairwise
from statistics import quantiles

import pytest

from estate.errors import CommandRefused, DeviceRefused, NotSent, TransportError
from estate.model import Quality, point_id
from tests.drivers.modbus.bus_rig import LEVEL, Inbox, polling, profile_of, source_of
from tests.drivers.modbus.hostile import Hostile, listening, on_serial_line

PROBED = {"table": "holding", "address": 2, "expect": [8, 9]}


def intervals(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


async def test_values_arrive_with_quality_and_again_only_when_they_change() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {25: 135})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port)):
        await inbox.until(lambda: len(device.asked) >= 5)
        assert inbox.value("d1.level") == 1.35
        assert inbox.value("bus-b.online") is True
        assert inbox.value("d1.online") is True
        assert inbox.value("d1.identity") == "unproven"
        assert [s.value for s in inbox.samples if s.point == "d1.level"] == [1.35]
        device.holding(1, {25: 136})
        await inbox.until(lambda: inbox.value("d1.level") == 1.36)


async def test_an_unchanged_value_is_reported_as_seen_often_enough_to_stay_fresh() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {25: 135})
    async with listening(device):
        source = source_of(inbox, profile_of(LEVEL), device.port, poll=0.2)
        async with polling(source):
            await inbox.until(lambda: len(inbox.seen) >= 6)
    assert {point for _, point in inbox.seen} == {"d1.level"}
    assert max(intervals([at for at, _ in inbox.seen])) < 0.6  # three polls


async def test_the_rhythm_does_not_drift_with_the_time_an_answer_takes() -> None:
    inbox, device = Inbox(), Hostile(delay=0.03).holding(1, {25: 1})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port, poll=0.1)):
        await inbox.until(lambda: len(device.asked) >= 14)
    times = device.requests(1)[2:]
    assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(0.1, abs=0.008)


async def test_slow_points_are_read_every_tenth_cycle_and_fast_ones_go_first() -> None:
    points = LEVEL | {
        "hours": {"table": "input", "address": 0, "poll": "slow"},
        "alarm": {"table": "coil", "address": 3, "poll": "fast"},
    }
    inbox, device = Inbox(), Hostile().holding(1, {25: 1})
    async with listening(device), polling(source_of(inbox, profile_of(points), device.port, poll=0.05)):
        await inbox.until(lambda: len(device.asked) >= 44)
    functions = [function for _, _, function, *_ in device.asked]
    assert functions[:3] == [1, 3, 4]
    assert 2 <= functions.count(4) <= 4
    assert abs(functions.count(1) - functions.count(3)) <= 1


async def test_a_device_is_trusted_only_after_it_said_what_it_is() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {2: 9, 25: 10})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL, probe=PROBED), device.port)):
        await inbox.until(lambda: inbox.value("d1.level") == 0.1)
    assert device.asked[0][2:] == (3, 2, 1)
    assert inbox.value("d1.identity") == "ok"


async def test_a_stranger_at_the_address_is_never_believed() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {2: 3, 25: 10})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL, probe=PROBED), device.port)):
        await inbox.until(lambda: inbox.quality("d1.level") is Quality.CONFIGURATION)
        assert inbox.value("d1.identity") == "mismatch"
        assert "3 instead of 8 or 9" in inbox.latest["d1.level"].reason
        assert inbox.value("d1.online") is True
    assert {asked[3] for asked in device.asked} == {2}


async def test_a_device_that_was_exchanged_while_away_is_asked_again_who_it_is() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {2: 8, 25: 10})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL, probe=PROBED), device.port)):
        await inbox.until(lambda: inbox.value("d1.level") == 0.1)
        await device.stop()
        await inbox.until(lambda: inbox.quality("d1.level") is Quality.NO_COMMUNICATION)
        device.holding(1, {2: 3, 25: 4000})
        await device.start()
        await inbox.until(lambda: inbox.value("d1.identity") == "mismatch")
    assert all(sample.value != 40.0 for sample in inbox.samples)


async def test_a_gateway_that_goes_and_comes_back_is_used_again_without_a_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    inbox, device = Inbox(), Hostile().holding(1, {25: 10}).holding(2, {25: 20})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port, units=(1, 2))):
        await inbox.until(lambda: inbox.value("d2.level") == 0.2)
        await device.stop()
        await inbox.until(lambda: inbox.quality("d2.level") is Quality.NO_COMMUNICATION)
        assert inbox.value("bus-b.online") is False
        assert inbox.value("d1.online") is False
        device.holding(1, {25: 11})
        await device.start()
        await inbox.until(lambda: inbox.value("d1.level") == 0.11 and inbox.value("d2.level") == 0.2)
        assert inbox.value("bus-b.online") is True
        assert inbox.value("d2.online") is True
    said = [r.getMessage() for r in caplog.records if r.name.startswith("drivers")]
    assert [line.split(":")[0] for line in said] == ["bus-b lost", "bus-b is back"]


async def test_a_server_that_was_never_there_is_told_at_once_and_found_when_it_comes() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {25: 10})
    async with listening(device):
        pass
    async with polling(source_of(inbox, profile_of(LEVEL), device.port)):
        await inbox.until(lambda: inbox.value("d1.online") is False)
        assert inbox.value("bus-b.online") is False
        async with listening(device):
            await inbox.until(lambda: inbox.value("d1.level") == 0.1)


async def test_a_unit_that_fails_three_times_is_lost_and_only_that_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox, device = Inbox(), Hostile(always={2: "silent"}).holding(1, {25: 10}).holding(2, {25: 20})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port, units=(1, 2))):
        await inbox.until(lambda: inbox.quality("d2.level") is Quality.NO_COMMUNICATION)
        assert device.busiest()[2] == 3
        assert inbox.value("d2.online") is False
        assert inbox.value("bus-b.online") is True
        assert inbox.quality("d1.level") is Quality.GOOD
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING" and r.name.startswith("drivers")] == [
        "d2 (unit 2) lost: no answer in 0.15 s"
    ]


async def test_the_gateway_saying_that_a_unit_is_dead_is_about_that_unit_alone() -> None:
    inbox, device = Inbox(), Hostile(always={2: "exc-11"}).holding(1, {25: 10}).holding(2, {25: 20})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port, units=(1, 2))):
        await inbox.until(lambda: inbox.quality("d2.level") is Quality.NO_COMMUNICATION)
        assert "gateway target" in inbox.latest["d2.level"].reason
        assert inbox.value("d1.level") == 0.1
        assert inbox.value("bus-b.online") is True


async def test_a_busy_device_is_asked_again_and_not_given_up() -> None:
    inbox, device = Inbox(), Hostile(script=deque(["exc-6"] * 5)).holding(1, {25: 10})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port)):
        await inbox.until(lambda: inbox.value("d1.level") == 0.1)
    assert [s.value for s in inbox.samples if s.point == "d1.online"] == [True]


async def test_a_register_the_device_does_not_have_takes_no_neighbour_along() -> None:
    points = {f"p{at}": {"table": "holding", "address": at} for at in range(5)}
    inbox, device = Inbox(), Hostile(holes={3}).holding(1, {at: 10 + at for at in range(5)})
    async with listening(device), polling(source_of(inbox, profile_of(points), device.port)):
        await inbox.until(lambda: len([p for p in inbox.latest if p.startswith("d1.p") and p != "d1.protocol"]) == 5)
        assert inbox.quality("d1.p3") is Quality.CONFIGURATION
        assert [inbox.value(f"d1.p{at}") for at in (0, 1, 2, 4)] == [10, 11, 12, 14]
        assert inbox.value("d1.online") is True


async def test_malformed_answers_are_shown_as_a_fault_of_the_device_and_change_no_value() -> None:
    inbox, device = Inbox(), Hostile().holding(1, {25: 10})
    async with listening(device), polling(source_of(inbox, profile_of(LEVEL), device.port)):
        await inbox.until(lambda: inbox.value("d1.level") == 0.1)
        device.script = deque(["wrong_function", "wrong_count"])
        await inbox.until(lambda: inbox.value("d1.protocol") == "malformed")
        before = len(device.asked)
        await inbox.until(lambda: len(device.asked) > before + 3)
        assert {s.value for s in inbox.samples if s.point == "d1.level"} == {0.1}


async def test_late_answers_on_rtu_over_tcp_store_no_wrong_value() -> None:
    points = {f"p{at}": {"table": "holding", "address": 20 * at} for at in range(4)}
    device = Hostile(framing="rtu", lateness=0.2, shared_line=True)
    device.holding(1, {20 * at: 100 + at for at in range(4)})
    inbox = Inbox()
    async with listening(device), polling(source_of(inbox, profile_of(points), device.port, framing="rtu")):
        for _ in range(4):
            device.script = deque(["late"])
            asked = len(device.asked)
            await inbox.until(lambda before=asked: len(device.asked) > before + 5)  # type: ignore[misc]
    points_of_mine = {f"d1.p{at}" for at in range(4)}
    values = {(s.point, s.value) for s in inbox.samples if s.point in points_of_mine and s.quality is Quality.GOOD}
    assert values == {(f"d1.p{at}", 100 + at) for at in range(4)}


async def test_one_dead_unit_of_eight_on_an_rtu_gateway_does_not_slow_its_neighbours() -> None:
    """Issue 2: neighbours' p95 cycle rises by no more than 10 % after detection."""
    units = tuple(range(1, 9))
    device = Hostile(framing="rtu", delay=0.01)
    for unit in units:
        device.holding(unit, {25: unit})
    inbox = Inbox()
    async with listening(device):
        source = source_of(inbox, profile_of(LEVEL), device.port, units=units, poll=0.5, framing="rtu")
        async with polling(source):
            await inbox.until(lambda: len(device.requests(8)) >= 6)
            healthy = [gap for unit in units[:-1] for gap in intervals(device.requests(unit)[1:])]
            device.always[8] = "silent"
            await inbox.until(lambda: inbox.value("d8.online") is False)
            since = time.monotonic()
            tries = len(device.requests(8))
            await inbox.until(lambda: time.monotonic() > since + 5.5 and len(device.requests(8)) > tries)
    after = [g for unit in units[:-1] for g in intervals([at for at in device.requests(unit) if at > since])]
    assert len(after) > 60
    assert quantiles(after, n=20)[-1] <= 1.10 * max(quantiles(healthy, n=20)[-1], 0.5)


async def test_many_units_are_read_over_a_serial_line() -> None:
    device = Hostile(framing="rtu").holding(3, {25: 30}).holding(4, {25: 40})
    inbox = Inbox()
    async with on_serial_line(device) as path:
        source = source_of(inbox, profile_of(LEVEL), units=(3, 4, 5), serial=path, baud=115200)
        async with polling(source):
            await inbox.until(lambda: inbox.value("d3.level") == 0.3 and inbox.value("d4.level") == 0.4)
            await inbox.until(lambda: inbox.value("d5.online") is False)
            device.holding(3, {25: 31})
            await inbox.until(lambda: inbox.value("d3.level") == 0.31)


RELAY = {
    "on": {"table": "coil", "address": 2, "writable": True},
    "lit": {"table": "discrete", "address": 2},
    "setpoint": {"table": "holding", "address": 9, "type": "float32", "writable": True},
}


async def test_a_write_is_echoed_and_what_came_of_it_is_read_at_once() -> None:
    inbox, device = Inbox(), Hostile()
    device.units[1] = {}
    async with listening(device), polling(source_of(inbox, profile_of(RELAY), device.port, poll=5.0)) as source:
        await inbox.until(lambda: inbox.value("d1.on") is False)
        await source.write(point_id("d1", "on"), True)
        assert device.units[1][1][2] == 1
        await inbox.until(lambda: inbox.value("d1.on") is True, timeout=1.0)
        await source.write(point_id("d1", "setpoint"), 12.5)
        assert [device.units[1][3][at] for at in (9, 10)] == [0x4148, 0]


async def test_a_write_that_is_not_confirmed_is_told_and_never_sent_twice() -> None:
    inbox, device = Inbox(), Hostile()
    device.units[1] = {}
    async with listening(device), polling(source_of(inbox, profile_of(RELAY), device.port, poll=5.0)) as source:
        await inbox.until(lambda: inbox.value("d1.on") is False)
        for fault, error in (
            ("silent", TransportError), ("wrong_echo", TransportError), ("exc-4", TransportError),
            ("exc-2", DeviceRefused),
        ):  # fmt: skip
            device.on_write = fault
            with pytest.raises(TransportError) as told:
                await source.write(point_id("d1", "on"), True)
            assert type(told.value) is error
    assert len([function for _, _, function, *_ in device.asked if function == 5]) == 4


async def test_what_was_written_is_told_again_also_where_nothing_has_changed() -> None:
    inbox, device = Inbox(), Hostile()
    device.units[1] = {}
    async with listening(device), polling(source_of(inbox, profile_of(RELAY), device.port, poll=5.0)) as source:
        await inbox.until(lambda: inbox.value("d1.lit") is False and inbox.value("d1.on") is False)
        begun = time.monotonic()
        await source.write(point_id("d1", "on"), False)
        again = {point_id("d1", "on"), point_id("d1", "lit")}
        await inbox.until(lambda: again <= {point for at, point in inbox.seen if at >= begun}, timeout=2.0)


async def test_who_waits_for_a_write_hears_when_the_bus_stops_in_the_midst_of_it() -> None:
    inbox, device = Inbox(), Hostile(on_write="silent")
    device.units[1] = {}
    async with listening(device):
        source = source_of(inbox, profile_of(RELAY), device.port, poll=5.0, timeout=20.0)
        async with polling(source):
            await inbox.until(lambda: inbox.value("d1.on") is False)
            writing = asyncio.create_task(source.write(point_id("d1", "on"), True))
            waiting = asyncio.create_task(source.write(point_id("d1", "on"), False))
            await inbox.until(lambda: any(function == 5 for _, _, function, *_ in device.asked))
    async with asyncio.timeout(2):
        with pytest.raises(TransportError, match="in the midst") as told:
            await writing
        with pytest.raises(NotSent):
            await waiting
    assert type(told.value) is TransportError


async def test_what_may_not_be_written_is_refused_before_anything_is_sent() -> None:
    inbox, device = Inbox(), Hostile()
    device.units[1] = {}
    async with listening(device), polling(source_of(inbox, profile_of(RELAY), device.port)) as source:
        await inbox.until(lambda: inbox.value("d1.on") is False)
        for name, value in (("lit", True), ("on", "yes"), ("nothing", True)):
            with pytest.raises(CommandRefused):
                await source.write(point_id("d1", name), value)
        await device.stop()
        await inbox.until(lambda: inbox.value("bus-b.online") is False)
        with pytest.raises(TransportError):
            await source.write(point_id("d1", "on"), True)
    assert not [function for _, _, function, *_ in device.asked if function in (5, 6, 16)]
