"""`estated simulate` as a process: ready line, control interface with its token, commands, quick end."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import pytest
from pymodbus.client import AsyncModbusTcpClient

from estate.site import load_site
from simulators.broker import RunningBroker

SITE = Path(__file__).parent / "site"
PLAY = "import sys; from daemon.commands.simulate import main_simulate; from daemon.__main__ import parser; \
sys.exit(main_simulate(parser().parse_args(['simulate', *sys.argv[1:]])))"


@dataclass
class Played:
    process: asyncio.subprocess.Process
    ready: dict[str, Any]
    http: httpx.AsyncClient

    async def tell(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.ready['token']}"}
        return await self.http.request(method, path, json=body, headers=headers)

    async def equipment(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = (await self.http.get("/state")).json()["equipment"][name]
        return state


@contextlib.asynccontextmanager
async def played(site: Path, into: Path, *options: str) -> AsyncIterator[Played]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PLAY, str(site), "--into", str(into), *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30.0):
            ready = json.loads(await process.stdout.readline())
        async with httpx.AsyncClient(base_url=ready["control"], timeout=10.0) as http:
            yield Played(process, ready, http)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10.0):
                await process.wait()


@pytest.fixture
async def pond_played(tmp_path: Path, mosquitto: RunningBroker) -> AsyncIterator[Played]:
    async with played(SITE, tmp_path / "copy", "--broker", f"127.0.0.1:{mosquitto.port}") as running:
        yield running


async def test_a_site_is_played_and_its_copy_leads_there(pond_played: Played, mosquitto: RunningBroker) -> None:
    site = load_site(Path(pond_played.ready["site"]))
    assert site.mqtt is not None
    assert site.mqtt.port == mosquitto.port
    pumps = next(bus for bus in site.buses if bus.id == "pumps")
    assert pumps.tcp == pond_played.ready["buses"]["pumps"]
    host, _, port = pumps.tcp.rpartition(":")
    master = AsyncModbusTcpClient(host, port=int(port), timeout=2.0, retries=0)
    assert await master.connect()
    assert (await master.read_holding_registers(2, count=1, device_id=1)).registers == [8]
    master.close()


async def test_faults_and_acts_are_ordered_over_the_control_interface(pond_played: Played) -> None:
    assert (await pond_played.tell("POST", "/act", {"target": "door-03", "act": "forced"})).status_code == 200
    assert (await pond_played.equipment("door-03"))["alarm"] == "forced"
    assert (await pond_played.http.get("/state")).json()["standing"] == {"door-03": ["forced_door"]}
    ended = await pond_played.tell("DELETE", "/fault", {"target": "door-03"})
    assert ended.json() == {"ended": ["forced_door"]}
    assert (await pond_played.equipment("door-03"))["alarm"] == "none"
    order = {"target": "sump-1", "fault": "high_inflow", "level": 1.3, "flow": 20.0, "seconds": 60}
    assert (await pond_played.tell("POST", "/fault", order)).status_code == 200
    assert (await pond_played.equipment("sump-1"))["high_water"] is True
    # A device behind the equipment takes what the equipment itself does not offer.
    assert (await pond_played.tell("POST", "/fault", {"target": "sump-1", "fault": "mute"})).status_code == 200
    assert "mute" in (await pond_played.http.get("/state")).json()["standing"]["sump-ctl"]
    await pond_played.tell("DELETE", "/fault")
    assert (await pond_played.http.get("/state")).json()["standing"] == {}
    targets = {(t["target"], t["kind"]) for t in (await pond_played.http.get("/targets")).json()}
    assert {
        ("gate", "adapter"),
        ("riser", "bus"),
        ("relay", "modbus"),
        ("lamp-7", "lamp"),
        ("hatch", "foreign"),
    } <= targets


async def test_an_order_that_makes_no_sense_is_refused_and_the_simulation_lives_on(pond_played: Played) -> None:
    orders: tuple[tuple[dict[str, Any], int], ...] = (
        ({"target": "nobody", "fault": "mute"}, 409),
        ({"target": "lamp-7", "fault": "forced_door"}, 409),
        ({"target": "sump-1", "fault": "high_inflow", "flow": "much"}, 409),
        ({"target": "booster-ctl", "fault": "wrong_identity"}, 409),
        ({"target": "sump-1"}, 422),
        ({"fault": "mute"}, 422),
        ({"target": "sump-1", "fault": "clogged", "seconds": "long"}, 422),
    )
    for order, status in orders:
        answer = await pond_played.tell("POST", "/fault", order)
        assert answer.status_code == status, order
        assert answer.json()["error"]
    assert (await pond_played.http.get("/state")).json()["standing"] == {}


async def test_without_the_token_nothing_can_be_changed(pond_played: Played) -> None:
    order = {"target": "door-03", "act": "forced"}
    for headers in ({}, {"authorization": "Bearer wrong"}):
        for method, path in (("POST", "/act"), ("POST", "/fault"), ("DELETE", "/fault")):
            answer = await pond_played.http.request(method, path, json=order, headers=headers)
            assert answer.status_code == 401
    assert (await pond_played.equipment("door-03"))["alarm"] == "none"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_within_two_seconds_and_says_goodbye(
    tmp_path: Path, mosquitto: RunningBroker, number: signal.Signals
) -> None:
    options = "--broker", f"127.0.0.1:{mosquitto.port}"
    async with played(SITE, tmp_path / "copy", *options) as running, aiomqtt.Client("127.0.0.1", mosquitto.port) as ear:
        await ear.subscribe("estate/v1/pond/gateway/gate/status")
        states = ear.messages
        assert json.loads((await anext(states)).payload)["state"] == "online"
        running.process.send_signal(number)
        async with asyncio.timeout(2.0):
            assert await running.process.wait() == 0
        last = json.loads((await anext(states)).payload)
        assert (last["state"], last["reason"]) == ("offline", "stopped")


async def test_a_site_with_faults_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("id: x\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PLAY, str(tmp_path), "--into", str(tmp_path / "copy"), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"site.yaml:1" in said
