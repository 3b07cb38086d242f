"""Controllers of one class can take each other's place: same words, same units, and a simulated plant behind each."""

from pathlib import Path
from random import Random

import pytest

from daemon.binding import kind_of
from daemon.catalogue import LIBRARY, PROFILES, read_catalogue
from drivers.modbus.decode import decode
from drivers.modbus.plan import plan
from drivers.profile import Profile, RegisterPoint
from estate.site import Equipment
from rules.rule import EquipmentClass
from simulators.network import Network
from simulators.plant import Plant
from simulators.registers import RegisterImage
from simulators.wiring import resting
from simulators.world import hour

CATALOGUE = read_catalogue(
    Path("nowhere"),
    [file.stem for file in PROFILES.glob("*.yaml")],
    [file.stem for file in LIBRARY.glob("*.yaml")],
)
KINDS = {"analog": "number", "state": "bool", "enum": "text", "text": "text"}
ELECTRICAL = ("ups", "generator", "ats", "energy_meter", "water_meter", "drive")


def pairs(*classes: str) -> list[tuple[str, str]]:
    return [
        (name, class_)
        for name, profile in sorted(CATALOGUE.profiles.items())
        for class_ in profile.classes
        if profile.modbus is not None and (not classes or class_ in classes)
    ]


def both(name: str, class_: str) -> tuple[Profile, EquipmentClass]:
    return CATALOGUE.profiles[name], CATALOGUE.classes[class_]


def test_every_shipped_profile_and_class_can_be_read() -> None:
    assert CATALOGUE.faults == []


@pytest.mark.parametrize(("name", "class_"), pairs())
def test_a_profile_speaks_in_the_words_kinds_and_units_of_its_class(name: str, class_: str) -> None:
    profile, cls = both(name, class_)
    shared = [one for one in profile.registers if one in cls.points]
    assert shared or class_ not in ELECTRICAL
    for point in shared:
        register, wanted = profile.registers[point], cls.points[point]
        assert kind_of(register) == KINDS[wanted.kind], point
        assert register.unit == wanted.unit or "" in (register.unit, wanted.unit) or register.is_scaled_on_site, point
        if wanted.kind == "enum":
            words = {word for word in (register.enum or {}).values() if word is not None}
            assert words <= set(wanted.values), point


@pytest.mark.parametrize(("name", "class_"), pairs(*ELECTRICAL))
def test_a_row_in_a_table_is_enough_for_every_electrical_device(name: str, class_: str) -> None:
    profile, cls = both(name, class_)
    needed = {one for one, point in cls.points.items() if not point.optional and not point.internal}
    assert needed <= set(profile.registers)


@pytest.mark.parametrize("class_", ["ups", "generator", "ats", "energy_meter", "drive"])
def test_there_is_a_choice_of_makers(class_: str) -> None:
    assert len({CATALOGUE.profiles[name].vendor for name, _ in pairs(class_)}) >= 2


def site(class_: str) -> tuple[Network, Plant]:
    rows = [
        Equipment.model_validate(
            {
                "id": kind,
                "class": kind,
                "number": "1",
                "name": {"zh": "一", "en": "one"},
                "place": {"zh": "一", "en": "a"},
            }
        )
        for kind in dict.fromkeys(("supply", "generator", "ats", class_))
    ]
    network = Network(rows, lambda name: Random(name), hour)
    return network, network.plants[class_]


@pytest.mark.parametrize(("name", "class_"), pairs(*ELECTRICAL))
def test_a_plant_is_seen_through_each_of_its_profiles_all_through_an_outage(name: str, class_: str) -> None:
    profile, _ = both(name, class_)
    network, plant = site(class_)

    def value(point: str) -> object:
        return plant.points[point] if point in plant.points else resting(profile.registers[point])

    image = RegisterImage(profile, value, lambda point, written: None)  # type: ignore[arg-type]
    blocks, seen = plan(profile), set()
    network.mains.inject("mains_fail", 60.0)
    for _ in range(400):
        for one in network.plants.values():
            one.step(1.0)
        for block in blocks:
            raw = image.read(block.table, block.start, block.count)
            for point in block.points:
                register: RegisterPoint = profile.registers[point]
                first = image.section.wire(register.address) - block.start
                reading = decode(register, raw[first : first + register.registers], image.section.word_order)
                assert not reading.quality.is_bad or plant.points.get(point) is None, (point, reading)
                if point in ("state", "source", "position"):
                    seen.add(reading.value)
    wanted = {"generator": {"stopped", "running", "cooling"}, "ats": {"s1", "s2", "off"}, "ups": {"mains", "battery"}}
    assert wanted.get(class_, set()) <= seen
