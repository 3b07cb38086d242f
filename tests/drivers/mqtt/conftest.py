"""Devices under the contract: one talked to directly with a clock in the test's hand, and one over a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import yaml

from drivers.mqtt.device import EstateDevice
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.sequence import EventTrack, Restored
from drivers.mqtt.source import MqttSource
from drivers.profile import Profile
from estate.model import Clock, Delivery, Event, Sample, SystemClock
from estate.site import Broker, Device

PROFILES = Path(__file__).parents[3] / "drivers" / "profiles"
CLOSED = {"contact": "closed", "lock": "locked", "mode": "normal", "alarm": "none", "tamper": False, "supply": "ok"}


def load_profile(name: str) -> Profile:
    return Profile.model_validate(yaml.safe_load((PROFILES / f"{name}.yaml").read_text()))


def stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Talk:
    """Says things as a device would, straight into an EstateDevice, and keeps what came of the last one."""

    def __init__(self, clock: Any, profile: str, device: str, restored: Restored) -> None:
        self.clock = clock
        self.name = device
        self.device = EstateDevice(device, load_profile(profile), "oak", EventTrack.restore(restored, clock.mono))
        self.out = Outcome()
        self.boot = "b1"
        self.connected = clock.mono
        self.device.connected(clock.now(), self.out)

    def event(self, seq: int, type_: str, data: dict[str, Any] | None = None, **envelope: Any) -> Outcome:
        retained = envelope.pop("retained", False)
        said = self._envelope(seq, type=type_, hist=False, data=data or {}) | envelope
        return self._say(self.device.event, said, retained)

    def state(self, seq: int, data: dict[str, Any], retained: bool = False, **envelope: Any) -> Outcome:
        return self._say(self.device.state, self._envelope(seq, data=data) | envelope, retained)

    def heartbeat(self, seq: int, **envelope: Any) -> Outcome:
        return self._say(self.device.heartbeat, self._envelope(seq, up_s=1, queue=0) | envelope)

    def status(self, state: str, retained: bool = False, **envelope: Any) -> Outcome:
        said = {"v": 1, "state": state, "boot": self.boot, "ts": stamp(self.clock.utc)} | envelope
        return self._say(self.device.status, said, retained)

    def meta(self, **said: Any) -> Outcome:
        return self._say(self.device.meta, {"v": 1} | said, True)

    def raw(self, kind: str, payload: bytes, retained: bool = False) -> Outcome:
        self.out = Outcome()
        reader = next(reader for topic, reader in self.device.readers().items() if topic.endswith(f"/{kind}"))
        reader(payload, retained, self.clock.now(), self.out)
        return self.out

    def wait(self, seconds: float) -> Outcome:
        self.out = Outcome()
        self.device.supervise(self.clock.forward(seconds), self.connected, self.out)
        return self.out

    def values(self) -> dict[str, Any]:
        """The last value of each point in the last outcome, without the device's name."""
        return {sample.point.partition(".")[2]: sample.value for sample in self.out.samples}

    def samples(self, name: str) -> list[Sample]:
        return [sample for sample in self.out.samples if sample.point == f"{self.name}.{name}"]

    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        return [(topic.rpartition("/")[2], json.loads(payload)) for topic, payload in self.out.requests]

    def _envelope(self, seq: int, **more: Any) -> dict[str, Any]:
        ts = stamp(self.clock.utc)
        return {"v": 1, "dev": self.name, "boot": self.boot, "seq": seq, "ts": ts, "tq": "sync"} | more

    def _say(self, method: Callable[..., None], said: dict[str, Any], retained: bool = False) -> Outcome:
        self.out = Outcome()
        method(json.dumps(said).encode(), retained, self.clock.now(), self.out)
        return self.out


@pytest.fixture
def talk(clock: Any) -> Callable[..., Talk]:
    """`talk("estate-door")`: a device of this profile that can be talked to."""

    def begin(profile: str = "estate-door", device: str = "d-1", restored: Restored | None = None) -> Talk:
        return Talk(clock, profile, device, restored or Restored())

    return begin


@pytest.fixture
def door(talk: Callable[..., Talk]) -> Talk:
    """A door that has been heard: boot b1, event 10, closed."""
    door = talk()
    door.status("online")
    door.state(10, CLOSED)
    door.wait(0)
    return door


class Received:
    """What a source delivered. It settles at once unless `hold` is set."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.hold = False
        self._news = asyncio.Event()

    async def deliver(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self._news.set()
        if not self.hold:
            delivery.settled(True)

    @property
    def samples(self) -> list[Sample]:
        return [sample for delivery in self.deliveries for sample in delivery.samples]

    @property
    def events(self) -> list[Event]:
        return [event for delivery in self.deliveries for event in delivery.events]

    def value(self, point: str) -> Any:
        return next((sample.value for sample in reversed(self.samples) if sample.point == point), None)

    def last(self, point: str) -> Sample:
        return next(sample for sample in reversed(self.samples) if sample.point == point)

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


class Site:
    """The site `oak` on a real broker: starts sources, and devices that speak and listen."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received = Received()
        self.clock: Clock = SystemClock()

    def source(self, *devices: tuple[str, str], life_safety: bool = False, **more: Any) -> MqttSource:
        """`devices` are (id, profile); `more` are further fields of all of them, or `restored` and `protocol`."""
        restored = more.pop("restored", {})
        broker = Broker(host="127.0.0.1", port=self.port, protocol=more.pop("protocol", "5"))
        on_connected = more.pop("on_connected", lambda: None)
        deliver = more.pop("deliver", self.received.deliver)
        pairs = [(Device(id=id_, profile=name, **more), load_profile(name)) for id_, name in devices]
        return MqttSource(broker, "oak", pairs, life_safety, deliver, self.clock, restored, Path(), on_connected)

    @asynccontextmanager
    async def running(self, source: MqttSource) -> AsyncIterator[MqttSource]:
        up = "system.broker_safety" if source.name == "mqtt-safety" else "system.broker"
        before = len(self.received.samples)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(source.run())
            await self.received.until(
                lambda: any(s.point == up and s.value is True for s in self.received.samples[before:])
            )
            try:
                yield source
            finally:
                task.cancel()

    @asynccontextmanager
    async def device(self, *topics: str, **more: Any) -> AsyncIterator["Adapter"]:
        """A device or adapter with its own connection, listening to `topics`."""
        async with aiomqtt.Client("127.0.0.1", self.port, **more) as client:
            for topic in topics:
                await client.subscribe(topic, qos=1)
            yield Adapter(client)


class Adapter:
    """The device's side of the contract."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client

    async def say(self, topic: str, payload: dict[str, Any] | bytes, retain: bool = False) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        await self.client.publish(f"estate/v1/oak/{topic}", body, qos=1, retain=retain)

    async def hears(self, seconds: float = 10.0) -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(seconds):
            async for message in self.client.messages:
                assert isinstance(message.payload, bytes)
                return str(message.topic), json.loads(message.payload)
        raise AssertionError("disconnected")


def event(device: str, seq: int, type_: str, boot: str = "b1", **more: Any) -> dict[str, Any]:
    now = stamp(SystemClock().now().utc)
    said = {"v": 1, "dev": device, "boot": boot, "seq": seq, "ts": now, "tq": "sync", "type": type_, "data": {}}
    return said | more


def state(device: str, seq: int, boot: str = "b1", **data: Any) -> dict[str, Any]:
    now = stamp(SystemClock().now().utc - timedelta(milliseconds=5))
    return {"v": 1, "dev": device, "boot": boot, "seq": seq, "ts": now, "tq": "sync", "data": data}


@pytest.fixture
def says_event() -> Callable[..., dict[str, Any]]:
    return event


@pytest.fixture
def says_state() -> Callable[..., dict[str, Any]]:
    return state


@pytest.fixture
def profile_named() -> Callable[[str], Profile]:
    return load_profile


@pytest.fixture
def oak(mosquitto: Any) -> Iterator[Site]:
    return Site(mosquitto.port)
