"""Wires between the daemon and the simulated lines that note when each register block is asked for."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from time import monotonic
from types import TracebackType
from typing import Self

from drivers.modbus.plan import plan
from drivers.profile import Profile, Table
from estate.site import Bus, Device

READS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
Asked = tuple[str, int, int, int]
"""Line, unit, function code, first register."""


class Taps:
    """`async with Taps(buses) as taps`: `taps.ports` is where the daemon finds each line now.

    `asked` has the monotonic seconds of every read; requests are taken apart, answers only passed on.
    """

    def __init__(self, buses: Mapping[str, Bus]) -> None:
        self._buses = buses
        self._servers: list[asyncio.Server] = []
        self.ports: dict[str, int] = {}
        self.asked: dict[Asked, list[float]] = {}

    async def __aenter__(self) -> Self:
        for name in self._buses:
            server = await asyncio.start_server(partial(self._serve, name), "127.0.0.1", 0)
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bus = self._buses[name]
        host, _, port = (bus.tcp or "").rpartition(":")
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            back = asyncio.create_task(_pass_on(far_reader, writer))
            try:
                while data := await reader.read(1024):
                    self._note(name, bus, data)
                    far_writer.write(data)
            finally:
                far_writer.close()
                back.cancel()
        writer.close()

    def _note(self, name: str, bus: Bus, data: bytes) -> None:
        """One request at a time: this is how the daemon speaks, so a frame is never cut in two."""
        unit, function, first = (data[0], data[1], data[2:4]) if bus.is_rtu else (data[6], data[7], data[8:10])
        self.asked.setdefault((name, unit, function, int.from_bytes(first, "big")), []).append(monotonic())

    def intervals(
        self, devices: Mapping[str, Device], profiles: Mapping[str, Profile], begin: float
    ) -> Iterator[tuple[float, float]]:
        """(nominal, measured) s between two reads of every block that was read twice since `begin`."""
        for device in devices.values():
            if device.bus is None or device.unit is None:
                continue
            profile = profiles[device.profile]
            for block in plan(profile):
                nominal = device.poll * min(profile.registers[name].every for name in block.points)
                at = self.asked.get((device.bus, device.unit, READS[block.table], block.start), [])
                yield from ((nominal, b - a) for a, b in pairwise(one for one in at if one >= begin))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1024):
            writer.write(data)
    writer.close()
