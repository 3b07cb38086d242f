"""MQTT without a network: the simulators' adapters on one side, the daemon's own MQTT source on the other.

Topics, payloads, wills and subscriptions are the real ones; only sockets, packets and time are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paho.mqtt.client import topic_matches_sub

from drivers.mqtt.session import Address, Connection, Message, Session
from drivers.mqtt.source import MqttSource
from estate.model import Clock, nothing
from simulators.mqtt_link import BrokerAt, Link, Will

HEARTBEAT = "/hb"


class Air:
    """The broker: hands every message at once to whoever subscribed, and keeps nothing.

    Heartbeats go out with QoS 0 and may be lost. Of `heard` of them one arrives: a quiet day is played in less time.
    With 2 no device is lost over it, even where a beat waits for its tick: three and 5 s have to be missed.
    """

    def __init__(self) -> None:
        self.heard = 1
        self._links: dict[str, list[AirLink]] = {}
        self._sessions: list[AirSession] = []
        self._beats: dict[str, int] = {}

    def link(
        self,
        broker: BrokerAt,
        identifier: str,
        will: Callable[[], Will | None],
        *,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
    ) -> "AirLink":
        """What an adapter takes for its connection."""
        return AirLink(self, identifier, will, on_up=on_up, on_message=on_message)

    def join(self, session: "AirSession") -> None:
        self._sessions.append(session)

    def subscribe(self, link: "AirLink", topics: Sequence[str]) -> None:
        for topic in topics:
            here = self._links.setdefault(topic, [])
            if link not in here:
                here.append(link)

    def from_device(self, topic: str, payload: bytes) -> None:
        if topic.endswith(HEARTBEAT) and self.heard > 1:
            beat = self._beats[topic] = self._beats.get(topic, 0) + 1
            if beat % self.heard:
                return
        for session in self._sessions:
            session.receive_now(topic, payload)

    def from_daemon(self, topic: str, payload: bytes) -> None:
        for link in self._links.get(topic, ()):
            link.hear(topic, payload)


class AirLink(Link):
    """An adapter's connection. `connect` once; `cut` tells the will, `mend` connects again."""

    def __init__(
        self,
        air: Air,
        identifier: str,
        will: Callable[[], Will | None],
        *,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
    ) -> None:
        super().__init__(BrokerAt("", 0), identifier, will, on_up=on_up, on_message=on_message)
        self._air = air
        self._last_will: Will | None = None

    def connect(self) -> None:
        self._last_will = self._will()
        self._up = True
        self._on_up()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        if self._up:
            self._air.from_device(topic, payload)

    def subscribe(self, *topics: str) -> None:
        self._air.subscribe(self, topics)

    def cut(self) -> None:
        if self._up:
            self._up = False
            if self._last_will is not None:
                self._air.from_device(self._last_will.topic, self._last_will.payload)

    def mend(self) -> None:
        if not self._up:
            self.connect()

    def hear(self, topic: str, payload: bytes) -> None:
        if self._up:
            self._on_message(topic, payload)


class AirSession(Session):
    """The daemon's session: connected from the first moment on."""

    def __init__(self, air: Air, subscriptions: Sequence[tuple[str, int]]) -> None:
        super().__init__(Address("", 0, ""), subscriptions, nothing)
        self._air = air
        self._wanted = [topic for topic, _ in subscriptions]
        self._hears: dict[str, bool] = {}
        self._waiting: list[Message] = []
        self._number = 0

    def open(self, now: float) -> None:
        self.connection = Connection(True, now)
        self._air.join(self)

    def receive_now(self, topic: str, payload: bytes) -> None:
        wanted = self._hears.get(topic)
        if wanted is None:
            wanted = self._hears[topic] = any(topic_matches_sub(one, topic) for one in self._wanted)
        if wanted:
            self._number += 1
            self._waiting.append(Message(topic, payload, 1, False, self._number, 1))

    def take(self) -> list[Message]:
        taken, self._waiting = self._waiting, []
        return taken

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        self._air.from_daemon(topic, payload)
        return True

    def flush(self) -> None:
        """Everything is there already."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nobody counts them."""


class HeardSource(MqttSource):
    """The daemon's MQTT source, read when told to. Takes what MqttSource takes, and the air."""

    def __init__(self, air: Air, *given: Any, clock: Clock, **more: Mapping[str, Any]) -> None:
        super().__init__(*given, clock=clock, **more)
        self._air_session = AirSession(air, self._subscriptions())
        self._session = self._air_session

    def open(self, now: float) -> None:
        self._air_session.open(now)
        self._on_connected()

    async def hear(self) -> None:
        """All that has been said, and what the clock has brought."""
        while messages := self._air_session.take():
            await self._read(messages)
        await self._read(())
