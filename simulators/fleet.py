"""Many small Modbus devices in one process, for the bench: holding registers that change at a given rate."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Change:
    """A register was changed at Unix time `at` (s): what a bench compares with the alarm it led to."""

    device: int
    register: int
    value: int
    at: float


class Fleet:
    """`async with Fleet(100, 20) as fleet`: `fleet.ports[i]` is device i, unit 1, FC03 from register 0.

    It answers MBAP reads without simulated delay; anything else gets exception 1, a read beyond the end 2.
    """

    def __init__(self, devices: int, registers: int = 20) -> None:
        self.registers = [bytearray(2 * registers) for _ in range(devices)]
        self.ports: list[int] = []
        self.reads = [0] * devices
        self.asked_at: list[list[float]] = [[] for _ in range(devices)]  # monotonic s of every read
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> "Fleet":
        loop = asyncio.get_running_loop()
        for index in range(len(self.registers)):
            server = await loop.create_server(partial(_Connection, self, index), "127.0.0.1", 0)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()

    def set(self, device: int, register: int, value: int) -> Change:
        """Change one register now."""
        self.registers[device][2 * register : 2 * register + 2] = value.to_bytes(2, "big")
        return Change(device, register, value, time())

    async def change(
        self, rate: float, changed: Callable[[Change], None], *, register: int = 0, values: tuple[int, int] = (0, 1)
    ) -> None:
        """For ever, `rate` changes a second, round the devices: each time `register` takes the other value."""
        turn, loop = 0, asyncio.get_running_loop()
        start = loop.time()
        while True:
            device, lap = turn % len(self.registers), turn // len(self.registers)
            changed(self.set(device, register, values[(lap + 1) % 2]))
            turn += 1
            await asyncio.sleep(max(0.0, start + turn / rate - loop.time()))


class _Connection(asyncio.Protocol):
    def __init__(self, fleet: Fleet, index: int) -> None:
        self._fleet = fleet
        self._index = index
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = []
        while len(self._buffer) >= 12 and len(self._buffer) >= (end := 6 + int.from_bytes(self._buffer[4:6], "big")):
            request, self._buffer = self._buffer[:end], self._buffer[end:]
            answers.append(self._answer(request))
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))

    def _answer(self, request: bytes) -> bytes:
        registers = self._fleet.registers[self._index]
        start, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
        if request[7] != 3 or 2 * (start + count) > len(registers):
            pdu = bytes([request[7] | 0x80, 2 if request[7] == 3 else 1])
        else:
            self._fleet.reads[self._index] += 1
            self._fleet.asked_at[self._index].append(monotonic())
            pdu = bytes([3, 2 * count]) + registers[2 * start : 2 * (start + count)]
        return request[:4] + (len(pdu) + 1).to_bytes(2, "big") + request[6:7] + pdu
