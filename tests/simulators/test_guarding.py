"""Fences, partitions, intercom, cameras, guards: what they say, and that a quiet day is quiet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from daemon.assembly import assemble
from estate.errors import CommandRefused
from estate.model import EquipmentId, Now, Quality, Sample, Value
from rules.alarm import Trigger
from rules.engine import Engine
from rules.patrol import Kind, Patrol, Place, Visit
from simulators.camera import Camera
from simulators.fence import Fence
from simulators.guard import Sentry, set_out
from simulators.intercom import Intercom
from simulators.nvr import Recorder
from simulators.partition import Partition
from simulators.plant import Plant
from simulators.world import World
from simulators.zone import Zone

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"
SECURITY = {
    "zone", "wall", "partition", "fence", "weather", "door", "panel", "lane", "car_park", "intercom", "riser", "tour",
    "checkpoint", "post", "camera", "nvr",
}  # fmt: skip
ZONE = ZoneInfo("Asia/Shanghai")
MIDNIGHT = datetime(2026, 3, 1, 0, 0, tzinfo=ZONE)


def words(plant: Plant, seconds: float = 0.0) -> list[str]:
    """Event types of the next so many seconds."""
    for _ in range(round(seconds / 0.1)):
        plant.step(0.1)
    return [happening.type for happening in plant.take()]


def test_a_fence_says_so_after_three_pulses_that_did_not_come_back() -> None:
    fence = Fence("fence-1", Random(1))
    words(fence, 5)
    fence.inject("fence_cut")
    assert words(fence, 2.0) == []
    assert words(fence, 2.5) == ["fence.alarm"]
    assert (fence.points["voltage"], fence.points["return_voltage"], fence.points["missed"]) == (7.2, 0.0, 3)
    fence.clear()
    assert words(fence, 1.5) == ["fence.restore"]


@pytest.mark.parametrize("fault", ["grounded", "energizer_dead", "gate_open", "plants", "rain"])
def test_what_is_no_intrusion_raises_none(fault: str) -> None:
    fence = Fence("fence-1", Random(1))
    fence.inject(fault)
    assert "fence.alarm" not in words(fence, 30)


def test_a_partition_that_is_not_ready_cannot_be_armed() -> None:
    partition = Partition("p", Random(1))
    partition.inject("disarm", details={"by": "li"})
    partition.inject("not_ready")
    partition.inject("arm")
    assert (partition.points["armed"], partition.points["arm_failed"]) == ("disarmed", True)
    partition.clear()
    partition.write("armed", "armed_night")
    assert words(partition)[-1] == "partition.armed"
    with pytest.raises(CommandRefused):
        partition.write("armed", "sometimes")


def test_a_bypass_ends_by_itself() -> None:
    """devices.md E13: with person, reason and an end."""
    zone = Zone("zone-07", Random(1))
    zone.inject("bypass", details={"by": "li", "reason": "works", "after": 10})
    assert (zone.points["bypass_by"], zone.points["bypass_reason"]) == ("li", "works")
    assert "zone.unbypass" not in words(zone, 9.5)
    assert words(zone, 1.0) == ["zone.unbypass"]
    assert zone.points["bypassed"] is False


@pytest.mark.parametrize(("ohm", "loop"), [(20_000.0, 0.9), (10_000.0, 0.82), (15_000.0, 0.87)])
def test_a_wet_loop_reads_what_was_calculated(ohm: float, loop: float) -> None:
    """devices.md C9: the normal value drifts long before the state changes."""
    zone = Zone("zone-07", Random(1))
    zone.inject("wet_cable", details={"ohm": ohm})
    words(zone, 2)
    assert zone.points["loop"] == pytest.approx(loop, abs=0.011)


def test_rain_sets_a_zone_off_again_and_again_and_fog_disqualifies_it() -> None:
    zone = Zone("zone-07", Random(1))
    zone.inject("rain", details={"rate": 30})
    assert words(zone, 60).count("zone.alarm") >= 10
    zone.clear()
    zone.inject("fog")
    assert "zone.disqualified" in words(zone)


def test_a_shorted_riser_isolates_itself() -> None:
    station = Intercom("ic-1", Random(1))
    station.inject("riser_short", details={"branch": "B2"})
    assert words(station, 1.5) == ["riser.fault", "riser.isolated"]
    assert (station.points["bus"], station.points["isolated"], station.points["branch"]) == ("short", True, "B2")


def test_a_call_to_a_barred_extension_goes_to_the_control_room() -> None:
    station = Intercom("ic-1", Random(1))
    station.inject("bar")
    station.inject("call", details={"to": "0502"})
    assert words(station) == ["extension.barred", "call.diverted"]
    assert station.points["to_centre"] is True
    assert words(station, 31)[-1] == "call.missed"


@pytest.mark.parametrize("plant", [Camera("c", Random(1)), Recorder("n", Random(1)), Intercom("i", Random(1))])
def test_every_fault_comes_and_goes(plant: Plant) -> None:
    before = dict(plant.points)
    for fault in plant.faults_offered:
        plant.inject(fault)
        assert plant.points != before, fault
        plant.clear(fault)
        changed = {name for name, value in plant.points.items() if value != before[name]}
        assert changed <= {"retention"}, fault


def test_a_sentry_checks_in_before_the_time_is_over() -> None:
    sentry = Sentry("post", Random(1), 100.0)
    assert words(sentry, 170).count("post.checkin") == 3
    sentry.inject("asleep")
    assert words(sentry, 300) == []


def test_a_quiet_security_shift_raises_nothing_graver_than_a_note() -> None:
    """Eight seeded hours of doors, flats, lanes, guards, calls and cameras: no alarm of priority 1 or 2."""
    assembly = assemble(RIVERSIDE)
    site = assembly.site
    rows = [item for item in site.equipment if item.class_ in SECURITY]
    world = World(rows, seed=7, shunned={"door-07"})
    set_out(world.plants, site.tours, lambda now: MIDNIGHT + timedelta(seconds=now))
    places = [
        Place(EquipmentId(item.id), item.number, float(item.parameters.get("visit_every", 0)))
        for item in rows
        if item.class_ in ("checkpoint", "post")
    ]
    patrol = Patrol(site.tours, places, ZONE, MIDNIGHT.astimezone(UTC))
    readers = {item.id: item.device for item in rows if item.class_ in ("tour", "post")}
    mine = {item.id for item in rows}
    engine = Engine([rule for rule in assembly.rules if rule.equipment in mine])
    bound = [
        (item.id, name, point)
        for item in rows
        for name, point in assembly.bindings[EquipmentId(item.id)].items()
        if item.id in world.plants and name in world.plants[item.id].points
    ]
    shown: dict[str, Value | None] = {}
    raised: list[str] = []
    flags: list[str] = []
    for second in range(8 * 3600):
        world.advance(1.0)
        utc = MIDNIGHT.astimezone(UTC) + timedelta(seconds=second + 1)
        for name, plant in world.plants.items():
            for one in plant.take():
                if one.type in set(Kind):
                    place = str(one.data.get("checkpoint", ""))
                    told = patrol.visit(Visit(str(readers[name]), Kind(one.type), place, utc))
                    flags += [f"{said.equipment}.{said.point}" for said in told if said.value is True]
        flags += [f"{said.equipment}.{said.point}" for said in patrol.look(utc) if said.value is True]
        samples = []
        for owner, name, point in bound:
            value = world.plants[owner].points[name]
            if shown.get(point, "nothing yet") != value:
                shown[point] = value
                quality = Quality.GOOD if value is not None else Quality.SENSOR_FAULT
                samples.append(Sample(point, value, quality, utc, float(second)))
        moved = engine.step(samples, Now(utc, float(second)))
        raised += [str(one.alarm) for one in moved if one.trigger is Trigger.RAISE and one.priority <= 2]
    assert raised == []
    assert flags == []
