"""The ten rules of docs/mqtt.md, each proved by tests that bear its number."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.mqtt.outcome import Outcome
from drivers.mqtt.sequence import Restored
from estate.model import Quality

CLOSED = {"contact": "closed", "lock": "locked", "mode": "normal", "alarm": "none", "tamper": False, "supply": "ok"}


@pytest.fixture
def door(talk: Callable[..., Any]) -> Any:
    """A door that has been heard: boot b1, event 10, closed."""
    door = talk()
    door.status("online")
    door.state(10, CLOSED)
    door.wait(0)
    return door


def test_an_event_sets_its_points_and_names_itself_as_their_cause(door: Any) -> None:
    out = door.event(11, "door.forced")
    assert [(event.type, event.seq, event.historic) for event in out.events] == [("door.forced", 11, False)]
    assert {"alarm": "forced", "contact": "open"}.items() <= door.values().items()
    (sample,) = door.samples("alarm")
    assert sample.quality is Quality.GOOD
    assert (sample.cause.device, sample.cause.boot, sample.cause.seq) == ("d-1", "b1", 11)


def test_an_event_copies_from_its_data_and_pulses_what_is_momentary(door: Any) -> None:
    door.event(11, "access.duress", {"credential": {"kind": "card", "ref": "c:9f2a"}})
    assert [sample.value for sample in door.samples("duress")] == [True, False]
    first, second = door.samples("duress")
    assert first.at < second.at
    assert door.values()["last_access"] == "c:9f2a"


def test_an_acknowledgement_never_covers_events_from_before_the_first_contact(talk: Any) -> None:
    """The device may still hold them, and would forget them."""
    door = talk()
    ack = "estate/v1/oak/door/d-1/ack"
    first = door.event(13, "door.opened")
    assert dict(first.acks) == {(ack, "b1", 13): 13}
    earlier = door.event(11, "door.opened")
    assert [event.seq for event in earlier.events] == [11]
    assert dict(earlier.acks) == {(ack, "b1", 11): 11}
    between = door.event(12, "door.closed")
    assert [event.seq for event in between.events] == [12]
    again = door.event(13, "door.opened")
    assert (again.events, dict(again.acks)) == ([], {(ack, "b1", 11): 13})


def test_rule_1_the_same_event_again_changes_nothing_and_is_acknowledged_again(door: Any) -> None:
    door.event(11, "door.forced")
    out = door.event(11, "door.forced", hist=True)
    assert (out.events, out.samples) == ([], [])
    assert list(out.acks.values()) == [11]
    assert door.device.standing.counts["duplicate"] == 1


def test_rule_1_another_event_under_the_same_number_is_a_conflict(door: Any) -> None:
    door.event(11, "door.forced")
    out = door.event(11, "door.closed")
    assert out.events == []
    assert door.values() == {"protocol": "conflict"}


def test_rule_2_a_gap_asks_for_a_replay_and_alarms_only_after_a_minute(door: Any) -> None:
    door.event(14, "door.opened")
    assert ("replay", {"v": 1, "boot": "b1", "from_seq": 11, "to_seq": 13}) in door.asked()
    assert ("get", {"v": 1}) in door.asked()
    assert door.samples("protocol") == []
    door.heartbeat(14)
    door.wait(59)
    assert door.samples("protocol") == []
    door.wait(2)
    assert door.values()["protocol"] == "gap"
    door.wait(61)
    assert door.values()["protocol"] == "ok"


def test_rule_2_a_state_ahead_of_its_events_for_two_seconds_is_a_gap(door: Any) -> None:
    door.state(12, CLOSED)
    door.wait(1.5)
    assert door.asked() == []
    door.wait(1)
    assert ("replay", {"v": 1, "boot": "b1", "from_seq": 11, "to_seq": 12}) in door.asked()


def test_rule_2_what_is_acknowledged_stops_before_the_gap(door: Any) -> None:
    out = door.event(12, "door.opened")
    assert out.acks == {}
    out = door.event(11, "door.forced", hist=True)
    assert list(out.acks.values()) == [12]


def test_rule_2_a_late_event_does_not_overwrite_a_newer_state(door: Any) -> None:
    door.event(12, "door.closed")
    door.event(11, "door.forced", hist=True)
    assert [sample.value for sample in door.samples("alarm")] == ["forced", "none"]
    assert [sample.value for sample in door.samples("contact")] == ["open", "closed"]


def test_rule_3_a_new_boot_starts_a_new_count(door: Any) -> None:
    door.boot = "b2"
    out = door.event(1, "door.opened")
    assert [event.boot for event in out.events] == ["b2"]
    assert door.values()["contact"] == "open"
    assert door.device.standing.counts["restart"] == 1
    assert door.asked() == []


def test_rule_3_an_old_boot_cannot_turn_a_device_on(door: Any) -> None:
    door.boot = "b2"
    door.status("offline")  # a will of a boot never heard of
    assert door.values() == {}
    door.status("online")
    door.status("offline")
    assert door.values()["online"] is False
    door.boot = "b1"
    for say in (lambda: door.status("online"), lambda: door.heartbeat(10), lambda: door.state(10, CLOSED)):
        say()
        assert door.values() == {}
    door.event(10, "door.opened", hist=True)
    assert door.samples("online") == []


def test_rule_3_an_event_of_an_old_boot_is_journalled_but_changes_nothing(door: Any) -> None:
    door.boot = "b2"
    door.event(1, "door.closed")
    door.boot = "b1"
    out = door.event(11, "door.forced", hist=True)
    assert [event.historic for event in out.events] == [True]
    assert door.values() == {}
    assert list(out.acks.items()) == [(("estate/v1/oak/door/d-1/ack", "b1", 11), 11)]


def test_rule_3_two_publishers_with_one_id_are_a_conflict(door: Any) -> None:
    door.boot = "b2"
    door.event(1, "door.closed")
    door.boot = "b1"
    door.event(11, "door.forced")
    assert door.values() == {"protocol": "conflict"}


def test_rule_3_the_boots_of_the_journal_are_past_after_a_restart(talk: Callable[..., Any]) -> None:
    door = talk(restored=Restored(("b0", "b1"), "b1", 10, ()))
    door.boot = "b0"
    door.state(99, CLOSED, retained=True)
    assert door.values() == {}
    door.boot = "b1"
    assert door.event(10, "door.forced").events == []
    assert len(door.event(11, "door.forced").events) == 1


def test_rule_4_a_historic_event_goes_to_the_journal_without_an_alarm(door: Any) -> None:
    out = door.event(11, "door.forced", hist=True)
    assert [event.historic for event in out.events] == [True]
    assert door.samples("alarm") == []


def test_rule_4_a_replay_that_fills_a_fresh_gap_alarms_as_late(door: Any) -> None:
    door.event(12, "access.granted", {"credential": {"ref": "c:1"}})
    out = door.event(11, "door.forced", hist=True)
    assert [event.historic for event in out.events] == [False]
    assert next((sample.value, sample.reason) for sample in door.samples("alarm")) == ("forced", "late")


def test_rule_4_a_replay_that_fills_an_old_gap_is_history(door: Any) -> None:
    door.event(12, "access.granted")
    door.wait(601)
    out = door.event(11, "door.forced", hist=True)
    assert [event.historic for event in out.events] == [True]
    assert door.samples("alarm") == []


def test_rule_4_panic_fire_and_duress_alarm_even_when_historic(talk: Callable[..., Any]) -> None:
    panel = talk("estate-panel", "h-1")
    panel.state(0, {"panic": False})
    out = panel.event(1, "alarm.panic", hist=True)
    assert [event.historic for event in out.events] == [True]
    assert [(sample.value, sample.reason) for sample in panel.samples("panic")] == [(True, "late")]
    panel.event(2, "alarm.burglary", hist=True)
    assert panel.samples("burglary") == []


def test_rule_4_age_alone_never_makes_an_event_historic(door: Any) -> None:
    door.wait(100)
    out = door.event(11, "door.forced", ts="2020-01-01T00:00:00Z")
    assert [event.historic for event in out.events] == [False]
    assert door.values()["alarm"] == "forced"


def test_rule_5_a_retained_state_is_a_baseline_with_its_own_time(talk: Callable[..., Any], clock: Any) -> None:
    door = talk()
    before = clock.utc - timedelta(minutes=9)
    out = door.state(4, CLOSED | {"alarm": "held"}, retained=True, ts=before.isoformat())
    assert out.events == []
    (sample,) = door.samples("alarm")
    assert (sample.value, sample.quality, sample.at, sample.cause) == ("held", Quality.GOOD, before, None)
    assert door.samples("online") == []


def test_rule_5_a_retained_event_is_history(door: Any) -> None:
    out = door.event(11, "door.forced", retained=True)
    assert [event.historic for event in out.events] == [True]
    assert door.samples("alarm") == []


def test_rule_5_a_retained_state_older_than_the_journal_is_stale(talk: Callable[..., Any]) -> None:
    door = talk(restored=Restored(("b1",), "b1", 20, ()))
    door.state(15, CLOSED, retained=True)
    assert {sample.quality for sample in door.out.samples} == {Quality.STALE}
    door.state(20, CLOSED)
    assert {sample.quality for sample in door.samples("contact")} == {Quality.GOOD}


def test_rule_6_three_missed_heartbeats_and_five_seconds_are_offline(door: Any) -> None:
    door.wait(94)
    assert door.values() == {}
    door.wait(2)
    assert door.values()["online"] is False
    (contact,) = door.samples("contact")
    assert (contact.value, contact.quality) == ("closed", Quality.STALE)
    (wire,) = door.samples("wire")
    assert (wire.value, wire.quality) == (None, Quality.NO_COMMUNICATION)


def test_rule_6_a_device_never_heard_is_offline_too(talk: Callable[..., Any]) -> None:
    door = talk()
    door.wait(96)
    assert door.values()["online"] is False


def test_rule_6_a_heartbeat_keeps_the_points_good_and_brings_them_back(door: Any) -> None:
    door.wait(20)
    door.heartbeat(10)
    assert door.samples("contact")[0].received == door.clock.mono
    door.wait(100)
    door.heartbeat(10)
    assert door.values()["online"] is True
    assert door.samples("contact")[-1].quality is Quality.GOOD
    assert ("get", {"v": 1}) in door.asked()


def test_rule_6_a_heartbeat_ahead_of_the_events_confirms_nothing(door: Any) -> None:
    door.heartbeat(11)
    assert door.samples("contact") == []


def test_rule_6_the_meta_of_a_battery_device_sets_its_own_heartbeat(door: Any) -> None:
    door.meta(heartbeat=600)
    door.wait(1800)
    assert door.samples("online") == []
    door.wait(10)
    assert door.values()["online"] is False


def test_rule_6_an_offline_status_is_believed_at_once(door: Any) -> None:
    door.status("offline", reason="no answer on the loop")
    assert door.samples("online")[0].reason == "no answer on the loop"
    assert door.samples("contact")[0].quality is Quality.STALE
    door.event(11, "door.opened")
    assert door.values()["online"] is True


def test_rule_7_the_state_wins_over_the_event_and_the_missed_event_is_counted(door: Any) -> None:
    door.event(11, "door.opened")
    door.wait(5)
    door.state(11, CLOSED)
    assert door.values()["contact"] == "closed"
    assert door.device.standing.counts["missed event"] == 1


def test_rule_7_a_state_from_before_the_event_changes_nothing(door: Any) -> None:
    door.event(11, "door.opened")
    door.state(10, CLOSED)
    assert door.samples("contact") == []


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
    import json

    door = talk()
    said = {
        "v": 1, "dev": "d-1", "boot": "b1", "seq": 3, "ts": "2026-03-01T07:00:00Z", "type": "door.opened",
        "data": {"contact": "open"}, "state": "online",
    }  # fmt: skip
    out: Outcome = door.raw(kind, json.dumps(said | odd).encode(), retained)
    for sample in out.samples:
        assert (sample.value is None) == sample.quality.is_bad
