"""While the broker is away nobody hears a device: its values are stale, and good again only by what it says."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.mqtt.source import BRIEF
from estate.model import Quality
from simulators.broker import broker

Says = Callable[..., dict[str, Any]]


async def test_the_values_of_a_lost_session_are_stale_until_their_devices_speak(
    oak: Any, mosquitto: Any, says_state: Says, clock: Any, tmp_path: Path
) -> None:
    oak.clock = clock
    received = oak.received
    source = oak.source(("d-1", "estate-door"), ("d-2", "estate-door"))
    async with oak.running(source):
        async with oak.device() as door:
            for name in ("d-1", "d-2"):
                await door.say(f"door/{name}/state", says_state(name, 1, contact="closed", lock="locked"))
            await received.until(lambda: received.value("d-2.contact") == "closed")
        mosquitto.process.kill()
        await received.until(lambda: received.value("system.broker") is False)
        clock.forward(BRIEF - 1)
        said = len(received.deliveries)
        await asyncio.sleep(1.2)  # two looks at the clock
        assert received.last("d-1.contact").quality is Quality.GOOD
        clock.forward(2)
        await received.until(lambda: received.last("d-2.lock").quality is Quality.STALE)
        for point in ("d-1.contact", "d-1.lock", "d-2.contact"):
            sample = received.last(point)
            assert sample.quality is Quality.STALE
            assert sample.reason == "broker session lost"
        assert received.last("d-1.contact").value == "closed"
        assert not [s for d in received.deliveries[said:] for s in d.samples if s.point.endswith(".online")]
        async with broker(tmp_path / "again", port=mosquitto.port):
            await received.until(lambda: received.value("system.broker") is True, 15)
            async with oak.device() as door:
                await door.say("door/d-1/hb", {"v": 1, "dev": "d-1", "boot": "b1", "seq": 1, "up_s": 1.0, "queue": 0})
                await received.until(lambda: received.last("d-1.contact").quality is Quality.GOOD)
                assert received.last("d-2.contact").quality is Quality.STALE
                await door.say("door/d-2/state", says_state("d-2", 1, contact="open", lock="locked"), retain=True)
                await received.until(lambda: received.last("d-2.contact").quality is Quality.GOOD)
                assert received.last("d-2.contact").value == "open"


async def test_a_quick_reconnect_is_no_news(oak: Any, mosquitto: Any, says_state: Says, tmp_path: Path) -> None:
    received = oak.received
    async with oak.running(oak.source(("d-1", "estate-door"))):
        async with oak.device() as door:
            await door.say("door/d-1/state", says_state("d-1", 1, contact="closed"))
            await received.until(lambda: received.value("d-1.contact") == "closed")
        mosquitto.process.kill()
        await received.until(lambda: received.value("system.broker") is False)
        async with broker(tmp_path / "again", port=mosquitto.port):
            await received.until(lambda: received.value("system.broker") is True, 15)
        assert received.last("d-1.contact").quality is Quality.GOOD
