"""The bench's fleet: many devices, plain reads, stamped changes."""

import asyncio

import pytest
from pymodbus.client import AsyncModbusTcpClient

from simulators.fleet import Change, Fleet


async def test_a_fleet_answers_reads_and_shows_each_change() -> None:
    changes: list[Change] = []
    async with Fleet(3, 20) as fleet, asyncio.TaskGroup() as tasks:
        changing = tasks.create_task(fleet.change(500.0, changes.append, values=(0, 7)))
        async with asyncio.timeout(5.0):
            while len(changes) < 3:
                await asyncio.sleep(0.001)
        changing.cancel()
        last = {change.device: change for change in changes}
        for device, port in enumerate(fleet.ports):
            master = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=1.0, retries=0)
            assert await master.connect()
            reply = await master.read_holding_registers(0, count=20, device_id=1)
            assert reply.registers == [last[device].value, *[0] * 19]
            assert (await master.read_holding_registers(10, count=20, device_id=1)).exception_code == 2
            master.close()
            assert fleet.reads[device] == 1
    assert changes[0].at == pytest.approx(changes[-1].at, abs=5.0)
