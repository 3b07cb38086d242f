"""The two lanes into the one writer."""

import asyncio
from datetime import UTC, datetime

from daemon.inbox import Inbox, Operation, OperationKind
from estate.model import Delivery, DeviceId, Event
from rules.alarm import AlarmId

AT = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)


def delivery(seq: int, life_safety: bool = False, events: int = 1) -> Delivery:
    one = Event(DeviceId("d"), "b", seq, "x", AT, AT, False, {})
    return Delivery(events=(one,) * events, life_safety=life_safety)


async def test_life_safety_is_taken_before_all_that_came_earlier() -> None:
    inbox = Inbox()
    for seq in range(5):
        await inbox.put(delivery(seq))
    urgent = delivery(99, life_safety=True)
    await inbox.put(urgent)
    assert (await inbox.take(0))[0] is urgent


async def test_an_operator_never_queues_behind_a_flood() -> None:
    inbox = Inbox()
    for seq in range(20):
        await inbox.put(delivery(seq))
    operation = Operation(OperationKind.ACKNOWLEDGE, AlarmId("a.b"), "wang", "desk-1")
    await inbox.put(operation)
    assert (await inbox.take(0))[0] is operation


async def test_a_full_lane_makes_the_driver_wait_and_loses_nothing() -> None:
    inbox = Inbox(depth=2)
    for seq in range(2):
        await inbox.put(delivery(seq))
    waiting = asyncio.create_task(inbox.put(delivery(2)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(await inbox.take(0)) == 2
    await waiting
    assert len(await inbox.take(0)) == 1


async def test_a_full_ordinary_lane_does_not_hold_up_life_safety() -> None:
    inbox = Inbox(depth=1)
    await inbox.put(delivery(1))
    async with asyncio.timeout(1):
        await inbox.put(delivery(2, life_safety=True))


async def test_one_pass_takes_about_as_many_events_as_asked() -> None:
    inbox = Inbox()
    for seq in range(10):
        await inbox.put(delivery(seq, events=100))
    assert len(await inbox.take(0, most=250)) == 3
    assert len(await inbox.take(0, most=10_000)) == 7


async def test_taking_from_an_empty_inbox_ends_at_the_deadline() -> None:
    assert await Inbox().take(0.01) == []
