"""Modbus without a wire: the daemon's own driver of a bus on the simulators' register images.

A sound line is asked only for the blocks in which something has changed, at the beats at which the driver would have
asked; the rest of its answers would have been the same as before. As soon as something is wrong with the line or a
unit on it, the driver's own loop takes over with all its requests, timeouts and pauses, until all is sound again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from drivers.modbus.client import FUNCTION, Connection
from drivers.modbus.source import ModbusSource
from drivers.modbus.unit import Turn
from drivers.profile import Profile, Table
from drivers.source import Deliver
from estate.errors import DecodeError, DeviceRefused, TransportError
from estate.installation import Device
from estate.model import Clock
from simulators.modbus_device import Line
from simulators.modbus_frames import Mbap, Request, Rtu, crc
from simulators.modbus_unit import Unit
from simulators.wiring import Wiring

AGAIN = 120.0
"""s after which a block is asked for although nothing has changed: values stay fresh by it."""


class Wire(Connection):
    """What the daemon asks of a connection, answered by the simulated line at once, or late, or not at all.

    Of a faulty unit the whole frame is made and looked at as the client does with pymodbus' answers.
    """

    def __init__(self, line: Line) -> None:
        super().__init__(line.bus)
        self._line = line
        self._open = False
        self._transaction = 0

    @property
    def is_open(self) -> bool:
        return self._open

    async def open(self) -> None:
        if not self._line.accepts:
            raise TransportError("connection refused")
        self._open, self._silent = True, 0

    def close(self) -> None:
        self._open = False

    async def read(
        self, unit: int, table: Table, start: int, count: int, timeout: float, long_coils: bool = False
    ) -> tuple[int, ...]:
        answers = await self._reached(unit, timeout)
        if not answers.faults:
            return tuple(answers.image.read(table, start, count))
        pdu = bytes([FUNCTION[table]]) + start.to_bytes(2, "big") + count.to_bytes(2, "big")
        data = await self._frame(answers, unit, pdu, timeout)
        if table.is_bits:
            whole = len(data) == 1 + (count + 7) // 8
            values = [data[1 + i // 8] >> i % 8 & 1 for i in range(count)] if whole else []
        else:
            whole = len(data) == 1 + 2 * count
            values = [int.from_bytes(data[i : i + 2], "big") for i in range(1, len(data), 2)]
        if not whole:
            await self._distrust("answer of another length or to another address than asked for")
        return tuple(values)

    async def write(self, unit: int, table: Table, start: int, values: tuple[int, ...], timeout: float) -> None:
        (await self._reached(unit, timeout)).image.write(table, start, list(values))

    async def _reached(self, address: int, timeout: float) -> Unit:
        if not self._open or not self._line.accepts:
            self._open = False
            raise TransportError("the connection was closed")
        unit = self._line.reached(address)
        if unit is not None and self._line.loses_answer():
            unit = None
        late = self._line.delay(unit) if unit is not None else timeout
        if late:
            await asyncio.sleep(min(late, timeout))
        if unit is None or late >= timeout:
            self._silent += 1
            await self._calm(mistrust=self._silent >= 3)
            raise TransportError(f"no answer in {timeout:g} s")
        self._silent = 0
        return unit

    async def _frame(self, answers: Unit, address: int, pdu: bytes, timeout: float) -> bytes:
        """The answer's data after the function code."""
        self._transaction = self._transaction % 0xFFFF + 1
        request = Request(address, pdu, 0 if self.bus.is_rtu else self._transaction)
        frame = answers.reply(request, Rtu() if self.bus.is_rtu else Mbap())
        if self.bus.is_rtu:
            understood = len(frame) > 4 and crc(frame[:-2]) == frame[-2:]
            unit, body, transaction = frame[0], frame[1:-2], 0
        else:
            told = int.from_bytes(frame[4:6], "big")
            understood = len(frame) > 8 and frame[2:4] == b"\0\0" and told == len(frame) - 6
            unit, body, transaction = frame[6], frame[7:], int.from_bytes(frame[:2], "big")
        if not understood:  # noise: a client goes on waiting
            await asyncio.sleep(timeout)
            self._silent += 1
            await self._calm(mistrust=self._silent >= 3)
            raise TransportError(f"no answer in {timeout:g} s")
        function = body[0] & 0x7F
        if function != pdu[0]:
            await self._distrust(f"answer to function {function} instead of {pdu[0]}")
        if unit != address:
            await self._distrust(f"answer of unit {unit} instead of {address}")
        if transaction != request.transaction:
            await self._distrust(f"answer to transaction {transaction} instead of {request.transaction}")
        if body[0] & 0x80:
            raise DeviceRefused(body[1], f"exception {body[1]}")
        return body[1:]

    async def _distrust(self, why: str) -> None:
        await self._calm(mistrust=True)
        raise DecodeError(why)

    async def _calm(self, mistrust: bool) -> None:
        if self.bus.is_rtu:
            self._open = False
            await asyncio.sleep(self.bus.quiet)
        elif mistrust:
            self._open = False


class PolledLine(ModbusSource):
    """The daemon's driver of one bus, on a simulated line. `ask` at every tick.

    Blocks in which nothing but numbers moved, and none by more than `deadband` as a share of itself, wait until
    AGAIN: a quiet day is played in less time.
    """

    def __init__(
        self, line: Line, devices: Sequence[tuple[Device, Profile]], deliver: Deliver, clock: Clock, wiring: Wiring
    ) -> None:
        super().__init__(line.bus, devices, deliver, clock)
        self._connection = Wire(line)
        self._line = line
        self._wiring = wiring
        self.bus_id = line.name
        self._begin()
        self._alive: asyncio.Task[None] | None = None
        self._shown: dict[Turn, tuple[list[tuple[dict[str, Any], str]], list[Any]]] = {}
        self.deadband = 0.0
        begun = self._clock.now().mono
        self._asked_again = {one: begun + AGAIN * i / len(self._units) for i, one in enumerate(self._units)}
        self.asked = 0

    @property
    def is_sound(self) -> bool:
        return self._alive is None and self._is_good

    @property
    def _is_good(self) -> bool:
        return (
            self._online is True
            and not self._mute
            and self._connection.is_open
            and not self._line.faults
            and not any(unit.faults for unit in self._line.units.values())
            and all(unit.is_trusted for unit in self._units)
        )

    def start(self) -> None:
        """The first contact is the driver's own."""
        self._alive = asyncio.get_running_loop().create_task(self._live(), name=self.name)

    async def ask(self, now: float, tick: float, everything: bool) -> None:
        """What is due by `now` (monotonic s), `tick` s after the last look; `everything`, whether it changed or not."""
        if self._alive is not None:
            if not self._alive.done():
                return
            self._alive.result()
            self._alive = None
            self._shown.clear()
        if not self._is_good:
            self.start()
            return
        while self._writes:
            write = self._writes.popleft()
            await self._send(write)
            for turn in write.unit.turns():
                if turn in self._shown:
                    self._shown[turn][1].clear()  # what came of it is read even where nothing has changed
        for unit in self._units:
            again = now >= self._asked_again[unit]
            if again:
                self._asked_again[unit] = now + AGAIN
            for turn in unit.turns():
                shown = self._shown.get(turn)
                if shown is None:
                    shown = self._shown[turn] = (self._behind(turn), [])
                sources, before = shown
                values = [points[name] for points, name in sources]
                if not (again or everything) and (values == before or not moved(values, before, self._share(turn))):
                    continue
                if turn.due < now - tick:
                    turn.next_beat(now - tick)  # as if it had been asked at every beat, and had answered the same
                if turn.due > now and not again:
                    continue
                shown[1][:] = values
                self.asked += 1
                turn.due = now  # the tick is ours: the line is not late
                await self._ask(turn)

    async def _live(self) -> None:
        if not self._connection.is_open:
            await self._connect()
        between = False
        while not self._is_good:
            between = await self._step(between)

    def _share(self, turn: Turn) -> float:
        """Levels are judged by how fast they move: held values would look like jumps."""
        levels = any(scale.unit == "m" for scale in turn.unit.device.scale.values())
        return 0.3 * self.deadband if levels else self.deadband

    def _behind(self, turn: Turn) -> list[tuple[dict[str, Any], str]]:
        """Where the values of a block come from: the points of plants, and those that a status in it judges."""
        registers, device = turn.unit.profile.registers, turn.unit.device.id
        judged = (name for name, one in registers.items() if one.status_point in turn.block.points)
        sources = (self._wiring.source(device, name) for name in sorted({*turn.block.points, *judged}))
        return [(one.plant.points, one.point) for one in sources if one is not None]


def moved(values: Sequence[Any], before: Sequence[Any], share: float) -> bool:
    """Whether a state is another one, or a number has moved by more than this share of itself."""
    if not share or len(values) != len(before):
        return True
    for now, then in zip(values, before, strict=True):
        if now == then:
            continue
        if not isinstance(now, float) or not isinstance(then, float):
            return True
        if abs(now - then) > share * abs(then):
            return True
    return False
