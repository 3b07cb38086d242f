"""A device's registers as its profile maps them, filled from the plants at every read."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from drivers.modbus.decode import SIGNED, VALID_HIGH, VALID_LOW, decode, encode
from drivers.profile import Profile, RegisterPoint, RegisterType, Table
from estate.errors import CommandRefused, DeviceRefused
from estate.model import Value
from estate.site import Scale

ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 2, 3, 4
"""Exception codes, Modbus Application Protocol v1.1b3 §7."""

NUMBER = RegisterPoint(table=Table.HOLDING, address=0)
"""A plain number, to spell a raw value."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One read: which points stand in it from which of its words on, and which words tell the identity."""

    count: int
    points: tuple[tuple[str, RegisterPoint, int], ...]
    identity: tuple[tuple[int, int], ...]


class RegisterImage:
    """Answers reads and takes writes in wire addresses. Raises DeviceRefused with the exception code.

    `value(point)` is what the device measures (None: broken sensor), `write(point, value)` what it switches,
    `drop(point)` what an output does that loses its supply.
    """

    def __init__(
        self,
        profile: Profile,
        value: Callable[[str], Value | None],
        write: Callable[[str, Value], None],
        scales: Mapping[str, Scale] | None = None,
        drop: Callable[[str], None] | None = None,
    ) -> None:
        if profile.modbus is None:
            raise ValueError(f"{profile.profile} is no Modbus profile")
        self.profile = profile
        self.section = profile.modbus
        self.wrong_identity = False
        self._value = value
        self._write = write
        self._drop = drop or (lambda point: write(point, False))
        self._scales = scales or {}
        self._at: dict[tuple[Table, int], list[str]] = {}
        self._last: dict[str, tuple[Value | None, Sequence[int]]] = {}
        self._blocks: dict[tuple[Table, int, int], _Block] = {}
        for name, point in profile.registers.items():
            first = self.section.wire(point.address)
            for address in range(first, first + point.registers):
                self._at.setdefault((point.table, address), []).append(name)
        self._judged = {p.status_point: name for name, p in profile.registers.items() if p.status_point is not None}
        self._probed: dict[tuple[Table, int], int] = {}
        if self.section.probe is not None:
            first = self.section.wire(self.section.probe.address)
            count = self.section.probe.point.registers
            self._probed = dict.fromkeys(((self.section.probe.table, first + i) for i in range(count)), first)
        self._readable = {table: self._with_gaps(table) for table in Table}

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Registers, or bits as 0 and 1."""
        block = self._blocks.get((table, address, count))
        if block is None:
            block = self._blocks[table, address, count] = self._block(table, address, count)
        words = [0] * block.count
        for name, point, first in block.points:
            for at, word in enumerate(self._registers_of(name, point), first):
                if 0 <= at < block.count:
                    words[at] |= word
        for at, place in block.identity:
            words[at] = self._identity()[place]
        return words

    def _block(self, table: Table, address: int, count: int) -> "_Block":
        """What stands in one read. Raises DeviceRefused."""
        longest = min(16 * self.section.max_read, 2000) if table.is_bits else self.section.max_read
        wanted = range(address, address + count)
        if not 1 <= count <= longest or any(address < barrier < wanted.stop for barrier in self.section.barriers):
            raise DeviceRefused(ILLEGAL_ADDRESS, f"{count} from {address} in one read")
        if not self._readable[table].issuperset(wanted):
            raise DeviceRefused(ILLEGAL_ADDRESS, f"nothing at {address} to {wanted.stop - 1}")
        if table is Table.COIL and self.section.tolerate_long_coils:
            # Boards of this kind send all their coils whatever was asked for (reference/devices.md A5.4).
            wanted = range(address, max(wanted.stop, 8 + address // 8 * 8))
        names = dict.fromkeys(name for at in wanted for name in self._at.get((table, at), ()))
        points = ((name, self.profile.registers[name]) for name in names)
        return _Block(
            len(wanted),
            tuple((name, point, self.section.wire(point.address) - address) for name, point in points),
            tuple((at - address, at - self._probed[table, at]) for at in wanted if (table, at) in self._probed),
        )

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Coils as 0 and 1, or registers. Whole points only."""
        at = 0
        while at < len(values):
            names = self._at.get((table, address + at), [])
            name = next((n for n in names if self.profile.registers[n].writable), None)
            if name is None or self.section.wire(self.profile.registers[name].address) != address + at:
                raise DeviceRefused(ILLEGAL_ADDRESS, f"{address + at} cannot be written")
            point = self.profile.registers[name]
            reading = decode(point, values[at : at + point.registers], self.section.word_order, self._scales.get(name))
            if reading.value is None:
                raise DeviceRefused(ILLEGAL_VALUE, reading.reason)
            try:
                self._write(name, reading.value)
            except CommandRefused as error:
                raise DeviceRefused(DEVICE_FAILURE, str(error)) from error
            at += point.registers

    def drop_outputs(self) -> None:
        """What a power cut does to relays."""
        for name, point in self.profile.registers.items():
            if point.writable and point.table is Table.COIL and self._value(name) is True:
                self._drop(name)

    def _with_gaps(self, table: Table) -> set[int]:
        known = sorted({at for where, at in (*self._at, *self._probed) if where is table})
        between = (range(a + 1, b) for a, b in pairwise(known) if b - a - 1 <= self.section.gap)
        return {*known, *(at for hole in between for at in hole)}

    def _registers_of(self, name: str, point: RegisterPoint) -> Sequence[int]:
        value = self._value(name)
        if name in self._judged and self._value(self._judged[name]) is None and point.enum is not None:
            normal = {"normal", "over_range", "under_range"}
            value = next(word for word in point.enum.values() if word is not None and word not in normal)
        last = self._last.get(name)
        if last is not None and last[0] == value and type(last[0]) is type(value):
            return last[1]
        registers = self._spelled(name, point, value)
        self._last[name] = value, registers
        return registers

    def _spelled(self, name: str, point: RegisterPoint, value: Value | None) -> Sequence[int]:
        order, scale = self.section.word_order, self._scales.get(name)
        if value is None:
            return self._broken(point)
        if point.current_loop and scale is not None and not isinstance(value, bool | str):
            span = scale.high - scale.low
            # A transmitter limits itself to the measuring range of NAMUR NE43.
            value = scale.low + min(max((value - scale.low) / span, (VALID_LOW - 4) / 16), (VALID_HIGH - 4) / 16) * span
        return encode(point, value, order, scale)

    def _broken(self, point: RegisterPoint) -> Sequence[int]:
        """What a module sends for an input without a sensor: its sentinel, no current, or not-a-number."""
        registers = point.registers
        missing = next((raw for raw, word in (point.enum or {}).items() if word is None), None)
        if missing is not None and not point.table.is_bits:
            shift, _ = point.bits or (0, 0)
            return encode(NUMBER.model_copy(update={"type": point.type}), missing << shift, self.section.word_order)
        if point.table.is_bits or point.is_partial:
            return (0,) * registers
        if point.sentinels:
            word = next(iter(point.sentinels)) % (1 << 16 * registers)
        elif point.current_loop:
            return encode(point.model_copy(update={"current_loop": False}), 0.0, self.section.word_order)
        elif point.type is RegisterType.FLOAT32:
            word = int.from_bytes(struct.pack(">f", math.nan), "big")
        else:
            # No number can do for a sensor that is not there: the lowest for signed ones, whose last is a plausible -1.
            word = 1 << 16 * registers - 1 if point.type in SIGNED else (1 << 16 * registers) - 1
        high_first = [word >> 16 * i & 0xFFFF for i in reversed(range(registers))]
        return high_first if (point.word_order or self.section.word_order) == "high_first" else high_first[::-1]

    def _identity(self) -> Sequence[int]:
        probe = self.section.probe
        assert probe is not None, "only asked for where a probe stands"
        expected = probe.expect[0]
        if self.wrong_identity:
            expected = "UNKNOWN"[: 2 * probe.point.registers] if isinstance(expected, str) else expected ^ 0x55
        return encode(probe.point, expected, self.section.word_order)
