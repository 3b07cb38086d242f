"""Which blocks of registers to read so that every point is covered with few requests. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from drivers.profile import ModbusSection, Profile, Table

MOST_BITS = 2000
"""Coils or discretes in one answer (Modbus Application Protocol v1.1b3, §6.1)."""

URGENCY = {"fast": 0, "normal": 1, "slow": 2}


@dataclass(frozen=True, slots=True)
class Block:
    """One read: `count` registers (or bits) of a table from the wire address `start`, and the points inside."""

    table: Table
    poll: str
    start: int
    count: int
    points: tuple[str, ...]


def plan(profile: Profile) -> tuple[Block, ...]:
    """The reads of one cycle, urgent ones first; a status is read before the points it judges."""
    assert profile.modbus is not None, "only a Modbus profile has registers"
    statuses = {point.status_point for point in profile.registers.values()}
    groups: dict[tuple[Table, str], list[str]] = {}
    for name, point in profile.registers.items():
        groups.setdefault((point.table, point.poll), []).append(name)
    blocks = [block for names in groups.values() for block in _blocks(profile, profile.modbus, names)]
    return tuple(sorted(blocks, key=lambda b: (URGENCY[b.poll], statuses.isdisjoint(b.points), b.table.value, b.start)))


def halves(profile: Profile, block: Block) -> tuple[Block, ...]:
    """A refused block as two smaller ones, so that one missing register does not take its neighbours along."""
    assert profile.modbus is not None, "only a Modbus profile has registers"
    middle = len(block.points) // 2
    return tuple(_around(profile, block, names) for names in (block.points[:middle], block.points[middle:]) if names)


def _blocks(profile: Profile, section: ModbusSection, names: Iterable[str]) -> Iterable[Block]:
    points = profile.registers
    ordered = sorted(names, key=lambda name: (points[name].address, points[name].registers))
    taken: list[str] = []
    start = behind = 0
    for name in ordered:
        point = points[name]
        first = section.wire(point.address)
        end = max(behind, first + point.registers)
        if taken and (
            first - behind > section.gap
            or end - start > _longest(section, point.table)
            or any(start < barrier < end for barrier in section.barriers)
        ):
            yield Block(point.table, point.poll, start, behind - start, tuple(taken))
            taken = []
        if not taken:
            start, end = first, first + point.registers
        taken.append(name)
        behind = end
    if taken:
        yield Block(points[taken[0]].table, points[taken[0]].poll, start, behind - start, tuple(taken))


def _around(profile: Profile, block: Block, names: tuple[str, ...]) -> Block:
    assert profile.modbus is not None, "only a Modbus profile has registers"
    spans = [(profile.modbus.wire(p.address), p.registers) for p in (profile.registers[name] for name in names)]
    start = min(first for first, _ in spans)
    return Block(block.table, block.poll, start, max(first + length for first, length in spans) - start, names)


def _longest(section: ModbusSection, table: Table) -> int:
    return min(16 * section.max_read, MOST_BITS) if table.is_bits else section.max_read
