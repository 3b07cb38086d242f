"""What an MQTT device says in a story, through its profile's mapping, as samples: the driver's own words."""

from collections.abc import Iterator

from drivers.mqtt.mapping import Change, DeviceMap, EventMeaning, Reading
from estate.model import Cause, Now, Sample
from estate.story import Said

STATE = "state"
"""The `type` of a state document; no event of the contract is called so."""


def meaning_of(said: Said, device: DeviceMap) -> EventMeaning | None:
    """None for an event that the profile does not know."""
    return device.events.get(said.type)


def heard(said: Said, device: DeviceMap, seq: int, now: Now) -> Iterator[Sample]:
    """`seq` counts the device's events. What the device had buffered changes nothing, unless its meaning says so."""
    cause = Cause(device.device, "story", seq)
    for change in _changes(said, device):
        reading = change.reading
        yield Sample(change.point, reading.value, reading.quality, now.utc, now.mono, cause, reading.reason)
        if change.pulse:
            yield Sample(change.point, False, Reading(False).quality, now.utc, now.mono, cause)


def _changes(said: Said, device: DeviceMap) -> tuple[Change, ...]:
    if said.type == STATE:
        read = [(field, field.read(said.data)) for field in device.fields]
        return tuple(Change(field.name, field.point, reading) for field, reading in read if reading is not None)
    meaning = meaning_of(said, device)
    if meaning is None or (said.historic and not meaning.even_historic):
        return ()
    return meaning.all_changes(said.data)
