"""Every shipped Modbus profile can be played: each read the driver plans is answered with good values at rest."""

from pathlib import Path

import pytest

from drivers.modbus.decode import decode
from drivers.modbus.plan import plan
from drivers.profile import RegisterPoint
from estate.errors import DeviceRefused
from simulators.registers import RegisterImage
from simulators.wiring import SHIPPED, parse_profile, resting

PROFILES = [path for path in sorted(SHIPPED.glob("*.yaml")) if parse_profile(path).modbus is not None]


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_planned_read_of_a_device_at_rest_brings_good_values(path: Path) -> None:
    profile = parse_profile(path)

    def write(point: str, value: object) -> None:
        raise AssertionError(f"nobody writes {point} {value}")

    image = RegisterImage(profile, lambda point: resting(profile.registers[point]), write)
    section = image.section
    for block in plan(profile):
        raw = image.read(block.table, block.start, block.count)
        for name in block.points:
            point: RegisterPoint = profile.registers[name]
            first = section.wire(point.address) - block.start
            reading = decode(point, raw[first : first + point.registers], section.word_order)
            assert reading.quality.value == "good", (name, reading)
    if section.probe is not None:
        probe = section.probe
        raw = image.read(probe.table, section.wire(probe.address), probe.point.registers)
        found = decode(probe.point, raw, section.word_order).value
        assert found in probe.expect or str(found).startswith(tuple(map(str, probe.expect)))


def test_shipped_profiles_were_found() -> None:
    assert len(PROFILES) >= 5
    with pytest.raises(DeviceRefused):
        RegisterImage(parse_profile(PROFILES[0]), lambda _: 0, lambda _p, _v: None).read(
            next(iter(parse_profile(PROFILES[0]).registers.values())).table, 60_000, 1
        )
