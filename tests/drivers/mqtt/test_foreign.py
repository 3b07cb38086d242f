"""Devices of other dialects: changes become events, and what cannot be promised is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.outcome import Outcome
from drivers.profile import Profile
from estate.model import Quality

ROOT = "zigbee2mqtt/hall"


@pytest.fixture
def contact(clock: Any, profile_named: Callable[[str], Profile]) -> Callable[..., Outcome]:
    """Say something on a topic below the root; the device is at `.device`."""
    device = ForeignDevice("hall", profile_named("zigbee2mqtt-contact"), ROOT, "s1")

    def say(said: object, below: str = "", retained: bool = False) -> Outcome:
        out = Outcome()
        payload = said if isinstance(said, bytes) else json.dumps(said).encode()
        device.message(f"{ROOT}/{below}" if below else ROOT, payload, retained, clock.now(), out)
        return out

    say.device = device  # type: ignore[attr-defined]
    return say


def test_only_a_change_of_state_is_an_event_and_each_has_a_number_of_its_own(contact: Callable[..., Outcome]) -> None:
    events = []
    for closed, battery in ((True, 90), (True, 80), (False, 80), (False, 70), (True, 70)):
        events += contact({"contact": closed, "battery": battery}).events
    assert [event.data for event in events] == [{"contact": "closed"}, {"contact": "open"}, {"contact": "closed"}]
    assert len({(event.boot, event.seq) for event in events}) == 3
    assert {event.boot for event in events} == {"s1"}


def test_a_retained_message_is_a_baseline_without_an_event(contact: Callable[..., Outcome]) -> None:
    out = contact({"contact": False}, retained=True)
    assert out.events == []
    assert [(sample.point, sample.value, sample.quality) for sample in out.samples] == [
        ("hall.contact", "open", Quality.GOOD)
    ]


def test_the_bridge_says_when_a_device_is_gone_and_back(contact: Callable[..., Outcome]) -> None:
    contact({"contact": True})
    gone = contact({"state": "offline"}, "availability")
    assert ("hall.online", False) in [(sample.point, sample.value) for sample in gone.samples]
    assert ("hall.contact", Quality.STALE) in [(sample.point, sample.quality) for sample in gone.samples]
    back = contact(b"online", "availability")
    assert [sample.value for sample in back.samples] == ["malformed"]  # this profile expects JSON
    back = contact({"state": "online"}, "availability")
    assert [(sample.point, sample.value) for sample in back.samples] == [("hall.online", True)]


def test_silence_longer_than_the_profile_allows_is_offline(contact: Callable[..., Outcome], clock: Any) -> None:
    contact({"contact": True})
    device = contact.device  # type: ignore[attr-defined]
    out = Outcome()
    device.supervise(clock.forward(89_000), 0.0, out)
    assert "hall.online" not in [sample.point for sample in out.samples]
    device.supervise(clock.forward(2_000), 0.0, out)
    assert ("hall.online", False) in [(sample.point, sample.value) for sample in out.samples]


@pytest.mark.parametrize(
    "payload", [b"\xff", b"{", b'{"contact": 1e999}', b"[" * 300, b'{"a":"' + b"x" * 70_000 + b'"}']
)
def test_a_malformed_payload_changes_nothing(contact: Callable[..., Outcome], payload: bytes) -> None:
    out = contact(payload)
    assert [(sample.point, sample.value) for sample in out.samples] == [("hall.protocol", "malformed")]
    assert contact.device.refused[-1].hex == payload[:256].hex()  # type: ignore[attr-defined]


def test_what_the_broker_kept_of_a_device_that_is_offline_is_stale(contact: Callable[..., Outcome]) -> None:
    contact({"state": "offline"}, "availability", True)
    for _ in range(2):
        (sample,) = [one for one in contact({"contact": True}, "", True).samples if one.point == "hall.contact"]
        assert (sample.value, sample.quality) == ("closed", Quality.STALE)
    (sample,) = [one for one in contact({"contact": True}).samples if one.point == "hall.contact"]
    assert sample.quality is Quality.GOOD
