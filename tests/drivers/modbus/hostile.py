"""A strictly sequential Modbus device, as PLCs and gateways are, with every fault seen in the field."""

import asyncio
import os
import time
import tty
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Write = Callable[[bytes], None]


def crc(frame: bytes) -> bytes:
    """MODBUS over Serial Line v1.02, §6.2.2."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


@dataclass
class Hostile:
    """Faults are taken from `script`, one per read, then from `always` by unit; writes take `on_write`.

    Known faults: silent, late, wrong_function, unknown_function, wrong_count, wrong_unit, wrong_tid, tid_zero,
    wrong_echo, garbage, short, reset, twice, and exc-<code>. Times in seconds. `shared_line`: as behind a
    serial device server, a late answer goes to whatever connection is there then.
    """

    framing: str = "tcp"
    units: dict[int, dict[int, dict[int, int]]] = field(default_factory=dict)  # unit -> function -> address -> raw
    script: deque[str] = field(default_factory=deque)
    always: dict[int, str] = field(default_factory=dict)
    on_write: str = ""
    holes: set[int] = field(default_factory=set)
    delay: float = 0.0
    lateness: float = 0.2
    long_coils: bool = False
    shared_line: bool = False
    asked: list[tuple[float, int, int, int, int]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _serving: set["asyncio.Task[None]"] = field(default_factory=set)
    _newest: Write | None = None

    def holding(self, unit: int, registers: dict[int, int]) -> "Hostile":
        self.units.setdefault(unit, {}).setdefault(3, {}).update(registers)
        return self

    def requests(self, unit: int) -> list[float]:
        return [at for at, asked, *_ in self.asked if asked == unit]

    def busiest(self) -> Counter[int]:
        return Counter(unit for _, unit, *_ in self.asked)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Away, as after a power cut: no listener, every connection reset."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving, timeout=5)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        self._newest = writer.write
        try:
            await self.answer(reader, writer.write, writer.transport.abort)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            self._serving.discard(serving)
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, write: Write, abort: Callable[[], None]) -> None:
        while True:
            tid = 0
            if self.framing == "tcp":
                head = await reader.readexactly(6)
                tid = int.from_bytes(head[:2], "big")
                frame = await reader.readexactly(int.from_bytes(head[4:6], "big"))
            else:
                frame = await reader.readexactly(7)
                frame += await reader.readexactly(frame[6] + 2 if frame[1] in (15, 16) else 1)
                frame = frame[:-2]
            unit, function = frame[0], frame[1]
            address, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
            self.asked.append((time.monotonic(), unit, function, address, count))
            if function in (5, 6, 16):
                fault = self.on_write
            else:
                fault = self.script.popleft() if self.script else self.always.get(unit, "")
            if unit not in self.units or fault == "silent":
                continue
            await asyncio.sleep(self.lateness if fault == "late" else self.delay)
            if fault == "reset":
                abort()
                return
            if fault.startswith("exc-"):
                pdu = bytes([function | 0x80, int(fault[4:])])
            else:
                pdu = self._pdu(unit, function, address, count, frame, fault)
            out = self._frame(tid, unit, pdu, fault)
            (self._newest if self.shared_line and self._newest else write)(out * 2 if fault == "twice" else out)

    def _pdu(self, unit: int, function: int, address: int, count: int, frame: bytes, fault: str) -> bytes:
        table = self.units[unit].setdefault({5: 1, 6: 3, 16: 3}.get(function, function), {})
        if function in (5, 6):
            table[address] = int(count == 0xFF00) if function == 5 else count
            echo = address + 1 if fault == "wrong_echo" else address
            return bytes([function]) + echo.to_bytes(2, "big") + frame[4:6]
        if function == 16:
            for i in range(count):
                table[address + i] = int.from_bytes(frame[7 + 2 * i : 9 + 2 * i], "big")
            return frame[1:6]
        wanted = range(address, address + count)
        if not self.holes.isdisjoint(wanted):
            return bytes([function | 0x80, 2])
        values = [table.get(each, 0) for each in wanted]
        if fault == "wrong_count":
            values = values[:-1] if len(values) > 1 else values * 2
        if function in (1, 2):
            values += [0] * (16 if self.long_coils else -len(values) % 8)
            values += [0] * (-len(values) % 8)
            data = bytes(sum(bit << i for i, bit in enumerate(values[at : at + 8])) for at in range(0, len(values), 8))
        else:
            data = b"".join(value.to_bytes(2, "big") for value in values)
        if fault == "unknown_function":
            function = 0x41
        if fault == "wrong_function":
            function = {1: 2, 2: 1, 3: 4, 4: 3}[function]
        return bytes([function, len(data)]) + data

    def _frame(self, tid: int, unit: int, pdu: bytes, fault: str) -> bytes:
        if fault == "garbage":
            return bytes(range(0x90, 0x90 + 24))
        if fault == "wrong_unit":
            unit += 1
        if self.framing == "rtu":
            whole = bytes([unit]) + pdu
            whole += crc(whole)
        else:
            tid = {"wrong_tid": tid ^ 0x5A, "tid_zero": 0}.get(fault, tid)
            whole = tid.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu
        return whole[:-3] if fault == "short" else whole


@asynccontextmanager
async def listening(device: Hostile) -> AsyncIterator[Hostile]:
    await device.start()
    try:
        yield device
    finally:
        await device.stop()


@asynccontextmanager
async def on_serial_line(device: Hostile) -> AsyncIterator[str]:
    """The device at one end of a pseudo terminal; yields the path of the other end."""
    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    loop.add_reader(master, lambda: reader.feed_data(os.read(master, 512)))
    task = asyncio.create_task(device.answer(reader, lambda data: (os.write(master, data), None)[1], lambda: None))
    try:
        yield os.ttyname(slave)
    finally:
        task.cancel()
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)
