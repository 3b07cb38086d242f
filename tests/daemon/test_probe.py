"""`estated probe` and `estated scan` against real simulated devices: what is wrong shows, and nothing is written."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.__main__ import main
from daemon.commands.scan import Seen, scan
from drivers.modbus.inspection import AS_WRITTEN, Way, likely, look
from drivers.profile import Profile, Table
from estate.errors import TransportError
from estate.installation import Bus
from simulators.simulation import Simulation
from tests.daemon.control_room import playing

REGISTERS: dict[str, dict[str, Any]] = {
    "voltage": {"table": "input", "address": 11, "type": "float32", "unit": "V", "valid": [180, 260]},
    "current": {"table": "input", "address": 13, "type": "float32", "unit": "A"},
    "frequency": {"table": "input", "address": 15, "type": "float32", "unit": "Hz", "valid": [45, 65]},
    "energy": {"table": "input", "address": 17, "type": "uint32", "scale": 0.01, "unit": "kWh"},
    "phase": {"table": "input", "address": 19, "enum": {1: "single", 3: "three"}},
    "tariff": {"table": "input", "address": 20},
}
MODBUS = {"address_base": 1, "probe": {"table": "holding", "address": 20, "expect": [8241]}}
VALUES: Mapping[str, Any] = {
    "voltage": 231.5, "current": 4.25, "frequency": 50.0, "energy": 1234.56, "phase": "three", "tariff": 7,
}  # fmt: skip
SITE = """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
buses:
  - {id: line, tcp: "10.0.0.1:4001", framing: FRAMING, timeout: 0.3, quiet: 0.05}
"""
DEVICES = """\
- {id: meter, profile: own-meter, bus: line, unit: 4}
- {id: relay, profile: waveshare-relay-8, bus: line, unit: 3, commands: true}
- {id: absent, profile: own-meter, bus: line, unit: 5}
"""
EQUIPMENT = """\
- id: lamp-1
  class: lamp
  number: "1"
  name: {zh: 灯, en: Lamp}
  place: {zh: 墙, en: Wall}
  points: {on: relay.on_1, lit: relay.lit_1}
"""


def profile(registers: Mapping[str, Any] = REGISTERS, **modbus: Any) -> dict[str, Any]:
    return {
        "profile": "own-meter", "vendor": "Own", "model": "Meter", "source": "this test", "evidence": "own",
        "modbus": MODBUS | modbus, "registers": dict(registers),
    }  # fmt: skip


def write(folder: Path, document: Mapping[str, Any]) -> None:
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    (folder / "profiles" / "own-meter.yaml").write_text(yaml.safe_dump(dict(document)), "utf-8")


@pytest.fixture(params=["tcp", "rtu"])
def framing(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def oak(tmp_path: Path, framing: str) -> AsyncIterator[tuple[Simulation, Path]]:
    """A meter and a relay board that behave as the right profile says."""
    folder = tmp_path / "site"
    write(folder, profile())
    for name, text in (("site", SITE.replace("FRAMING", framing)), ("devices", DEVICES), ("equipment", EQUIPMENT)):
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    async with playing(folder, tmp_path / "played") as (simulation, site):
        for point, value in VALUES.items():
            simulation.wiring.write("meter", point, value)
        simulation.targets.inject("modbus:absent", "mute")
        yield simulation, site


async def probed(site: Path, capsys: pytest.CaptureFixture[str], *more: str, device: str = "meter") -> tuple[int, str]:
    code = await asyncio.to_thread(main, ["probe", str(site), device, *more])
    return code, capsys.readouterr().out


async def test_a_right_profile_shows_raw_beside_decoded_and_raises_no_doubt(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    code, text = await probed(site, capsys)
    assert code == 0, text
    rows = {line.split()[0]: line for line in text.splitlines() if line}
    assert "input 11" in rows["voltage"]
    assert "4367 8000" in rows["voltage"]
    assert "231.5 V" in rows["voltage"]
    assert "0001 e240" in rows["energy"]
    assert "1234.56 kWh" in rows["energy"]
    assert "three" in rows["phase"]
    assert "Identity as expected: 8241" in text
    assert "nothing written" in text


@pytest.mark.parametrize("base, shift", [(0, -1), (2, 1)])
async def test_an_address_base_that_is_off_by_one_is_named(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str], base: int, shift: int
) -> None:
    _, site = oak
    write(site, profile(address_base=base))
    code, text = await probed(site, capsys)
    assert code == 1
    assert f"The whole map would look right with address {shift:+d}." in text
    assert "wrong unit number, wrong profile, or addresses off by one" in text


@pytest.mark.parametrize("base, shift", [(0, -1), (2, 1)])
async def test_without_an_identity_the_values_alone_show_it(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str], base: int, shift: int
) -> None:
    _, site = oak
    write(site, profile(address_base=base, probe=None))
    code, text = await probed(site, capsys, "--json")
    said = json.loads(text)
    assert (code, said["looks_right"]) == (1, {"as_written": False, "shift": shift, "swapped": False})


async def test_a_wrong_word_order_is_named_for_the_map_and_for_each_point(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    write(site, profile(word_order="low_first"))
    code, text = await probed(site, capsys, "--json")
    said = json.loads(text)
    assert (code, said["looks_right"]) == (1, {"as_written": False, "shift": 0, "swapped": True})
    points = {one["point"]: one for one in said["points"]}
    assert points["voltage"]["doubt"] in ("out_of_range", "unlikely_float")
    assert points["energy"]["doubt"] == "swapped_words"
    assert {"shift": 0, "swapped": True} in points["energy"]["would_look_right"]
    assert points["phase"]["doubt"] == ""


async def test_one_point_with_its_words_the_other_way_round_is_told_alone(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    registers = REGISTERS | {"frequency": REGISTERS["frequency"] | {"word_order": "low_first"}}
    write(site, profile(registers))
    code, text = await probed(site, capsys)
    assert code == 1
    assert "would look right with the other word order" in next(
        line for line in text.splitlines() if line.startswith("frequency")
    )
    assert "The whole map" not in text


async def test_another_device_at_the_address_is_a_stranger(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    simulation, site = oak
    simulation.targets.inject("modbus:meter", "wrong_identity")
    code, text = await probed(site, capsys)
    assert code == 1
    assert "instead of 8241" in text


async def test_a_silent_device_is_told_as_such_and_in_chinese(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    code, text = await probed(site, capsys, "--language", "zh", device="absent")
    assert code == 2
    assert "什么也没有读到" in text


async def test_an_unknown_device_is_met_with_a_guess(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code = await asyncio.to_thread(main, ["probe", str(oak[1]), "metre"])
    assert code == 2
    assert "Did you mean meter?" in capsys.readouterr().err


async def test_neither_probe_nor_scan_sends_a_writing_function(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    simulation, site = oak
    sent: set[int] = set()
    for line in simulation.lines:
        for unit in line.units.values():
            unit.answer = _listening(unit.answer, sent)  # type: ignore[method-assign]
    await probed(site, capsys)
    await probed(site, capsys, device="relay")
    await asyncio.to_thread(main, ["scan", str(site), "line", "--units", "1-6", "--timeout", "0.1"])
    assert sent <= {1, 2, 3, 4}
    assert {3, 4} <= sent


def _listening(answer: Callable[[bytes], bytes], sent: set[int]) -> Callable[[bytes], bytes]:
    def heard(pdu: bytes) -> bytes:
        sent.add(pdu[0])
        return answer(pdu)

    return heard


async def test_a_scan_finds_every_unit_and_names_the_model_by_its_identity(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    arguments = ["scan", str(site), "line", "--units", "1-6", "--timeout", "0.15"]
    assert await asyncio.to_thread(main, arguments) == 0
    text = capsys.readouterr().out
    assert "unit 4: own-meter (its identity fits)" in text
    assert "unit 3: " in text
    assert "2 of 6 units answered" in text
    assert await asyncio.to_thread(main, [*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["unit"] for one in said["units"]] == [3, 4]


async def test_a_line_without_a_site_is_scanned_too(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str], framing: str
) -> None:
    simulation, _ = oak
    address = simulation.lines[0].address
    code = await asyncio.to_thread(
        main, ["scan", "--tcp", address, "--framing", framing, "--units", "4", "--timeout", "0.15"]
    )
    assert code == 0
    assert "unit 4" in capsys.readouterr().out


async def test_a_line_that_nobody_answers_is_no_crash(tmp_path: Path) -> None:
    with pytest.raises(TransportError):
        await scan(Bus(id="b", tcp="127.0.0.1:9"), {}, (1, 2), lambda *_: None)
    assert main(["scan"]) == 2
    assert Seen(1, "", (), ()).certain == ()


def test_the_example_in_the_documentation_is_a_sound_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/adding-a-device.md, followed to the letter as far as no device is needed."""
    page = (Path(__file__).parents[2] / "docs" / "adding-a-device.md").read_text("utf-8")
    written, row = [part.split("```")[0] for part in page.split("```yaml\n")[1:3]]
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-lt100.yaml").write_text(written, "utf-8")
    files = {
        "site.yaml": SITE.replace("FRAMING", "tcp").replace("id: line", "id: water-io"),
        "devices.yaml": row,
        "equipment.yaml": EQUIPMENT.replace("class: lamp", "class: tank").replace(
            "points: {on: relay.on_1, lit: relay.lit_1}", "device: tank-1-lt"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert main(["check", str(tmp_path)]) == 0, capsys.readouterr().out


COUNTERS: dict[str, dict[str, Any]] = {
    name: {"table": "input", "address": 11 + 2 * n, "type": "uint32", "unit": "kWh"}
    for n, name in enumerate(("imported", "exported", "reactive"))
}


def counted(base: int, order: str = "high_first", floor: int = 0) -> tuple[Profile, dict[tuple[Table, int], int]]:
    """Three counters that stand at the wire addresses 10, 12 and 14; below `floor` the device has no registers."""
    model = Profile.model_validate(profile(COUNTERS, probe=None, address_base=base, word_order=order))
    words = [0, 9, 0, 4711, 0, 150, 0, 3, 0]
    return model, {(Table.INPUT, at): word for at, word in enumerate(words, 8) if at >= floor}


@pytest.mark.parametrize("base, shifts", [(0, (-1,)), (2, (-1, 1))])
def test_an_address_off_by_one_that_looks_like_another_word_order_is_named_first(
    base: int, shifts: tuple[int, ...]
) -> None:
    model, dump = counted(base)
    assert likely(model, dump, {}) == (*map(Way, shifts), Way(0, swapped=True))


def test_where_the_map_begins_speaks_for_the_address() -> None:
    """The first number begins before the device's first register: no word order cures that."""
    assert likely(*counted(2, floor=10), {}) == (Way(1),)


def test_a_small_number_joined_of_two_neighbours_is_in_doubt() -> None:
    model, dump = counted(0)
    assert look(model, "reactive", dump, AS_WRITTEN, {}).reading.value == 3 << 16
    assert look(model, "reactive", dump, AS_WRITTEN, {}).doubt
    assert likely(*counted(1), {}) == (AS_WRITTEN,)


async def test_registers_that_are_not_there_are_told_apart_from_silence(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    write(site, profile({"voltage": REGISTERS["voltage"] | {"address": 4001}}, probe=None))
    code, text = await probed(site, capsys)
    assert code == 2
    assert "The unit answers but has no such registers (exception 2: " in text
    write(site, profile(REGISTERS | {"odd": {"table": "input", "address": 4001}}))
    code, text = await probed(site, capsys)
    assert code == 1
    assert "exception 2: " in next(line for line in text.splitlines() if line.startswith("odd"))


async def test_a_faulty_profile_or_row_is_told_as_check_tells_it(
    oak: tuple[Simulation, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, site = oak
    write(site, profile({"voltage": {"table": "inputs", "address": 11}}))
    assert await asyncio.to_thread(main, ["probe", str(site), "meter"]) == 2
    assert main(["check", str(site)]) == 1
    heard = capsys.readouterr()
    assert heard.err.splitlines()[0] in heard.out.splitlines()
    assert "own-meter.yaml:" in heard.err.splitlines()[0]
    assert heard.err.splitlines()[-1] == "1 fault. Correct it and check again."


def test_zeros_prove_nothing_and_raise_no_doubt() -> None:
    model = Profile.model_validate(profile(probe=None))
    dump = {(Table.INPUT, at): 0 for at in range(9, 22)}
    dump[Table.INPUT, 18] = 1
    registers = {name: one for name, one in model.registers.items() if name in ("current", "energy", "phase")}
    quiet = model.model_copy(update={"registers": registers})
    assert likely(quiet, dump, {}) == (AS_WRITTEN,)
    assert Way(1) != AS_WRITTEN
