"""Two makes of controller behind one class: the site changes one word, the alarms stay."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.assembly import Assembly, assemble
from drivers.modbus.unit import Unit
from estate.model import Now, Sample
from rules.engine import Engine
from simulators.simulation import Simulation
from tests.conftest import HandClock

START = datetime(2026, 3, 1, tzinfo=UTC)
ZONES = {"zh": "试验", "en": "trial"}
LOOPS: Mapping[str, Mapping[str, Any]] = {
    "generic-lift-station": {"scale": {"level": {"low": 0, "high": 4, "unit": "m"}}},
}
"""What a device needs in its own row because its inputs are bare loops."""
BESIDE: Mapping[str, Mapping[str, str]] = {
    "sulzer-abs-cp": {"level": "beside.ai_1"},
    "dab-dconnect": {"pump_1_running": "contacts.di_1", "pump_1_fault": "contacts.di_2"},
    "2ib-sc10": {"level": "beside.ai_1"},
    "grundfos-ciu-seg": {"pump_1_running": "contacts.di_1", "pump_1_fault": "contacts.di_2"},
}
"""What a controller does not tell and a module beside it does."""


def site(folder: Path, class_: str, profile: str) -> Assembly:
    """A site of one piece of equipment; nothing of it but the profile's name and loose wires depends on the make."""
    main = {"id": "ctl", "profile": profile, "bus": "line", "unit": 1, **LOOPS.get(profile, {})}
    loop = {"low": 0, "high": 4, "unit": "m"}
    others = [
        {"id": "beside", "profile": "moxa-iologik-e1240", "bus": "line", "unit": 2, "scale": {"ai_1": loop}},
        {"id": "contacts", "profile": "advantech-adam-6052", "bus": "line", "unit": 3},
    ]
    wired = BESIDE.get(profile, {})
    used = [one for one in others if any(path.startswith(str(one["id"])) for path in wired.values())]
    equipment = {
        "id": "it", "class": class_, "number": "1号", "name": ZONES, "place": ZONES, "device": "ctl",
        **({"points": dict(wired)} if wired else {}),
    }  # fmt: skip
    bus = {"id": "line", "tcp": "192.168.40.1:502"}
    outline = {"id": "trial", "name": ZONES, "timezone": "Asia/Shanghai", "buses": [bus]}
    files = {"site": outline, "devices": [main, *used], "equipment": [equipment]}
    for name, data in files.items():
        (folder / f"{name}.yaml").write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")  # JSON is YAML
    return assemble(folder)


class Wire:
    """The simulated devices read register by register through the driver, into the rules."""

    def __init__(self, assembly: Assembly, clock: HandClock) -> None:
        self.simulation = Simulation(assembly.site, None, traffic=0.0)
        self.engine = Engine(assembly.rules)
        self._clock = clock
        self._units = {
            device.id: Unit(device, assembly.profiles[device.profile], clock.mono) for device in assembly.site.devices
        }
        self._images = {unit.name: unit.image for line in self.simulation.lines for unit in line.units.values()}

    def poll(self) -> set[str]:
        self.simulation.advance(1.0)
        seconds = self.simulation.world.now
        samples: list[Sample] = []
        for name, unit in self._units.items():
            for turn in unit.turns():
                raw = self._images[name].read(turn.block.table, turn.block.start, turn.block.count)
                delivery = unit.answered(turn, tuple(raw), self._clock.now())
                samples += delivery.samples if delivery is not None else ()
        self.engine.step(samples, Now(START + timedelta(seconds=seconds), seconds))
        return {str(alarm).partition(".")[2] for alarm in self.engine.standing}


SUMPS = ("wilo-ec-lift", "sulzer-abs-cp", "generic-lift-station", "2ib-sc10")
BOOSTERS = ("grundfos-ciu-booster", "wilo-cc-booster", "dab-dconnect")


@pytest.mark.parametrize("profile", SUMPS)
def test_any_controller_of_a_sump_brings_the_same_alarms(tmp_path: Path, clock: HandClock, profile: str) -> None:
    """DR-1: without touching a rule."""
    wire = Wire(site(tmp_path, "sump", profile), clock)
    for _ in range(3):
        assert wire.poll() == set()
    wire.simulation.targets.inject("sump:it", "high_inflow", details={"level": 1.3})
    wire.simulation.targets.inject("sump:it", "pump_trip", details={"pump": 1})
    standing: set[str] = set()
    for _ in range(5):
        standing |= wire.poll()
    assert {"high_level", "pump_1_fault"} <= standing


@pytest.mark.parametrize("profile", BOOSTERS)
def test_any_controller_of_a_booster_brings_the_same_alarms(tmp_path: Path, clock: HandClock, profile: str) -> None:
    """WS-2: without touching a rule."""
    wire = Wire(site(tmp_path, "booster", profile), clock)
    for _ in range(3):
        assert wire.poll() == set()
    wire.simulation.targets.inject("booster:it", "pump_trip", details={"pump": 1})
    wire.simulation.targets.inject("booster:it", "pressure", details={"pressure": 7.5})
    standing: set[str] = set()
    for _ in range(3):
        standing |= wire.poll()
    assert {"pressure_high", "pump_1_fault"} <= standing
