"""Rules 1 to 4 of docs/mqtt.md: every event once, no gap unseen, boots told apart, history raises no alarm."""

from collections.abc import Callable
from typing import Any

from drivers.mqtt.sequence import Restored
from estate.model import Quality
from tests.drivers.mqtt.conftest import CLOSED


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
    out = door.event(11, "door.forced")
    assert door.values()["protocol"] == "conflict"
    assert [event.historic for event in out.events] == [False]
    assert door.values()["alarm"] == "forced"


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
