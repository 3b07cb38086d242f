"""A message at which the receiver crashes is put aside at its third coming, and every other panel is heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from drivers.dc09.source import Dc09Source
from drivers.mqtt.aside import SET_ASIDE
from drivers.profile import Profile
from estate.model import Delivery, Event, Sample, SystemClock
from estate.outline import Receiver
from tests.drivers.dc09.conftest import panel, profile
from tests.drivers.dc09.sender import PanelLine, frame


class Broke(Exception):
    """What the crash is made of."""


class BreaksAtACode(dict[str, Any]):
    """A profile's `codes` that raise for one of them."""

    def get(self, key: str, default: Any = None) -> Any:
        if key == "666":
            raise Broke(key)
        return super().get(key, default)


def breaking() -> Profile:
    model = profile()
    assert model.dc09 is not None
    section = model.dc09.model_copy(update={"codes": BreaksAtACode(model.dc09.codes)})
    return model.model_copy(update={"dc09": section})


class Watched:
    """A receiver that is restarted as the daemon restarts it, but at once."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.samples: list[Sample] = []
        self.crashes = 0
        pair = [(panel(), breaking()), (panel("panel-8", "00C8"), profile())]
        self.source = Dc09Source(Receiver(port=0), pair, self._deliver, SystemClock())

    async def _deliver(self, delivery: Delivery) -> None:
        self.events += delivery.events
        self.samples += delivery.samples
        delivery.settled(True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watched"]:
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _run(self) -> None:
        while True:
            self.source.port = 0
            try:
                await self.source.run()
            except* Broke:
                self.crashes += 1

    async def line(self, account: str, seq: int = 0) -> PanelLine:
        async with asyncio.timeout(5):
            while not self.source.port:
                await asyncio.sleep(0.01)
        return PanelLine(self.source.port, account, seq)

    async def crash(self, code: str, zone: int = 1, seq: int = 0) -> None:
        """One coming of a message that is not answered, because the receiver ends."""
        before = self.crashes
        async with await self.line("12AB", seq) as line:
            await line.send(frame(line.contact_id(code, zone)))
            async with asyncio.timeout(5):
                while self.crashes == before:
                    await asyncio.sleep(0.01)


async def test_a_message_that_crashes_twice_is_kept_answered_and_told_and_the_others_are_heard() -> None:
    async with Watched().running() as watched:
        await watched.crash("1666", seq=6)
        await watched.crash("1666", seq=6)
        async with await watched.line("12AB", 6) as line:
            message = line.contact_id("1666")
            assert await line.say(message) == '"DUH"0007R1L0#12AB[]'
            assert await line.say(line.contact_id("1130", zone=15)) == '"ACK"0008R1L0#12AB[]'
        async with await watched.line("00C8") as other:
            assert (await other.say(other.contact_id("1130"))).startswith('"ACK"')
    assert watched.crashes == watched.source.aside.crashes == 2
    (kept,) = [event.data for event in watched.events if event.type == SET_ASIDE]
    assert kept["device"] == "panel-7"
    assert bytes.fromhex(kept["hex"]) == frame(message)
    assert [s.value for s in watched.samples if s.point == "panel-7.protocol"] == ["set_aside"]
    assert [e.device for e in watched.events if e.type == "alarm.burglary"] == ["panel-7", "panel-8"]


async def test_a_panel_at_which_it_crashes_whatever_it_says_is_left_alone_and_told_as_offline() -> None:
    async with Watched().running() as watched:
        for zone in (1, 2, 3):
            await watched.crash("1666", zone)
        async with await watched.line("12AB") as line:
            assert (await line.say(line.contact_id("1666", zone=4))).startswith('"DUH"')
            assert (await line.say(line.message("NULL"))).startswith('"DUH"'), "so the panel knows that nobody hears it"
        async with await watched.line("00C8") as other:
            assert (await other.say(other.contact_id("1130"))).startswith('"ACK"')
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while [s.value for s in watched.samples if s.point == "panel-7.online"][-1:] != [False]:
                    await asyncio.sleep(0.05)
    assert watched.crashes == 3
    assert [s.value for s in watched.samples if s.point == "panel-7.online"][-1] is False
    assert [s.value for s in watched.samples if s.point == "panel-8.online"] == [True]
    assert len([event for event in watched.events if event.type == SET_ASIDE]) == 1
