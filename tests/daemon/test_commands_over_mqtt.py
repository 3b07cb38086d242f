"""Signed commands over a real broker: obeyed once, and never when changed, late, repeated or meant for another."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiomqtt
import pytest
import yaml

from daemon.assembly import check
from daemon.commands.keys import main_keys
from drivers.mqtt.command import Commands, command_payload, signed
from drivers.mqtt.source import MqttSource
from drivers.profile import Profile
from estate.command_keys import KEY_FILE, read_command_keys, write_command_keys
from estate.errors import CommandRefused, DeviceRefused, NotSent, TransportError
from estate.model import Delivery, PointId, Sample, SystemClock
from estate.site import load_site
from simulators.command_guard import Guard
from simulators.mqtt_link import BrokerAt
from simulators.simulation import Simulation
from tests.conftest import HandClock

PROFILES = Path(__file__).parents[2] / "drivers" / "profiles"
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
SITE = {
    "site.yaml": """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
mqtt: {host: 127.0.0.1, port: %d}
""",
    "devices.yaml": """\
- {id: zone-01, profile: estate-zone, via: pids-1, commands: true}
- {id: zone-02, profile: estate-zone, via: pids-1, commands: true}
- {id: zone-03, profile: estate-zone, via: pids-1}
""",
    "equipment.yaml": "".join(
        f"- {{id: zone-0{n}, class: zone, number: '{n}', name: {{zh: 防区, en: Zone}}, place: {{zh: 墙, en: Wall}},"
        f" device: zone-0{n}}}\n"
        for n in (1, 2, 3)
    ),
}


def site_at(folder: Path, port: int) -> Path:
    folder.mkdir()
    for name, text in SITE.items():
        (folder / name).write_text(text % port if "%d" in text else text, "utf-8")
    return folder


@dataclass
class Oak:
    """Three simulated zones on the broker, the daemon's session to them, and an ear on the line."""

    source: MqttSource
    simulation: Simulation
    samples: list[Sample] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    say: Any = None

    def bypassed(self, zone: str) -> Any:
        return self.simulation.world.plants[zone].points["bypassed"]

    async def until(self, true: Any, within: float = 10.0) -> None:
        async with asyncio.timeout(within):
            while not true():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def zones(folder: Path, port: int) -> AsyncIterator[Oak]:
    site = load_site(folder)
    assert site.mqtt is not None
    keys, faults = read_command_keys(folder)
    assert faults == []
    profile = Profile.model_validate(yaml.safe_load((PROFILES / "estate-zone.yaml").read_text("utf-8")))
    simulation = Simulation(site, BrokerAt("127.0.0.1", port), traffic=0.0)
    oak: Oak

    async def deliver(delivery: Delivery) -> None:
        oak.samples += delivery.samples
        delivery.settled(True)

    source = MqttSource(
        site.mqtt,
        site.id,
        [(one, profile) for one in site.devices],
        True,
        deliver,
        SystemClock(),
        {},
        folder,
        keys=keys,
    )
    oak = Oak(source, simulation)

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if message.topic.matches("+/+/+/+/+/get"):
                oak.asked.append(str(message.topic))
            else:
                oak.heard.append((str(message.topic), message.payload))

    async def move() -> None:
        while True:
            await asyncio.sleep(0.05)
            simulation.advance(0.05)

    async with aiomqtt.Client("127.0.0.1", port) as client, asyncio.TaskGroup() as tasks:
        await client.subscribe([(f"estate/v1/oak/+/+/{kind}", 1) for kind in ("cmd", "get")])
        oak.say = client.publish
        running = [tasks.create_task(one) for one in (source.run(), listen(client), move())]
        running += [tasks.create_task(adapter.run()) for adapter in simulation.adapters]
        await oak.until(lambda: any(one.point == "zone-01.online" and one.value is True for one in oak.samples))
        try:
            yield oak
        finally:
            for task in running:
                task.cancel()


@pytest.fixture
async def oak(tmp_path: Path, mosquitto: Any) -> AsyncIterator[Oak]:
    folder = site_at(tmp_path / "site", mosquitto.port)
    write_command_keys(folder, ["zone-01", "zone-02"])
    async with zones(folder, mosquitto.port) as running:
        yield running


async def test_a_zone_is_bypassed_and_says_so_with_who_why_and_until(oak: Oak) -> None:
    """PE-4: the signed command is obeyed, its result is signed, and the zone's own event names person and reason."""
    told = {"by": "li", "reason": "works on the wall", "until": "2026-03-01T12:00:00+00:00"}
    await oak.source.write(PointId("zone-01.bypassed"), True, told)
    assert oak.bypassed("zone-01") is True
    await oak.until(lambda: any(s.point == "zone-01.bypass_reason" and s.value == told["reason"] for s in oak.samples))
    assert any(s.point == "zone-01.bypassed" and s.value is True for s in oak.samples)
    await oak.source.write(PointId("zone-01.bypassed"), False)
    assert oak.bypassed("zone-01") is False
    assert oak.source.commands.rejected == 0


async def test_after_a_command_that_changes_nothing_the_device_is_asked_for_its_state(oak: Oak) -> None:
    """It is what proves the command, and one that has not changed would be told every 15 minutes only."""
    asked = partial(oak.asked.count, "estate/v1/oak/zone/zone-01/get")
    await oak.source.write(PointId("zone-01.bypassed"), True)
    await oak.until(lambda: any(one.point == "zone-01.bypassed" and one.value is True for one in oak.samples))
    await oak.until(lambda: len(oak.heard) == 1)  # and all that was said before it
    before = asked()
    await oak.source.write(PointId("zone-01.bypassed"), True)
    await oak.until(lambda: asked() == before + 1)
    oak.simulation.targets.inject("mqtt:zone-01", "mute")
    with pytest.raises(TransportError):
        await oak.source.write(PointId("zone-01.bypassed"), False)
    await oak.source.write(PointId("zone-02.bypassed"), True)
    await oak.until(lambda: len(oak.heard) == 4)
    assert asked() == before + 2


async def test_a_command_that_was_recorded_and_sent_again_is_not_obeyed(oak: Oak) -> None:
    await oak.source.write(PointId("zone-01.bypassed"), True)
    await oak.source.write(PointId("zone-01.bypassed"), False)
    await oak.until(lambda: len(oak.heard) == 2)
    topic, recorded = oak.heard[0]
    await oak.say(topic, recorded, qos=1)
    await oak.say(topic.replace("zone-01", "zone-02"), recorded, qos=1)
    changed = json.loads(recorded) | {"counter": 2**50}
    await oak.say(topic, json.dumps(changed, separators=(",", ":")), qos=1)
    await oak.source.write(PointId("zone-02.bypassed"), True)  # in order behind them on the same adapter
    assert oak.bypassed("zone-01") is False


async def test_a_device_with_a_wrong_clock_says_no_and_the_command_failed(oak: Oak) -> None:
    oak.simulation.targets.inject("mqtt:zone-01", "bad_clock", details={"offset": 60})
    with pytest.raises(DeviceRefused, match="expired"):
        await oak.source.write(PointId("zone-01.bypassed"), True)
    assert oak.bypassed("zone-01") is False


async def test_a_silent_device_leaves_the_result_unknown(oak: Oak) -> None:
    oak.simulation.targets.inject("mqtt:zone-01", "mute")
    with pytest.raises(TransportError, match="no result") as error:
        await oak.source.write(PointId("zone-01.bypassed"), True)
    assert not isinstance(error.value, NotSent | DeviceRefused)


async def test_to_a_device_that_is_offline_nothing_is_sent(oak: Oak) -> None:
    oak.simulation.targets.inject("mqtt:zone-01", "offline")
    await oak.until(lambda: any(one.point == "zone-01.online" and one.value is False for one in oak.samples))
    with pytest.raises(NotSent, match="offline"):
        await oak.source.write(PointId("zone-01.bypassed"), True)
    assert oak.heard == []


async def test_only_writable_points_of_enabled_devices_take_commands(oak: Oak) -> None:
    for point in ("zone-03.bypassed", "zone-01.state", "zone-01.nothing", "pump.on"):
        with pytest.raises(CommandRefused):
            await oak.source.write(PointId(point), True)
    assert [topic for topic, _ in oak.heard] == []


def test_none_of_ten_thousand_spoilt_commands_is_obeyed(clock: HandClock) -> None:
    """S34: mutated at any byte, replayed, reordered, expired, early, of another device, of another key."""
    random = Random(34)
    guard = Guard("oak", "zone-01", KEY, clock)
    obeyed, tried, counter = 0, dict.fromkeys(("mutated", "replayed", "late", "early", "stranger", "forged"), 0), 0

    def issue(device: str = "zone-01", key: bytes = KEY) -> bytes:
        nonlocal counter
        counter += 1
        argument = json.dumps({"value": bool(counter % 2), "by": "li"}, separators=(",", ":"))
        nonce = f"{random.getrandbits(128):032x}"
        return command_payload(key, "oak", device, "bypassed", argument, nonce, counter, clock.now().utc)

    accepted: list[bytes] = []
    while sum(tried.values()) < 10_000:
        clock.forward(0.2)
        good = issue()
        kind = random.choice(list(tried))
        match kind:
            case "mutated":
                spoilt = mutated(good, random)
            case "replayed" if accepted:
                spoilt = random.choice(accepted[-20:])
            case "late":
                spoilt = good
                clock.forward(random.uniform(5.01, 60))
            case "early":
                spoilt = good
                clock.forward(-random.uniform(10.01, 3600))
            case "stranger":
                spoilt = issue(device=random.choice(["zone-02", "zone-1", "zone-01 "]))
            case "forged":
                spoilt = issue(key=OTHER_KEY)
            case _:
                continue
        tried[kind] += 1
        obeyed += guard.judge(spoilt).accepted
        if kind == "early":
            clock.forward(7200)
        fresh = issue()
        assert guard.judge(fresh).accepted, kind
        accepted.append(fresh)
    assert (obeyed, sum(tried.values())) == (0, 10_000)
    assert min(tried.values()) > 1000


def mutated(payload: bytes, random: Random) -> bytes:
    """One to three bytes changed, added, taken out, or two swapped; never the same again."""
    spoilt = bytearray(payload)
    while bytes(spoilt) == payload:
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(spoilt))
            match random.randrange(5):
                case 0:
                    spoilt[at] ^= 1 << random.randrange(8)
                case 1:
                    spoilt.insert(at, random.choice(b' \n\t0a"'))
                case 2:
                    del spoilt[at]
                case 3:
                    spoilt[at] = random.randrange(256)
                case _:
                    spoilt[at], spoilt[-at - 1] = spoilt[-at - 1], spoilt[at]
    return bytes(spoilt)


async def test_none_of_ten_thousand_forged_results_is_believed(clock: HandClock) -> None:
    """A result is signed too: nobody but the device says "done"."""
    random = Random(35)
    sent: list[dict[str, Any]] = []

    def publish(topic: str, payload: bytes, qos: int) -> bool:
        sent.append(json.loads(payload))
        return True

    commands = Commands("oak", {"zone-01": KEY, "zone-02": OTHER_KEY}, publish, clock)
    asking = asyncio.create_task(commands.send("zone-01", "zone", "bypassed", True))
    await asyncio.sleep(0)
    guard = Guard("oak", "zone-01", KEY, clock)
    honest = guard.result(sent[0]["nonce"], "done", "")
    for number in range(10_000):
        match number % 4:
            case 0:
                spoilt = mutated(honest, random)
                if _same(spoilt, honest):
                    continue
                commands.result("zone-01", spoilt)
            case 1:
                commands.result(
                    "zone-01", Guard("oak", "zone-01", OTHER_KEY, clock).result(sent[0]["nonce"], "done", "")
                )
            case 2:
                commands.result("zone-01", guard.result(f"{random.getrandbits(128):032x}", "done", ""))
            case _:
                commands.result("zone-02", honest)
    await asyncio.sleep(0)
    assert not asking.done()
    commands.result("zone-01", honest)
    await asking


def _same(one: bytes, other: bytes) -> bool:
    """White space between the parts of a result changes nothing of what it says."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_a_line_break_cannot_make_two_commands_read_as_one() -> None:
    assert signed(KEY, "a", "b") != signed(KEY, "ab", "")
    with pytest.raises(CommandRefused):
        signed(KEY, "a\nb")


async def test_without_a_key_nothing_is_sent(clock: HandClock) -> None:
    commands = Commands("oak", {}, lambda topic, payload, qos: pytest.fail("sent"), clock)
    with pytest.raises(CommandRefused, match="no key"):
        await commands.send("zone-01", "zone", "bypassed", True)


async def test_without_a_connection_it_was_never_sent(clock: HandClock) -> None:
    commands = Commands("oak", {"zone-01": KEY}, lambda topic, payload, qos: False, clock)
    with pytest.raises(NotSent):
        await commands.send("zone-01", "zone", "bypassed", True)


def test_keys_are_made_once_for_the_owner_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site_at(tmp_path / "site", 1883)
    assert [fault.en.split(",")[0] for fault in check(folder)] == [
        "The device zone-01 takes commands over MQTT",
        "The device zone-02 takes commands over MQTT",
    ]
    assert main_keys(folder) == 0
    keys, faults = read_command_keys(folder)
    assert (faults, sorted(keys), {len(key) for key in keys.values()}) == ([], ["zone-01", "zone-02"], {32})
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert check(folder) == []
    assert main_keys(folder) == 0
    assert read_command_keys(folder)[0] == keys
    assert keys["zone-01"].hex() not in capsys.readouterr().out


def test_a_key_file_that_others_can_read_is_refused_and_its_keys_are_never_shown(tmp_path: Path) -> None:
    folder = site_at(tmp_path / "site", 1883)
    write_command_keys(folder, ["zone-01", "zone-02"])
    (folder / KEY_FILE).chmod(0o640)
    assert [fault.en for fault in check(folder)] == ["command-keys.yaml can be read by others. Run chmod 600 on it."]
    (folder / KEY_FILE).write_text('zone-01: "secret, but no key"\nzone-02: "' + "ab" * 32 + '"\n', "utf-8")
    (folder / KEY_FILE).chmod(0o600)
    faults = check(folder)
    assert [(fault.line, "zone-01" in fault.en) for fault in faults] == [(1, True)]
    assert "secret" not in faults[0].en


def test_a_command_lives_no_longer_than_ten_seconds(clock: HandClock) -> None:
    guard = Guard("oak", "zone-01", KEY, clock)
    good = json.loads(command_payload(KEY, "oak", "zone-01", "bypassed", "{}", "0" * 32, 1, clock.now().utc))
    late = clock.now().utc + timedelta(seconds=11)
    good["expires"] = late.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    parts = [str(good[name]) for name in ("dev", "action", "argument", "nonce", "counter", "issued", "expires")]
    good["mac"] = signed(KEY, "estate/v1 cmd", "oak", *parts)
    assert guard.judge(json.dumps(good, separators=(",", ":")).encode()).reason == "lives too long"
