"""The example site against the stock rules: calm when left alone, and each fault raises the alarm it is named after."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.assembly import Assembly, assemble
from estate.model import Now, Quality, Sample, Value, point_id
from rules.alarm import AlarmState
from rules.engine import Engine
from simulators.mqtt_device import MqttDevice
from simulators.mqtt_link import BrokerAt
from simulators.simulation import Simulation

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"
START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble(RIVERSIDE)


class Watch:
    """The rules over what the plants' devices show, second by second."""

    def __init__(self, assembly: Assembly, *, traffic: float) -> None:
        self.simulation = Simulation(assembly.site, BrokerAt("127.0.0.1", 1), traffic=traffic)
        self.engine = Engine(assembly.rules)
        self.raised: set[str] = set()
        self._shown: dict[tuple[str, str], Value | None] = {}
        wiring = self.simulation.wiring
        self._points = [
            (d, p) for d, profile in wiring.profiles.items() for p in profile.points if wiring.is_wired(d, p)
        ]

    def go(self, seconds: int) -> None:
        for _ in range(seconds):
            self.simulation.advance(1.0)
            now = Now(START + timedelta(seconds=self.simulation.world.now), self.simulation.world.now)
            samples = []
            for device, point in self._points:
                value = self.simulation.wiring.value(device, point)
                if self._shown.get((device, point), "nothing") != value:
                    self._shown[device, point] = value
                    quality = Quality.GOOD if value is not None else Quality.SENSOR_FAULT
                    samples.append(Sample(point_id(device, point), value, quality, now.utc, now.mono))
            transitions = self.engine.step(samples, now)
            self.raised |= {str(t.alarm) for t in transitions if t.after is not AlarmState.NORMAL}


def test_half_an_hour_of_traffic_and_water_raises_no_alarm(assembly: Assembly) -> None:
    watch = Watch(assembly, traffic=1.0)
    watch.go(1800)
    assert watch.raised == set()
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
        ("panel-0803", "power_loss", {}, "panel-0803.mains_lost", 2),
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
    watch = Watch(assembly, traffic=0.0)
    watch.go(3)
    watch.simulation.targets.inject(target, fault, details=details)
    while alarm not in watch.raised and within > 0:
        watch.go(1)
        within -= 1
    assert alarm in watch.raised
