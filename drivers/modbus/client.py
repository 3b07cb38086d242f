"""The one connection of a bus, over pymodbus: one request at a time, and every answer checked by us.

The only file that knows pymodbus. Measured with 3.16.1, and the reason for most of what stands here: it
accepts an answer with another function code, another register count or transaction id 0; it waits a whole
timeout after the peer has closed; it never connects again after a first failed connect; and on RTU, which
has no transaction id, one late answer shifts every later one by a register, for ever.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from drivers.profile import Table
from estate.errors import DecodeError, DeviceRefused, TransportError
from estate.installation import Bus

# It logs every missing answer with a dump of frames; ours is one line when a device is lost.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

CONNECT_TIMEOUT = 2.0  # s
DRAIN = 0.05
"""s at the end of `quiet`, after the reconnect: a serial device server may hand over what it had kept."""

SILENT_CHARACTERS = 3.5
"""Between two frames on a serial line (MODBUS over Serial Line v1.02, §2.5.1.1), of 11 bits each."""

SILENCES = 3
"""Unanswered requests in a row after which a TCP connection may be half open and is made anew."""

FUNCTION = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}

REFUSALS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}

NOT_DONE = (1, 2, 3, 6)
"""Refusals of a write that say that nothing was done. After any other it may have been: the device failed while at
it (4) or still works at it (5), or the gateway lost sight of it (10, 11) (Application Protocol v1.1b3, §7)."""


def unhold(wire: socket.socket) -> None:
    """A request is one small packet: it must not be held back until the last one is acknowledged."""
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _heed_cancellation() -> None:
    """Before Python 3.12, wait_for loses a cancellation that comes together with its result (gh-86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Connection:
    """Not for concurrent use: the bus has one task that asks."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._client: ModbusBaseClient | None = None
        self._waiting = False
        self._unsettled = False
        self._silent = 0

    @property
    def is_open(self) -> bool:
        return self._client is not None

    async def open(self) -> None:
        """Connect once. Raises TransportError."""
        self.close()
        client = self._make()
        client.ctx.comm_params.timeout_connect = CONNECT_TIMEOUT
        client.set_max_no_responses(1 << 62)  # when to close is decided here
        try:
            connected = await client.connect()
            _heed_cancellation()
        except asyncio.CancelledError:
            client.close()
            raise
        if not connected:
            client.close()
            raise TransportError(f"no connection to {self.bus.tcp or self.bus.serial}")
        wire = client.ctx.transport.get_extra_info("socket")
        if wire is not None:
            unhold(wire)
        self._client = client
        self._silent = 0
        if self._unsettled:
            await asyncio.sleep(min(DRAIN, self.bus.quiet))
            self._unsettled = False

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(
        self, unit: int, table: Table, start: int, count: int, timeout: float, long_coils: bool = False
    ) -> tuple[int, ...]:
        """`count` registers, or bits as 0 and 1, from a wire address.

        Raises TransportError without a (whole) answer within `timeout` s, DeviceRefused for an exception
        code, DecodeError for an answer to something else. On RTU the line has been quiet when it raises.
        """
        client = self._connected()
        match table:
            case Table.COIL:
                asking = client.read_coils(start, count=count, device_id=unit)
            case Table.DISCRETE:
                asking = client.read_discrete_inputs(start, count=count, device_id=unit)
            case Table.HOLDING:
                asking = client.read_holding_registers(start, count=count, device_id=unit)
            case Table.INPUT:
                asking = client.read_input_registers(start, count=count, device_id=unit)
        long = long_coils and table is Table.COIL

        def whole(answer: ModbusPDU) -> bool:
            if not table.is_bits:
                return len(answer.registers) == count
            padded = (count + 7) // 8 * 8  # coils come in whole bytes
            return len(answer.bits) == padded or (long and len(answer.bits) > padded)

        answer = await self._ask(asking, unit, FUNCTION[table], timeout, whole)
        return tuple(int(bit) for bit in answer.bits[:count]) if table.is_bits else tuple(answer.registers)

    async def write(self, unit: int, table: Table, start: int, values: tuple[int, ...], timeout: float) -> None:
        """Write one coil (FC05), one register (FC06) or several (FC16) and check the echo.

        Raises as `read`, but DeviceRefused only for what was certainly not done (see NOT_DONE).
        """
        try:
            await self._write(unit, table, start, values, timeout)
        except DeviceRefused as refusal:
            if refusal.code in NOT_DONE:
                raise
            raise TransportError(f"{refusal}: it may have been done") from refusal

    async def _write(self, unit: int, table: Table, start: int, values: tuple[int, ...], timeout: float) -> None:
        client = self._connected()
        if table is Table.COIL:
            asking = client.write_coil(start, bool(values[0]), device_id=unit)
            await self._ask(asking, unit, 5, timeout, lambda a: (a.address, a.bits) == (start, [bool(values[0])]))
        elif len(values) == 1:
            asking = client.write_register(start, values[0], device_id=unit)
            await self._ask(asking, unit, 6, timeout, lambda a: (a.address, a.registers) == (start, [values[0]]))
        else:
            asking = client.write_registers(start, list(values), device_id=unit)
            await self._ask(asking, unit, 16, timeout, lambda a: (a.address, a.count) == (start, len(values)))

    async def _ask(
        self,
        asking: Awaitable[ModbusPDU],
        unit: int,
        function: int,
        timeout: float,
        whole: Callable[[ModbusPDU], bool],
    ) -> ModbusPDU:
        client = self._connected()
        client.ctx.comm_params.timeout_connect = timeout  # pymodbus' name for the whole transaction
        self._waiting = True
        try:
            answer = await asking
            _heed_cancellation()
        except ModbusException as error:
            _heed_cancellation()
            self._silent += 1
            await self._settle(mistrust=self._silent >= SILENCES)
            closed = isinstance(error, ConnectionException)
            raise TransportError("the connection was closed" if closed else f"no answer in {timeout:g} s") from error
        except asyncio.CancelledError:
            self.close()  # or the answer to what was abandoned would be taken for that of the next question
            raise
        finally:
            self._waiting = False
        self._silent = 0
        if self.bus.serial is not None:
            await asyncio.sleep(SILENT_CHARACTERS * 11 / self.bus.baud)
        asked = client.ctx.request_transaction_id
        fault = ""
        if answer.function_code & 0x7F != function:
            fault = f"answer to function {answer.function_code & 0x7F} instead of {function}"
        elif answer.dev_id != unit:
            fault = f"answer of unit {answer.dev_id} instead of {unit}"
        elif not self.bus.is_rtu and answer.transaction_id != asked:
            fault = f"answer to transaction {answer.transaction_id} instead of {asked}"
        elif not answer.isError() and not whole(answer):
            fault = "answer of another length or to another address than asked for"
        if fault:
            await self._settle(mistrust=True)
            raise DecodeError(fault)
        if answer.isError():
            code = answer.exception_code
            raise DeviceRefused(code, f"exception {code}: {REFUSALS.get(code, 'unknown')}")
        return answer

    async def _settle(self, mistrust: bool) -> None:
        """After an answer that is missing or wrong: let no rest of it be taken for the next one."""
        if self.bus.serial is not None:
            await asyncio.sleep(self.bus.quiet)  # what comes now is dropped: pymodbus waits for nothing
        elif self.bus.is_rtu:
            self.close()
            self._unsettled = True
            await asyncio.sleep(max(self.bus.quiet - DRAIN, 0))
        elif mistrust:
            self.close()

    def _connected(self) -> ModbusBaseClient:
        if self._client is None or not self._client.connected:
            raise TransportError("not connected")
        return self._client

    def _make(self) -> ModbusBaseClient:
        client: ModbusBaseClient

        def traced(connected: bool) -> None:
            if connected or self._client is not client:
                return
            self._client = None
            if self._waiting and not client.ctx.response_future.done():
                client.ctx.response_future.set_exception(ConnectionException("closed by the peer"))

        if self.bus.serial is not None:
            client = AsyncModbusSerialClient(
                self.bus.serial,
                framer=FramerType.RTU,
                baudrate=self.bus.baud,
                parity=self.bus.parity,
                stopbits=self.bus.stopbits,
                reconnect_delay=0,
                retries=0,
                trace_connect=traced,
                name=self.bus.id,
            )
        else:
            host, _, port = str(self.bus.tcp).rpartition(":")
            client = AsyncModbusTcpClient(
                host,
                port=int(port),
                framer=FramerType.RTU if self.bus.is_rtu else FramerType.SOCKET,
                reconnect_delay=0,
                retries=0,
                trace_connect=traced,
                name=self.bus.id,
            )
        return client
