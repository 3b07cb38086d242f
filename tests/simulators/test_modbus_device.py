"""The Modbus server against pymodbus's own client: TCP, RTU over TCP and a pty, and every way to fail."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusIOException

from drivers.modbus.decode import decode
from drivers.profile import RegisterPoint
from simulators.modbus_frames import Rtu, crc
from simulators.simulation import Simulation


@contextlib.asynccontextmanager
async def client(simulation: Simulation, bus: str, timeout: float = 1.0) -> AsyncIterator[ModbusBaseClient]:
    """A pymodbus client on a line of the test estate."""
    line = next(line for line in simulation.lines if line.name == bus)
    master: ModbusBaseClient
    if line.bus.serial is not None:
        master = AsyncModbusSerialClient(line.address, baudrate=line.bus.baud, timeout=timeout, retries=0)
    else:
        host, _, port = line.address.rpartition(":")
        framer = FramerType.RTU if line.bus.framing == "rtu" else FramerType.SOCKET
        master = AsyncModbusTcpClient(
            host, port=int(port), framer=framer, timeout=timeout, retries=0, reconnect_delay=0
        )
    assert await master.connect()
    try:
        yield master
    finally:
        master.close()
        await asyncio.sleep(0)


async def registers(master: ModbusBaseClient, address: int, count: int, unit: int = 1) -> list[int]:
    reply = await master.read_holding_registers(address, count=count, device_id=unit)
    assert not reply.isError(), reply
    found: list[int] = reply.registers
    return found


async def test_a_plc_shows_the_plants_values_at_the_profiles_addresses(lines: Simulation) -> None:
    lines.targets.inject("sump-1", "level", details={"level": 0.9})
    lines.advance(1.0)
    async with client(lines, "pumps") as master:
        assert await registers(master, 2, 1) == [8]
        (level,) = await registers(master, 25, 1)
        assert level == pytest.approx(900, abs=20)
        (status,) = await registers(master, 61, 1)
        assert status == 1 << 8
        lines.targets.inject("sump-1", "stuck_float")
        assert await registers(master, 197, 1) == [1 << 4]
        lines.targets.inject("sump-1", "sensor_broken")
        assert await registers(master, 25, 1) == [0x7FFF]


async def test_what_the_server_encodes_the_driver_decodes(lines: Simulation) -> None:
    lines.advance(1.0)
    points = lines.wiring.profiles["levels"].registers
    async with client(lines, "riser") as master:
        reply = await master.read_input_registers(8, count=2, device_id=4)
        point = points["ai_1"]
        assert isinstance(point, RegisterPoint)
        scale = next(d.scale["ai_1"] for d in lines.site.devices if d.id == "levels")
        reading = decode(point, reply.registers, "high_first", scale)
        assert reading.value == pytest.approx(lines.world.plants["tank-1"].points["level"], abs=1e-5)
        lines.targets.inject("tank-1", "sensor_broken")
        reply = await master.read_input_registers(8, count=2, device_id=4)
        assert struct.unpack(">f", struct.pack(">HH", *reply.registers))[0] == 0.0
        status = await master.read_input_registers(60, count=1, device_id=4)
        assert status.registers == [1]


async def test_a_hole_a_barrier_and_a_read_too_long_are_refused_with_exception_2(lines: Simulation) -> None:
    async with client(lines, "pumps") as master:
        for address, count in ((300, 1), (25, 5), (25, 21)):
            reply = await master.read_holding_registers(address, count=count, device_id=1)
            assert reply.exception_code == 2, (address, count)


async def test_an_unknown_function_is_refused_with_exception_1(lines: Simulation) -> None:
    async with client(lines, "pumps") as master:
        assert (await master.report_device_id(device_id=1)).exception_code == 1


async def test_a_coil_switches_the_lamp_and_its_feedback_follows(lines: Simulation) -> None:
    """PE-1: the lamp's own half."""
    async with client(lines, "riser") as master:
        assert not (await master.write_coil(0, True, device_id=3)).isError()
        assert (await master.read_coils(0, count=2, device_id=3)).bits[:2] == [True, False]
        assert (await master.read_discrete_inputs(0, count=2, device_id=3)).bits[:2] == [False, True]
        lines.advance(0.2)
        assert (await master.read_discrete_inputs(0, count=2, device_id=3)).bits[:2] == [True, True]
        assert not (await master.write_coils(0, [False, True], device_id=3)).isError()
        lines.advance(0.2)
        assert lines.world.plants["lamp-7"].points == {"on": False, "lit": False}
        assert (await master.read_coils(0, count=2, device_id=3)).bits[:2] == [False, True]
        assert (await master.write_coil(7, True, device_id=3)).exception_code == 2


async def test_a_register_that_is_not_writable_is_refused_and_one_that_is_keeps_its_value(lines: Simulation) -> None:
    async with client(lines, "pumps") as master:
        assert (await master.write_register(25, 1, device_id=1)).exception_code == 2
        assert not (await master.write_register(67, 45, device_id=1)).isError()
        assert not (await master.write_registers(67, [46], device_id=1)).isError()
        assert await registers(master, 67, 1) == [46]
    assert lines.wiring.value("sump-ctl", "setpoint") == pytest.approx(4.6)


async def test_a_power_cut_lets_the_relays_fall(lines: Simulation) -> None:
    async with client(lines, "riser") as master:
        await master.write_coil(0, True, device_id=3)
        lines.advance(0.2)
        lines.targets.inject("relay", "power_loss", 3.0)
        lines.advance(4.0)
        assert (await master.read_coils(0, count=1, device_id=3)).bits[:1] == [False]


async def test_a_serial_line_answers_on_a_pty(lines: Simulation) -> None:
    lines.advance(1.0)
    async with client(lines, "cellar") as master:
        (pressure,) = await registers(master, 0, 1)
        assert pressure == pytest.approx(450, abs=20)


async def test_unknown_units_are_silent_and_their_neighbours_answer(lines: Simulation) -> None:
    async with client(lines, "riser", timeout=0.15) as master:
        with pytest.raises(ModbusIOException):
            await master.read_coils(0, count=1, device_id=9)
        await asyncio.sleep(0.1)
        assert not (await master.read_coils(0, count=1, device_id=3)).isError()


async def test_a_mute_unit_is_silent_until_its_time_is_over(lines: Simulation) -> None:
    lines.targets.inject("levels", "mute", 10.0)
    async with client(lines, "riser", timeout=0.15) as master:
        with pytest.raises(ModbusIOException):
            await master.read_input_registers(8, count=2, device_id=4)
        assert not (await master.read_coils(0, count=1, device_id=3)).isError()
        lines.advance(10.0)
        assert not (await master.read_input_registers(8, count=2, device_id=4)).isError()


async def test_a_cut_line_silences_everybody_behind_a_gateway_that_still_accepts(lines: Simulation) -> None:
    lines.targets.inject("riser", "cut_line")
    async with client(lines, "riser", timeout=0.15) as master:
        with pytest.raises(ModbusIOException):
            await master.read_coils(0, count=1, device_id=3)
        lines.targets.clear("riser")
        assert not (await master.read_coils(0, count=1, device_id=3)).isError()


async def test_a_gateway_without_power_refuses_connections_and_comes_back_at_the_same_port(lines: Simulation) -> None:
    line = next(line for line in lines.lines if line.name == "pumps")
    host, _, port = line.address.rpartition(":")
    lines.targets.inject("pumps", "power_loss")

    async def refused() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            return True
        writer.close()
        return False

    async with asyncio.timeout(5.0):
        while not await refused():
            await asyncio.sleep(0.01)
    lines.targets.clear("pumps")
    async with asyncio.timeout(5.0):
        while await refused():
            await asyncio.sleep(0.01)
    async with client(lines, "pumps") as master:
        assert await registers(master, 2, 1) == [8]


async def test_exception_wrong_identity_and_wrong_count_come_as_ordered(lines: Simulation) -> None:
    async with client(lines, "pumps", timeout=0.3) as master:
        lines.targets.inject("sump-ctl", "exception", details={"code": 6})
        assert (await master.read_holding_registers(2, count=1, device_id=1)).exception_code == 6
        lines.targets.clear("sump-ctl")
        lines.targets.inject("sump-ctl", "wrong_identity")
        assert await registers(master, 2, 1) != [8]
        lines.targets.clear("sump-ctl")
        assert await registers(master, 2, 1) == [8]
        # pymodbus accepts both of these: our driver has to look itself (reliability.md, experiment 14).
        lines.targets.inject("sump-ctl", "wrong_count")
        assert len(await registers(master, 25, 1)) != 1
        lines.targets.clear("sump-ctl")
        lines.targets.inject("sump-ctl", "wrong_function")
        assert (await master.read_holding_registers(2, count=1, device_id=1)).function_code == 4


@pytest.mark.parametrize("fault", ["garbage", "wrong_transaction"])
async def test_noise_and_wrong_transactions_are_no_answer(lines: Simulation, fault: str) -> None:
    lines.targets.inject("sump-ctl", fault)
    async with client(lines, "pumps", timeout=0.15) as master:
        with pytest.raises(ModbusIOException):
            await master.read_holding_registers(2, count=1, device_id=1)


async def test_a_slow_unit_on_rtu_gives_the_next_request_the_answer_before(lines: Simulation) -> None:
    """The field's worst trap (libraries.md §4.1): only a client that rests after a timeout is safe from it."""
    lines.targets.inject("relay", "slow", details={"delay": 0.25})
    line = next(line for line in lines.lines if line.name == "riser")
    host, _, port = line.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    def ask(address: int, count: int) -> bytes:
        body = struct.pack(">BBHH", 3, 1, address, count)
        return body + crc(body)

    writer.write(ask(0, 1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read(64)
    lines.targets.clear("relay")
    writer.write(ask(0, 2))
    async with asyncio.timeout(5.0):
        late = await reader.readexactly(6)
        right = await reader.readexactly(6)
    assert late[:2] == right[:2] == b"\x03\x01"
    writer.close()


async def test_requests_of_all_connections_are_answered_one_after_the_other(lines: Simulation) -> None:
    async with client(lines, "riser", 3.0) as one, client(lines, "riser", 3.0) as two:
        loop = asyncio.get_running_loop()
        started = loop.time()
        replies = await asyncio.gather(
            *(master.read_coils(0, count=1, device_id=3) for _ in range(3) for master in (one, two))
        )
        assert not any(reply.isError() for reply in replies)
        assert loop.time() - started > 6 * 0.02


async def test_one_connection_too_many_is_closed(lines: Simulation) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(client(lines, "pumps"))
        host, _, port = lines.lines[0].address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.suppress(ConnectionError):
            assert await reader.read(1) == b""
        writer.close()


def test_an_rtu_frame_in_pieces_is_put_together_and_a_broken_one_thrown_away() -> None:
    framing, body = Rtu(), struct.pack(">BBHH", 1, 3, 0, 2)
    frame = body + crc(body)
    assert framing.feed(frame[:3]) == []
    assert [request.pdu for request in framing.feed(frame[3:])] == [body[1:]]
    assert framing.feed(body + b"\0\0") == []
    assert [request.unit for request in framing.feed(frame)] == [1]


def test_the_crc_is_that_of_the_specifications_example() -> None:
    # Modbus over Serial Line v1.02, figure 32 ff.: 02 07 gives 0x1241, low byte first.
    assert crc(b"\x02\x07") == b"\x41\x12"
