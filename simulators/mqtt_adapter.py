"""An MQTT adapter: one connection with its last will, the devices behind it, and their common outbox."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from estate.model import Clock
from simulators.faults import Breakable, Details
from simulators.mqtt_device import MqttDevice, Send, iso
from simulators.mqtt_link import BrokerAt, Link, Linking, Will
from simulators.outbox import Outbox

BEAT = 0.02
"""Seconds between two looks at heartbeats, floods and unacknowledged events."""
LOOK_AGAIN = 0.25


class Spoken(Protocol):
    """A device behind an adapter, of whatever dialect."""

    name: str

    def connect(self, send: Send, outbox: Outbox, is_up: Callable[[], bool]) -> None: ...
    def topics(self) -> list[str]: ...
    def announce(self) -> None: ...
    def refresh(self) -> None: ...
    def beat(self, now: float) -> None: ...
    def restart(self) -> None: ...
    def status(self, state: str, reason: str) -> None: ...
    def hear(self, kind: str, message: Mapping[str, Any]) -> None: ...
    def emit(self, type_: str, data: Mapping[str, Any], *, historic: bool = False) -> None: ...


class Adapter(Breakable):
    """`gateway` adapters have a status of their own; a device with its own connection has the will on its own."""

    kind = "adapter"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "offline": "gone without goodbye; its devices buffer what happens",
        "power_loss": "without supply: gone without goodbye, comes back with new boot ids",
    }

    def __init__(
        self,
        name: str,
        devices: Sequence[Spoken],
        broker: BrokerAt,
        *,
        site: str,
        gateway: bool,
        clock: Clock,
        link: Linking = Link,
    ) -> None:
        super().__init__(name)
        self.devices = devices
        self._gateway = f"estate/v1/{site}/gateway/{name}/status" if gateway else None
        self._daemon = f"estate/v1/{site}/daemon/status"
        self._clock = clock
        self._boot = f"{int(clock.now().utc.timestamp() * 1000):x}"
        self._by_topic = {topic: (device, topic.rpartition("/")[2]) for device in devices for topic in device.topics()}
        self.daemon_is_away = False
        self._looked = 0.0
        self.link = link(broker, f"sim-{site}-{name}", self._will, on_up=self._up, on_message=self._hear)
        self.outbox = Outbox(self.link.publish)
        for device in devices:
            device.connect(self._publish, self.outbox, lambda: self.link.is_up)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.link.run(), name=f"link of {self.name}")
            tasks.create_task(self._beat(), name=f"heartbeat of {self.name}")

    async def goodbye(self) -> None:
        """Leave as a device that is switched off on purpose."""
        for device in self.devices:
            device.status("offline", "stopped")
        if self._gateway is not None:
            self.link.publish(self._gateway, self._status("offline", "stopped"), retain=True)
        await self.link.goodbye()

    def begin(self, fault: str, details: Details) -> None:
        self.link.cut()

    def end(self, fault: str) -> None:
        if fault == "power_loss":
            self._boot = f"{int(self._clock.now().utc.timestamp() * 1000):x}"
            for device in self.devices:
                device.restart()
            self.outbox.restarted()
        if not self.faults:
            self.link.mend()

    def beat(self, now: float) -> None:
        """Heartbeats, floods and unacknowledged events that are due at monotonic second `now`."""
        for device in self.devices:
            device.beat(now)
        if now - self._looked >= LOOK_AGAIN and self.link.is_up and not self.daemon_is_away:
            self._looked = now
            self.outbox.send_again(now)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.beat(self._clock.now().mono)

    def _up(self) -> None:
        topics = [*self._by_topic, self._daemon]
        for start in range(0, len(topics), 100):
            self.link.subscribe(*topics[start : start + 100])
        if self._gateway is not None:
            self.link.publish(self._gateway, self._status("online", "start"), retain=True)
        for device in self.devices:
            device.announce()
        self.outbox.send_unsent(self._clock.now().mono)

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/cmd") and isinstance(commanded := self._by_topic[topic][0], MqttDevice):
            commanded.command(payload)
            return
        try:
            message = json.loads(payload or b"{}")
        except ValueError:
            return
        if topic == self._daemon:
            was_away, self.daemon_is_away = self.daemon_is_away, _says_offline(message)
            if was_away and not self.daemon_is_away:
                self.outbox.start_over(self._clock.now().mono)
        elif isinstance(message, dict):
            device, kind = self._by_topic[topic]
            device.hear(kind, message)

    def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        self.link.publish(topic, payload, qos=0 if topic.endswith("/hb") else 1, retain=retain)

    def _will(self) -> Will | None:
        if self._gateway is not None:
            return Will(self._gateway, self._status("offline", "connection lost"))
        own = [device for device in self.devices if isinstance(device, MqttDevice)]
        if len(own) != 1:
            return None
        return Will(f"{own[0].root}/status", json.dumps(own[0].status_message("offline", "connection lost")).encode())

    def _status(self, state: str, reason: str) -> bytes:
        now = iso(self._clock.now().utc)
        return json.dumps({"v": 1, "state": state, "boot": self._boot, "ts": now, "reason": reason}).encode()


def _says_offline(message: object) -> bool:
    return message == "offline" or (isinstance(message, dict) and message.get("state") == "offline")
