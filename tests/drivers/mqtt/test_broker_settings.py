"""The broker as systemd/mosquitto.conf and .acl set it up: no adapter takes another's place, or speaks for it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from drivers.mqtt.session import Address, Session
from drivers.mqtt.topics import daemon_heartbeat, daemon_status
from simulators.broker import free_port, mosquitto_path

SHIPPED = Path(__file__).parents[3] / "systemd"
USERS = ("estated", "hik-1", "wall-display")


@dataclass(frozen=True)
class Shipped:
    """Where adapters and the daemon connect."""

    adapters: int
    daemon: int


@asynccontextmanager
async def shipped(folder: Path, most: int | None = None) -> AsyncIterator[Shipped]:
    """The shipped files with ports and folders of this test, and without TLS, for which there are no certificates."""
    at = Shipped(free_port(), free_port())
    passwords = folder / "passwords"
    passwords.write_text("".join(f"{name}:{name}-pw\n" for name in USERS))
    passwords.chmod(0o600)
    hashing = await asyncio.create_subprocess_exec("mosquitto_passwd", "-U", str(passwords))
    assert await hashing.wait() == 0
    (folder / "acl").write_text((SHIPPED / "mosquitto.acl").read_text())
    (folder / "acl").chmod(0o600)
    text = "".join((SHIPPED / name).read_text() for name in ("mosquitto-tls.conf", "mosquitto.conf"))
    text = re.sub(r"^(cafile|certfile|keyfile|log_dest).*\n", "", text, flags=re.M)
    changes = {
        "listener 8883": f"listener {at.adapters} 127.0.0.1",
        "listener 1883": f"listener {at.daemon}",
        "/etc/mosquitto/estated.passwords\n": f"{passwords}\n",
        "/etc/mosquitto/estated.acl": str(folder / "acl"),
    }
    if most is not None:
        changes["max_connections 500"] = f"max_connections {most}"
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "mosquitto.conf").write_text(f"{text}\npersistence_location {folder}/\nuser root\nlog_dest none\n")
    program = mosquitto_path()
    assert program is not None, "install the Debian package mosquitto"
    async with running(program, folder / "mosquitto.conf", at.daemon):
        yield at


@asynccontextmanager
async def running(program: str, configuration: Path, port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(program, "-c", str(configuration))
    try:
        async with asyncio.timeout(10):
            while True:
                assert process.returncode is None, "Mosquitto did not start"
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        writer.close()
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def client(port: int, user: str, **more: Any) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, username=user, password=f"{user}-pw", **more)


async def hears(listener: aiomqtt.Client) -> tuple[str, bytes]:
    async with asyncio.timeout(5):
        async for message in listener.messages:
            assert isinstance(message.payload, bytes)
            return str(message.topic), message.payload
    raise AssertionError("disconnected")


async def test_an_adapter_that_asks_for_the_daemons_id_does_not_get_it(tmp_path: Path) -> None:
    topic = "estate/v1/riverside/door/door-01/event"
    async with shipped(tmp_path) as at, asyncio.TaskGroup() as tasks:
        address = Address("127.0.0.1", at.daemon, "estated-riverside-safety", username="estated", password="estated-pw")
        session = Session(address, [("estate/v1/riverside/#", 1)], lambda: None)
        task = tasks.create_task(session.run())
        async with asyncio.timeout(10):
            while not session.connection.up:
                await session.receive(0.1)
        since = session.connection.since
        for _ in range(3):
            async with client(at.adapters, "hik-1", identifier="estated-riverside-safety", clean_session=True) as thief:
                await thief.publish(topic, b"mine", qos=1)
        heard: list[bytes] = []
        async with asyncio.timeout(10):
            while len(heard) < 3:
                heard += [message.payload for message in await session.receive(0.5)]
        assert session.connection.up
        assert session.connection.since == since
        assert not session.is_contested
        task.cancel()


async def test_an_adapter_is_heard_for_its_own_devices_alone(tmp_path: Path) -> None:
    async with shipped(tmp_path) as at, client(at.daemon, "estated") as daemon, client(at.adapters, "hik-1") as adapter:
        await daemon.subscribe("estate/v1/riverside/#", qos=1)
        for place in ("door/door-02/event", "gateway/other/status", "panel/p-1/event", "door/door-01/cmd", "alarm/x"):
            await adapter.publish(f"estate/v1/riverside/{place}", b"forged", qos=1)
        await adapter.publish("estate/v1/riverside/door/door-01/event", b"mine", qos=1)
        assert await hears(daemon) == ("estate/v1/riverside/door/door-01/event", b"mine")


async def test_the_daemon_may_say_all_that_it_says(tmp_path: Path) -> None:
    said = [
        *(f"estate/v1/riverside/door/door-01/{kind}" for kind in ("ack", "replay", "get", "cmd")),
        "estate/v1/riverside/alarm/door-01.forced", daemon_status("riverside"), daemon_heartbeat("riverside"),
    ]  # fmt: skip
    async with shipped(tmp_path) as at, client(at.daemon, "estated", identifier="ear") as ear:
        await ear.subscribe("estate/v1/riverside/#", qos=1)
        async with client(at.daemon, "estated", identifier="mouth") as mouth:
            for topic in said:
                await mouth.publish(topic, b"x", qos=1)
            assert [(await hears(ear))[0] for _ in said] == said


async def test_connections_are_limited_and_the_daemons_are_not_of_their_number(tmp_path: Path) -> None:
    """Three calls that never say who they are take all places of the adapters, and none of the daemon's."""
    async with shipped(tmp_path, most=3) as at:
        idle = [await asyncio.open_connection("127.0.0.1", at.adapters) for _ in range(4)]
        reader = idle[-1][0]
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        with pytest.raises(aiomqtt.MqttError):
            async with client(at.adapters, "hik-1", timeout=2):
                pass
        async with client(at.daemon, "estated"):
            pass
        for _, writer in idle:
            writer.close()


def moved(text: str, moves: Mapping[str, str]) -> str:
    """Every path in its place of this test; one that is not there any more fails."""
    for old, new in moves.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


async def certificates(folder: Path) -> None:
    """The openssl lines of docs/install.md, run where the certificates of this test go."""
    page = (SHIPPED.parent / "docs" / "install.md").read_text("utf-8")
    lines = page.split("```sh\ncd /etc/mosquitto\n")[1].split("```")[0]
    script = "\n".join(line for line in lines.splitlines() if not line.startswith(("chown", "install", "systemctl")))
    shell = await asyncio.create_subprocess_exec(
        "sh", "-ec", script.replace("BROKER_IP", "127.0.0.1"),
        cwd=folder, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await shell.wait() == 0


@pytest.mark.parametrize("tls", [False, True], ids=["as installed", "with TLS"])
async def test_the_shipped_files_start_beside_debians_own(tmp_path: Path, tls: bool) -> None:
    """Followed as docs/install.md says it; only paths, ports and the users that are not here are changed."""
    daemon, adapters = free_port(), free_port()
    for name in ("conf.d", "certs", "ca_certificates"):
        (tmp_path / name).mkdir()
    moves = {"/etc/mosquitto/": f"{tmp_path}/"}
    (tmp_path / "estated.acl").write_text((SHIPPED / "mosquitto.acl").read_text())
    if tls:
        await certificates(tmp_path)
        text = moved((SHIPPED / "mosquitto-tls.conf").read_text(), {**moves, "listener 8883": f"listener {adapters}"})
        (tmp_path / "conf.d" / "estated-tls.conf").write_text(text)
    own = moved((SHIPPED / "mosquitto.conf").read_text(), {**moves, "listener 1883": f"listener {daemon}"})
    (tmp_path / "conf.d" / "estated.conf").write_text(own)
    debian = Path("/etc/mosquitto/mosquitto.conf").read_text()
    places = {
        "/run/mosquitto/": f"{tmp_path}/",
        "/var/lib/mosquitto/": f"{tmp_path}/",
        "/var/log/mosquitto/": f"{tmp_path}/",
    }
    # The test may run as root: then Mosquitto would change to its own user, who cannot reach this folder.
    (tmp_path / "mosquitto.conf").write_text(moved(debian, {**moves, **places}) + "\nuser root\n")
    asked = ("mosquitto_passwd", "-b", "-c", str(tmp_path / "estated.passwords"), "estated", "estated-pw")
    hashing = await asyncio.create_subprocess_exec(*asked)
    assert await hashing.wait() == 0
    (tmp_path / "estated.passwords").chmod(0o600)
    program = mosquitto_path()
    assert program is not None, "install the Debian package mosquitto"
    async with running(program, tmp_path / "mosquitto.conf", daemon), client(daemon, "estated"):
        if tls:
            secure = aiomqtt.TLSParameters(ca_certs=str(tmp_path / "ca_certificates" / "estate-ca.crt"))
            async with client(adapters, "estated", tls_params=secure):
                pass
