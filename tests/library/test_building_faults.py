"""Every fault of the building's plants raises the alarm that names it, in its time, and nothing but its companions."""

from typing import Any

import pytest

from tests.library.bench import Bench

NIGHT = 15 * 3600.0
"""s from the world's begin at ten in the morning to one o'clock at night, when hardly anyone draws water."""

QUICK: dict[str, Any] = {
    "auto_delay": 20.0, "idle_time": 7200.0, "run_limit": 300.0, "frozen_time": 1800.0, "test_interval": 1800.0,
    "service_delay": 20.0, "inspection_limit": 120.0, "quality_delay": 20.0, "temperature_delay": 20.0,
    "humidity_delay": 20.0, "rail_delay": 20.0, "cold_delay": 20.0, "trapped_delay": 20.0, "recall_run": 20.0,
}  # fmt: skip
"""Long delays shortened: what is tested is the way from the fault to the alarm, not the waiting."""

FAULTS: list[tuple[str, str, dict[str, Any], str, set[str], float]] = [
    # devices.md D.3 W1-W6, W12-W14; D.2 S1, S3, S5
    ("sump", "high_inflow", {"level": 1.3}, "high_level", {"overflow", "inflow_over_capacity"}, 3),
    ("sump", "high_inflow", {"level": 0.9, "flow": 20.0}, "inflow_over_capacity", {"high_level", "overflow"}, 200),
    ("sump", "pump_runs_level_stands", {}, "pump_runs_level_not_falling", {"long_run"}, 120),
    ("sump", "clogged", {"factor": 0.1}, "long_run", {"pump_runs_level_not_falling", "high_level", "overflow",
        "inflow_over_capacity"}, 4000),
    ("sump", "dry_run", {}, "dry_running", {"pump_runs_level_not_falling", "long_run"}, 3),
    ("sump", "pump_trip", {"pump": 2}, "pump_2_fault", set(), 3),
    ("sump", "stuck_float", {}, "float_stuck", {"float_order", "high_level", "no_pump_running_at_high"}, 90),
    ("sump", "sensor_broken", {}, "level_lost", {"sensor_fault"}, 40),
    ("sump", "sensor_frozen", {}, "level_frozen", {"pump_runs_level_not_falling", "no_pump_running_at_high"}, 4000),
    ("sump", "check_valve", {}, "check_valve_leaks", set(), 4000),
    ("sump", "narrow_band", {}, "short_cycling", {"check_valve_leaks"}, 4200),
    ("sump", "pump_idle", {"pump": 2}, "pump_2_idle", set(), 9000),
    ("sump", "pump_idle", {"pump": 1}, "pump_1_idle", set(), 9000),
    ("sump", "left_in_hand", {}, "left_in_hand", set(), 30),
    ("sump", "control_failed", {}, "backup_start", {"high_level", "no_pump_running_at_high"}, 2500),
    ("sump", "seal_leak", {}, "seal_leakage", set(), 15),
    ("sump", "power_loss", {}, "supply_lost", set(), 3),
    # W5-W7, W10, W16
    ("booster", "dry_run", {}, "dry_running", {"controller_alarm", "pressure_low", "burst",
        "no_pump_running_at_low"}, 60),
    ("booster", "burst", {"flow": 40.0}, "burst", {"pressure_low", "dry_running", "short_cycling"}, 200),
    ("booster", "pump_trip", {"pump": 1}, "pump_1_fault", {"controller_alarm"}, 3),
    ("booster", "check_valve", {}, "turns_backwards", set(), 400),
    ("booster", "sensor_frozen", {}, "pressure_frozen", set(), 4000),
    ("booster", "sensor_broken", {}, "pressure_lost", set(), 40),
    ("booster", "change_over", {}, "pump_2_idle", {"pump_3_idle"}, 12000),
    ("booster", "left_in_hand", {}, "left_in_hand", set(), 30),
    # W8, W9, FR-1, FR-2
    ("tank", "inlet_stuck", {}, "overflow", {"high_level", "inlet_stuck_open"}, 3),
    ("tank", "tank_leak", {"flow": 12.0}, "empty_soon", {"low_level"}, 900),
    ("tank", "sensor_broken", {}, "level_lost", set(), 40),
    ("tank", "sensor_jumps", {}, "level_jumps", set(), 300),
    ("fire_tank", "tank_leak", {"level": 2.7}, "low_level", {"leaking", "below_reserve", "makeup_not_opening",
        "make_up_wanted"}, 3),
    ("fire_tank", "inlet_stuck", {}, "high_level", {"overflow", "makeup_not_closing", "solenoid_stuck_open"}, 3),
    ("fire_tank", "solenoid_stuck_open", {"level": 2.953}, "solenoid_stuck_open", set(), 20),
    ("fire_tank", "sensor_broken", {}, "level_lost", set(), 40),
    # W13, W17, W6 for the fire pump
    ("fire_pump", "sprinkler_open", {}, "running", {"pressure_low"}, 30),
    ("fire_pump", "main_leak", {"flow": 0.02}, "jockey_starts_too_often", {"jockey_busy"}, 4000),
    ("fire_pump", "main_leak", {"flow": 0.078}, "jockey_runs_on", set(), 1500),
    ("fire_pump", "not_auto", {}, "not_auto", set(), 65),
    ("fire_pump", "power_loss", {}, "power_lost", set(), 15),
    ("fire_pump", "phase_reversed", {}, "phase_reversed", set(), 15),
    ("fire_pump", "pump_fault", {}, "fault", set(), 5),
    ("fire_pump", "jockey_fault", {}, "jockey_fault", set(), 5),
    ("fire_pump", "low_suction", {}, "low_suction", set(), 5),
    ("fire_pump", "sensor_broken", {}, "pressure_lost", set(), 40),
    # FR-4
    ("fan", "not_auto", {}, "not_auto", set(), 65),
    ("fan", "fan_fault", {}, "fault", set(), 5),
    ("fan", "power_loss", {}, "power_lost", set(), 15),
    ("fan", "by_hand", {}, "runs_without_fire", set(), 80),
    ("valve", "left_shut", {}, "does_not_open", set(), 40),
    ("valve", "half_open", {}, "position_unclear", {"does_not_open"}, 40),
    ("valve", "limits_wrong", {}, "both_limits", set(), 10),
    ("valve", "sensor_broken", {}, "position_lost", set(), 40),
    # DR-3
    ("sewage", "inlet_flood", {}, "inlet_high", {"not_treating"}, 5),
    ("sewage", "screen_blocked", {}, "not_treating", set(), 130),
    ("sewage", "bypass_open", {}, "bypass_open", set(), 10),
    ("sewage", "outlet_shut", {}, "outlet_shut", set(), 70),
    ("sewage", "inlet_shut", {}, "inlet_shut", {"not_treating"}, 70),
    ("sewage", "lift_pump_trip", {}, "lift_pump_fault", {"not_treating"}, 5),
    ("sewage", "blower_trip", {}, "blower_fault", {"oxygen_low"}, 5),
    ("sewage", "no_air", {}, "oxygen_low", set(), 30),
    ("sewage", "acid", {}, "ph_out_of_range", set(), 30),
    ("sewage", "over_licence", {}, "discharge_over_licence", {"more_out_than_in"}, 70),
    ("sewage", "meter_wrong", {}, "more_out_than_in", {"discharge_over_licence"}, 2000),
    ("sewage", "sensor_broken", {}, "flow_lost", set(), 40),
    # W18, WF-1
    ("water_feature", "basin_leak", {"level": 0.25}, "low_level", set(), 6),
    ("water_feature", "make_up_stuck", {}, "high_level", set(), 15),
    ("water_feature", "pump_trip", {}, "pump_fault", {"did_not_start"}, 5),
    ("water_feature", "contactor_welded", {}, "did_not_stop", set(), 15),
    ("water_feature", "drained", {}, "emptied", set(), 5),
    ("water_feature", "filter_clogged", {}, "filter_clogged", set(), 310),
    ("water_feature", "sensor_broken", {}, "level_lost", set(), 40),
    # HV-1
    ("boiler", "water_leak", {"rate": 0.05}, "pressure_low", set(), 60),
    ("boiler", "overfilled", {}, "pressure_high", set(), 15),
    ("boiler", "lockout", {}, "fault", set(), 10),
    ("boiler", "flame_failure", {}, "flame_fault", {"fault"}, 5),
    ("boiler", "air_fault", {}, "air_fault", {"fault"}, 10),
    ("boiler", "overheat", {}, "flow_high", set(), 5),
    ("boiler", "return_hot", {}, "return_high", set(), 30),
    ("boiler", "return_cold", {}, "return_low", set(), 30),
    ("boiler", "no_fuel_flow", {}, "no_fuel_flow", set(), 40),
    ("boiler", "fuel_valve_open", {}, "fuel_valve_open", set(), 40),
    ("boiler", "gas_leak", {}, "gas_leak", set(), 3),
    ("boiler", "pump_stopped", {}, "no_circulation", set(), 40),
    ("boiler", "link_lost", {}, "link_lost", set(), 40),
    # HV-2
    ("chiller", "general_alarm", {}, "alarm", set(), 10),
    ("chiller", "warning", {}, "warning", set(), 15),
    ("chiller", "condenser_dirty", {}, "condensing_high", set(), 15),
    ("chiller", "refrigerant_lost", {}, "evaporating_low", set(), 15),
    ("chiller", "no_flow", {}, "no_water_flow", set(), 20),
    ("chiller", "pump_stopped", {}, "pump_not_running", {"no_water_flow"}, 20),
    ("chiller", "pump_fault", {}, "pump_fault", set(), 5),
    ("chiller", "oil_hot", {}, "oil_hot", set(), 70),
    ("chiller", "oil_cold", {}, "oil_cold", set(), 310),
    ("chiller", "overload", {}, "return_high", set(), 30),
    ("chiller", "too_cold", {}, "supply_low", {"return_low"}, 40),
    ("chiller", "short_cycling", {}, "starts_too_often", set(), 1500),
    ("chiller", "probe_broken", {}, "sensor_fault", set(), 40),
    # RM-1, E24, S6, S7
    ("room", "cooling_failed", {"temperature": 60.0}, "temperature_high", {"temperature_rising"}, 6000),
    ("room", "cooling_failed", {"temperature": 60.0}, "temperature_rising", {"temperature_high"}, 6000),
    ("room", "fire_near", {}, "temperature_very_high", {"temperature_high", "temperature_rising"}, 200),
    ("room", "heating_failed", {"temperature": -30.0}, "temperature_low", set(), 8000),
    ("room", "damp", {}, "humidity_high", set(), 4000),
    ("room", "leak", {}, "leak", set(), 3),
    ("room", "cable_cut", {}, "leak_cable_broken", set(), 5),
    ("room", "controller_power", {}, "leak_supply_lost", set(), 5),
    ("room", "sensor_rail", {}, "sensor_at_rail", {"temperature_high", "temperature_very_high", "temperature_rising",
        "humidity_high"}, 30),
    ("room", "sensor_swapped", {}, "sensor_swapped", {"temperature_high", "temperature_very_high",
        "temperature_rising"}, 80),
    ("room", "sensor_broken", {}, "sensor_lost", set(), 40),
    # EL-3, E23
    ("lift", "trapped", {}, "trapped", {"passenger_alarm", "stuck_between_floors"}, 3),
    ("lift", "stuck", {}, "stuck_between_floors", set(), 30),
    ("lift", "passenger_alarm", {}, "passenger_alarm", set(), 3),
    ("lift", "lift_fault", {"code": 31}, "fault", set(), 10),
    ("lift", "door_blocked", {}, "door_fault", set(), 10),
    ("lift", "door_reopens", {}, "reopens_too_often", set(), 600),
    ("lift", "out_of_service", {}, "out_of_service", set(), 30),
    ("lift", "inspection", {}, "left_on_inspection", {"inspection"}, 130),
    ("lift", "independent", {}, "independent", set(), 5),
    ("lift", "overload", {}, "overload", set(), 40),
    ("lift", "power_loss", {}, "power_lost", set(), 15),
    ("lift", "fire_signal", {}, "fire_recall", set(), 3),
    # FR-3
    ("fire_zone", "fire", {}, "fire", set(), 2),
    ("fire_zone", "supervisory", {}, "not_fire", set(), 5),
    ("fire_zone", "prealarm", {}, "prealarm", set(), 3),
    ("fire_zone", "zone_trouble", {}, "trouble", set(), 10),
    ("fire_zone", "zone_disabled", {}, "disabled", set(), 70),
    ("fire_panel", "fire", {}, "fire", set(), 2),
    ("fire_panel", "trouble", {}, "trouble", set(), 10),
    ("fire_panel", "mains_lost", {}, "mains_lost", set(), 15),
    ("fire_panel", "battery_bad", {}, "battery_fault", set(), 15),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fault", "details", "alarm", "companions", "within"),
    FAULTS,
    ids=[f"{name}-{fault}-{alarm}" for name, fault, _, alarm, _, _ in FAULTS],
)
def test_a_fault_raises_its_alarm_and_nothing_but_its_companions(
    name: str, fault: str, details: dict[str, Any], alarm: str, companions: set[str], within: float
) -> None:
    bench = Bench([name], QUICK)
    bench.go(5)
    assert bench.raised == {}
    bench.plant(name).inject(fault, details=details)
    poll = 1.0 if within < 1000 else 2.0
    end = bench.world.now + within
    while f"{name}.{alarm}" not in bench.raised and bench.world.now < end:
        bench.go(poll, poll)
    assert f"{name}.{alarm}" in bench.raised, sorted(bench.raised)
    bench.go(20)
    assert set(bench.raised) <= {f"{name}.{one}" for one in {alarm, *companions}}


def test_a_vessel_without_air_makes_the_pumps_start_and_stop_all_night() -> None:
    """WS-2, devices.md D.3 W6: at night a sound vessel carries the taps for minutes, a waterlogged one for seconds.

    A hundred flats draw so little that the limit is set lower than for a whole estate.
    """
    bench = Bench(["booster"], {"idle_time": 864000.0, "starts_max": 3.0})
    bench.go(NIGHT, 5.0)
    bench.raised.clear()
    bench.go(3600, 5.0)
    assert bench.raised == {}
    bench.plant("booster").inject("lost_air")
    bench.go(7200, 1.0)
    assert "booster.short_cycling" in bench.raised


LINKED = ("fire_zone", "lift", "fan", "fire_panel")
"""The panel last: it needs the others' plants."""


def test_a_fire_recalls_the_lift_and_starts_the_fan_and_only_the_record_of_it_remains() -> None:
    """FR-3: fire, lifts recalled, fans running; every step in its time."""
    bench = Bench(LINKED)
    bench.go(5)
    bench.plant("fire_zone").inject("fire")
    bench.go(60)
    assert set(bench.raised) == {"fire_zone.fire", "fire_panel.fire", "lift.fire_recall"}


@pytest.mark.parametrize(
    ("target", "fault", "alarm", "within"),
    [
        ("lift", "recall_fails", "not_recalled", 35),
        ("lift", "recall_stops", "not_at_recall_floor", 130),
        ("fan", "start_fails", "not_started_on_fire", 25),
        ("fan", "damper_jammed", "damper_shut", 40),
        ("fan", "belt_broken", "no_airflow", 40),
    ],
)
def test_what_does_not_follow_a_fire_is_told_by_name(target: str, fault: str, alarm: str, within: float) -> None:
    """FR-3, FR-4: the step that did not happen, of the thing that did not do it."""
    bench = Bench(LINKED)
    bench.go(5)
    bench.plant(target).inject(fault)
    bench.plant("fire_zone").inject("fire")
    bench.go(within)
    usual = {"fire_zone.fire", "fire_panel.fire", "lift.fire_recall"}
    assert set(bench.raised) - usual == {f"{target}.{alarm}"}


def test_a_fountain_that_runs_dry_or_without_flow_is_told() -> None:
    """WF-1, devices.md D.3 W18."""
    bench = Bench(["water_feature"])
    fountain = bench.plant("water_feature")
    fountain.inject("run")
    bench.go(60)
    assert bench.raised == {}
    fountain.inject("strainer_clogged")
    bench.go(35)
    assert set(bench.raised) == {"water_feature.no_flow"}
    fountain.clear()
    fountain.inject("basin_leak", details={"level": 0.2})
    bench.go(6)
    assert "water_feature.low_level_running" in bench.raised
    fountain.clear()
    fountain.inject("contactor_open")
    bench.go(15)
    assert "water_feature.did_not_start" in bench.raised


def test_no_fault_of_these_plants_is_forgotten() -> None:
    told = {(name, fault) for name, fault, *_ in FAULTS}
    elsewhere = {
        "tank": {"mains_off", "sensor_frozen"}, "fire_tank": {"mains_off", "sensor_frozen", "sensor_jumps",
        "solenoid_stuck_shut"},
        "booster": {"lost_air", "power_loss"}, "valve": {"valve_stuck"},
        "fan": {"fire_signal", "start_fails", "damper_jammed", "belt_broken"},
        "lift": {"recall_fails", "recall_stops"}, "fire_pump": {"fail_to_start", "jockey_sticks", "test"},
        "water_feature": {"strainer_clogged", "contactor_open"}, "fire_panel": {"silenced", "linkage_dead"},
    }  # fmt: skip
    for name in sorted({name for name, _ in told}):
        offered = set(Bench([name]).plant(name).faults_offered)
        assert offered - {fault for of, fault in told if of == name} == elsewhere.get(name, set()), name


def test_a_pump_that_needs_more_current_for_the_same_work_is_told() -> None:
    """devices.md D.3 W15: against what was measured when it was sound."""
    bench = Bench(["drive"], {"current_usual": 7.0, "frequency_usual": 42.0})
    bench.go(900)
    bench.world.plants["drive"].inject("pump_worn", details={"factor": 1.5})
    assert bench.raised == {}
    bench.go(700)
    assert set(bench.raised) == {"drive.draws_more"}


def test_cars_that_pass_without_a_plate_tell_of_a_dirty_reader() -> None:
    """devices.md D.5 E17: a lane in use, and an hour without a read."""
    bench = Bench(["lane"], traffic=1.0)
    bench.go(3700)
    bench.plant("lane").inject("reader_dirty")
    bench.go(1800)
    assert bench.raised == {}
    bench.go(2000)
    assert set(bench.raised) == {"lane.plates_unread"}
    bench.plant("lane").clear()
    bench.go(600)
    assert "lane.plates_unread" not in bench.standing


def test_a_fire_pump_that_does_not_start_and_a_solenoid_that_does_not_open_are_told() -> None:
    """FR-2, FR-4: two faults at once, as they come in life."""
    pump = Bench(["fire_pump"])
    pump.go(5)
    pump.plant("fire_pump").inject("fail_to_start")
    pump.plant("fire_pump").inject("sprinkler_open")
    pump.go(40)
    assert {"fire_pump.fail_to_start", "fire_pump.no_start_at_low_pressure"} <= set(pump.raised)
    tank = Bench(["fire_tank"])
    tank.go(5)
    tank.plant("fire_tank").inject("solenoid_stuck_shut")
    tank.plant("fire_tank").inject("level", details={"level": 2.88})
    tank.go(65)
    assert {"fire_tank.solenoid_stuck_shut", "fire_tank.makeup_not_opening"} <= set(tank.raised)
