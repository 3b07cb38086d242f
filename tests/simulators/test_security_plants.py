"""Doors, perimeter loops, panels, lanes and lamps: states and events in the words of the contract."""

from math import inf
from random import Random

import pytest

from estate.errors import CommandRefused
from simulators.door import Door
from simulators.lamp import Lamp
from simulators.lane import Lane
from simulators.panel import ALARMS, Panel
from simulators.plant import Plant
from simulators.zone import Zone, judge, loop_voltage


def words(plant: Plant, seconds: float = 0.0) -> list[str]:
    """Event types of the next so many seconds."""
    for _ in range(round(seconds / 0.05)):
        plant.step(0.05)
    return [happening.type for happening in plant.take()]


@pytest.mark.parametrize(
    ("ratio", "state"), [(0.0, "tamper_short"), (1.0, "normal"), (2.0, "alarm"), (3.0, "mask"), (inf, "tamper_open")]
)
def test_each_loop_resistance_is_judged_as_its_state(ratio: float, state: str) -> None:
    assert judge(loop_voltage(ratio * 2200.0)) == state


@pytest.mark.parametrize(("ratio", "volt"), [(0.0, 0.0), (1.0, 2.50), (2.0, 3.33), (3.0, 3.75), (inf, 5.0)])
def test_the_loop_shows_the_calculated_voltages(ratio: float, volt: float) -> None:
    assert loop_voltage(ratio * 2200.0) == pytest.approx(volt, abs=0.01)


@pytest.mark.parametrize(
    ("fault", "state", "event"),
    [
        ("intrusion", "alarm", "zone.alarm"),
        ("zone_cut", "tamper_open", "zone.tamper"),
        ("zone_short", "tamper_short", "zone.tamper_short"),
        ("mask", "mask", "zone.mask"),
        ("wet_cable", "fault", "zone.fault"),
    ],
)
def test_a_zone_reports_each_fault_once_within_half_a_second_and_its_end(fault: str, state: str, event: str) -> None:
    """PE-5: cut line and short circuit are told apart from an intrusion."""
    zone = Zone("zone-07", Random(1))
    zone.inject(fault)
    assert words(zone, 0.5) == [event]
    assert zone.points["state"] == state
    zone.clear()
    assert words(zone, 0.5) == ["zone.restore"]


def test_a_wet_cable_would_hide_an_intrusion_which_is_why_it_is_a_fault() -> None:
    zone = Zone("zone-07", Random(1))
    zone.inject("wet_cable", details={"ohm": 10_000.0})
    zone.inject("intrusion")
    assert judge(loop_voltage(zone.ohm)) == "normal"


def test_a_quiet_zone_stays_quiet_for_a_day() -> None:
    zone = Zone("zone-07", Random(1))
    for _ in range(86_400):
        zone.step(1.0)
    assert zone.take() == []


def test_a_card_opens_a_door_which_closes_and_locks_again() -> None:
    door = Door("door-03", Random(2))
    door.inject("access", details={"credential": "c:9f2a"})
    assert door.points["lock"] == "unlocked"
    assert words(door, 40.0) == ["access.granted", "access.taken", "door.opened", "door.closed"]
    assert door.points["contact"] == "closed"
    assert door.points["lock"] == "locked"
    assert door.points["last_access"] == "c:9f2a"


def test_a_forced_door_is_open_while_locked() -> None:
    """AC-7."""
    door = Door("door-03", Random(1))
    door.inject("forced")
    assert words(door) == ["door.forced"]
    assert (door.points["contact"], door.points["lock"], door.points["alarm"]) == ("open", "locked", "forced")
    door.inject("restore")
    assert words(door) == ["door.closed"]
    assert door.points["alarm"] == "none"


def test_a_held_door_alarms_after_its_open_time_and_says_when_it_is_over() -> None:
    """AC-2."""
    door = Door("door-03", Random(1))
    door.inject("held_door", details={"after": 30})
    assert "door.held" not in words(door, 29.0)
    assert words(door, 2.0) == ["door.held"]
    door.clear()
    assert words(door) == ["door.held_clear", "door.closed"]


def test_a_held_door_has_been_open_for_too_long_already() -> None:
    door = Door("door-03", Random(1))
    door.inject("held")
    assert words(door)[-1] == "door.held"


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_panel_reports_each_alarm_and_its_end(alarm: str) -> None:
    """HH-1."""
    panel = Panel("home-1", Random(1))
    panel.inject(alarm)
    assert words(panel) == [f"alarm.{alarm}"]
    assert panel.points[alarm] is True
    panel.clear()
    assert words(panel) == [f"restore.{alarm}"]
    assert panel.points[alarm] is False


@pytest.mark.parametrize(
    ("fault", "event", "point", "value"),
    [
        ("cut_line", "line.cut", "line", "open"),
        ("short_line", "line.short", "line", "short"),
        ("power_loss", "supply.lost", "supply", "mains_lost"),
        ("battery_low", "supply.low_battery", "supply", "battery_low"),
        ("tamper", "panel.tamper", "tamper", True),
    ],
)
def test_a_panel_supervises_its_line_and_supply(fault: str, event: str, point: str, value: object) -> None:
    """HH-4."""
    panel = Panel("home-1", Random(1))
    panel.inject(fault)
    assert words(panel) == [event]
    assert panel.points[point] == value


def test_arming_says_who_and_how() -> None:
    """HH-3."""
    panel = Panel("home-1", Random(1))
    panel.inject("arm", details={"user": "resident-2", "mode": "armed_home"})
    (happening,) = panel.take()
    assert (happening.type, dict(happening.data)) == ("panel.armed", {"armed": "armed_home", "user": "resident-2"})


def test_a_vehicle_is_read_let_through_and_the_barrier_closes_behind_it() -> None:
    """PK-2."""
    lane = Lane("lane-1", Random(1))
    lane.inject("plate", details={"plate": "粤A12345", "confidence": 0.97, "card_kind": "temporary"})
    assert lane.points["plate"] == "粤A12345"
    assert lane.points["position"] == "opening"
    assert words(lane, 30.0) == ["plate.read", "barrier.opened", "vehicle.passed", "barrier.closed"]


@pytest.mark.parametrize(
    ("fault", "event", "point"),
    [
        ("obstruction", "barrier.reversed", "obstructed"),
        ("barrier_struck", "barrier.detached", "detached"),
        ("barrier_stuck", "barrier.stuck", "stuck"),
        ("forced", "barrier.forced", "forced"),
    ],
)
def test_a_barrier_reports_what_happens_to_it(fault: str, event: str, point: str) -> None:
    """PK-3, PK-5."""
    lane = Lane("lane-1", Random(1))
    lane.inject(fault)
    assert event in words(lane)
    assert lane.points[point] is True
    lane.clear()
    assert lane.points[point] is False
    assert lane.points["position"] == "closed"


def test_a_lamp_lights_50_to_200_ms_after_the_command_unless_it_is_broken() -> None:
    lamp = Lamp("lamp-7", Random(1))
    lamp.write("on", True)
    lamp.step(0.049)
    assert lamp.points["lit"] is False
    lamp.step(0.151)
    assert lamp.points["lit"] is True
    lamp.inject("lamp_broken")
    assert lamp.points == {"on": True, "lit": False}


def test_a_plant_refuses_what_it_does_not_know() -> None:
    lamp = Lamp("lamp-7", Random(1))
    with pytest.raises(CommandRefused):
        lamp.inject("forced_door")
    with pytest.raises(CommandRefused):
        lamp.write("lit", True)
    with pytest.raises(CommandRefused):
        Zone("zone-07", Random(1)).inject("wet_cable", details={"ohm": "wet"})
