"""Points of a profile that take the same registers in a way no device can mean. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from drivers.profile import ModbusSection, Profile, RegisterPoint, Table


class Clash(StrEnum):
    PART = "part"  # each has some registers of its own: one of them reads half of a longer number
    ORDER = "order"  # the same registers, put together in different word orders
    BITS = "bits"  # the same bits under two names


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two points that clash, in the order of the profile; `address` is the first shared one, as the maker prints it."""

    one: str
    two: str
    clash: Clash
    table: Table
    address: int


def overlaps(profile: Profile) -> Iterator[Overlap]:
    """Every pair of points of a Modbus profile that has the same bits under two names, or half of a longer number.

    Different bits of one register are fine, and so is a summary (`length` on coils and discretes).
    """
    section = profile.modbus
    assert section is not None, "only a Modbus profile has registers"
    for (one, a), (two, b) in combinations(profile.registers.items(), 2):
        shared = range(max(a.address, b.address), min(a.address + a.registers, b.address + b.registers))
        if a.table is not b.table or not shared or (a.table.is_bits and a.registers != b.registers):
            continue
        if (a.address, a.registers) != (b.address, b.registers):
            yield Overlap(one, two, Clash.PART, a.table, shared.start)
        elif _order(section, a) != _order(section, b):
            yield Overlap(one, two, Clash.ORDER, a.table, shared.start)
        elif _mask(a) & _mask(b):
            yield Overlap(one, two, Clash.BITS, a.table, shared.start)


def _order(section: ModbusSection, point: RegisterPoint) -> str:
    return "" if point.registers == 1 or point.table.is_bits else point.word_order or section.word_order


def _mask(point: RegisterPoint) -> int:
    """The bits it takes of its registers, the lowest of the last register first."""
    if point.bit is not None:
        return 1 << point.bit
    shift, width = point.bits or (0, 16 * point.registers)
    return (1 << width) - 1 << shift
