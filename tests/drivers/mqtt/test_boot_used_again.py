"""A device that starts again under the boot id it had: its alarms are heard, and honest repetitions are not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from drivers.mqtt.sequence import Restored
from tests.drivers.mqtt.conftest import Talk, stamp

ACK = "estate/v1/oak/zone/z-1/ack"


@pytest.fixture
def zone(talk: Callable[..., Talk], clock: Any) -> Talk:
    """Heard before the daemon started: boot 1 up to event 300, the last one a minute ago."""
    known = Restored(("1",), "1", 300, (), 1, clock.utc)
    clock.forward(60)
    zone = talk("estate-zone", "z-1", known)
    zone.boot = "1"
    return zone


def test_an_intrusion_under_a_number_used_before_alarms_and_is_told_as_a_conflict(zone: Talk) -> None:
    out = zone.event(1, "zone.alarm")
    assert [(event.boot, event.seq, event.historic) for event in out.events] == [("1~1", 1, False)]
    assert zone.values()["state"] == "alarm"
    assert zone.values()["protocol"] == "conflict"
    assert zone.samples("state")[-1].cause is not None
    assert zone.samples("state")[-1].cause.boot == "1~1"
    assert dict(out.acks) == {(ACK, "1", 1): 1}  # under the id it knows


def test_after_that_it_goes_on_in_its_new_life(zone: Talk) -> None:
    zone.event(1, "zone.alarm")
    zone.wait(5)
    again = zone.event(1, "zone.alarm", ts=stamp(zone.clock.utc - timedelta(seconds=5)))
    assert again.events == []
    assert dict(again.acks) == {(ACK, "1", 1): 1}
    out = zone.event(2, "zone.restore")
    assert [(event.boot, event.seq) for event in out.events] == [("1~1", 2)]
    assert dict(out.acks) == {(ACK, "1", 1): 2}
    assert zone.values()["state"] == "normal"
    zone.state(2, {"state": "alarm"})
    assert zone.values()["state"] == "alarm"
    zone.heartbeat(2)
    assert zone.samples("protocol")[-1].value == "conflict"
    assert zone.asked() == []
    zone.event(4, "zone.alarm")
    assert ("replay", {"v": 1, "boot": "1", "from_seq": 3, "to_seq": 3}) in zone.asked()


def test_what_was_said_in_the_life_before_stays_there(zone: Talk) -> None:
    before = stamp(zone.clock.utc - timedelta(seconds=70))
    zone.event(1, "zone.alarm")
    out = zone.event(250, "zone.restore", ts=before, hist=True)
    assert out.events == []
    assert zone.samples("state") == []


def test_a_second_start_is_another_life(zone: Talk) -> None:
    zone.event(1, "zone.alarm")
    zone.wait(120)
    out = zone.event(1, "zone.alarm")
    assert [(event.boot, event.seq) for event in out.events] == [("1~2", 1)]


def test_lives_go_on_after_a_restart_of_the_daemon(talk: Callable[..., Talk], clock: Any) -> None:
    zone = talk("estate-zone", "z-1", Restored(("1", "1~1"), "1~1", 2, (), 1, clock.utc))
    zone.boot = "1"
    assert zone.event(2, "zone.restore").events == []
    out = zone.event(3, "zone.alarm")
    assert [(event.boot, event.seq) for event in out.events] == [("1~1", 3)]
    zone.wait(300)
    assert [event.boot for event in zone.event(1, "zone.alarm").events] == ["1~2"]


def test_other_words_under_a_number_just_used_are_another_event_when_they_are_newer(talk: Callable[..., Talk]) -> None:
    """Not even a minute after the last event: power is cut, and the panel is back."""
    zone = talk("estate-zone", "z-1")
    for seq in (1, 2, 3):
        zone.event(seq, "zone.restore")
    zone.wait(5)
    out = zone.event(1, "zone.alarm")
    assert [(event.boot, event.seq) for event in out.events] == [("b1~1", 1)]
    assert zone.values()["state"] == "alarm"


@pytest.mark.parametrize("seq", [1, 200, 300])
@pytest.mark.parametrize("hist", [False, True])
def test_an_honest_repetition_after_a_restart_is_no_event(zone: Talk, seq: int, hist: bool) -> None:
    then = zone.clock.utc - timedelta(seconds=60 + 300 - seq)
    zone.wait(3600)
    out = zone.event(seq, "zone.alarm", ts=stamp(then), hist=hist)
    assert (out.events, zone.samples("state")) == ([], [])
    assert list(out.acks.values()) != []


def test_an_honest_repetition_of_long_ago_is_no_event(talk: Callable[..., Talk]) -> None:
    zone = talk("estate-zone", "z-1")
    said = []
    for seq in range(1, 301):
        said.append(stamp(zone.clock.utc))
        zone.event(seq, "zone.alarm" if seq % 2 else "zone.restore")
        zone.wait(1)
    zone.wait(600)
    for seq in range(1, 301):
        out = zone.event(seq, "zone.alarm" if seq % 2 else "zone.restore", ts=said[seq - 1])
        assert out.events == []
    assert zone.device.standing.counts["conflict"] == 0


@pytest.mark.parametrize("said", [{"hist": True}, {"retained": True}, {"tq": "unset"}, {"ts": "9999-01-01T00:00:00Z"}])
def test_only_what_is_said_live_with_a_time_that_can_be_right_begins_a_life(zone: Talk, said: dict[str, Any]) -> None:
    assert zone.event(1, "zone.alarm", **said).events == []


def test_a_repetition_that_the_device_dates_anew_within_a_minute_is_no_event(talk: Callable[..., Talk]) -> None:
    zone = talk("estate-zone", "z-1")
    zone.event(1, "zone.alarm")
    for _ in range(5):
        zone.wait(10)
        assert zone.event(1, "zone.alarm").events == []
