"""The example site against the stock rules: calm when left alone, and each fault raises the alarm it is named after."""

from pathlib import Path

import pytest

from daemon.assembly import Assembly, assemble
from simulators.mqtt_device import MqttDevice
from simulators.mqtt_link import BrokerAt
from simulators.simulation import Simulation
from tests.simulators.watch import Watch

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble(RIVERSIDE)


def watching(assembly: Assembly, *, traffic: float) -> Watch:
    return Watch(Simulation(assembly.site, BrokerAt("127.0.0.1", 1), traffic=traffic), assembly.rules)


def test_half_an_hour_of_traffic_and_water_raises_no_alarm(assembly: Assembly) -> None:
    watch = watching(assembly, traffic=1.0)
    watch.go(1800)
    assert watch.raised == {}
    door = watch.simulation.spoken["door-03"]
    assert isinstance(door, MqttDevice)
    assert door.seq > 50


@pytest.mark.parametrize(
    ("target", "fault", "details", "alarm", "within"),
    [
        ("zone-07", "intrusion", {}, "zone-07.intrusion", 2),
        ("zone-07", "zone_cut", {}, "zone-07.line_cut", 2),
        ("zone-07", "zone_short", {}, "zone-07.line_short", 2),
        ("door-03", "forced_door", {}, "door-03.forced", 2),
        ("door-03", "held_door", {"after": 0}, "door-03.held", 2),
        ("door-03", "tamper", {}, "door-03.tamper", 2),
        ("panel-0803", "panic", {}, "panel-0803.panic", 2),
        ("panel-0803", "cut_line", {}, "panel-0803.line_cut", 2),
        ("panel-0803", "power_loss", {}, "panel-0803.mains_lost", 5),
        ("lane-in-1", "barrier_stuck", {}, "lane-in-1.stuck", 2),
        ("lane-in-1", "barrier_struck", {}, "lane-in-1.detached", 2),
        ("lane-in-1", "obstruction", {}, "lane-in-1.obstructed", 2),
        ("sump-1", "high_inflow", {"level": 1.3}, "sump-1.high_level", 2),
        ("sump-1", "pump_runs_level_stands", {}, "sump-1.pump_runs_level_not_falling", 120),
        ("sump-1", "dry_run", {}, "sump-1.dry_running", 2),
        ("sump-1", "stuck_float", {}, "sump-1.float_order", 8),
        ("sump-3", "pump_trip", {"pump": 2}, "sump-3.pump_2_fault", 2),
        ("tank-1", "level", {"level": 0.5}, "tank-1.low_level", 2),
        ("tank-1", "inlet_stuck", {}, "tank-1.overflow", 2),
        ("fire-tank-1", "tank_leak", {"level": 2.8}, "fire-tank-1.low_level", 2),
        ("fire-tank-1", "inlet_stuck", {}, "fire-tank-1.high_level", 2),
        ("booster-1", "dry_run", {}, "booster-1.dry_running", 60),
        ("booster-1", "burst", {}, "booster-1.pressure_low", 120),
    ],
)
def test_a_fault_raises_its_alarm(
    assembly: Assembly, target: str, fault: str, details: dict[str, float], alarm: str, within: int
) -> None:
    assert alarm in {str(rule.alarm) for rule in assembly.rules}
    watch = watching(assembly, traffic=0.0)
    watch.go(3)
    watch.fault(target, fault, **details)
    while alarm not in watch.raised and within > 0:
        watch.go(1)
        within -= 1
    assert alarm in watch.raised
