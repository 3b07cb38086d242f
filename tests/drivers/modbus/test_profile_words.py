"""What maps of power devices ask of a profile: shared lists, sentinels by type, divisors, coils as a number, pulses."""

from typing import Any

import pytest
from pydantic import ValidationError

from drivers.modbus.decode import decode, encode
from drivers.profile import Profile, RegisterPoint
from estate.installation import Scale
from estate.model import Quality, Value

ALARM = {0: False, 1: False, 2: True, 15: None}


def profile(registers: dict[str, Any], **more: Any) -> Profile:
    modbus = {"sentinels": {"uint16": {65535: "not fitted"}, "int16": {32767: "not fitted"}}} | more.pop("modbus", {})
    head = {"profile": "p", "vendor": "v", "model": "m", "source": "s", "evidence": "vendor"}
    return Profile.model_validate({**head, "modbus": modbus, "enums": {"alarm": ALARM}, "registers": registers})


def point(**fields: Any) -> RegisterPoint:
    return RegisterPoint.model_validate({"table": "holding", "address": 0, **fields})


def test_a_list_of_words_is_written_once_and_named_by_every_nibble() -> None:
    nibbles = {f"n{i}": {"table": "holding", "address": 5, "bits": [12 - 4 * i, 4], "enum": "alarm"} for i in range(4)}
    found = profile(nibbles).registers
    readings = [decode(found[f"n{i}"], [0x12F0], "high_first") for i in range(4)]
    assert [one.value for one in readings] == [False, True, None, False]
    assert [one.quality for one in readings] == [Quality.GOOD, Quality.GOOD, Quality.SENSOR_FAULT, Quality.GOOD]


def test_a_list_of_words_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="enum"):
        profile({"a": {"table": "holding", "address": 5, "enum": "alarms"}})


def test_sentinels_of_a_type_belong_to_every_whole_number_that_lists_none_itself() -> None:
    found = profile(
        {
            "whole": {"table": "holding", "address": 0},
            "signed": {"table": "holding", "address": 1, "type": "int16"},
            "own": {"table": "holding", "address": 2, "sentinels": {7: "its own"}},
            "bits": {"table": "holding", "address": 3, "bits": [0, 4]},
            "wide": {"table": "holding", "address": 4, "type": "uint32"},
        }
    ).registers
    assert decode(found["whole"], [65535], "high_first").quality is Quality.SENSOR_FAULT
    assert decode(found["signed"], [32767], "high_first").reason == "not fitted"
    assert decode(found["own"], [65535], "high_first").value == 65535
    assert decode(found["bits"], [65535], "high_first").value == 15
    assert decode(found["wide"], [0, 65535], "high_first").value == 65535


@pytest.mark.parametrize(
    ("fields", "raw", "value"),
    [
        ({"divisor": 512}, [51200], 100.0),
        ({"divisor": 64}, [14720], 230.0),
        ({"type": "int16", "divisor": 128}, [65280], -2.0),
        ({"type": "uint32", "divisor": 60}, [0, 5400], 90.0),
        ({"scale": 10.0, "divisor": 4}, [3], 7.5),
    ],
)
def test_fractions_by_powers_of_two_are_exact_both_ways(fields: dict[str, Any], raw: list[int], value: float) -> None:
    one = point(**fields)
    assert decode(one, raw, "high_first").value == value
    assert list(encode(one, value, "high_first")) == raw


@pytest.mark.parametrize(("bits", "word"), [((0, 0), "off"), ((1, 0), "s1"), ((0, 1), "s2"), ((1, 1), "both")])
def test_neighbouring_coils_with_words_are_a_number_lowest_bit_first(bits: tuple[int, int], word: str) -> None:
    one = point(table="coil", length=2, enum={0: "off", 1: "s1", 2: "s2", 3: "both"})
    assert decode(one, bits, "high_first").value == word
    assert encode(one, word, "high_first") == bits


def test_neighbouring_coils_without_words_are_still_true_when_any_is() -> None:
    one = point(table="coil", length=3)
    assert decode(one, (0, 1, 0), "high_first").value is True
    assert encode(one, True, "high_first") == (1, 0, 0)


@pytest.mark.parametrize(("pulses", "volume"), [(0, 1200.0), (3456, 1234.56), (2**32 - 1, 42_950_872.95)])
def test_pulses_count_on_from_where_the_meter_stood(pulses: int, volume: Value) -> None:
    one = point(type="uint32", pulses=True)
    scale = Scale(low=1200.0, high=1200.01, unit="m3")
    raw = [pulses >> 16, pulses & 0xFFFF]
    assert decode(one, raw, "high_first", scale).value == volume
    assert list(encode(one, volume, "high_first", scale)) == raw
    assert decode(one, raw, "high_first").value == pulses
