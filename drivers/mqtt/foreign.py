"""A device that speaks another dialect: JSON or bare text on any topic, mapped by its profile.

It numbers nothing, so we do: its boot is the start of this session, its seq counts what we received. That
cannot promise what our contract does. A message repeated by the broker or received again after a restart
gets a new number, so it is journalled twice; a lost one leaves no gap; and nothing is asked for again
except what the broker retains.
"""

from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from drivers.mqtt.device import Refused
from drivers.mqtt.envelope import MAX_FOREIGN_BYTES, excerpt, read_json
from drivers.mqtt.flood import Bucket
from drivers.mqtt.mapping import DeviceMap, Field, Reading, decode, look_up, parse_text, path_of
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.standing import Standing
from drivers.profile import MqttPoint, Profile
from estate.errors import DecodeError
from estate.model import Cause, DeviceId, Event, Now, point_id
from estate.printable import printable
from estate.timestamp import read_timestamp

REPORT = "report"
"""The type of the events we make: a point changed, the data says to what."""

ONLINE_WORDS = ("online", "true", "1", "on", "connected")


class ForeignDevice:
    """Turns payloads of a root topic and those below it into samples, and changes into events."""

    def __init__(self, device: str, profile: Profile, root: str, session: str) -> None:
        assert profile.mqtt is not None
        self.id = DeviceId(device)
        self.via: str | None = None
        self.refused: deque[Refused] = deque(maxlen=8)
        heartbeat = profile.mqtt.heartbeat
        silence = 3 * heartbeat + 5 if heartbeat > 0 else profile.mqtt.max_silence
        self.standing = Standing(device, profile.fields, silence)
        self._session = session
        self._seq = 0
        self._bucket = Bucket()
        self._fields: dict[str, list[Field]] = {}
        for name, meaning in profile.fields.items():
            field = Field(name, point_id(device, name), path_of(meaning.path), meaning)
            self._fields.setdefault(_join(root, meaning.topic), []).append(field)
        self._availability = profile.mqtt.availability
        self._availability_topic = _join(root, self._availability.topic) if self._availability else ""
        self._root = root
        self._events = DeviceMap(device, profile).events
        self._event = tuple(path_of(path) for path in profile.mqtt.event)
        self._event_live = path_of(profile.mqtt.event_live)
        self._event_time = path_of(profile.mqtt.event_time)

    @property
    def topics(self) -> Iterable[str]:
        own = [self._availability_topic] if self._availability_topic else []
        return dict.fromkeys([*self._fields, *own, *([self._root] if self._event else [])])

    def connected(self, now: Now, out: Outcome) -> None:
        """Nothing to ask for: the broker sends what it retains."""
        if not self.standing.knows("identity"):
            self.standing.tell("identity", "unproven", now, out)
            self.standing.tell("clock", "unset", now, out)

    def message(self, topic: str, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        """One payload of one of `topics`. Never raises for bad input."""
        if not payload:
            return
        try:
            if len(payload) > MAX_FOREIGN_BYTES:
                raise DecodeError(f"{len(payload)} bytes, at most {MAX_FOREIGN_BYTES} are read")
            if topic == self._availability_topic and self._availability is not None:
                self._available(self._availability, payload, retained, now, out)
            if self._event and topic == self._root:
                self._happened(read_json(payload), retained, now, out)
            if topic in self._fields:
                self._read(self._fields[topic], payload, retained, now, out)
        except DecodeError as error:
            self.refused.append(Refused(now.utc, topic, str(error), excerpt(payload)))
            self.standing.complain("malformed", str(error), now, out)

    def gateway_gone(self, reason: str, now: Now, out: Outcome) -> None:
        self.standing.gone(reason, now, out)

    def gateway_back(self, now: Now, out: Outcome) -> None:
        """It will be heard when it speaks."""

    def unheard(self, reason: str, out: Outcome) -> None:
        self.standing.grow_stale(reason, out)

    def supervise(self, now: Now, connected: float, out: Outcome) -> None:
        self.standing.supervise(now, connected, out)

    def _available(self, meaning: MqttPoint, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        raw = look_up(_parse(payload, meaning.path), path_of(meaning.path))
        word = meaning.map.get(str(raw), raw)
        if str(word).lower() not in ONLINE_WORDS:
            self.standing.gone("its bridge says so", now, out)
        elif retained:
            self.standing.announced(now, out)
        else:
            self.standing.heard(now, out)

    def _read(self, fields: list[Field], payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        parsed: dict[bool, Any] = {}
        found: list[tuple[Field, Reading]] = []
        for field in fields:
            whole = not field.path
            if whole not in parsed:
                parsed[whole] = _parse(payload, field.meaning.path)
            reading = decode(field.meaning, parsed[whole]) if whole else field.read(parsed[whole])
            if reading is not None:
                found.append((field, reading))
        if not retained:
            self.standing.heard(now, out)
            if not self._bucket.take(now.mono):
                self.standing.complain("flood", "more messages than such a device can have", now, out)
        cause = None if retained else self._report(found, now, out)
        self._seq += 1
        for field, reading in found:
            if retained:
                reading = self.standing.aged(Reading(False) if field.meaning.momentary else reading)
            self.standing.put(field.name, field.point, reading, now.utc, now, self._seq, cause, out)
            if field.meaning.momentary and reading.value is True:
                later = now.utc + timedelta(milliseconds=1)
                self.standing.put(field.name, field.point, Reading(False), later, now, self._seq, cause, out)

    def _happened(self, said: Any, retained: bool, now: Now, out: Outcome) -> None:
        """A message that is an event. What the device had buffered, and what the broker kept, changes nothing."""
        words = [look_up(said, path) for path in self._event]
        if not all(isinstance(word, str | int) and not isinstance(word, bool) for word in words):
            return
        kind = "/".join(map(str, words))
        meaning = self._events.get(kind)
        historic = retained or (bool(self._event_live) and look_up(said, self._event_live) is False)
        if not retained:
            self.standing.heard(now, out)
            if not self._bucket.take(now.mono):
                self.standing.complain("flood", "more messages than such a device can have", now, out)
        self._seq += 1
        data = said if isinstance(said, dict) else {"said": said}
        if meaning is None:
            self.standing.complain("unknown", f"event type {printable(kind, 64)}", now, out)
        type_ = "unknown" if meaning is None else kind
        time = read_timestamp(look_up(said, self._event_time)) if self._event_time else None
        out.events.append(Event(self.id, self._session, self._seq, type_, time, now.utc, historic, data, "unset"))
        if meaning is None or (historic and not meaning.even_historic):
            return
        cause = Cause(self.id, self._session, self._seq)
        for name, point, reading, pulse in meaning.all_changes(data):
            self.standing.put(name, point, reading, now.utc, now, self._seq, cause, out)
            if pulse:
                later = now.utc + timedelta(milliseconds=1)
                self.standing.put(name, point, Reading(False), later, now, self._seq, cause, out)

    def _report(self, found: list[tuple[Field, Reading]], now: Now, out: Outcome) -> Cause | None:
        """An event when a state changed; measured values come too often to be events."""
        changed = {
            field.name: reading.value
            for field, reading in found
            if field.meaning.type != "number" and reading.value is not None and self._differs(field, reading)
        }
        if not changed:
            return None
        seq = self._seq + 1
        out.events.append(Event(self.id, self._session, seq, REPORT, None, now.utc, False, changed, "unset"))
        return Cause(self.id, self._session, seq)

    def _differs(self, field: Field, reading: Reading) -> bool:
        last = self.standing.last(field.name)
        return last is None or last.value != reading.value


def _join(root: str, below: str) -> str:
    return f"{root}/{below}" if below else root


def _parse(payload: bytes, path: str) -> Any:
    """JSON when the profile looks into it, else the bare text (JSON's own words and strings are read as such)."""
    if path:
        return read_json(payload)
    text = parse_text(payload)
    return read_json(payload) if text[:1] == '"' or text in ("true", "false", "null") else text
