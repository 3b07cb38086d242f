"""A device of another dialect (Zigbee2MQTT, plain JSON or text on any topic), written by its own profile."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.profile import MqttPoint, Profile
from estate.errors import CommandRefused
from estate.model import Clock, Value
from simulators.faults import Breakable, Details, word
from simulators.mqtt_device import Send, place, raw
from simulators.outbox import Outbox

REPORT_EVERY = 30.0
"""Seconds after which a value is told again although it has not changed."""


class ForeignDevice(Breakable):
    """It has no numbers, no acknowledgement and no memory: what is not heard is lost."""

    kind = "foreign"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "mute": "says nothing at all",
        "offline": "its bridge reports it unavailable",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"malformed": "a payload that means nothing; text"}

    def __init__(
        self, name: str, profile: Profile, *, root: str, value: Callable[[str], Value | None], clock: Clock
    ) -> None:
        super().__init__(name)
        if profile.mqtt is None:
            raise ValueError(f"{profile.profile} is no MQTT profile")
        self.root = root
        self._available = profile.mqtt.availability
        self._fields: dict[str, dict[str, MqttPoint]] = {}
        for field, point in profile.fields.items():
            self._fields.setdefault(self._topic(point), {})[field] = point
        self._value = value
        self._clock = clock
        self._send: Send = lambda topic, payload, retain: None
        self._told: dict[str, tuple[bytes, float]] = {}

    def connect(self, send: Send, outbox: Outbox, is_up: Callable[[], bool]) -> None:
        self._send = send

    def topics(self) -> list[str]:
        return []

    def announce(self) -> None:
        self.status("offline" if "offline" in self.faults else "online", "start")
        self._told.clear()
        self.refresh()

    def restart(self) -> None:
        self._told.clear()

    def status(self, state: str, reason: str) -> None:
        if self._available is not None and "mute" not in self.faults:
            word_or_value = raw(self._available, state == "online")
            if isinstance(word_or_value, bool):
                word_or_value = state
            self._send(self._topic(self._available), document({self._available.path: word_or_value}), True)

    def refresh(self) -> None:
        now = self._clock.now().mono
        if self.faults:
            return
        for topic, fields in self._fields.items():
            payload = document({point.path: raw(point, self._value(name)) for name, point in fields.items()})
            told, at = self._told.get(topic, (b"", 0.0))
            if payload != told or now - at >= REPORT_EVERY:
                self._told[topic] = payload, now
                self._send(topic, payload, False)

    def beat(self, now: float) -> None:
        """`refresh` also repeats what has not changed."""

    def hear(self, kind: str, message: Mapping[str, Any]) -> None:
        """Nobody speaks to it."""

    def emit(self, type_: str, data: Mapping[str, Any], *, historic: bool = False) -> None:
        """It has no events: its values change."""

    def begin(self, fault: str, details: Details) -> None:
        if fault == "offline":
            self.status("offline", "")

    def end(self, fault: str) -> None:
        self.announce()

    def perform(self, act: str, details: Details) -> None:
        topic = next(iter(self._fields), None)
        if topic is None:
            raise CommandRefused(f"{self.name} has no values")
        self._send(topic, word(details, "text", '{"state":').encode(), False)

    def _topic(self, point: MqttPoint) -> str:
        return f"{self.root}/{point.topic}" if point.topic else self.root


def document(values: Mapping[str, Value | None]) -> bytes:
    """A JSON document of values at their paths; a single value without a path is the payload itself."""
    if "" in values:
        bare = values[""]
        return (bare if isinstance(bare, str) else json.dumps(bare)).encode()
    data: dict[str, Any] = {}
    for path, value in values.items():
        place(data, path, value)
    return json.dumps(data, ensure_ascii=False).encode()
