"""Every Modbus profile against raw registers that were not made with it: tests/profiles/<profile>/.

`capture.yaml`: `origin` (whence), `proof` (recorded or manual, as the profile says), `scale` of loops, and
`states`: raw registers by table and wire address; discretes and coils that are not listed are 0.
`expected.yaml`: per state the value of each point, or its bad quality; the first state names every point.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from drivers.modbus.overlap import overlaps
from drivers.modbus.unit import Unit
from drivers.profile import Evidence, Profile, Proof
from estate.installation import Device
from tests.conftest import HandClock

HERE = Path(__file__).parent
PROFILES = HERE.parents[1] / "drivers" / "profiles"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def modbus_profiles() -> dict[str, Profile]:
    documents = {path.stem: load(path) for path in sorted(PROFILES.glob("*.yaml"))}
    return {name: Profile.model_validate(data) for name, data in documents.items() if "modbus" in data}


SHIPPED = modbus_profiles()
STATES = [(name, state) for name in SHIPPED for state in load(HERE / name / "capture.yaml")["states"]]


def heard(profile: Profile, capture: dict[str, Any], state: str, clock: HandClock) -> dict[str, Any]:
    """What the driver says of this capture: values, or the quality where there is none."""
    device = Device.model_validate(
        {"id": "d", "profile": profile.profile, "unit": 1, "scale": capture.get("scale", {})}
    )
    unit = Unit(device, profile, clock.mono)
    told: dict[str, Any] = {}
    for _ in range(2):  # who it is, then what it says
        for turn in unit.turns():
            table = capture["states"][state].get(turn.block.table.value, {})
            wanted = range(turn.block.start, turn.block.start + turn.block.count)
            if turn.block.table.is_bits:
                raw = tuple(table.get(at, 0) for at in wanted)
            else:
                points = [profile.registers[name] for name in turn.block.points]
                used = {profile.modbus.wire(p.address) + i for p in points for i in range(p.registers)}
                raw = tuple(table[at] if at in used or not points else table.get(at, 0xFFFF) for at in wanted)
            delivery = unit.answered(turn, raw, clock.now())
            for sample in delivery.samples if delivery is not None else ():
                good = sample.quality.value == "good"
                uncertain = {"value": sample.value, "quality": sample.quality.value}
                told[sample.point.removeprefix("d.")] = (
                    sample.value if good else sample.quality.value if sample.quality.is_bad else uncertain
                )
    return told


@pytest.mark.parametrize(("name", "state"), STATES)
def test_a_profile_reads_its_capture_as_expected(name: str, state: str, clock: HandClock) -> None:
    capture, expected = load(HERE / name / "capture.yaml"), load(HERE / name / "expected.yaml")
    told = heard(SHIPPED[name], capture, state, clock)
    for point, value in expected[state].items():
        wanted = pytest.approx(value, abs=1e-9) if isinstance(value, float) else value
        assert told[point] == wanted, point
        assert isinstance(told[point], bool) is isinstance(value, bool), point


@pytest.mark.parametrize("name", SHIPPED)
def test_a_profile_comes_with_its_source_and_a_capture_of_every_point(name: str) -> None:
    profile, capture, expected = SHIPPED[name], load(HERE / name / "capture.yaml"), load(HERE / name / "expected.yaml")
    assert profile.profile == name
    assert len(profile.source) > 20
    assert len(capture["origin"]) > 20
    assert set(expected) == set(capture["states"])
    first = next(iter(capture["states"]))
    assert set(expected[first]) - {"identity"} == set(profile.registers)


@pytest.mark.parametrize("name", SHIPPED)
def test_only_a_capture_recorded_from_a_device_proves_a_profile(name: str) -> None:
    profile, capture = SHIPPED[name], load(HERE / name / "capture.yaml")
    assert profile.proof is Proof(capture["proof"])
    if profile.proof is Proof.RECORDED:
        assert capture["date"]
        assert capture["firmware"]
    else:
        assert "not recorded" in capture["origin"]
        assert profile.caveats


@pytest.mark.parametrize("name", SHIPPED)
def test_no_points_of_a_shipped_profile_share_registers_wrongly(name: str) -> None:
    assert list(overlaps(SHIPPED[name])) == []


def test_no_shipped_profile_rests_on_general_knowledge() -> None:
    """What is no product says so in its name, its vendor and its evidence; everything else has a source for its map."""
    for name, profile in SHIPPED.items():
        generic = name.startswith("generic-")
        assert (profile.evidence is Evidence.GENERIC) is generic, name
        assert (profile.vendor == "generic") is generic, name
        assert generic or profile.evidence in (Evidence.VENDOR, Evidence.DRIVER, Evidence.LIBRARY), name
