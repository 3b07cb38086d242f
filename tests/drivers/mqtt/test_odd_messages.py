"""Rules 8 to 10 of docs/mqtt.md: wrong clocks, floods, unknown words; and whatever else a payload may hold."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.mqtt.mapping import decode
from drivers.mqtt.outcome import Outcome
from drivers.profile import MqttPoint
from estate.model import Quality
from tests.drivers.mqtt.conftest import CLOSED


@pytest.mark.parametrize("minutes", [-10, 10])
def test_rule_8_a_live_event_with_a_wrong_clock_is_dated_by_us(door: Any, minutes: int) -> None:
    door.wait(3600)
    out = door.event(11, "door.forced", ts=(door.clock.utc + timedelta(minutes=minutes)).isoformat())
    assert door.values()["clock"] == "drift"
    assert door.samples("alarm")[0].at == door.clock.utc
    assert out.events[0].at == door.clock.utc + timedelta(minutes=minutes)
    door.event(12, "door.closed")
    assert door.values()["clock"] == "ok"


def test_rule_8_an_event_that_may_have_waited_in_the_broker_proves_no_drift(talk: Callable[..., Any]) -> None:
    door = talk()
    then = door.clock.utc - timedelta(minutes=10)
    door.event(1, "door.forced", ts=then.isoformat())
    assert door.samples("clock") == []
    assert door.samples("alarm")[0].at == then


@pytest.mark.parametrize("said", [{"tq": "unset"}, {"ts": None}, {"ts": "nonsense"}])
def test_rule_8_an_unset_clock_is_told(door: Any, said: dict[str, Any]) -> None:
    door.event(11, "door.forced", **said)
    assert door.values()["clock"] == "unset"
    assert door.samples("alarm")[0].at == door.clock.utc


def test_rule_8_more_than_two_seconds_are_counted(door: Any) -> None:
    door.event(11, "door.opened", ts=(door.clock.utc - timedelta(seconds=3)).isoformat())
    assert door.device.standing.counts["clock off by more than 2 s"] == 1
    assert door.values()["clock"] == "ok"


def test_rule_9_a_flood_is_flagged_once_and_nothing_of_it_is_dropped(door: Any) -> None:
    flags = []
    taken = 0
    for seq in range(11, 1311):
        out = door.event(seq, "door.opened" if seq % 2 else "door.closed")
        taken += len(out.events)
        flags += [sample.value for sample in door.samples("protocol")]
    assert taken == 1300
    assert flags == ["flood"]
    door.wait(61)
    assert door.values()["protocol"] == "ok"


def test_rule_10_an_unknown_type_is_stored_as_unknown_and_counted(door: Any) -> None:
    out = door.event(11, "door.sang", {"song": "la"})
    assert [(event.type, event.data["type"], event.data["song"]) for event in out.events] == [
        ("unknown", "door.sang", "la")
    ]
    assert door.values()["protocol"] == "unknown"


def test_rule_10_an_unknown_value_is_bad_and_never_normal(door: Any) -> None:
    door.state(10, CLOSED | {"contact": "ajar", "alarm": 0, "tamper": "no"})
    for name in ("contact", "alarm", "tamper"):
        (sample,) = door.samples(name)
        assert (sample.value, sample.quality) == (None, Quality.DECODE)


def test_rule_10_a_sensor_that_says_unknown_is_a_sensor_fault(door: Any) -> None:
    door.state(10, CLOSED | {"contact": "unknown"})
    assert door.samples("contact")[0].quality is Quality.SENSOR_FAULT


def test_rule_10_unknown_fields_are_kept(door: Any) -> None:
    out = door.event(11, "door.opened", {"angle": 30}, rssi=-71)
    assert out.events[0].data == {"angle": 30, "_envelope": {"rssi": -71}}


def test_a_malformed_message_is_a_fault_of_the_device_and_no_change(door: Any) -> None:
    out = door.raw("event", b"\x00garbage")
    assert (out.events, door.values()) == ([], {"protocol": "malformed"})
    assert door.device.refused[-1].hex.startswith("0067617262")
    door.event(11, "door.forced", dev="d-2")
    assert door.device.refused[-1].reason == "it says it is 'd-2'"
    assert door.device.standing.counts["malformed"] == 2


FORGED = "\x1b[2J\u2028 2026-11-23T00:00:00Z INFO forged\x07\u202e" + "A" * 15_000


def test_a_reason_is_short_and_holds_nothing_unseen(door: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    door.status("offline", reason=FORGED)
    (online,) = door.samples("online")
    (record,) = caplog.records
    for said in (online.reason, record.getMessage()):
        assert len(said) < 240
        assert said.isprintable()
    assert "forged" in online.reason
    assert {len(sample.reason) for sample in door.out.samples} == {len(online.reason)}


def test_two_faults_in_turn_do_not_fill_the_log(door: Any, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(100):
        door.raw("event", b"garbage")
        door.event(10, "door.opened" if number % 2 else "door.closed")
    assert len(caplog.records) <= 2
    assert door.device.standing.counts["malformed"] == 100


def test_words_of_a_device_that_operators_read_hold_nothing_unseen(talk: Callable[..., Any]) -> None:
    """CWE-451: a mark that turns the direction of writing made one plate look like another."""
    reader = talk("estate-lpr", "lpr-1")
    reader.event(1, "plate.read", {"plate": "京A\u202e54321\u200b\u0007", "confidence": 0.9}, ref="x\u202ey")
    assert [sample.value for sample in reader.samples("plate")] == ["京A\\u202e54321\\u200b\\x07"]
    assert reader.out.events[0].ref == "x\\u202ey"
    assert reader.out.events[0].data["plate"] == "京A\u202e54321\u200b\u0007"  # the journal keeps what was said
    reader.meta(profile=FORGED)
    (identity,) = reader.samples("identity")
    assert identity.reason.isprintable()
    assert len(identity.reason) < 150


def test_meta_of_another_profile_is_a_wrong_identity(door: Any) -> None:
    door.meta(profile="estate-zone")
    assert door.values()["identity"] == "mismatch"
    door.meta(profile="estate-door")
    assert door.values()["identity"] == "ok"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(
    kind=st.sampled_from(["event", "state", "hb", "status", "meta"]),
    odd=st.dictionaries(
        st.sampled_from(["v", "dev", "boot", "seq", "ts", "tq", "type", "hist", "ref", "data", "state", "via", "x"]),
        JSON,
        max_size=4,
    ),
    retained=st.booleans(),
)
def test_no_payload_breaks_a_device(talk: Callable[..., Any], kind: str, odd: dict[str, Any], retained: bool) -> None:
    door = talk()
    said = {
        "v": 1, "dev": "d-1", "boot": "b1", "seq": 3, "ts": "2026-03-01T07:00:00Z", "type": "door.opened",
        "data": {"contact": "open"}, "state": "online",
    }  # fmt: skip
    out: Outcome = door.raw(kind, json.dumps(said | odd).encode(), retained)
    for sample in out.samples:
        assert (sample.value is None) == sample.quality.is_bad


@pytest.mark.parametrize("said", ["1e308", 1e308, -1e308])
@pytest.mark.parametrize("valid", [None, (0.0, 100.0)])
def test_a_value_that_scaling_makes_infinite_is_bad(said: object, valid: tuple[float, float] | None) -> None:
    reading = decode(MqttPoint(path="level", type="number", scale=10.0, valid=valid), said)
    assert (reading.value, reading.quality) == (None, Quality.DECODE)
    assert reading.reason.startswith("out of range: ")
