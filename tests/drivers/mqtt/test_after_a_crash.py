"""A source that crashed and runs again: what never reached the inbox comes again, once, and is acknowledged then."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drivers.mqtt.sequence import EventTrack, Restored, Verdict
from drivers.mqtt.source import MqttSource
from estate.model import Delivery

Says = Callable[..., dict[str, Any]]


class Broke(Exception):
    """What the crash is made of."""


class Breaking:
    """A deliver that raises while `breaks` says so, and else hands on."""

    def __init__(self, received: Any) -> None:
        self.received = received
        self.breaks: Callable[[Delivery], bool] = lambda _: False

    async def __call__(self, delivery: Delivery) -> None:
        if self.breaks(delivery):
            self.breaks = lambda _: False
            raise Broke
        await self.received.deliver(delivery)


async def crashed(source: MqttSource, running: "asyncio.Task[None]") -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        async with asyncio.timeout(10):
            await running
    assert caught.group_contains(Broke)


async def connected(oak: Any, since: int) -> None:
    await oak.received.until(
        lambda: any(s.point == "system.broker" and s.value is True for s in oak.received.samples[since:])
    )


async def test_events_that_were_not_delivered_come_again_each_once_and_are_acknowledged(
    oak: Any, says_event: Says
) -> None:
    """The broker sends again what had no PUBACK, the device what had no acknowledgement: neither is told twice."""
    deliver = Breaking(oak.received)
    source = oak.source(("d-1", "estate-door"), deliver=deliver)
    async with oak.device("estate/v1/oak/door/d-1/ack") as door:
        running = asyncio.create_task(source.run())
        await connected(oak, 0)
        await door.say("door/d-1/event", says_event("d-1", 1, "door.opened"))
        assert (await door.hears())[1]["seq"] == 1
        deliver.breaks = lambda delivery: any(event.seq == 3 for event in delivery.events)
        said = [says_event("d-1", seq, "door.forced" if seq == 3 else "door.closed") for seq in range(2, 6)]
        for message in said:
            await door.say("door/d-1/event", message)
        await crashed(source, running)
        again = len(oak.received.samples)
        running = asyncio.create_task(source.run())
        try:
            await connected(oak, again)
            await oak.received.until(lambda: len(oak.received.events) >= 5)
            for message in said:
                await door.say("door/d-1/event", message)
            heard = (await door.hears())[1]["seq"]
            while heard < 5:
                heard = (await door.hears())[1]["seq"]
            await door.say("door/d-1/event", says_event("d-1", 6, "door.opened"))
            while heard < 6:
                heard = (await door.hears())[1]["seq"]
        finally:
            running.cancel()
            await asyncio.wait((running,))
    assert sorted(event.seq for event in oak.received.events) == [1, 2, 3, 4, 5, 6]
    assert not any(event.historic for event in oak.received.events)
    assert [s.cause.seq for s in oak.received.samples if s.point == "d-1.alarm" and s.value == "forced"][:1] == [3]


async def test_nothing_is_acknowledged_that_a_crash_lost(oak: Any, says_event: Says) -> None:
    """Also not by what comes after it: the journal does not hold it."""
    deliver = Breaking(oak.received)
    source = oak.source(("d-1", "estate-door"), deliver=deliver)
    async with oak.device("estate/v1/oak/door/d-1/ack") as door:
        running = asyncio.create_task(source.run())
        await connected(oak, 0)
        deliver.breaks = lambda delivery: bool(delivery.events)
        await door.say("door/d-1/event", says_event("d-1", 1, "door.forced"))
        await crashed(source, running)
        again = len(oak.received.samples)
        oak.received.hold = True
        running = asyncio.create_task(source.run())
        try:
            await connected(oak, again)
            await oak.received.until(lambda: oak.received.events)
            with pytest.raises(TimeoutError):
                await door.hears(0.5)
            for delivery in oak.received.deliveries:
                delivery.settled(True)
            assert (await door.hears())[1] == {"v": 1, "boot": "b1", "from": 1, "seq": 1}
        finally:
            running.cancel()
            await asyncio.wait((running,))
    assert [event.seq for event in oak.received.events] == [1]


async def test_what_is_told_only_when_it_changes_is_not_lost_by_a_crash(oak: Any) -> None:
    deliver = Breaking(oak.received)
    source = oak.source(("d-1", "estate-door"), deliver=deliver)
    async with oak.device() as door:
        running = asyncio.create_task(source.run())
        await connected(oak, 0)
        deliver.breaks = lambda delivery: any(sample.value == "malformed" for sample in delivery.samples)
        await door.say("door/d-1/event", b"garbage")
        await crashed(source, running)
        assert oak.received.value("d-1.protocol") != "malformed"
        running = asyncio.create_task(source.run())
        try:
            await oak.received.until(lambda: oak.received.value("d-1.protocol") == "malformed")
        finally:
            running.cancel()
            await asyncio.wait((running,))


def test_an_event_taken_back_is_taken_again_wherever_it_stood() -> None:
    track = EventTrack.restore(Restored(("b1",), "b1", 5, (8,)), 0.0)
    for seq in (6, 10, 9, 11):
        track.accept("b1", seq, seq, 1.0)
    for seq in (11, 9, 10, 6):
        track.lose("b1", seq, 2.0)
    assert track.contiguous == 5
    taken = [seq for seq in (5, 8, 6, 9, 10, 11, 6, 9) if track.accept("b1", seq, seq, 3.0) is not Verdict.DUPLICATE]
    assert taken == [6, 9, 10, 11]
    assert [(gap.first, gap.last) for gap in track.due(3.0)] == [(7, 7)]


def test_an_event_of_a_new_boot_taken_back_is_taken_again() -> None:
    track = EventTrack.restore(Restored(("b1",), "b1", 5), 0.0)
    assert track.accept("b2", 1, 1, 1.0) is Verdict.NEW
    track.lose("b2", 1, 1.0)
    assert track.accept("b2", 1, 1, 2.0) is Verdict.NEW
    assert track.accept("b2", 1, 1, 3.0) is Verdict.DUPLICATE
