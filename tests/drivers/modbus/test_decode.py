"""Registers to values and back: no device may say anything that becomes a wrong number."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.decode import Reading, decode, encode, judged
from drivers.profile import RegisterPoint, RegisterType, Table
from estate.installation import Scale
from estate.model import Quality

GOOD = Quality.GOOD


def point(table: str = "holding", **fields: Any) -> RegisterPoint:
    return RegisterPoint.model_validate({"table": table, "address": 0} | fields)


@pytest.mark.parametrize(
    ("fields", "raw", "value"),
    [
        ({}, [65535], 65535),
        ({"type": "int16", "scale": 0.1}, [0xFFFB], -0.5),
        ({"scale": 0.1}, [3], 0.3),
        ({"scale": 0.01, "offset": -100.0}, [13550], 35.5),
        ({"type": "uint32"}, [0x0001, 0x86A0], 100_000),
        ({"type": "uint32", "word_order": "low_first"}, [0x86A0, 0x0001], 100_000),
        ({"type": "int32"}, [0xFFFF, 0xFFFE], -2),
        ({"type": "int64"}, [0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF], 2**63 - 1),
        ({"type": "float32"}, [0x4148, 0x0000], 12.5),
        ({"bit": 9}, [0x0200], True),
        ({"bit": 9, "invert": True}, [0x0200], False),
        ({"type": "uint32", "bit": 20}, [0x0010, 0x0000], True),
        ({"bits": [12, 4], "enum": {5: "overload"}}, [0x5FFF], "overload"),
        ({"enum": {1: "off", 2: "auto"}}, [2], "auto"),
        ({"type": "bool"}, [1], True),
        ({"type": "text", "length": 3}, [0x434D, 0x3320, 0x0000], "CM3"),
        ({"table": "coil"}, [1], True),
        ({"table": "discrete", "length": 3}, [0, 1, 0], True),
        ({"table": "discrete", "length": 3, "invert": True}, [0, 0, 0], True),
    ],
)
def test_a_value_is_read_as_the_manual_says(fields: dict[str, Any], raw: list[int], value: object) -> None:
    reading = decode(point(**fields), raw, "high_first")
    assert reading == Reading(value, GOOD, "")
    assert type(reading.value) is type(value)


@pytest.mark.parametrize(
    ("fields", "raw", "quality", "reason"),
    [
        ({"sentinels": {65535: "not available"}}, [65535], Quality.SENSOR_FAULT, "not available"),
        ({"type": "int16", "sentinels": {32768: "no sensor"}}, [0x8000], Quality.SENSOR_FAULT, "no sensor"),
        ({"bit": 1, "sentinels": {65535: "not available"}}, [65535], Quality.SENSOR_FAULT, "not available"),
        ({"enum": {0: "off"}}, [7], Quality.DECODE, "none of the known"),
        ({"type": "bool"}, [2], Quality.DECODE, "neither 0 nor 1"),
        ({"type": "float32"}, [0x7FC0, 0], Quality.DECODE, "not a number"),
        ({"type": "float32"}, [0xFF80, 0], Quality.DECODE, "infinite"),
        ({"type": "float32", "valid": [0, 16]}, [0x0000, 0x4148], Quality.GOOD, ""),
        ({"type": "uint32", "valid": [0, 9999]}, [100, 0], Quality.DECODE, "lies outside"),
        ({"scale": 0.1, "valid": [0, 25]}, [32768], Quality.DECODE, "3276.8 lies outside 0 to 25"),
        ({"type": "text", "length": 1}, [0x01FF], Quality.DECODE, "not plain text"),
        ({"type": "uint32"}, [1], Quality.DECODE, "1 registers instead of 2"),
    ],
)
def test_what_cannot_be_a_value_is_bad_and_says_why(
    fields: dict[str, Any], raw: list[int], quality: Quality, reason: str
) -> None:
    reading = decode(point(**fields), raw, "high_first")
    assert reading.quality is quality
    assert reason in reading.reason
    assert (reading.value is None) is quality.is_bad


@pytest.mark.parametrize(
    ("current", "value", "quality"),
    [
        (3.59, None, Quality.SENSOR_FAULT),
        (3.7, -0.075, Quality.OUT_OF_RANGE),
        (3.8, -0.05, GOOD),
        (4.0, 0.0, GOOD),
        (12.0, 2.0, GOOD),
        (20.5, 4.125, GOOD),
        (20.8, 4.2, Quality.OUT_OF_RANGE),
        (21.01, None, Quality.SENSOR_FAULT),
        (0.0, None, Quality.SENSOR_FAULT),
    ],
)
def test_a_current_loop_is_judged_after_ne43(current: float, value: float | None, quality: Quality) -> None:
    loop = point(scale=0.001, unit="mA", current_loop=True)
    reading = decode(loop, [round(current * 1000)], "high_first", Scale(low=0.0, high=4.0, unit="m"))
    assert (reading.value, reading.quality) == (value if value is None else pytest.approx(value), quality)


def test_a_current_loop_without_a_scale_stays_in_milliamperes() -> None:
    assert decode(point(scale=0.001, current_loop=True), [12345], "high_first") == Reading(12.345, GOOD)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Reading("normal", GOOD), Reading(7.5, GOOD)),
        (Reading("over_range", GOOD), Reading(7.5, Quality.OUT_OF_RANGE, "status: over_range")),
        (Reading("burn_out", GOOD), Reading(None, Quality.SENSOR_FAULT, "status: burn_out")),
        (Reading(None, Quality.DECODE, "9 is"), Reading(None, Quality.DECODE, "status: 9 is")),
    ],
)
def test_the_modules_own_verdict_overrules_a_good_looking_value(status: Reading, expected: Reading) -> None:
    assert judged(Reading(7.5, GOOD), status) == expected


registers = st.integers(0, 0xFFFF)
TYPES = [t for t in RegisterType if t is not RegisterType.TEXT]


@st.composite
def any_point(draw: st.DrawFn) -> RegisterPoint:
    if draw(st.booleans()):
        return point(
            table=draw(st.sampled_from(["coil", "discrete"])),
            invert=draw(st.booleans()),
            length=draw(st.one_of(st.none(), st.integers(1, 8))),
        )
    kind = draw(st.sampled_from(RegisterType))
    fields: dict[str, Any] = {"type": kind.value}
    if kind is RegisterType.TEXT:
        fields["length"] = draw(st.integers(1, 20))
    elif kind.value.startswith("uint"):
        part = draw(st.sampled_from(["", "bit", "bits"]))
        if part == "bit":
            fields["bit"] = draw(st.integers(0, 16 * kind.registers - 1))
        elif part == "bits":
            shift = draw(st.integers(0, 16 * kind.registers - 1))
            fields["bits"] = [shift, draw(st.integers(1, 16 * kind.registers - shift))]
        elif draw(st.booleans()):
            fields["enum"] = draw(st.dictionaries(st.integers(0, 9), st.text(max_size=3), min_size=1))
    if "bit" not in fields and "enum" not in fields and kind not in (RegisterType.TEXT, RegisterType.BOOL):
        fields["scale"] = draw(st.sampled_from([1.0, 0.1, 0.01, 10.0, -1.0]))
        fields["offset"] = draw(st.sampled_from([0.0, -100.0]))
        fields["current_loop"] = draw(st.booleans())
    if kind.value.endswith("16"):
        fields["sentinels"] = draw(st.dictionaries(registers, st.just("no value"), max_size=3))
    fields["word_order"] = draw(st.sampled_from([None, "high_first", "low_first"]))
    return point(draw(st.sampled_from(["holding", "input"])), **fields)


@given(any_point(), st.lists(registers, max_size=22), st.sampled_from(["high_first", "low_first"]))
def test_no_registers_make_it_raise_and_no_bad_reading_carries_a_value(
    one: RegisterPoint, raw: list[int], order: Any
) -> None:
    if one.table.is_bits:
        raw = [each & 1 for each in raw]
    for own in (raw, (raw * 22)[: one.registers]):
        reading = decode(one, own, order)
        assert (reading.value is None) is reading.quality.is_bad
        assert bool(reading.reason) is (reading.quality is not GOOD)
        assert not isinstance(reading.value, float) or math.isfinite(reading.value)


@given(any_point(), st.data(), st.sampled_from(["high_first", "low_first"]))
def test_what_is_encoded_decodes_to_the_same(one: RegisterPoint, data: st.DataObject, order: Any) -> None:
    bits = st.integers(0, 1) if one.table.is_bits else registers
    first = decode(one, data.draw(st.lists(bits, min_size=one.registers, max_size=one.registers)), order)
    if first.value is None:
        return
    again = encode(one, first.value, order)
    assert len(again) == one.registers
    second = decode(one, again, order)
    if isinstance(first.value, float):
        # 64 bits do not all go into a float
        assert second.value == pytest.approx(first.value, rel=1e-6, abs=1e-6)
    elif first.quality is GOOD and one.sentinels == {}:
        assert second == first


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_survives_the_way_there_and_back_bit_by_bit(value: float) -> None:
    one = point(type="float32", word_order="low_first")
    assert decode(one, encode(one, value, "high_first"), "high_first").value == value
    assert encode(one, value, "high_first")[::-1] == struct.unpack(">2H", struct.pack(">f", value))


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({}, 65536),
        ({}, -1),
        ({}, True),
        ({}, "12"),
        ({"type": "int16", "scale": 0.1}, 4000.0),
        ({"type": "float32"}, 1e300),
        ({"bit": 3}, 1),
        ({"enum": {1: "off"}}, "on"),
        ({"enum": {1: "off"}}, 1),
        ({"table": "coil"}, "on"),
        ({"type": "text", "length": 1}, "abc"),
        ({"type": "uint32"}, math.inf),
    ],
)
def test_a_value_that_a_point_cannot_carry_is_refused(fields: dict[str, Any], value: Any) -> None:
    with pytest.raises(ValueError):
        encode(point(**fields), value, "high_first")


def test_every_table_knows_whether_it_holds_bits() -> None:
    assert [t for t in Table if t.is_bits] == [Table.COIL, Table.DISCRETE]
