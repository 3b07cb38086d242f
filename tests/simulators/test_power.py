"""The electrical side of the example estate against the stock rules: calm for a day, and every fault has its alarm."""

from pathlib import Path
from random import Random

import pytest

from daemon.assembly import Assembly, assemble
from estate.errors import CommandRefused
from simulators.drive import Drive
from simulators.lighting import LightingCircuit
from simulators.network import CLASSES
from simulators.simulation import Simulation
from simulators.ups import capacity, runtime
from tests.simulators.watch import Watch

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"
LIGHTS = ("light-1", "light-2", "light-3")


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble(RIVERSIDE)


def watching(assembly: Assembly, *, every: float = 1.0, only: tuple[str, ...] = ()) -> Watch:
    """The electrical plants, or `only` some, with their rules; looked at every `every` s of their time."""
    rows = tuple(row for row in assembly.site.equipment if row.class_ in {*CLASSES, "meter_balance"})
    if only:
        rows = tuple(row for row in rows if row.id in only)
    behind = {path.partition(".")[0] for row in rows for path in row.points.values()}
    behind |= {row.device for row in rows if row.device is not None}
    devices = tuple(device for device in assembly.site.devices if device.id in behind)
    site = assembly.site.model_copy(update={"equipment": rows, "devices": devices})
    names = {row.id for row in rows}
    simulation = Simulation(site, None)
    for name in names.intersection(LIGHTS):  # no daemon here, so no timetable: their own switch acts
        circuit = simulation.world.plant(name)
        assert isinstance(circuit, LightingCircuit)
        circuit.has_twilight_switch = True
    return Watch(simulation, (rule for rule in assembly.rules if rule.equipment in names), every)


def test_a_clean_day_raises_nothing_of_priority_one_or_two(assembly: Assembly) -> None:
    watch = watching(assembly, every=30.0)
    watch.go(86_400)
    assert watch.grave() == []
    assert set(watch.raised) <= {"light-2.half_night_left_on"}
    assert watch.shows("light-1")["on"] is False  # dusk and dawn have passed


@pytest.mark.parametrize(
    ("target", "fault", "details", "alarm", "within"),
    [
        ("supply-1", "mains_fail", {}, "supply-1.lost", 4),
        ("supply-1", "phase_loss", {"n": 2}, "supply-1.phase_lost", 4),
        ("supply-1", "phase_reversal", {}, "supply-1.phase_reversed", 4),
        ("supply-1", "undervoltage", {"level": 201.0}, "supply-1.voltage_low", 64),
        ("supply-1", "overvoltage", {}, "supply-1.voltage_high", 64),
        ("supply-1", "frequency_low", {}, "supply-1.frequency_wrong", 64),
        ("supply-1", "readings_frozen", {}, "supply-1.frozen", 605),
        ("generator-1", "not_in_auto", {}, "generator-1.not_in_auto", 303),
        ("generator-1", "emergency_stop", {}, "generator-1.emergency_stop", 4),
        ("generator-1", "fuel_low", {"level": 25.0}, "generator-1.fuel_low", 35),
        ("generator-1", "fuel_low", {"level": 11.0}, "generator-1.fuel_empty", 35),
        ("generator-1", "fuel_theft", {}, "generator-1.fuel_theft", 1300),
        ("generator-1", "battery_weak", {}, "generator-1.battery_weak", 3610),
        ("generator-1", "charger_failed", {}, "generator-1.charger_failed", 1810),
        ("generator-1", "maintenance_due", {}, "generator-1.maintenance_due", 65),
        ("ats-1", "both_closed", {}, "ats-1.both_closed", 3),
        ("ats-1", "controller_alarm", {}, "ats-1.failed", 4),
        ("feeder-1", "feeder_trip", {}, "feeder-1.tripped", 2),
        ("feeder-1", "opened", {}, "feeder-1.open", 7),
        ("feeder-1", "closed_in_maintenance", {}, "feeder-1.closed_in_maintenance", 2),
        ("ups-1", "ups_on_battery", {}, "ups-1.on_battery", 14),
        ("ups-1", "ups_replace_battery", {}, "ups-1.battery_replace", 2),
        ("ups-1", "battery_weak", {}, "ups-1.hold_up_short", 305),
        ("ups-1", "battery_disconnected", {}, "ups-1.battery_disconnected", 4),
        ("ups-1", "charger_failed", {}, "ups-1.charger_failed", 4),
        ("ups-1", "overload", {}, "ups-1.overload", 4),
        ("ups-1", "ups_bypass", {}, "ups-1.on_bypass", 13),
        ("ups-1", "output_off", {}, "ups-1.output_off", 4),
        ("ups-1", "overheat", {}, "ups-1.too_hot", 34),
        ("light-3", "contactor_stuck", {}, "light-3.current_while_off", 14),
        ("energy-b1", "phase_loss", {}, "energy-b1.phase_lost", 4),
        ("energy-b1", "ct_reversed", {"n": 3}, "energy-b1.transformer_reversed", 3610),
        ("energy-b1", "meter_stopped", {}, "energy-b1.stopped", 3610),
        ("energy-b1", "meter_backwards", {}, "energy-b1.backwards", 700),
        ("energy-b1", "meter_replaced", {}, "energy-b1.replaced", 400),
        ("energy-b1", "meter_jump", {}, "energy-b1.jumped", 400),
        ("energy-b1", "overload", {"factor": 9.0}, "energy-b1.overload", 905),
        ("energy-b1", "unbalance", {}, "energy-b1.unbalanced", 605),
        ("pv-1", "meter_stopped", {}, "pv-1.stopped", 3610),
        ("water-main", "meter_stopped", {}, "water-main.stopped", 1810),
        ("water-b1", "meter_replaced", {}, "water-b1.replaced", 400),
        ("water-main", "burst", {"flow": 55.0}, "water-main.burst", 400),
        ("water-main", "runs_back", {}, "water-main.runs_in_reverse", 700),
    ],
)
def test_a_fault_raises_its_alarm(
    assembly: Assembly, target: str, fault: str, details: dict[str, float], alarm: str, within: float
) -> None:
    watch = watching(assembly, every=1.0 if within < 2000 else 10.0)
    assert alarm in watch.rules
    watch.go(700 if "meter" in fault or fault in ("burst", "runs_back", "fuel_theft") else 20)
    assert watch.raised == {}
    watch.fault(target, fault, **details)
    injected = watch.now
    while alarm not in watch.raised and watch.now < injected + within + 10:
        watch.go(10 if within > 100 else 1)
    assert watch.raised.get(alarm, 1e9) - injected <= within + 10


def test_a_leak_shows_by_the_quiet_hour_that_is_missing(assembly: Assembly) -> None:
    watch = watching(assembly, every=60.0, only=("water-b1", "water-garden"))
    watch.fault("water-b1", "leak")
    watch.go(95_000)
    assert set(watch.raised) == {"water-b1.no_quiet_hour"}


def test_an_outage_runs_through_all_its_steps(assembly: Assembly) -> None:
    """PW-2: mains fails, the generator starts and takes over; 3 min of good mains, back, cool-down, stop."""
    watch = watching(assembly)
    watch.go(30)
    watch.fault("supply-1", "mains_fail")
    watch.go(40)
    assert watch.shows("ats-1")["position"] == "s2"
    assert watch.shows("generator-1")["state"] == "running"
    assert watch.shows("ups-1")["source"] == "mains"
    watch.heal("supply-1", "mains_fail")
    watch.go(175)
    assert watch.shows("ats-1")["position"] == "s2"
    watch.go(10)
    assert watch.shows("ats-1")["position"] == "s1"
    assert watch.shows("generator-1")["state"] == "cooling"
    watch.go(200)
    assert watch.shows("generator-1")["state"] == "stopped"
    assert {"ats-1.takeover_completed", "ats-1.handback_completed", "ats-1.on_generator"} <= set(watch.raised)
    assert not [alarm for alarm in watch.raised if alarm.endswith(("_missing", "_late", "_early"))]
    assert watch.grave() == ["supply-1.lost"]


@pytest.mark.parametrize(
    ("target", "fault", "alarms"),
    [
        ("generator-1", "fail_to_start", {"ats-1.takeover_run_missing", "generator-1.fail_to_start", "ats-1.black"}),
        ("generator-1", "not_in_auto", {"ats-1.takeover_run_missing", "generator-1.not_started"}),
        ("ats-1", "ats_stuck", {"ats-1.takeover_transfer_missing", "ats-1.not_transferred"}),
        ("generator-1", "breaker_open", {"generator-1.failed_to_close", "ats-1.takeover_run_missing"}),
    ],
)
def test_what_did_not_happen_in_an_outage_is_named(
    assembly: Assembly, target: str, fault: str, alarms: set[str]
) -> None:
    """PW-2: a step that is missing."""
    watch = watching(assembly)
    watch.go(10)
    watch.fault(target, fault)
    watch.fault("supply-1", "mains_fail")
    watch.go(120)
    assert alarms <= set(watch.raised)


def test_going_back_too_early_and_too_late_are_told_apart(assembly: Assembly) -> None:
    """PW-2: a step that is early, or late."""
    for fault, ending in (("early_return", "early"), ("late_return", "missing")):
        watch = watching(assembly)
        watch.go(10)
        watch.fault("ats-1", fault)
        watch.fault("supply-1", "mains_fail")
        watch.go(60)
        watch.heal("supply-1", "mains_fail")
        watch.go(320)
        told = {alarm for alarm in watch.raised if alarm.startswith("ats-1.handback_retransfer")}
        assert told == {f"ats-1.handback_retransfer_{ending}"}


def test_a_dip_of_the_mains_begins_the_three_minutes_anew(assembly: Assembly) -> None:
    watch = watching(assembly)
    watch.go(10)
    watch.fault("supply-1", "mains_fail")
    watch.go(60)
    watch.heal("supply-1", "mains_fail")
    watch.go(150)
    watch.simulation.targets.inject("supply-1", "mains_dip", 2.0)
    watch.go(100)
    assert watch.shows("ats-1")["position"] == "s2"
    watch.go(90)
    assert watch.shows("ats-1")["position"] == "s1"
    assert "ats-1.handback_retransfer_early" not in watch.raised


def test_the_ups_empties_after_peukert_and_then_its_loads_go_dark(assembly: Assembly) -> None:
    assert runtime(1000.0, 18.0) / 60 == pytest.approx(24.0, abs=1.5)  # devices.md C5; straight arithmetic says 47
    assert runtime(2000.0, 18.0) / 60 == pytest.approx(10.6, abs=1.0)
    assert runtime(700.0, capacity(700.0, 5400.0)) == pytest.approx(5400.0)
    watch = watching(assembly)
    watch.go(5)
    watch.fault("ups-1", "charge", level=1.0)
    watch.fault("ups-1", "ups_on_battery")
    watch.go(1200)
    assert watch.shows("ups-1")["source"] == "off"
    assert {"ups-1.on_battery", "ups-1.battery_low", "ups-1.output_off"} <= set(watch.raised)


def test_lights_switch_at_dusk_and_dawn_by_group(assembly: Assembly) -> None:
    """LT-1: all night, half the night, festivals."""
    watch = watching(assembly, every=60.0, only=LIGHTS)
    watch.go(10 * 3600)  # 20:00
    assert [watch.shows(f"light-{n}")["on"] for n in (1, 2, 3)] == [True, True, False]
    watch.go(5 * 3600)  # 01:00
    assert [watch.shows(f"light-{n}")["on"] for n in (1, 2, 3)] == [True, False, False]
    watch.go(7 * 3600)  # 08:00
    assert [watch.shows(f"light-{n}")["on"] for n in (1, 2, 3)] == [False, False, False]


@pytest.mark.parametrize(
    ("fault", "alarm"),
    [
        ("lamp_circuit_open", "light-1.no_current"),
        ("contactor_broken", "light-1.contactor"),
        ("lamps_out", "light-1.lamps_out"),
    ],
)
def test_a_circuit_that_should_burn_is_judged_by_its_current(assembly: Assembly, fault: str, alarm: str) -> None:
    """LT-3: on without current."""
    watch = watching(assembly, every=60.0, only=LIGHTS)
    watch.go(9 * 3600)
    watch.fault("light-1", fault)
    watch.go(720)
    assert alarm in watch.raised


def test_no_switch_but_the_feeder_and_the_lights_can_be_written(assembly: Assembly) -> None:
    """PW-3: the transfer switch takes no command."""
    watch = watching(assembly)
    with pytest.raises(CommandRefused):
        watch.simulation.world.plant("ats-1").write("position", "s2")
    feeder = watch.simulation.world.plant("feeder-1")
    feeder.write("close_output", False)
    watch.go(4)
    assert watch.shows("feeder-1")["closed"] is False
    assert watch.shows("energy-b1")["power"] == 0.0


def test_a_device_goes_dark_with_its_feeder_and_comes_back_after_its_boot(assembly: Assembly) -> None:
    rows = tuple(
        device.model_copy(update={"fed_by": "feeder-3"}) if device.id == "light-meter" else device
        for device in assembly.site.devices
    )
    simulation = Simulation(assembly.site.model_copy(update={"devices": rows}), None, traffic=0.0)
    simulation.advance(2.0)
    simulation.targets.inject("feeder-3", "opened")
    simulation.advance(2.0)
    assert "power_loss" in simulation.state()["standing"]["light-meter"]
    simulation.targets.clear("feeder-3", "opened")
    simulation.advance(3.0)
    assert "power_loss" in simulation.state()["standing"]["light-meter"]
    simulation.advance(5.0)
    assert "light-meter" not in simulation.state()["standing"]


def test_a_drive_trips_keeps_its_code_and_slows_down() -> None:
    power = {"on": True}
    drive = Drive("drive", Random("drive"), fed=lambda: power["on"])
    drive.step(1.0)
    assert drive.points["running"] is True
    assert 2.8 < float(drive.points["current"] or 0) < 8.0
    drive.inject("undervoltage")
    for _ in range(8):
        drive.step(1.0)
    assert (drive.points["fault"], drive.points["fault_code"], drive.points["frequency"]) == (True, 8, 0.0)
    drive.clear("undervoltage")
    for _ in range(8):
        drive.step(1.0)
    assert (drive.points["fault"], drive.points["fault_code"], drive.points["running"]) == (False, 8, True)
    power["on"] = False
    drive.step(1.0)
    assert (drive.points["running"], drive.points["dc_voltage"]) == (False, 0.0)
