"""One connection against a device that answers wrongly in every way we know of: never a wrong value."""

import asyncio
import socket
import time
from collections import deque

import pytest

from drivers.modbus.client import Connection, unhold
from drivers.profile import Table
from estate.errors import DecodeError, DeviceRefused, TransportError
from estate.installation import Bus
from tests.drivers.modbus.hostile import Hostile, listening, on_serial_line

TIMEOUT = 0.12


def bus(device: Hostile, framing: str = "tcp") -> Bus:
    return Bus(
        id="b", tcp=f"127.0.0.1:{device.port}", framing="rtu" if framing == "rtu" else "tcp", timeout=TIMEOUT, quiet=0.1
    )


def pump(framing: str = "tcp") -> Hostile:
    return Hostile(framing=framing).holding(1, {0: 100, 1: 101, 2: 102}).holding(2, {0: 200})


async def first(connection: Connection, address: int = 0, unit: int = 1) -> int:
    if not connection.is_open:
        await connection.open()
    return (await connection.read(unit, Table.HOLDING, address, 1, TIMEOUT))[0]


FAULTS = [
    "silent",
    "wrong_function",
    "wrong_count",
    "wrong_unit",
    "garbage",
    "short",
    "reset",
    "late",
    "unknown_function",
]


@pytest.mark.parametrize(
    ("framing", "fault"),
    [
        *(("tcp", fault) for fault in [*FAULTS, "wrong_tid", "tid_zero"]),
        *(("rtu", fault) for fault in FAULTS),  # it has no transaction id
    ],
)
async def test_a_wrong_answer_is_an_error_and_the_next_one_is_right(framing: str, fault: str) -> None:
    async with listening(pump(framing)) as device:
        connection = Connection(bus(device, framing))
        device.script = deque([fault])
        with pytest.raises((TransportError, DecodeError)) as failure:
            await first(connection)
        expected = DecodeError if fault in ("wrong_function", "wrong_count", "tid_zero") else TransportError
        assert failure.type is expected
        assert await first(connection, 1) == 101
        assert await first(connection, 2) == 102
        connection.close()


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
@pytest.mark.parametrize("shared_line", [False, True])
async def test_late_answers_never_become_the_value_of_another_register(framing: str, shared_line: bool) -> None:
    async with listening(pump(framing)) as device:
        device.lateness, device.shared_line = TIMEOUT + 0.05, shared_line
        connection = Connection(bus(device, framing))
        right = 0
        for turn in range(18):
            device.script = deque(["late"] if turn % 3 == 0 else [])
            address = turn % 2
            try:
                value = await first(connection, address)
            except (TransportError, DecodeError):
                continue
            assert value == 100 + address
            right += 1
        assert right >= 12
        connection.close()


async def test_an_exception_code_is_told_with_its_meaning_and_leaves_the_connection_alone() -> None:
    async with listening(pump()) as device:
        connection = Connection(bus(device))
        device.script = deque(["exc-2", "exc-11"])
        for code, words in ((2, "illegal address"), (11, "gateway target")):
            with pytest.raises(DeviceRefused, match=words) as refusal:
                await first(connection)
            assert refusal.value.code == code
        assert await first(connection) == 100
        assert device.connections == 1
        connection.close()


async def test_a_peer_that_closes_is_noticed_at_once_and_not_after_the_timeout() -> None:
    async with listening(pump()) as device:
        connection = Connection(bus(device))
        await connection.open()
        device.script = deque(["reset"])
        with pytest.raises(TransportError, match="closed"):
            async with asyncio.timeout(2):
                await connection.read(1, Table.HOLDING, 0, 1, timeout=30)
        assert not connection.is_open
        connection.close()


async def test_a_half_open_connection_is_made_anew_after_three_silences() -> None:
    async with listening(pump()) as device:
        connection = Connection(bus(device))
        device.script = deque(["silent"] * 3)
        since = time.monotonic()
        for _ in range(3):
            with pytest.raises(TransportError, match="no answer"):
                await first(connection)
        assert time.monotonic() - since < 1.5
        assert not connection.is_open
        assert await first(connection) == 100
        assert device.connections == 2
        connection.close()


async def test_a_board_that_sends_all_its_coils_is_read_only_where_the_profile_says_so() -> None:
    device = Hostile(long_coils=True)
    device.units[1] = {1: {3: 1}}
    async with listening(device):
        connection = Connection(bus(device))
        await connection.open()
        assert await connection.read(1, Table.COIL, 3, 2, TIMEOUT, long_coils=True) == (1, 0)
        with pytest.raises(DecodeError, match="length"):
            await connection.read(1, Table.COIL, 3, 2, TIMEOUT)
        connection.close()


async def test_a_write_is_confirmed_by_its_echo() -> None:
    device = pump()
    async with listening(device):
        connection = Connection(bus(device))
        await connection.open()
        await connection.write(1, Table.COIL, 4, (1,), TIMEOUT)
        await connection.write(1, Table.HOLDING, 7, (777,), TIMEOUT)
        await connection.write(1, Table.HOLDING, 8, (1, 2), TIMEOUT)
        assert [function for _, _, function, *_ in device.asked] == [5, 6, 16]
        assert device.units[1][1][4] == 1
        assert [device.units[1][3][at] for at in (7, 8, 9)] == [777, 1, 2]
        device.on_write = "wrong_echo"
        with pytest.raises(DecodeError, match="another address"):
            await connection.write(1, Table.COIL, 4, (0,), TIMEOUT)
        connection.close()


async def test_only_a_refusal_that_says_so_means_that_a_write_was_not_done() -> None:
    """4 failed while at it, 5 still works at it, 10 and 11 lost sight of it: nobody can say."""
    device = pump()
    async with listening(device):
        connection = Connection(bus(device))
        await connection.open()
        for code in (1, 2, 3, 6):
            device.on_write = f"exc-{code}"
            with pytest.raises(DeviceRefused) as refused:
                await connection.write(1, Table.COIL, 4, (1,), TIMEOUT)
            assert refused.value.code == code
        for code in (4, 5, 8, 10, 11, 99):
            device.on_write = f"exc-{code}"
            with pytest.raises(TransportError, match=f"exception {code}: .*may have been done") as doubt:
                await connection.write(1, Table.COIL, 4, (1,), TIMEOUT)
            assert not isinstance(doubt.value, DeviceRefused)
        assert device.connections == 1
        connection.close()


def test_requests_leave_at_once_without_waiting_for_a_full_packet() -> None:
    with socket.socket() as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        unhold(wire)
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_nobody_there_is_an_error_and_a_later_try_succeeds() -> None:
    device = pump()
    async with listening(device):
        pass
    connection = Connection(bus(device))
    for _ in range(2):
        with pytest.raises(TransportError, match="no connection"):
            await connection.open()
    async with listening(device):
        assert await first(connection) == 100
        connection.close()


async def test_a_serial_line_is_drained_after_a_late_answer() -> None:
    device = pump("rtu")
    async with on_serial_line(device) as path:
        connection = Connection(Bus(id="b", serial=path, baud=115200, timeout=TIMEOUT, quiet=0.15))
        device.lateness = TIMEOUT + 0.05
        for fault in ("late", "garbage", "short", "twice", "wrong_unit", "late"):
            device.script = deque([fault])
            try:
                assert await first(connection) == 100
            except (TransportError, DecodeError):
                assert fault != "twice"
            assert await first(connection, 1) == 101
            assert await first(connection, 0, unit=2) == 200
        connection.close()


async def test_a_serial_port_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(TransportError, match="no connection"):
        await Connection(Bus(id="b", serial="/dev/does-not-exist")).open()
