"""Boots and numbers that are not the device's own: whatever a stray message says, a live event still raises alarms."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.mqtt.envelope import MAX_INTEGER
from drivers.mqtt.numbers import PLAUSIBLE
from drivers.mqtt.sequence import EventTrack, Mention, Restored, Verdict
from estate.model import Quality
from tests.drivers.mqtt.conftest import CLOSED


def forced(door: Any, seq: int) -> bool:
    """Whether a live event under this number leaves the door's alarm standing, and in the journal as no history."""
    out = door.event(seq, "door.forced")
    standing = door.samples("alarm")[-1:]
    return [event.historic for event in out.events] == [False] and [sample.value for sample in standing] == ["forced"]


def beat(door: Any, seq: int, seconds: float) -> None:
    """The device lives on for so long."""
    for _ in range(int(seconds / 30)):
        door.wait(30)
        door.heartbeat(seq)


@pytest.mark.parametrize("retained", [False, True])
def test_a_status_of_an_unknown_boot_does_not_displace_one_that_has_spoken(door: Any, retained: bool) -> None:
    door.status("online", boot="zzz", retained=retained)
    assert forced(door, 11)
    assert door.device.track.boot == "b1"
    beat(door, 11, 60)
    assert door.samples("contact")[0].quality is Quality.GOOD


def test_after_a_stray_status_the_device_is_heard_as_before(door: Any) -> None:
    door.status("online", boot="zzz")
    for _ in range(100):
        door.wait(1)
        door.status("online", boot="zzz")  # said again for ever
        if door.clock.mono % 30 == 0:
            door.heartbeat(10)
    door.state(10, CLOSED | {"contact": "open"})
    assert door.values()["contact"] == "open"


def test_a_retained_state_of_an_unknown_boot_changes_nothing_of_a_device_that_speaks(door: Any) -> None:
    door.state(3, CLOSED | {"contact": "open"}, retained=True, boot="zzz")
    assert door.values() == {}
    assert forced(door, 11)


def test_a_restart_is_still_known_by_the_first_thing_the_new_boot_says(door: Any) -> None:
    door.boot = "b2"
    door.status("online")
    door.state(0, CLOSED | {"contact": "open"})
    assert door.values()["contact"] == "open"
    assert door.device.track.boot == "b2"
    assert forced(door, 1)


def test_a_live_event_of_a_displaced_boot_alarms_and_the_conflict_is_told(door: Any) -> None:
    door.state(0, CLOSED, boot="zzz")
    assert forced(door, 11)
    assert door.values()["protocol"] == "conflict"
    assert forced(door, 12)


def test_a_displaced_boot_has_its_place_back_when_the_other_one_is_silent(door: Any) -> None:
    door.state(0, CLOSED, boot="zzz")
    beat(door, 10, 90)
    assert door.device.track.boot == "b1"
    assert door.device.standing.counts["conflict"] == 1
    assert door.device.standing.online is True
    assert forced(door, 11)


def test_a_made_up_retained_state_at_the_start_of_the_daemon_does_not_mute_the_real_boot(
    talk: Callable[..., Any],
) -> None:
    door = talk(restored=Restored(("b1",), "b1", 10, ()))
    door.state(0, CLOSED, retained=True, boot="zzz")
    assert forced(door, 11)
    assert door.device.track.boot == "b1"


def test_made_up_boots_do_not_push_the_real_one_out(door: Any) -> None:
    beat(door, 10, 90)
    for number in range(50):
        door.state(0, CLOSED, boot=f"z{number}")
    assert forced(door, 11)
    beat(door, 11, 90)
    assert door.device.track.boot == "b1"
    assert forced(door, 12)
    assert door.asked() == []  # its numbers were not forgotten


@pytest.mark.parametrize("number", [PLAUSIBLE + 11, MAX_INTEGER])
@pytest.mark.parametrize("how", ["heartbeat", "state", "event"])
def test_one_impossible_number_mutes_nothing_now_or_later(door: Any, how: str, number: int) -> None:
    match how:
        case "heartbeat":
            door.heartbeat(number)
        case "state":
            door.state(number, CLOSED)
        case "event":
            out = door.event(number, "door.closed")
            assert [event.historic for event in out.events] == [False]
            assert list(out.acks.items()) == [(("estate/v1/oak/door/d-1/ack", "b1", number), number)]
    assert door.values()["protocol"] == "gap"
    assert forced(door, 11)
    door.event(12, "door.closed")
    beat(door, 12, 1200)
    assert door.samples("contact")[0].quality is Quality.GOOD
    assert forced(door, 13)
    assert door.asked() == []


def test_the_fault_of_an_impossible_number_stands_until_a_plausible_one_comes(door: Any) -> None:
    door.heartbeat(MAX_INTEGER)
    for _ in range(10):
        door.wait(30)
        assert door.samples("protocol") == []
    door.heartbeat(10)
    door.wait(61)
    assert door.values()["protocol"] == "ok"


def test_numbers_that_go_on_far_ahead_for_ten_minutes_are_believed(door: Any) -> None:
    """A counter that was set forward: every event alarms meanwhile, and the fault ends."""
    ahead, told = 5_000_000, []
    for seq in range(ahead, ahead + 22):
        assert forced(door, seq)
        told += [sample.value for sample in door.samples("protocol")]
        door.wait(30)
        told += [sample.value for sample in door.samples("protocol")]
    assert door.device.track.highest == ahead + 21
    assert told == ["gap", "ok"]
    assert forced(door, ahead + 22)
    assert forced(door, 11)  # whoever that was


@pytest.mark.parametrize("how", ["heartbeat", "state", "event"])
@pytest.mark.parametrize("after", [61, 1200])
def test_a_possible_but_wrong_number_mutes_nothing_for_longer_than_a_minute(door: Any, how: str, after: float) -> None:
    match how:
        case "heartbeat":
            door.heartbeat(5000)
        case "state":
            door.state(5000, CLOSED)
        case "event":
            door.event(5000, "door.closed")
    assert "forced" in [sample.value for sample in (door.event(11, "door.forced"), door.samples("alarm"))[1]]
    beat(door, 11, after)
    door.wait(after % 30)
    assert forced(door, 12)
    out = door.event(13, "door.closed")
    assert list(out.acks.values()) == [13]
    door.wait(11)
    door.state(13, CLOSED | {"contact": "open"})
    assert door.values()["contact"] == "open"
    door.heartbeat(13)
    assert door.samples("contact")[0].quality is Quality.GOOD


def test_an_impossible_number_in_the_journal_is_no_hole_of_that_size_after_a_restart(talk: Callable[..., Any]) -> None:
    door = talk(restored=Restored(("b1",), "b1", 10, (MAX_INTEGER,)))
    assert door.event(MAX_INTEGER, "door.closed").events == []
    door.wait(700)
    door.heartbeat(10)
    assert forced(door, 11)
    assert door.asked() == []


def test_first_contact_by_a_made_up_number_mutes_nothing(talk: Callable[..., Any]) -> None:
    door = talk()
    door.heartbeat(MAX_INTEGER)
    door.wait(700)
    assert forced(door, 1)
    assert forced(door, 2)


def test_a_replay_of_what_the_device_had_buffered_is_history_however_it_is_numbered(door: Any) -> None:
    out = door.event(MAX_INTEGER, "door.forced", hist=True)
    assert [event.historic for event in out.events] == [True]
    assert door.samples("alarm") == []
    assert door.samples("protocol") == []


def test_a_new_boot_that_counts_on_does_so_from_the_boot_it_fits() -> None:
    track = EventTrack()
    for seq in range(1, 11):
        track.accept("b1", seq, seq, 0.0)
    track.mention("zzz", MAX_INTEGER, 0.0)
    assert track.accept("b2", 11, 11, 100.0) is Verdict.NEW
    assert (track.highest, track.astray, track.due(200.0)) == (11, None, [])


def test_an_announced_boot_is_current_once_it_speaks_and_never_if_it_does_not() -> None:
    track = EventTrack()
    assert track.mention("b1", 0, 0.0) is Mention.RESTARTED
    assert track.mention("b2", None, 1.0) is Mention.ANNOUNCED
    assert track.mention("b1", 0, 2.0) is Mention.PAST  # may have crossed it on the way
    assert track.mention("b1", 0, 7.0) is Mention.CURRENT
    assert track.mention("b2", None, 8.0) is Mention.ANNOUNCED
    assert track.mention("b1", 0, 9.0) is Mention.CURRENT  # once misled, it is not put in question again
    assert track.mention("b2", 0, 10.0) is Mention.RESTARTED
    assert track.boot == "b2"
