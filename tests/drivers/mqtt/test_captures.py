"""Every profile of an MQTT device ships, loads, names real points, and reads its captures as written down."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.mapping import decode
from drivers.mqtt.outcome import Outcome
from drivers.profile import Profile
from estate.model import Quality

HERE = Path(__file__).parent
PROFILES = HERE.parents[2] / "drivers" / "profiles"
INTERNAL = ("identity", "clock", "online")


def mqtt_profiles() -> list[Profile]:
    read = (Profile.model_validate(yaml.safe_load(path.read_text())) for path in sorted(PROFILES.glob("*.yaml")))
    return [profile for profile in read if profile.mqtt is not None]


CAPTURES = sorted((HERE / "captures").glob("*.yaml"))


def check(out: Outcome, capture: dict[str, Any]) -> None:
    told: dict[str, list[Any]] = {}
    quality: dict[str, str] = {}
    for sample in out.samples:
        name = sample.point.partition(".")[2]
        told.setdefault(name, []).append(sample.value)
        if sample.quality is not Quality.GOOD:
            quality[name] = str(sample.quality)
    expected = capture["expect"]
    assert {name: values for name, values in told.items() if name in expected or name not in INTERNAL} == expected
    assert quality == capture.get("quality", {})
    if "event" in capture:
        assert [event.data for event in out.events] == [capture["event"]]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_is_read_as_written_down(path: Path, clock: Any, talk: Callable[..., Any]) -> None:
    case = yaml.safe_load(path.read_text())
    profile = Profile.model_validate(yaml.safe_load((PROFILES / f"{case['profile']}.yaml").read_text()))
    estate = talk(case["profile"], "x")
    foreign = ForeignDevice("x", profile, case.get("topic", "x"), "s1")
    for capture in case["messages"]:
        payload = capture["text"].encode() if "text" in capture else json.dumps(capture["payload"]).encode()
        if "kind" in capture:
            out = estate.raw(capture["kind"], payload)
        else:
            out = Outcome()
            foreign.message(capture["topic"], payload, False, clock.now(), out)
        check(out, capture)


def test_every_mqtt_profile_has_a_capture() -> None:
    assert {path.stem for path in CAPTURES} == {profile.profile for profile in mqtt_profiles()}


@pytest.mark.parametrize("profile", mqtt_profiles(), ids=lambda profile: profile.profile)
def test_events_only_say_what_the_fields_allow(profile: Profile) -> None:
    for type_, mapping in profile.events.items():
        for name, value in mapping.set.items():
            reading = decode(profile.fields[name].model_copy(update={"map": {}}), value)
            assert reading.quality is Quality.GOOD, f"{type_} sets {name} to {value}"
        for name in (*mapping.copy_, *mapping.pulse):
            assert name in profile.fields, f"{type_}: {name}"
        for name in mapping.pulse:
            assert profile.fields[name].momentary, f"{type_}: {name} is not momentary"


def test_panels_and_zones_go_over_the_life_safety_session() -> None:
    apart = {profile.profile for profile in mqtt_profiles() if profile.mqtt and profile.mqtt.life_safety}
    assert apart == {
        "dahua-vto2mqtt", "estate-fence", "estate-intercom", "estate-panel", "estate-partition", "estate-zone",
        "zigbee2mqtt-motion",
    }  # fmt: skip
