"""A site over a real Mosquitto: what devices say is delivered, settled, acknowledged; what is missing is asked for."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import aiomqtt
import pytest

from drivers.mqtt.sequence import Restored
from estate.model import DeviceId, Quality

Says = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_an_event_is_delivered_and_acknowledged_to_the_device_after_it_is_settled(
    oak: Any, says_event: Says, protocol: str
) -> None:
    oak.received.hold = True
    async with (
        oak.device("estate/v1/oak/door/d-1/ack") as door,
        oak.running(oak.source(("d-1", "estate-door"), protocol=protocol)),
    ):
        for seq in (1, 2, 3):
            await door.say("door/d-1/event", says_event("d-1", seq, "door.forced" if seq == 3 else "rex.pressed"))
        await oak.received.until(lambda: len(oak.received.events) == 3)
        assert oak.received.value("d-1.alarm") == "forced"
        assert oak.received.last("d-1.alarm").cause.seq == 3
        for delivery in oak.received.deliveries:
            delivery.settled(True)
        said = await door.hears()
        while said[1]["seq"] < 3:
            said = await door.hears()
        assert said == ("estate/v1/oak/door/d-1/ack", {"v": 1, "boot": "b1", "from": 1, "seq": 3})


async def test_nothing_is_acknowledged_before_it_is_settled(oak: Any, says_event: Says) -> None:
    """The daemon ends between delivery and commit: the broker keeps the events, and sends them again."""
    oak.received.hold = True
    async with oak.device() as zone:
        async with oak.running(oak.source(("z-1", "estate-zone"), life_safety=True)):
            for seq in (1, 2):
                await zone.say("zone/z-1/event", says_event("z-1", seq, "zone.alarm"))
            await oak.received.until(lambda: len(oak.received.events) == 2)
            assert all(delivery.life_safety for delivery in oak.received.deliveries)
        oak.received.deliveries.clear()
        oak.received.hold = False
        async with oak.running(oak.source(("z-1", "estate-zone"), life_safety=True)):
            await oak.received.until(lambda: len(oak.received.events) == 2)
        oak.received.deliveries.clear()
        async with oak.running(oak.source(("z-1", "estate-zone"), life_safety=True)):
            await zone.say("zone/z-1/event", says_event("z-1", 3, "zone.restore"))
            await oak.received.until(lambda: oak.received.events)
            assert [event.seq for event in oak.received.events] == [3]


async def test_batches_settled_out_of_order_are_acknowledged_in_order(oak: Any, says_event: Says) -> None:
    async with oak.device("estate/v1/oak/door/d-1/ack") as door, oak.running(oak.source(("d-1", "estate-door"))):
        oak.received.hold = True
        oak.received.deliveries.clear()
        for seq in (1, 2):
            await door.say("door/d-1/event", says_event("d-1", seq, "door.opened"))
            await oak.received.until(lambda seq=seq: len(oak.received.events) == seq)
        first, second = [delivery for delivery in oak.received.deliveries if delivery.events]
        second.settled(True)
        first.settled(True)
        assert [(await door.hears())[1]["seq"] for _ in range(2)] == [1, 2]


async def test_what_the_journal_holds_is_not_delivered_again(oak: Any, says_event: Says) -> None:
    known = {DeviceId("d-1"): Restored(("b1",), "b1", 7, ())}
    async with (
        oak.device("estate/v1/oak/door/d-1/ack") as door,
        oak.running(oak.source(("d-1", "estate-door"), restored=known)),
    ):
        await door.say("door/d-1/event", says_event("d-1", 7, "door.forced"))
        await door.say("door/d-1/event", says_event("d-1", 8, "door.opened"))
        await oak.received.until(lambda: oak.received.events)
        assert [event.seq for event in oak.received.events] == [8]


async def test_a_lost_event_is_asked_for_and_its_replay_taken(oak: Any, says_event: Says) -> None:
    async with oak.device("estate/v1/oak/door/d-1/replay") as door, oak.running(oak.source(("d-1", "estate-door"))):
        await door.say("door/d-1/event", says_event("d-1", 1, "door.closed"))
        await door.say("door/d-1/event", says_event("d-1", 4, "door.closed"))
        _topic, asked = await door.hears()
        assert asked == {"v": 1, "boot": "b1", "from_seq": 2, "to_seq": 3}
        for seq in (2, 3):
            await door.say("door/d-1/event", says_event("d-1", seq, "door.forced", hist=True))
        await oak.received.until(lambda: len(oak.received.events) == 4)
        assert {event.historic for event in oak.received.events} == {False}
        assert oak.received.value("d-1.alarm") == "none"


async def test_every_device_is_asked_for_its_state_at_every_connect(oak: Any, says_state: Says) -> None:
    async with oak.device("estate/v1/oak/+/+/get") as devices:
        for _ in range(2):
            async with oak.running(oak.source(("d-1", "estate-door"), ("d-2", "estate-door"))):
                heard = {(await devices.hears())[0] for _ in range(2)}
                assert heard == {"estate/v1/oak/door/d-1/get", "estate/v1/oak/door/d-2/get"}


async def test_the_retained_state_is_there_after_a_start(oak: Any, says_state: Says) -> None:
    async with oak.device() as door:
        await door.say("door/d-1/state", says_state("d-1", 5, alarm="held", contact="open"), retain=True)
        async with oak.running(oak.source(("d-1", "estate-door"))):
            await oak.received.until(lambda: oak.received.value("d-1.alarm"))
            assert oak.received.last("d-1.alarm").quality is Quality.GOOD
            assert oak.received.events == []


async def test_the_will_of_a_gateway_takes_its_devices_offline_and_their_own_word_brings_them_back(
    oak: Any, says_state: Says
) -> None:
    async with (
        oak.device() as adapter,
        oak.running(oak.source(("d-1", "estate-door"), ("d-2", "estate-door"), via="hik-1")),
    ):
        for state in ("online", "offline"):
            await adapter.say("gateway/hik-1/status", {"v": 1, "state": state, "boot": "g1"}, retain=True)
            await adapter.say("door/d-1/state", says_state("d-1", 1, contact="closed"))
            await oak.received.until(lambda: oak.received.value("d-1.online") is True)
        await oak.received.until(lambda: oak.received.value("d-2.online") is False)
        online = [sample.value for sample in oak.received.samples if sample.point == "d-1.online"]
        assert online == [True, False, True]
        await adapter.say("gateway/hik-1/status", {"v": 1, "state": "offline", "boot": "g1"})
        await oak.received.until(lambda: oak.received.value("d-1.online") is False)
        contact = oak.received.last("d-1.contact")
        assert (contact.value, contact.quality) == ("closed", Quality.STALE)
        assert contact.reason == "gateway hik-1 is offline"


async def test_each_session_hears_only_its_own_classes(oak: Any, says_event: Says) -> None:
    both = (("d-1", "estate-door"), ("z-1", "estate-zone"), ("h-1", "estate-panel"))
    async with oak.device() as device, oak.running(oak.source(*both)), oak.running(oak.source(*both, life_safety=True)):
        for class_, name, type_ in (
            ("door", "d-1", "door.forced"), ("zone", "z-1", "zone.alarm"), ("panel", "h-1", "alarm.fire")
        ):  # fmt: skip
            await device.say(f"{class_}/{name}/event", says_event(name, 1, type_))
        await oak.received.until(lambda: len(oak.received.events) == 3)
        lanes = {e.device: d.life_safety for d in oak.received.deliveries for e in d.events}
        assert lanes == {"d-1": False, "z-1": True, "h-1": True}


async def test_garbage_and_strangers_cost_nothing_but_a_count(
    oak: Any, says_event: Says, caplog: pytest.LogCaptureFixture
) -> None:
    async with oak.device() as device, oak.running(oak.source(("d-1", "estate-door"))) as source:
        await device.say("door/d-1/event", b"\xff\x00" * 10_000)
        for seq in (1, 2, 3):
            await device.say("door/d-9/event", says_event("d-9", seq, "door.forced"))
        await device.say("door/d-1/event", says_event("d-1", 1, "door.opened"))
        await oak.received.until(lambda: oak.received.events)
        assert [event.device for event in oak.received.events] == ["d-1"]
        assert oak.received.value("d-1.protocol") == "malformed"
        assert source.strangers == 3
        assert len([record for record in caplog.records if "door/d-9" in record.getMessage()]) == 1


async def test_a_stray_status_or_number_on_the_broker_mutes_no_device(oak: Any, says_event: Says) -> None:
    async with (
        oak.device() as zone,
        oak.device() as stranger,
        oak.running(oak.source(("z-1", "estate-zone"), life_safety=True)),
    ):
        await zone.say("zone/z-1/event", says_event("z-1", 1, "zone.restore"))
        await oak.received.until(lambda: oak.received.events)
        beat = {"v": 1, "dev": "z-1", "boot": "b1", "seq": 2**53 - 1, "up_s": 1.0, "queue": 0}
        await stranger.say("zone/z-1/hb", beat)
        await oak.received.until(lambda: oak.received.value("z-1.protocol") == "gap")
        await stranger.say("zone/z-1/status", {"v": 1, "state": "online", "boot": "zzz"}, retain=True)
        await zone.say("zone/z-1/event", says_event("z-1", 2, "zone.alarm"))
        await oak.received.until(lambda: len(oak.received.events) == 2)
        assert [event.historic for event in oak.received.events] == [False, False]
        assert oak.received.value("z-1.state") == "alarm"


async def test_made_up_gateways_do_not_take_the_place_of_those_the_site_names(oak: Any, says_state: Says) -> None:
    source = oak.source(("d-1", "estate-door"), via="hik-1")
    async with oak.device() as adapter, oak.running(source):
        for number in range(300):
            await adapter.say(f"gateway/fake-{number}/status", {"v": 1, "state": "online", "boot": "x"})
        await adapter.say("door/d-1/state", says_state("d-1", 1, contact="closed"))
        await adapter.say("gateway/hik-1/status", {"v": 1, "state": "online", "boot": "g1"})
        await oak.received.until(lambda: oak.received.value("gateway-hik-1.online") is True)
        await adapter.say("gateway/hik-1/status", {"v": 1, "state": "offline", "boot": "g1"})
        await oak.received.until(lambda: oak.received.value("d-1.online") is False)
        assert source.strangers == 300 - 256


async def thief(port: int, identifier: str) -> None:
    """A client with an id that is not its own, back at once whenever it is thrown out."""
    while True:
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, identifier=identifier, clean_session=True) as stolen:
                async for _ in stolen.messages:
                    pass
        await asyncio.sleep(0.3)


async def test_a_client_with_our_id_is_told_and_does_not_keep_us_from_the_alarms(oak: Any, says_event: Says) -> None:
    async with oak.device() as zone, oak.running(oak.source(("z-1", "estate-zone"), life_safety=True)):
        assert oak.received.value("system.client_id_safety") == "ok"
        stealing = asyncio.create_task(thief(oak.port, "estated-oak-safety"))
        try:
            await oak.received.until(lambda: oak.received.value("system.client_id_safety") == "taken", 30)
            message = says_event("z-1", 1, "zone.alarm")
            async with asyncio.timeout(20):
                while not oak.received.events:  # as a device does until it hears our acknowledgement
                    await zone.say("zone/z-1/event", message)
                    await asyncio.sleep(0.1)
        finally:
            stealing.cancel()
        await oak.received.until(lambda: oak.received.value("system.broker_safety") is True, 8)
        await zone.say("zone/z-1/event", says_event("z-1", 2, "zone.restore"))
        await oak.received.until(lambda: len(oak.received.events) == 2)
        assert oak.received.value("z-1.state") == "normal"


async def test_a_foreign_device_is_read_from_its_own_topics(oak: Any) -> None:
    async with oak.device() as bridge:
        await bridge.client.publish("zigbee2mqtt/hall", b'{"contact": true}', qos=1, retain=True)
        async with oak.running(oak.source(("hall", "zigbee2mqtt-contact"), topic="zigbee2mqtt/hall")):
            await oak.received.until(lambda: oak.received.value("hall.contact") == "closed")
            assert oak.received.events == []
            await bridge.client.publish("zigbee2mqtt/hall", b'{"contact": false}', qos=1)
            await oak.received.until(lambda: oak.received.events)
            assert oak.received.value("hall.contact") == "open"
            await bridge.client.publish("zigbee2mqtt/hall/availability", b'{"state":"offline"}', qos=1)
            await oak.received.until(lambda: oak.received.value("hall.online") is False)


async def test_the_daemon_says_whether_it_listens_and_the_caller_may_say_more(oak: Any) -> None:
    said: list[bool] = []
    async with oak.device("estate/v1/oak/daemon/status", "estate/v1/oak/alarm/+") as adapter:
        source = oak.source(
            ("d-1", "estate-door"),
            on_connected=lambda: said.append(source.publish("estate/v1/oak/alarm/d-1.forced", b'{"state":"normal"}')),
        )
        async with oak.running(source):
            assert (await adapter.hears())[1]["state"] == "online"
            assert (await adapter.hears())[0] == "estate/v1/oak/alarm/d-1.forced"
        assert (await adapter.hears())[1]["state"] == "offline"
    assert said == [True]


async def test_a_lost_broker_is_told_and_the_state_asked_again_when_it_is_back(
    oak: Any, mosquitto: Any, tmp_path: Any
) -> None:
    from simulators.broker import broker

    async with oak.running(oak.source(("d-1", "estate-door"))):
        mosquitto.process.kill()
        await oak.received.until(lambda: oak.received.value("system.broker") is False)
        assert oak.received.last("system.broker").reason
        async with broker(tmp_path / "again", port=mosquitto.port):
            await oak.received.until(lambda: oak.received.value("system.broker") is True, 15)


async def test_silence_is_noticed_without_any_message(oak: Any, clock: Any) -> None:
    oak.clock = clock
    async with oak.running(oak.source(("d-1", "estate-door"))):
        clock.forward(96)
        await oak.received.until(lambda: oak.received.value("d-1.online") is False)
        assert oak.received.last("d-1.contact").quality is Quality.NO_COMMUNICATION


async def test_a_burst_from_a_hundred_doors_arrives_whole_and_is_acknowledged_once_per_door_and_batch(
    oak: Any, says_event: Says
) -> None:
    doors = [(f"d-{number}", "estate-door") for number in range(100)]
    async with (
        oak.device("estate/v1/oak/door/+/ack") as adapter,
        oak.device() as sender,
        oak.running(oak.source(*doors)),
    ):
        async with asyncio.TaskGroup() as tasks:
            for seq in range(1, 11):
                for name, _ in doors:
                    tasks.create_task(sender.say(f"door/{name}/event", says_event(name, seq, "door.opened")))
        await oak.received.until(lambda: len(oak.received.events) == 1000)
        acknowledged: dict[str, int] = {}
        heard = 0
        while set(acknowledged.values()) != {10} or len(acknowledged) < 100:
            topic, said = await adapter.hears()
            acknowledged[topic] = said["seq"]
            heard += 1
        assert heard <= 1000
