"""Reads a device once without writing: the registers of its profile and their neighbours, and what it says it is."""

import asyncio
from dataclasses import dataclass, field

from drivers.modbus.client import Connection
from drivers.modbus.decode import decode
from drivers.modbus.inspection import Dump
from drivers.modbus.plan import Block, halves, plan
from drivers.profile import Probe, Profile, Table
from estate.errors import DecodeError, DeviceRefused, TransportError
from estate.model import Value

TOP = 0xFFFF
LONGEST_NUMBER = 4  # registers

Asked = tuple[Table, int, int]


@dataclass(slots=True)
class Survey:
    """One device at one unit number. Only FC01 to FC04 are ever sent; each place is read at most once.

    `refused` are the reads (table, address, count) that were answered with an exception, and which; `silent` those
    without an answer.
    """

    connection: Connection
    unit: int
    timeout: float
    dump: dict[tuple[Table, int], int] = field(default_factory=dict)
    refused: dict[Asked, str] = field(default_factory=dict)
    silent: dict[Asked, str] = field(default_factory=dict)
    reads: int = 0

    async def take(self, profile: Profile) -> Dump:
        """Every register of a profile, and one before and one behind each block."""
        blocks = plan(profile)
        for block in blocks:
            await self._block(profile, block)
        for block in blocks:
            for place in (block.start - 1, block.start + block.count):
                if 0 <= place <= TOP:
                    await self.read(block.table, place, 1, profile)
        return self.dump

    def why_unread(self, table: Table, start: int, count: int) -> str:
        """What the device said to the reads that a place needed; "" where nothing was asked or all is known."""
        for (asked, first, length), why in (self.refused | self.silent).items():
            if asked is table and first < start + count and start < first + length:
                return why
        return ""

    async def identity(self, probe: Probe, profile: Profile, shift: int = 0) -> Value:
        """What stands where the probe looks, or so many addresses beside it; "" where nothing does."""
        assert profile.modbus is not None, "a probe belongs to a Modbus profile"
        first, count = profile.modbus.wire(probe.address) + shift, probe.point.registers
        if not 0 <= first <= TOP + 1 - count or not await self.read(probe.table, first, count, profile):
            return ""
        raw = [self.dump[probe.table, first + offset] for offset in range(count)]
        said = decode(probe.point, raw, profile.modbus.word_order).value
        return "" if said is None else said

    async def read(self, table: Table, start: int, count: int, profile: Profile | None = None) -> bool:
        """Whether all of it is known now. Asks once; the line is opened again when it was closed."""
        places = [(table, start + offset) for offset in range(count)]
        if all(place in self.dump for place in places):
            return True
        asked = (table, start, count)
        if asked in self.refused or asked in self.silent:
            return False
        section = profile.modbus if profile is not None else None
        try:
            if not self.connection.is_open:
                await self.connection.open()
            self.reads += 1
            long_coils = section is not None and section.tolerate_long_coils
            raw = await self.connection.read(self.unit, table, start, count, self.timeout, long_coils)
        except DeviceRefused as error:
            self.refused[asked] = str(error)
            return False
        except (TransportError, DecodeError) as error:
            self.silent[asked] = str(error)
            return False
        self.dump |= dict(zip(places, raw, strict=True))
        if section is not None and section.min_interval:
            await asyncio.sleep(section.min_interval)
        return True

    async def _block(self, profile: Profile, block: Block) -> None:
        """A block that is refused is read in halves, so that one missing register hides no other."""
        if await self.read(block.table, block.start, block.count, profile):
            return
        asked = (block.table, block.start, block.count)
        if asked in self.refused and len(block.points) > 1:
            del self.refused[asked]
            for half in halves(profile, block):
                await self._block(profile, half)
        elif asked in self.refused and 1 < block.count <= LONGEST_NUMBER:
            for place in range(block.start, block.start + block.count):
                await self.read(block.table, place, 1, profile)  # a number that begins before the map ends in it
