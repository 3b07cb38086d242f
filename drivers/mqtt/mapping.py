"""From what a device says, with its profile, to values of points: pure, and never a guess towards "normal"."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from drivers.profile import EventMapping, MqttPoint, Profile
from estate.errors import DecodeError
from estate.model import DeviceId, PointId, Quality, Value, point_id
from estate.printable import printable

MAX_TEXT = 256
"""Characters of a text point."""

_ABSENT = object()


class Reading(NamedTuple):
    """A value with its quality; a bad one has no value and a reason."""

    value: Value | None
    quality: Quality = Quality.GOOD
    reason: str = ""


def decode(point: MqttPoint, raw: Any) -> Reading:
    """One raw JSON value as the profile understands it. Unknown values are bad, never taken for normal."""
    if raw is None:
        return Reading(None, Quality.SENSOR_FAULT, "the device knows no value")
    if point.map:
        raw = point.map.get(_key(raw), raw)
    match point.type:
        case "bool":
            return Reading(raw) if isinstance(raw, bool) else _bad(raw)
        case "number":
            return _number(point, raw)
        case "text":
            return Reading(printable(raw, MAX_TEXT)) if isinstance(raw, str) else _bad(raw)
        case "enum":
            if not isinstance(raw, str):
                return _bad(raw)
            if raw in point.unknown:
                return Reading(None, Quality.SENSOR_FAULT, raw)
            return Reading(raw) if raw in point.values else _bad(raw)


def look_up(data: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, or `_ABSENT`. A number in the path is a place in a list."""
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(step, _ABSENT)
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return _ABSENT
        if data is _ABSENT:
            return _ABSENT
    return data


def path_of(text: str) -> tuple[str, ...]:
    """`a.b.0` as steps; "" is the payload itself."""
    return tuple(text.split(".")) if text else ()


@dataclass(frozen=True, slots=True)
class Field:
    """A point of the state document, ready to be looked up."""

    name: str
    point: PointId
    path: tuple[str, ...]
    meaning: MqttPoint

    def read(self, data: Any) -> Reading | None:
        """None when the document does not mention the point; a momentary one is then not happening now."""
        raw = look_up(data, self.path)
        if raw is _ABSENT:
            return Reading(False) if self.meaning.momentary else None
        return decode(self.meaning, raw)


class Change(NamedTuple):
    """What an event does to one point. `pulse`: and back to False at once."""

    name: str
    point: PointId
    reading: Reading
    pulse: bool = False


@dataclass(frozen=True, slots=True)
class EventMeaning:
    """What an event type does to the points, as far as that does not depend on its data, and what it copies."""

    changes: tuple[Change, ...]
    copies: tuple[Field, ...]
    even_historic: bool

    def all_changes(self, data: Mapping[str, Any]) -> tuple[Change, ...]:
        if not self.copies:
            return self.changes
        copied = [
            Change(field.name, field.point, reading)
            for field in self.copies
            if look_up(data, field.path) is not _ABSENT and (reading := field.read(data)) is not None
        ]
        # What tells first, what alarms last: the text of an alarm is made the moment it is raised.
        return (*copied, *self.changes)


class Events(Mapping[str, EventMeaning]):
    """What the events of one device mean; each is worked out when it is first heard. A thousand panels know forty
    events each, and tell of few."""

    def __init__(self, device: str, profile: Profile) -> None:
        self._device = device
        self._profile = profile
        self._known: dict[str, EventMeaning] = {}

    def __getitem__(self, type_: str) -> EventMeaning:
        meaning = self._known.get(type_)
        if meaning is None:
            meaning = self._known[type_] = _meaning(self._device, self._profile, self._profile.events[type_])
        return meaning

    def __iter__(self) -> Iterator[str]:
        return iter(self._profile.events)

    def __len__(self) -> int:
        return len(self._profile.events)


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """A profile bound to one installed device."""

    device: DeviceId
    fields: tuple[Field, ...]
    events: Mapping[str, EventMeaning]

    def __init__(self, device: str, profile: Profile) -> None:
        object.__setattr__(self, "device", DeviceId(device))
        object.__setattr__(
            self,
            "fields",
            tuple(
                Field(name, point_id(device, name), path_of(meaning.path), meaning)
                for name, meaning in profile.fields.items()
            ),
        )
        object.__setattr__(self, "events", Events(device, profile))


def parse_text(payload: bytes) -> str:
    """A payload that is a bare word or number. Raises DecodeError."""
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise DecodeError("neither JSON nor UTF-8 text") from None


def _meaning(device: str, profile: Profile, mapping: EventMapping) -> EventMeaning:
    changes = [Change(name, point_id(device, name), Reading(value)) for name, value in mapping.set.items()]
    changes += [Change(name, point_id(device, name), Reading(True), pulse=True) for name in mapping.pulse]
    copies = tuple(
        Field(name, point_id(device, name), path_of(source), profile.fields[name])
        for name, source in mapping.copy_.items()
    )
    return EventMeaning(tuple(changes), copies, mapping.even_historic)


def _number(point: MqttPoint, raw: Any) -> Reading:
    if isinstance(raw, str):
        try:
            raw = float(raw)
        except ValueError:
            return _bad(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not isfinite(raw):
        return _bad(raw)
    value = raw * point.scale + point.offset if (point.scale, point.offset) != (1.0, 0.0) else raw
    if not isfinite(value):
        return Reading(None, Quality.DECODE, f"out of range: {str(raw)[:40]} scaled by {point.scale:g} is no number")
    if point.valid is not None and not point.valid[0] <= value <= point.valid[1]:
        low, high = point.valid
        return Reading(value, Quality.OUT_OF_RANGE, f"outside {low:g} to {high:g}")
    return Reading(value)


def _key(raw: Any) -> str:
    """Raw values as the profile's `map` writes them: JSON's words."""
    return {True: "true", False: "false"}[raw] if isinstance(raw, bool) else str(raw)


def _bad(raw: Any) -> Reading:
    return Reading(None, Quality.DECODE, f"unknown value {str(raw)[:40]!r}")
