"""Rules 5 to 7 of docs/mqtt.md: what is retained, what is silent, and a state against its events."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from drivers.mqtt.sequence import Restored
from estate.model import Quality
from tests.drivers.mqtt.conftest import CLOSED


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


def test_rule_6_the_meta_of_a_battery_device_sets_its_own_heartbeat(talk: Callable[..., Any]) -> None:
    station = talk("estate-weather", "w-1")
    station.meta(heartbeat=600)
    station.wait(1800)
    assert station.samples("online") == []
    station.wait(10)
    assert station.values()["online"] is False


@pytest.mark.parametrize("heartbeat", [31, 600, 86400])
def test_rule_6_no_meta_makes_a_device_less_watched_than_its_profile_says(door: Any, heartbeat: float) -> None:
    door.meta(heartbeat=heartbeat)
    assert door.values()["protocol"] == "malformed"
    for _ in range(9):
        door.wait(10)
        assert door.samples("online") == []
    door.wait(6)
    assert door.values()["online"] is False
    door.wait(600)
    assert door.samples("protocol") == []  # not "ok": what it asks for still stands
    door.meta(heartbeat=20)
    door.wait(61)
    assert door.values()["protocol"] == "ok"


def test_rule_6_a_meta_may_have_a_device_watched_more_closely(door: Any) -> None:
    door.meta(heartbeat=10)
    door.wait(34)
    assert door.samples("online") == []
    door.wait(2)
    assert door.values()["online"] is False


def test_rule_6_the_battery_device_has_a_longest_heartbeat_too(talk: Callable[..., Any]) -> None:
    station = talk("estate-weather", "w-1")
    station.meta(heartbeat=601)
    station.wait(186)
    assert station.values()["online"] is False


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


def test_rule_6_what_the_broker_kept_of_an_offline_device_is_stale(talk: Callable[..., Any]) -> None:
    door = talk(restored=Restored(("b1",), "b1", 5, ()))
    door.status("offline", retained=True)
    for _ in range(2):  # also at every reconnect
        door.state(5, CLOSED, retained=True)
        (lock,) = door.samples("lock")
        assert (lock.value, lock.quality, lock.reason) == ("locked", Quality.STALE, "said before it went offline")
    door.state(5, CLOSED)
    assert door.samples("lock")[-1].quality is Quality.GOOD


def test_rule_6_a_second_word_that_it_is_offline_makes_stale_what_is_not(talk: Callable[..., Any]) -> None:
    door = talk(restored=Restored(("b0", "b1"), "b1", 10, ()))
    door.state(10, CLOSED)
    door.status("offline", reason="no answer")
    door.event(7, "door.forced", boot="b0")  # an alarm all the same, but nobody is back
    assert door.samples("alarm")[0].quality is Quality.GOOD
    door.status("offline", reason="no answer")
    assert door.samples("online") == []
    assert {sample.quality for sample in door.out.samples} <= {Quality.STALE}
    assert all(door.device.standing.last(name).quality is not Quality.GOOD for name in ("alarm", "contact"))
