"""What breaks and comes back: payloads, adapters, gateways, the broker, the daemon itself. Nothing needs a restart."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.bench import wire
from tests.running import Desk
from tests.system.estate import OPERATOR, Estate, estate

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("riverside"), browser=False) as whole:
        await settled(whole)
        yield whole


async def points(whole: Estate) -> dict[str, dict[str, Any]]:
    desk = await asyncio.to_thread(Desk, whole.daemon.port, OPERATOR, whole.password)
    _, snapshot = await asyncio.to_thread(desk.ask, "GET", "/api/snapshot")
    return {point["id"]: point for point in snapshot["data"]["points"]}


async def settled(whole: Estate) -> None:
    """Every device of every kind has been heard."""
    desk = await asyncio.to_thread(Desk, whole.daemon.port, OPERATOR, whole.password)

    def heard() -> bool:
        _, snapshot = desk.ask("GET", "/api/snapshot")
        good = {point["id"] for point in snapshot["data"]["points"] if point["q"] == "good"}
        return {"sump-1-ctl.level", "door-01.contact", "zone-01.state", "panel-0301.line", "lamp-relay-1.lit_1"} <= good

    await whole.until(heard, "points good", 30)


async def cleared(whole: Estate, alarm: str, within: float = 30.0) -> None:
    query = "SELECT trigger FROM transition WHERE alarm = ? ORDER BY position DESC LIMIT 1"
    await whole.until(lambda: whole.rows(query, alarm)[0]["trigger"].startswith("clear"), f"{alarm} cleared", within)


async def test_a_malformed_payload_is_a_fault_of_its_device_and_changes_nothing(riverside: Estate) -> None:
    before = (await points(riverside))["door-05.contact"]
    line = await asyncio.to_thread(wire.connect, riverside.broker.port, "vandal")
    topic = b"estate/v1/riverside/door/door-05/event"
    for number, payload in enumerate([b"{", b"\xff\xfe", b'{"v":1,"seq":NaN}', b"[" * 5000, b"x" * 70_000], start=1):
        line.sendall(wire.publish(topic, payload, number))
    told = await riverside.journaled("device-door-05.not_understood")
    assert "无法识别" in told["text_zh"]
    after = (await points(riverside))["door-05.contact"]
    assert (after["v"], after["q"]) == (before["v"], before["q"])
    line.close()


async def test_the_daemon_says_over_mqtt_that_it_still_decides(riverside: Estate) -> None:
    """Something outside the machine has to notice when it stops."""
    line = await asyncio.to_thread(wire.connect, riverside.broker.port, "watcher")
    wire.subscribe(line, "estate/v1/riverside/daemon/hb")
    line.settimeout(15)
    reader = wire.Reader()

    def next_message() -> dict[str, Any]:
        while True:
            for first, body in reader.feed(line.recv(65536)):
                if first >> 4 == 3:
                    said: dict[str, Any] = json.loads(wire.message(body)[2])
                    return said

    said = await asyncio.to_thread(next_message)
    assert said["v"] == 1
    assert said["standing"] >= 0
    line.close()


async def test_an_adapter_that_dies_takes_its_devices_offline_and_brings_them_back(riverside: Estate) -> None:
    """One cause, one alarm: that of the adapter; its devices' own are suppressed by design."""
    newest = "SELECT trigger FROM transition WHERE alarm = 'gateway-park-1.offline' ORDER BY position DESC LIMIT 1"

    def lost() -> bool:
        return [row["trigger"] for row in riverside.rows(newest)] == ["raise"]

    await riverside.until(lambda: not lost(), "heard for the first time", 40)
    await riverside.controls.fault("adapter:park-1", "offline", seconds=8)
    await riverside.until(lost, "it is lost", 40)
    assert (await points(riverside))["lpr-in-1.plate"]["q"] != "good"
    await cleared(riverside, "gateway-park-1.offline", 60)
    alone = "SELECT * FROM transition WHERE alarm LIKE 'device-lpr-%.offline' AND after = 'unacknowledged'"
    assert [row["suppression"] for row in riverside.rows(alone) if not row["suppression"]] == []


async def test_a_gateway_that_goes_and_comes_back_is_used_again(riverside: Estate) -> None:
    """One announcement, of the line or of the one device on it; no restart brings it back."""
    await riverside.controls.fault("bus:booster", "cut_line", seconds=6)
    announced = (
        "SELECT alarm FROM transition WHERE alarm IN ('bus-booster.offline', 'device-booster-1-ctl.offline')"
        " AND trigger = 'raise' AND announces"
    )
    (first,) = await riverside.until(lambda: riverside.rows(announced), "the line is lost", 30)
    assert (await points(riverside))["booster-1-ctl.pressure"]["q"] != "good"
    await cleared(riverside, first["alarm"], 40)
    assert (await points(riverside))["booster-1-ctl.pressure"]["q"] == "good"
    assert len(riverside.rows(announced)) == 1


async def test_an_event_sent_twice_raises_its_alarm_once(riverside: Estate) -> None:
    await riverside.controls.fault("door-06", "forced_door", seconds=2)
    await riverside.journaled("door-06.forced", "clear latching")
    events = riverside.rows("SELECT count(*) AS n FROM event WHERE device = 'door-06'")[0]["n"]
    await riverside.controls.act("mqtt:door-06", "duplicate")
    await riverside.controls.act("door-06", "rex")
    query = "SELECT count(*) AS n FROM event WHERE device = 'door-06' AND type = 'rex.pressed'"
    await riverside.until(lambda: riverside.rows(query)[0]["n"] > 0, "the event after the duplicate")
    assert riverside.rows("SELECT count(*) AS n FROM event WHERE device = 'door-06'")[0]["n"] > events
    raised = riverside.rows("SELECT * FROM transition WHERE alarm = 'door-06.forced' AND trigger = 'raise'")
    assert len(raised) == 1


async def test_a_disk_that_refuses_silences_nobody_and_is_made_good_without_a_restart(riverside: Estate) -> None:
    """An exit would leave the control room dark: alarms go on from memory, and the disk gets them in their order."""
    pid = riverside.daemon.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    desk = await asyncio.to_thread(Desk, riverside.daemon.port, OPERATOR, riverside.password)

    def standing() -> set[str]:
        _, rows = desk.ask("GET", "/api/alarms?view=standing")
        return {row["id"] for row in rows}

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        await riverside.controls.fault("door-08", "forced_door", seconds=2)
        await riverside.until(lambda: {"door-08.forced", "system.journal_failed"} <= standing(), "both are shown", 10)
        assert riverside.rows("SELECT * FROM transition WHERE alarm = 'door-08.forced'") == []
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    told = await riverside.journaled("door-08.forced")
    assert told["cause_device"] == "door-08"
    await cleared(riverside, "system.journal_failed")
    assert riverside.daemon.pid == pid
    assert riverside.daemon.process is not None
    assert riverside.daemon.process.poll() is None


async def test_a_killed_daemon_comes_back_with_every_alarm_as_it_was(riverside: Estate) -> None:
    """Nothing vanishes, nothing fires twice; what stands is announced to MQTT and to the consoles again."""
    await riverside.controls.fault("zone-13", "intrusion", seconds=2)
    await riverside.journaled("zone-13.intrusion", "clear latching")
    before = riverside.rows("SELECT alarm, count(*) AS n FROM transition WHERE trigger = 'raise' GROUP BY alarm")
    await asyncio.to_thread(riverside.daemon.kill)
    await asyncio.to_thread(riverside.daemon.start)
    await settled(riverside)
    desk = await asyncio.to_thread(Desk, riverside.daemon.port, OPERATOR, riverside.password)
    _, snapshot = await asyncio.to_thread(desk.ask, "GET", "/api/snapshot")
    standing = {alarm["id"]: alarm["state"] for alarm in snapshot["data"]["alarms"]}
    assert standing["zone-13.intrusion"] == "latched, unacknowledged"
    after = riverside.rows("SELECT alarm, count(*) AS n FROM transition WHERE trigger = 'raise' GROUP BY alarm")
    again = {row["alarm"]: row["n"] for row in after}
    assert [row["alarm"] for row in before if again[row["alarm"]] != row["n"]] == []


async def test_the_newest_state_of_every_alarm_is_retained_on_the_broker(riverside: Estate) -> None:
    await riverside.controls.fault("zone-14", "intrusion", seconds=2)
    await riverside.journaled("zone-14.intrusion", "clear latching")
    line = await asyncio.to_thread(wire.connect, riverside.broker.port, "reader")
    await asyncio.to_thread(wire.subscribe, line, "estate/v1/riverside/alarm/+")
    line.settimeout(5)
    reader = wire.Reader()
    found: dict[str, dict[str, Any]] = {}
    while "zone-14.intrusion" not in found:
        for first, body in reader.feed(await asyncio.to_thread(line.recv, 65536)):
            if first >> 4 == 3:
                document = json.loads(wire.message(body)[2])
                found[document["id"]] = document
    line.close()
    alarm = found["zone-14.intrusion"]
    assert alarm["cause"]["dev"] == "zone-14"
    assert {"device", "received", "decided", "committed"} <= alarm["times"].keys()


async def test_sigterm_ends_the_daemon_within_its_time(riverside: Estate) -> None:
    assert await asyncio.to_thread(riverside.daemon.stop, 10) == 0
    await asyncio.to_thread(riverside.daemon.start)
