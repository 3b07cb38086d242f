"""The MQTT devices against a real Mosquitto: numbers, outbox, acknowledgement, will, replay, restart, bad messages."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import pytest

from estate.site import Site
from simulators.broker import RunningBroker
from simulators.mqtt_adapter import Adapter
from simulators.mqtt_device import MqttDevice
from simulators.mqtt_link import BrokerAt
from simulators.simulation import Simulation

ROOT = "estate/v1/pond"


@dataclass
class Daemon:
    """The other side: hears everything, acknowledges only when told to."""

    client: aiomqtt.Client
    heard: list[tuple[str, Any, bool]] = field(default_factory=list)

    def messages(self, topic: str) -> list[Any]:
        return [message for where, message, _ in self.heard if where == f"{ROOT}/{topic}"]

    def events(self, device: str, class_: str = "door") -> list[Any]:
        return self.messages(f"{class_}/{device}/event")

    async def say(self, topic: str, message: dict[str, Any], *, retain: bool = False) -> None:
        await self.client.publish(f"{ROOT}/{topic}", json.dumps(message), qos=1, retain=retain)

    async def until(self, true: Callable[[], object], within: float = 10.0) -> None:
        async with asyncio.timeout(within):
            while not true():
                await asyncio.sleep(0.01)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            try:
                content = json.loads(message.payload)
            except ValueError:
                content = message.payload
            self.heard.append((message.topic.value, content, message.retain))


@contextlib.asynccontextmanager
async def listening(running: RunningBroker) -> AsyncIterator[Daemon]:
    version = aiomqtt.ProtocolVersion.V5 if running.protocol == "5" else aiomqtt.ProtocolVersion.V311
    async with aiomqtt.Client(running.host, running.port, protocol=version) as client:
        daemon = Daemon(client)
        await client.subscribe("#", qos=1)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(daemon.listen())
            yield daemon
            task.cancel()


@contextlib.asynccontextmanager
async def running(site: Site, broker: RunningBroker) -> AsyncIterator[Simulation]:
    """The MQTT half of the test estate, connected; the world stands still unless the test moves it."""
    protocol = "5" if broker.protocol == "5" else "3.1.1"
    at = BrokerAt(broker.host, broker.port, protocol=protocol)  # type: ignore[arg-type]
    simulation = Simulation(site, at, traffic=0.0)
    async with asyncio.TaskGroup() as tasks:
        adapters = [tasks.create_task(adapter.run()) for adapter in simulation.adapters]
        async with asyncio.timeout(10.0):
            while not all(adapter.link.is_up for adapter in simulation.adapters):
                await asyncio.sleep(0.01)
        yield simulation
        for task in adapters:
            task.cancel()


@pytest.fixture
async def daemon(mosquitto: RunningBroker) -> AsyncIterator[Daemon]:
    async with listening(mosquitto) as daemon:
        yield daemon


@pytest.fixture
async def estate(pond: Site, mosquitto: RunningBroker, daemon: Daemon) -> AsyncIterator[Simulation]:
    async with running(pond, mosquitto) as simulation:
        yield simulation


def adapter(estate: Simulation, name: str) -> Adapter:
    return next(adapter for adapter in estate.adapters if adapter.name == name)


def device(estate: Simulation, name: str) -> MqttDevice:
    found = estate.spoken[name]
    assert isinstance(found, MqttDevice)
    return found


async def test_every_device_says_what_it_is_that_it_is_there_and_how_it_is(estate: Simulation, daemon: Daemon) -> None:
    await daemon.until(lambda: daemon.messages("door/door-03/state") and daemon.messages("gateway/gate/status"))
    boot = device(estate, "door-03").boot
    (meta,) = daemon.messages("door/door-03/meta")
    assert meta["profile"] == "test-door"
    (status,) = daemon.messages("door/door-03/status")
    assert (status["state"], status["via"], status["boot"]) == ("online", "gate", boot)
    (state,) = daemon.messages("door/door-03/state")
    assert (state["boot"], state["seq"], state["data"]["contact"]) == (boot, 0, "closed")
    assert daemon.messages("gateway/gate/status")[0]["state"] == "online"
    await daemon.until(lambda: daemon.messages("door/door-03/hb") and daemon.messages("panel/home-1/hb"))
    assert daemon.messages("panel/home-1/status")[0]["state"] == "online"
    assert daemon.messages("panel/home-1/state")[0]["data"] == {"alarms": {"panic": False}, "line": "ok"}


async def test_what_happens_to_a_plant_becomes_a_numbered_event_and_then_its_state(
    estate: Simulation, daemon: Daemon
) -> None:
    estate.targets.inject("door-03", "forced")
    estate.targets.inject("lane-1", "plate", details={"plate": "粤A12345", "confidence": 0.91})
    estate.tell()
    await daemon.until(lambda: daemon.events("door-03") and daemon.events("lane-cam", "lpr"))
    (event,) = daemon.events("door-03")
    assert (event["type"], event["seq"], event["hist"], event["dev"]) == ("door.forced", 1, False, "door-03")
    await daemon.until(lambda: daemon.messages("door/door-03/state")[-1]["seq"] == 1)
    assert daemon.messages("door/door-03/state")[-1]["data"]["alarm"] == "forced"
    (plate,) = daemon.events("lane-cam", "lpr")
    assert plate["data"]["plate"] == "粤A12345"
    estate.advance(4.0)
    await daemon.until(lambda: daemon.events("lane-bar", "barrier"))
    assert daemon.events("lane-bar", "barrier")[0]["type"] == "barrier.opened"


async def test_an_event_is_sent_again_word_for_word_until_it_is_acknowledged(
    estate: Simulation, daemon: Daemon
) -> None:
    estate.targets.inject("zone-07", "alarm")
    estate.advance(0.5)
    await daemon.until(lambda: len(daemon.events("zone-07", "zone")) >= 2)
    first, second = daemon.events("zone-07", "zone")[:2]
    assert first == second
    outbox = adapter(estate, "gate").outbox
    assert len(outbox) == 1
    await daemon.say("zone/zone-07/ack", {"boot": "another", "from": 1, "seq": 9})
    await daemon.say("zone/zone-07/ack", {"boot": first["boot"], "from": 1, "seq": first["seq"]})
    await daemon.until(lambda: len(outbox) == 0)


async def test_an_acknowledgement_covers_all_numbers_up_to_it(estate: Simulation, daemon: Daemon) -> None:
    for _ in range(3):
        estate.targets.inject("door-03", "deny")
    estate.tell()
    outbox = adapter(estate, "gate").outbox
    assert len(outbox) == 3
    await daemon.say("door/door-03/ack", {"boot": device(estate, "door-03").boot, "from": 1, "seq": 2})
    await daemon.until(lambda: len(outbox) == 1)


async def test_while_the_daemon_says_it_is_away_nothing_is_repeated(estate: Simulation, daemon: Daemon) -> None:
    await daemon.say("daemon/status", {"state": "offline"}, retain=True)
    gate = adapter(estate, "gate")
    await daemon.until(lambda: gate.daemon_is_away)
    estate.targets.inject("door-03", "deny")
    estate.tell()
    await daemon.until(lambda: daemon.events("door-03"))
    loop = asyncio.get_running_loop()
    heartbeats = len(daemon.messages("door/door-03/hb"))
    started = loop.time()
    await daemon.until(lambda: len(daemon.messages("door/door-03/hb")) >= heartbeats + 5)
    assert loop.time() - started > 2.0
    assert len(daemon.events("door-03")) == 1
    await daemon.say("daemon/status", {"state": "online"}, retain=True)
    await daemon.until(lambda: len(daemon.events("door-03")) == 2)


async def test_an_adapter_cut_off_is_told_by_its_will_and_uploads_what_happened_meanwhile_in_order(
    estate: Simulation, daemon: Daemon
) -> None:
    """PK-4: the lane works on; what it did is uploaded afterwards."""
    estate.targets.inject("gate", "offline")
    await daemon.until(lambda: [m["state"] for m in daemon.messages("gateway/gate/status")] == ["online", "offline"])
    estate.targets.inject("lane-1", "plate")
    for _ in range(20):
        estate.advance(1.0)
    assert daemon.events("lane-cam", "lpr") == []
    estate.targets.clear("gate")
    await daemon.until(lambda: len(daemon.events("lane-bar", "barrier")) >= 3)
    events = daemon.events("lane-bar", "barrier")[:3]
    assert [event["seq"] for event in events] == [1, 2, 3]
    assert daemon.messages("gateway/gate/status")[-1]["state"] == "online"


async def test_a_device_with_a_connection_of_its_own_has_the_will_on_its_own_status(
    estate: Simulation, daemon: Daemon
) -> None:
    await daemon.until(lambda: daemon.messages("panel/home-1/status"))
    estate.targets.inject("adapter:home-1", "offline")
    await daemon.until(lambda: daemon.messages("panel/home-1/status")[-1]["state"] == "offline")
    assert daemon.messages("panel/home-1/status")[-1]["boot"] == device(estate, "home-1").boot


async def test_a_gap_is_filled_by_a_replay_which_says_that_it_is_history(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("door-03", "deny")
    estate.targets.inject("mqtt:door-03", "gap", details={"n": 2})
    estate.targets.inject("door-03", "deny")
    estate.tell()
    await daemon.until(lambda: len(daemon.events("door-03")) >= 2)
    assert [event["seq"] for event in daemon.events("door-03")[:2]] == [3, 4]
    boot = device(estate, "door-03").boot
    await daemon.say("door/door-03/replay", {"v": 1, "boot": boot, "from_seq": 1, "to_seq": 2})
    await daemon.until(lambda: {1, 2} <= {event["seq"] for event in daemon.events("door-03") if event["hist"]})


async def test_a_gap_that_cannot_be_filled_stays_open(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("mqtt:door-03", "gap", details={"fill": False})
    await daemon.say("door/door-03/replay", {"from_seq": 1, "to_seq": 1})
    await daemon.say("door/door-03/get", {})
    await daemon.until(lambda: len(daemon.messages("door/door-03/state")) >= 2)
    assert daemon.events("door-03") == []


async def test_a_restart_brings_a_new_boot_id_and_numbers_from_one(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("door-03", "deny")
    estate.tell()
    before = device(estate, "door-03").boot
    estate.targets.inject("mqtt:door-03", "boot")
    estate.targets.inject("door-03", "deny")
    estate.tell()
    await daemon.until(lambda: len({event["boot"] for event in daemon.events("door-03")}) == 2)
    first, last = daemon.events("door-03")[0], daemon.events("door-03")[-1]
    assert (first["boot"], first["seq"], last["seq"]) == (before, 1, 1)


async def test_a_flood_is_as_many_events_as_ordered_each_with_its_number(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("zone-07", "flood", details={"n": 500, "rate": 5000})
    await daemon.until(lambda: len({event["seq"] for event in daemon.events("zone-07", "zone")}) == 500)
    events = daemon.events("zone-07", "zone")[:500]
    assert [event["seq"] for event in events] == list(range(1, 501))
    assert {event["type"] for event in events} == {"zone.alarm", "zone.restore"}
    assert events[-1]["type"] == "zone.restore"


async def test_a_duplicate_a_conflict_and_nonsense_come_as_ordered(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("door-03", "deny")
    estate.tell()
    estate.targets.inject("mqtt:door-03", "duplicate")
    estate.targets.inject("mqtt:door-03", "conflict")
    for form in ("json", "text", "huge", "fields"):
        estate.targets.inject("mqtt:door-03", "malformed", details={"form": form})
    await daemon.until(lambda: len(daemon.events("door-03")) >= 7)
    first, duplicate, conflict, *nonsense = daemon.events("door-03")[:7]
    assert first == duplicate
    assert conflict["seq"] == first["seq"]
    assert conflict["type"] != first["type"]
    assert isinstance(nonsense[0], bytes)
    assert len(json.dumps(nonsense[2])) > 16 * 1024


async def test_a_wrong_clock_stamps_the_future(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("mqtt:door-03", "bad_clock", details={"offset": 3600, "tq": "drift"})
    estate.targets.inject("door-03", "deny")
    estate.tell()
    await daemon.until(lambda: daemon.events("door-03"))
    event = daemon.events("door-03")[0]
    assert event["ts"] > event["rx"]
    assert event["tq"] == "drift"


async def test_a_mute_device_says_nothing_until_it_is_well_again(estate: Simulation, daemon: Daemon) -> None:
    estate.targets.inject("mqtt:door-03", "mute")
    estate.targets.inject("door-03", "deny")
    estate.tell()
    heard = len(daemon.messages("zone/zone-07/hb"))
    await daemon.until(lambda: len(daemon.messages("zone/zone-07/hb")) > heard + 1)
    assert daemon.events("door-03") == []
    estate.targets.clear("mqtt:door-03")
    await daemon.until(lambda: daemon.events("door-03"))


async def test_another_dialect_is_spoken_as_its_profile_says(estate: Simulation, daemon: Daemon) -> None:
    def told(topic: str) -> list[Any]:
        return [message for where, message, _ in daemon.heard if where == f"zigbee2mqtt/hatch{topic}"]

    await daemon.until(lambda: told("") and told("/availability"))
    assert told("")[-1] == {"contact": True, "tamper": False}
    assert told("/availability")[-1] == {"state": "online"}
    estate.targets.inject("hatch-1", "forced")
    estate.tell()
    await daemon.until(lambda: told("")[-1] == {"contact": False, "tamper": False})
    estate.targets.inject("hatch", "offline")
    await daemon.until(lambda: told("/availability")[-1] == {"state": "offline"})


async def test_everything_said_is_a_message_of_the_contract(estate: Simulation, daemon: Daemon) -> None:
    from drivers.mqtt.envelope import EventMessage, HeartbeatMessage, MetaMessage, StateMessage, StatusMessage, read

    estate.targets.inject("door-03", "access")
    estate.targets.inject("home-1", "panic")
    estate.advance(30.0)
    await daemon.until(lambda: daemon.events("home-1", "panel") and daemon.messages("panel/home-1/hb"))
    await daemon.until(lambda: len(daemon.events("door-03")) >= 4)
    forms = {
        "event": EventMessage,
        "hb": HeartbeatMessage,
        "meta": MetaMessage,
        "state": StateMessage,
        "status": StatusMessage,
    }
    contract = [(topic, message) for topic, message, _ in daemon.heard if topic.startswith(ROOT)]
    for topic, message in contract:
        read(forms[topic.rpartition("/")[2]], json.dumps(message).encode())
    assert {topic.rpartition("/")[2] for topic, _ in contract} == set(forms)
