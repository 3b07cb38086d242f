"""A receiver that crashed and runs again: what never reached the inbox is taken when the panel says it again."""

import asyncio

import pytest

from drivers.dc09.source import Dc09Source
from estate.model import Delivery, Event, Sample, SystemClock
from estate.outline import Receiver
from tests.drivers.dc09.conftest import panel, profile
from tests.drivers.dc09.sender import PanelLine, frame


class Broke(Exception):
    """What the crash is made of."""


async def listening(source: Dc09Source) -> "asyncio.Task[None]":
    source.port = 0
    running = asyncio.create_task(source.run())
    async with asyncio.timeout(5):
        while not source.port:
            await asyncio.sleep(0.01)
    return running


async def test_an_alarm_that_was_not_delivered_is_taken_when_the_panel_repeats_it() -> None:
    events: list[Event] = []
    samples: list[Sample] = []
    breaks = True

    async def deliver(delivery: Delivery) -> None:
        nonlocal breaks
        if breaks and delivery.events:
            breaks = False
            raise Broke
        events.extend(delivery.events)
        samples.extend(delivery.samples)
        delivery.settled(True)

    source = Dc09Source(Receiver(port=0), [(panel(), profile())], deliver, SystemClock())
    running = await listening(source)
    async with PanelLine(source.port, "12AB") as line:
        message = line.contact_id("1130", zone=15)
        await line.send(frame(message))
        with pytest.raises(BaseExceptionGroup) as caught:
            await asyncio.wait_for(running, 5)
        assert caught.group_contains(Broke)
    assert events == []
    running = await listening(source)
    async with PanelLine(source.port, "12AB") as line:
        assert await line.say(message) == '"ACK"0001R1L0#12AB[]'
        assert await line.say(message) == '"ACK"0001R1L0#12AB[]'
    running.cancel()
    await asyncio.wait((running,))
    assert [event.type for event in events] == ["alarm.burglary"]
    assert [sample.value for sample in samples if sample.point == "panel-7.online"] == [True]
    assert [sample.value for sample in samples if sample.point == "panel-7.burglary"] == [True]
