"""A simulated Modbus line: one PLC, or a gateway with its units, on TCP or a pty; strictly one request at a time."""

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Callable, Mapping
from typing import ClassVar

from estate.site import Bus
from simulators.faults import Breakable, Details
from simulators.modbus_frames import Framing, Mbap, Request, Rtu
from simulators.modbus_unit import Unit

WAITING = 32
"""Requests a gateway holds; one more is answered with exception 0x0B."""
MOST_CONNECTIONS = 4
"""One more is closed at once, as small devices do."""
TURNAROUND_TCP, TURNAROUND_RTU = 0.004, 0.02
"""Seconds a device thinks (reference/devices.md C0)."""

Send = Callable[[bytes], None]


class Line(Breakable):
    """All units of one bus. `open` first, then `run` for ever; `address` is where it can be reached.

    Unknown units are not answered. `cut_line` silences the units behind a gateway that still accepts
    connections; `power_loss` refuses them.
    """

    kind = "bus"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "cut_line": "the line behind the gateway is cut: nobody answers",
        "power_loss": "the gateway is without supply: connections are refused",
        "slow": "the gateway is slow; delay s (0.8)",
        "noisy": "noise on the line: one answer in so many is lost; n (15)",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"drop": "all connections are reset once"}

    def __init__(self, bus: Bus, units: Mapping[int, Unit], *, turnaround: float | None = None) -> None:
        super().__init__(bus.id)
        self.bus = bus
        self.units = units
        self.address = ""
        self._pace = 11.0 / bus.baud if bus.is_rtu else 0.0
        self._answered = 0
        self._turnaround = turnaround if turnaround is not None else (TURNAROUND_RTU if bus.is_rtu else TURNAROUND_TCP)
        self._requests: asyncio.Queue[tuple[Request, Framing, Send]] = asyncio.Queue(WAITING)
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._powered = asyncio.Event()
        self._dark = asyncio.Event()
        self._powered.set()
        self._ends: tuple[int, int] | None = None
        self._is_device = not bus.is_rtu and len(units) == 1
        if self._is_device:
            next(iter(units.values())).powered = self._switch

    async def open(self) -> None:
        """Take a free loopback port, or make a pty for a serial line."""
        if self.bus.serial is not None:
            near, far = pty.openpty()
            tty.setraw(near)
            tty.setraw(far)
            os.set_blocking(near, False)
            self._ends = (near, far)
            self.address = os.ttyname(far)
            self._attach_pty(near)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(), name=f"line {self.name}")
                if self._server is not None:
                    tasks.create_task(self._supply(), name=f"supply of line {self.name}")
        finally:
            self._close()

    @property
    def accepts(self) -> bool:
        """Whether the gateway, or the one device that is its own, takes connections."""
        return self._powered.is_set()

    def reached(self, address: int) -> Unit | None:
        """The unit that will answer there; None when nobody will."""
        unit = self.units.get(address)
        if unit is None or unit.is_silent or "cut_line" in self.faults or not self.accepts:
            return None
        return unit

    def delay(self, unit: Unit) -> float:
        """s by which faults make its answer late."""
        return unit.delay + (self.detail("slow", "delay", 0.8) if "slow" in self.faults else 0.0)

    def begin(self, fault: str, details: Details) -> None:
        if fault == "power_loss":
            self._switch(False)

    def end(self, fault: str) -> None:
        if fault == "power_loss":
            self._switch(True)

    def perform(self, act: str, details: Details) -> None:
        self._reset()

    def _switch(self, on: bool) -> None:
        """The supply of the gateway, or of the one device that is its own: both have to be there."""
        if on and any("power_loss" in one.faults for one in (self, *(self.units.values() if self._is_device else ()))):
            return
        if on:
            self._dark.clear()
            self._powered.set()
        else:
            self._powered.clear()
            self._dark.set()
            self._reset()

    async def _supply(self) -> None:
        """Close the listening port while there is no power, and take the same one again afterwards."""
        port = int(self.address.rpartition(":")[2])
        while True:
            await self._dark.wait()
            if self._server is not None:
                self._server.close()
                self._reset()
            await self._powered.wait()
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CONNECTIONS or not self._powered.is_set():
            writer.transport.abort()
            return
        self._connections.add(writer)
        framing: Framing = Rtu() if self.bus.framing == "rtu" else Mbap()
        try:
            while data := await reader.read(1024):
                for request in framing.feed(data):
                    self._queue(request, framing, writer.write)
        except ConnectionError:
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    def _attach_pty(self, near: int) -> None:
        framing = Rtu()

        def send(data: bytes) -> None:
            with contextlib.suppress(OSError):
                os.write(near, data)

        def readable() -> None:
            with contextlib.suppress(OSError):
                for request in framing.feed(os.read(near, 1024)):
                    self._queue(request, framing, send)

        asyncio.get_running_loop().add_reader(near, readable)

    def _queue(self, request: Request, framing: Framing, send: Send) -> None:
        try:
            self._requests.put_nowait((request, framing, send))
        except asyncio.QueueFull:
            send(framing.frame(request, bytes([request.pdu[0] | 0x80, 0x0B])))

    async def _work(self) -> None:
        while True:
            request, framing, send = await self._requests.get()
            unit = self.reached(request.unit)
            if unit is None:
                continue
            sent = (len(request.pdu) + 3) * self._pace
            await asyncio.sleep(self._turnaround + sent + self.delay(unit))
            answer = unit.reply(request, framing)
            if self._pace:
                await asyncio.sleep(len(answer) * self._pace)
            if self._powered.is_set() and not unit.is_silent and not self.loses_answer():
                send(answer)

    def loses_answer(self) -> bool:
        """Whether the noise takes the answer that is on its way now; to be asked once for each."""
        self._answered += 1
        return "noisy" in self.faults and self._answered % max(1, int(self.detail("noisy", "n", 15.0))) == 0

    def _reset(self) -> None:
        for writer in list(self._connections):
            writer.transport.abort()

    def _close(self) -> None:
        self._reset()
        if self._server is not None:
            self._server.close()
        if self._ends is not None:
            asyncio.get_running_loop().remove_reader(self._ends[0])
            for end in self._ends:
                os.close(end)
