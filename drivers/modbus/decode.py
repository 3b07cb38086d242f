"""From registers to a value with its quality, and back. Pure: never raises on what a device sends, never coerces."""

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from drivers.profile import RegisterPoint, RegisterType, WordOrder
from estate.installation import Scale
from estate.model import Quality, Value

FAILED_LOW, VALID_LOW, VALID_HIGH, FAILED_HIGH = 3.6, 3.8, 20.5, 21.0
"""mA, NAMUR NE43: outside the failed limits the sensor or its wire is broken, between failed and valid it
measures beyond its range."""

SIGNED = frozenset({RegisterType.INT16, RegisterType.INT32, RegisterType.INT64})

DIGITS = 9
"""Decimals kept after scaling, so that 3 * 0.1 is 0.3."""


class Reading(NamedTuple):
    """What one point says. A bad reading has no value."""

    value: Value | None
    quality: Quality
    reason: str = ""


def decode(point: RegisterPoint, raw: Sequence[int], order: WordOrder, scale: Scale | None = None) -> Reading:
    """The reading of a point from its own registers (or bits), as many as `point.registers`.

    `order` is the profile's word order, used where the point names none. `scale` turns a current loop's
    mA, or a counter's pulses, into what they measure.
    """
    if len(raw) != point.registers:
        return _bad(f"{len(raw)} registers instead of {point.registers}")
    if point.table.is_bits:
        return _state(point, int(any(raw)) if point.enum is None else sum(bit << i for i, bit in enumerate(raw)))
    if point.type is RegisterType.TEXT:
        return _text(point, raw)
    word = _join(raw, point.word_order or order)
    number = _signed(word, point.type.registers) if point.type in SIGNED else word
    for sentinel in (word, number):
        if sentinel in point.sentinels:
            return Reading(None, Quality.SENSOR_FAULT, point.sentinels[sentinel])
    if point.type is RegisterType.FLOAT32:
        return _measured(point, struct.unpack(">f", struct.pack(">I", word))[0], scale)
    if point.bit is not None:
        return _state(point, word >> point.bit & 1)
    if point.bits is not None:
        shift, width = point.bits
        number = word >> shift & (1 << width) - 1
    if point.enum is not None or point.type is RegisterType.BOOL:
        return _state(point, number)
    return _measured(point, number, scale)


def judged(reading: Reading, status: Reading) -> Reading:
    """A reading together with the module's own verdict on the input (see `RegisterPoint.status_point`)."""
    if reading.quality.is_bad or status.value == "normal":
        return reading
    if status.quality.is_bad:
        return Reading(None, status.quality, f"status: {status.reason}")
    if status.value in ("over_range", "under_range"):
        return Reading(reading.value, Quality.OUT_OF_RANGE, f"status: {status.value}")
    return Reading(None, Quality.SENSOR_FAULT, f"status: {status.value}")


def encode(point: RegisterPoint, value: Value, order: WordOrder, scale: Scale | None = None) -> tuple[int, ...]:
    """The registers (or bits) that decode to this value. A point that is part of a register leaves its other bits 0.

    Raises ValueError for a value that the point cannot carry.
    """
    if point.table.is_bits:
        number = _raw_state(point, value)
        return tuple(number >> i & 1 for i in range(point.registers))
    if point.type is RegisterType.TEXT:
        return _raw_text(point, value)
    if point.enum is not None or point.is_bool:
        number = _raw_state(point, value)
    elif isinstance(value, bool | str):
        raise ValueError(f"{value!r} is not a number")
    else:
        wanted = _unscaled(point, value, scale)
        try:
            if point.type is RegisterType.FLOAT32:
                packed = struct.pack(">f", (wanted - point.offset) / point.factor)
                return _split(int.from_bytes(packed, "big"), 2, point.word_order or order)
            if isinstance(wanted, int) and point.factor == 1.0 and point.offset == 0.0:
                number = wanted  # a 64-bit counter does not survive a float
            else:
                number = round((wanted - point.offset) / point.factor)
        except OverflowError as error:
            raise ValueError(f"{value!r} does not fit into {point.type}") from error
    width = 16 * point.type.registers
    if point.bit is not None or point.bits is not None:
        shift, width = point.bits or (point.bit or 0, 1)
        if not 0 <= number < 1 << width:
            raise ValueError(f"{value!r} does not fit into {width} bits")
        return _split(number << shift, point.type.registers, point.word_order or order)
    lowest, behind = (-(1 << width - 1), 1 << width - 1) if point.type in SIGNED else (0, 1 << width)
    if not lowest <= number < behind:
        raise ValueError(f"{value!r} does not fit into {point.type}")
    return _split(number % (1 << width), point.type.registers, point.word_order or order)


def _unscaled(point: RegisterPoint, value: float, scale: Scale | None) -> float:
    """What the input itself counts: mA of a loop, pulses of a counter."""
    if scale is None or not point.is_scaled_on_site:
        return value
    share = (value - scale.low) / round(scale.high - scale.low, DIGITS)
    return 4 + share * 16 if point.current_loop else share


def _bad(reason: str) -> Reading:
    return Reading(None, Quality.DECODE, reason)


def _join(raw: Sequence[int], order: WordOrder) -> int:
    word = 0
    for register in raw if order == "high_first" else reversed(raw):
        word = word << 16 | register
    return word


def _split(word: int, registers: int, order: WordOrder) -> tuple[int, ...]:
    low_first = tuple(word >> 16 * i & 0xFFFF for i in range(registers))
    return low_first if order == "low_first" else low_first[::-1]


def _signed(word: int, registers: int) -> int:
    top = 1 << 16 * registers - 1
    return word - 2 * top if word & top else word


def _state(point: RegisterPoint, number: int) -> Reading:
    if point.enum is not None:
        if number not in point.enum:
            return _bad(f"{number} is none of the known values")
        word = point.enum[number]
        return Reading(None, Quality.SENSOR_FAULT, "not there") if word is None else Reading(word, Quality.GOOD)
    if number not in (0, 1):
        return _bad(f"{number} is neither 0 nor 1")
    return Reading((number == 1) is not point.invert, Quality.GOOD)


def _raw_state(point: RegisterPoint, value: Value) -> int:
    if point.enum is not None:
        for number, word in point.enum.items():
            if word == value and type(word) is type(value):
                return number
        raise ValueError(f"{value!r} is none of {sorted(map(str, point.enum.values()))}")
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return int(value is not point.invert)


def _measured(point: RegisterPoint, number: float, scale: Scale | None) -> Reading:
    if not math.isfinite(number):
        return _bad("not a number" if math.isnan(number) else "infinite")
    value: int | float = number
    if point.factor != 1.0 or point.offset != 0.0:
        value = round(number * point.factor + point.offset, DIGITS)
    if point.valid is not None and not point.valid[0] <= value <= point.valid[1]:
        return _bad(f"{value:g} lies outside {point.valid[0]:g} to {point.valid[1]:g}")
    if point.pulses and scale is not None:
        value = round(scale.low + value * round(scale.high - scale.low, DIGITS), DIGITS)
    if not point.current_loop:
        return Reading(value, Quality.GOOD)
    if value < FAILED_LOW or value > FAILED_HIGH:
        return Reading(None, Quality.SENSOR_FAULT, f"{value:.2f} mA")
    measured = round(scale.low + (value - 4) / 16 * (scale.high - scale.low), DIGITS) if scale else float(value)
    if VALID_LOW <= value <= VALID_HIGH:
        return Reading(measured, Quality.GOOD)
    return Reading(measured, Quality.OUT_OF_RANGE, f"{value:.2f} mA")


def _text(point: RegisterPoint, raw: Sequence[int]) -> Reading:
    packed = b"".join(register.to_bytes(2, "big") for register in raw).split(b"\0")[0].rstrip(b" ")
    if not all(0x20 <= byte < 0x7F for byte in packed):
        return _bad("not plain text")
    return Reading(packed.decode("ascii"), Quality.GOOD)


def _raw_text(point: RegisterPoint, value: Value) -> tuple[int, ...]:
    if not isinstance(value, str) or not value.isascii() or len(value) > 2 * point.registers:
        raise ValueError(f"{value!r} is no plain text of up to {2 * point.registers} characters")
    packed = value.encode("ascii").ljust(2 * point.registers, b"\0")
    return tuple(int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2))
