"""A line that is overloaded, noisy, or shows one device twice: judged alone, and over a real connection."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest

from drivers.modbus.line_watch import LineState, LineWatch
from drivers.modbus.source import ModbusSource
from drivers.modbus.twins import AGREED, Twins
from estate.installation import Bus, Device
from estate.model import PointId, Quality, Sample, SystemClock
from tests.drivers.modbus.bus_rig import LEVEL, Inbox, polling, profile_of
from tests.drivers.modbus.hostile import Hostile, listening

UNITS = ("d1", "d2", "d3")
COUNT = {"energy": {"table": "holding", "address": 0, "type": "uint32", "unit": "kWh"}}


def minutes(watch: LineWatch, count: int, *, failing: Iterable[str] = (), share: float = 0.0, late: float = 0.0,
            begin: float = 0.0) -> list[LineState]:  # fmt: skip
    """Each unit asked once a second; of every `1 / share` requests to one of `failing` the first is not answered."""
    verdicts = []
    every = round(1 / share) if share else 0
    for second in range(60 * count):
        for unit in UNITS:
            verdict = watch.asked(late, 1.0, begin + second)
            if verdict is not None:
                verdicts.append(verdict.state)
            if unit in failing and every and second % every == 0:
                watch.failed(unit)
            else:
                watch.answered(unit)
    return verdicts


def test_a_line_on_which_all_is_answered_in_time_is_all_right() -> None:
    assert set(minutes(LineWatch(serial=True), 20)) == {LineState.OK}
    assert set(minutes(LineWatch(serial=False), 20)) == {LineState.OK}


def test_one_answer_in_fifty_lost_is_noise_on_a_serial_line_only() -> None:
    noisy = minutes(LineWatch(serial=True), 20, failing=UNITS, share=0.02)
    assert noisy[-1] is LineState.NOISY
    assert LineState.OVERLOADED not in noisy
    assert set(minutes(LineWatch(serial=False), 20, failing=UNITS, share=0.02)) == {LineState.OK}


def test_a_gateway_that_leaves_one_request_in_ten_unanswered_is_overloaded() -> None:
    assert minutes(LineWatch(serial=False), 6, failing=UNITS, share=0.1)[-1] is LineState.OVERLOADED


def test_requests_that_go_out_late_are_an_overload_on_any_line_until_they_are_in_time_again() -> None:
    watch = LineWatch(serial=True)
    assert minutes(watch, 6, late=0.7)[-1] is LineState.OVERLOADED
    after = minutes(watch, 7, begin=360.0)
    assert after[-1] is LineState.OK


def test_a_unit_that_is_lost_says_nothing_of_the_line() -> None:
    watch = LineWatch(serial=True)
    for minute in range(20):
        minutes(watch, 1, begin=60.0 * minute)
        for _ in range(3):
            watch.failed("d9")
        watch.lost("d9")
        watch.answered("d9")  # back again
    assert minutes(watch, 2, begin=1200.0) == [LineState.OK, LineState.OK]


def test_one_bad_minute_is_not_noise() -> None:
    watch = LineWatch(serial=True)
    minutes(watch, 2)
    minutes(watch, 1, failing=UNITS, share=0.5, begin=120.0)
    assert set(minutes(watch, 10, begin=180.0)) == {LineState.OK}


def test_the_reason_says_whether_it_is_one_unit_or_the_line() -> None:
    for failing, words in ((("d2",), "mostly d2"), (UNITS, "3 units")):
        watch = LineWatch(serial=True)
        minutes(watch, 16, failing=failing, share=0.1)
        verdict = watch.asked(0.0, 1.0, 961.0)
        assert verdict is not None
        assert verdict.state is LineState.NOISY
        assert words in verdict.reason


def said(*counts: tuple[str, float]) -> Iterator[Sample]:
    for unit, count in counts:
        yield Sample(PointId(f"{unit}.energy"), count, Quality.GOOD, datetime(2026, 3, 1, tzinfo=UTC), 0.0)


def test_two_units_that_count_in_step_are_one_device_and_no_longer_when_they_part() -> None:
    twins = Twins((unit, profile_of(COUNT)) for unit in UNITS)
    for step in range(AGREED + 2):  # d2 is asked a moment later: its count may have moved by a little
        twins.hear(said(("d1", 500.0 + 10 * step), ("d2", 500.5 + 10 * step), ("d3", 80.0 + 9 * step)))
    assert twins.found == "d1, d2"
    twins.hear(said(("d1", 900.0), ("d2", 700.0)))
    assert twins.found == ""


def test_meters_that_stand_still_or_count_by_themselves_are_not_taken_for_one() -> None:
    twins = Twins((unit, profile_of(COUNT)) for unit in UNITS)
    for step in range(50):
        twins.hear(said(("d1", 500.0), ("d2", 500.0), ("d3", 500.0 + step)))
        twins.hear(said(("d1", 500.0 + 1.3 * step)))
    assert twins.found == ""


def watched(inbox: Inbox, device: Hostile, points: dict[str, dict[str, object]], **bus: object) -> ModbusSource:
    """Two units, and minutes of a tenth of a second."""
    profile = profile_of(points)
    devices = [(Device(id=f"d{u}", profile="bench-model", bus="b", unit=u, poll=0.05), profile) for u in (1, 2)]
    line = Bus.model_validate({"id": "b", "tcp": f"127.0.0.1:{device.port}", "timeout": 0.05, "quiet": 0.05} | bus)
    return ModbusSource(line, devices, inbox.deliver, SystemClock(), minute=0.4)


@pytest.mark.parametrize(("framing", "state"), [("tcp", "overloaded"), ("rtu", "noisy")])
async def test_answers_that_go_missing_now_and_then_are_told_while_every_unit_stays_on_line(
    framing: str, state: str
) -> None:
    inbox, device = Inbox(), Hostile(framing=framing).holding(1, {25: 1}).holding(2, {25: 2})
    async with listening(device), polling(watched(inbox, device, LEVEL, framing=framing)):
        await inbox.until(lambda: inbox.value("bus-b.line") == "ok")

        def disturbed() -> bool:
            if len(device.asked) % 7 == 0 and not device.script:
                device.script.append("silent")
            return inbox.value("bus-b.line") == state

        await inbox.until(disturbed, 20)
        assert "of the requests" in inbox.latest["bus-b.line"].reason
        await inbox.until(lambda: inbox.value("bus-b.line") == "ok", 20)
    assert False not in [sample.value for sample in inbox.samples if sample.point.endswith(".online")]


class OneMeter(dict[int, int]):
    """The registers of one meter that counts fast, whichever address is asked."""

    def get(self, key: int, default: int = 0) -> int:  # type: ignore[override]
        return 3 if key == 0 else int(10_000 * time.monotonic()) & 0xFFFF if key == 1 else default


async def test_a_gateway_that_answers_with_another_unit_is_found_out() -> None:
    inbox, device = Inbox(), Hostile(units={unit: {3: OneMeter()} for unit in (1, 2)})
    async with listening(device), polling(watched(inbox, device, COUNT)):
        await inbox.until(lambda: inbox.value("bus-b.twins") == "d1, d2", 20)
        assert inbox.value("d1.online") is True
