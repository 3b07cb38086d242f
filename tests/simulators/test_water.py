"""Sump, tanks and booster against the figures calculated in reference/devices.md C1 to C3."""

from collections.abc import Callable
from random import Random

import pytest

from simulators.booster import Booster, speed_for
from simulators.demand import Demand
from simulators.plant import Plant
from simulators.sump import Sump
from simulators.tank import FireTank, Tank


def pit(inflow: float, level: float = 0.30) -> Sump:
    sump = Sump("sump-1", Random(1), inflow=inflow, noise=0.0)
    sump.level = level
    return sump


def seconds_until(plant: Plant, true: Callable[[], object], most: float = 50_000.0, dt: float = 0.5) -> float:
    start = plant.now
    while not true():
        plant.step(dt)
        assert plant.now - start < most
    return plant.now - start


def runs(sump: Sump) -> bool:
    return bool(sump.running())


@pytest.mark.parametrize(
    ("inflow", "fill", "pump"), [(0.05, 4 * 3600.0, 91.0), (4.0, 180.0, 180.0), (1.0, 720.0, 103.0)]
)
def test_a_sump_fills_and_empties_in_the_calculated_times(inflow: float, fill: float, pump: float) -> None:
    sump = pit(inflow)
    assert seconds_until(sump, lambda: runs(sump)) == pytest.approx(fill, rel=0.01)
    assert seconds_until(sump, lambda: not runs(sump)) == pytest.approx(pump, rel=0.02)


def test_four_litres_a_second_start_a_pump_ten_times_an_hour() -> None:
    sump = pit(4.0)
    seconds_until(sump, lambda: sump.now >= 3600.0)
    assert sump.starts == 10


@pytest.mark.parametrize(("inflow", "slope"), [(0.05, -0.0055), (4.0, -0.0028), (7.5, -0.00035)])
def test_one_pump_lowers_the_level_at_the_calculated_slope(inflow: float, slope: float) -> None:
    sump = pit(inflow, level=0.79)
    seconds_until(sump, lambda: runs(sump))
    before = sump.level
    for _ in range(20):
        sump.step(0.5)
    assert (sump.level - before) / 10.0 == pytest.approx(slope, rel=0.03)


def test_without_a_pump_four_litres_a_second_reach_the_high_alarm_in_144_seconds() -> None:
    sump = pit(4.0, level=0.80)
    sump.inject("power_loss")
    assert seconds_until(sump, lambda: sump.points["high_water"]) == pytest.approx(144.0, rel=0.01)


def test_twenty_litres_a_second_are_more_than_both_pumps_can_lift() -> None:
    sump = pit(20.0)
    seconds_until(sump, lambda: sump.level >= sump.pit.overflow)
    assert sump.points["pump_1_running"]
    assert sump.points["pump_2_running"]


def test_the_pumps_take_turns() -> None:
    sump, led = pit(4.0), []
    for _ in range(4):
        seconds_until(sump, lambda: runs(sump))
        led += sump.running()
        seconds_until(sump, lambda: not runs(sump))
    assert led == [1, 2, 1, 2]


def test_with_the_valve_shut_a_pump_runs_and_the_level_stands() -> None:
    """DR-2: what the alarm has to find."""
    sump = pit(1.0)
    sump.inject("pump_runs_level_stands")
    before = sump.level
    assert sump.points["pump_1_running"]
    seconds_until(sump, lambda: sump.now > 300.0)
    assert sump.level == pytest.approx(before)
    assert sump.points["pump_1_running"]
    sump.clear()
    seconds_until(sump, lambda: sump.points["pump_1_running"] is False)


def test_a_stuck_float_shows_as_a_wrong_order_while_the_pit_is_low() -> None:
    sump = pit(0.05)
    sump.inject("stuck_float")
    assert sump.points["high_water"]
    assert sump.points["float_order"]
    sump.clear("stuck_float")
    assert not sump.points["high_water"]
    assert not sump.points["float_order"]


def test_a_leaking_check_valve_brings_the_riser_back_after_each_stop() -> None:
    sump = pit(4.0, level=0.82)
    sump.inject("check_valve")
    seconds_until(sump, lambda: runs(sump))
    seconds_until(sump, lambda: not runs(sump))
    assert sump.level == pytest.approx(0.30 + 0.174, abs=0.01)


def test_a_broken_sensor_has_no_value_and_a_frozen_one_the_same_for_ever() -> None:
    sump = Sump("sump-1", Random(1))
    sump.inject("sensor_broken")
    assert sump.points["level"] is None
    assert sump.points["sensor_fault"]
    sump.clear()
    sump.inject("sensor_frozen")
    frozen = sump.points["level"]
    seconds_until(sump, lambda: sump.now > 60.0)
    assert sump.points["level"] == frozen


def test_a_fault_ends_by_itself_when_its_time_is_over() -> None:
    sump = pit(1.0)
    sump.inject("pump_trip", 10.0, {"pump": 2})
    assert sump.points["pump_2_fault"]
    assert seconds_until(sump, lambda: not sump.points["pump_2_fault"]) == pytest.approx(10.0)


def test_a_float_valve_keeps_the_tank_and_a_leak_of_five_litres_a_second_empties_it() -> None:
    tank = Tank("tank-1", Random(1), drawn=lambda now, dt: 1.0)
    seconds_until(tank, lambda: tank.now > 3600.0, dt=1.0)
    assert tank.level == pytest.approx(2.25, abs=0.03)
    tank.inject("tank_leak", details={"flow": 5.0})
    seconds_until(tank, lambda: tank.level < 2.0, dt=1.0)
    before = tank.level
    seconds_until(tank, lambda: tank.now > 2 * 3600.0, dt=1.0)
    # 3 l/s come in, 6 l/s leave: 1.35 m an hour from 8 m2.
    assert tank.level < before - 0.5
    assert tank.points["inlet_open"]


def test_a_stuck_inlet_valve_overflows_the_tank() -> None:
    tank = Tank("tank-1", Random(1))
    tank.inject("inlet_stuck")
    seconds_until(tank, lambda: tank.now > 60.0)
    assert tank.points["overflow"]


def test_a_fire_tank_stays_above_95_percent_through_a_week() -> None:
    """FR-1: no alarm without a reason."""
    tank, lowest = FireTank("fire-1", Random(1)), 100.0
    while tank.now < 7 * 86400.0:
        tank.step(60.0)
        percent = tank.points["level_percent"]
        assert isinstance(percent, float)
        lowest = min(lowest, percent)
    assert lowest > 97.0


@pytest.mark.parametrize(("flow", "speed"), [(0.0, 0.84), (4.0, 0.86), (6.0, 0.89), (10.0, 0.97)])
def test_the_pump_curve_needs_the_calculated_speed_for_the_set_pressure(flow: float, speed: float) -> None:
    assert speed_for(46.0, flow) == pytest.approx(speed, abs=0.006)


def test_the_booster_holds_its_pressure_adds_pumps_and_sleeps() -> None:
    draw = 0.0
    booster = Booster("booster-1", Random(1), demand=lambda now, dt: draw)
    for draw, least, most in ((0.5, 0, 1), (5.0, 2, 3), (9.0, 3, 3), (0.0, 0, 0)):
        for _ in range(1200):
            booster.step(1.0)
        assert least <= len(booster.running()) <= most, draw
        assert 4.0 < booster.pressure < 5.5, draw


def test_a_booster_without_water_falls_below_half_a_bar_in_20_seconds_and_trips() -> None:
    booster = Booster("booster-1", Random(1), demand=lambda now, dt: 0.5)
    seconds_until(booster, lambda: booster.now > 60.0)
    booster.inject("dry_run")
    assert booster.running()
    assert 2.0 < seconds_until(booster, lambda: booster.pressure < 0.5) < 20.0
    assert seconds_until(booster, lambda: not booster.running()) < 60.0


def test_200_flats_draw_about_80_cubic_metres_a_day() -> None:
    demand = Demand(Random(3), 200, lambda now: now / 3600.0 % 24.0)
    drawn = sum(demand.at(float(second), 1.0) for second in range(86_400)) / 1000.0
    assert drawn == pytest.approx(0.95 * 86.4, rel=0.15)
