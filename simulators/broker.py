"""A private MQTT broker for the demo, the bench and the tests: Mosquitto when installed, else the embedded amqtt."""

import asyncio
import contextlib
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from simulators.orphan import end_with_parent

# An unlimited queue and no Nagle: with Mosquitto's defaults a burst of 10,000 events is dropped, and
# every event waits some 20 ms for a delayed TCP acknowledgement.
CONFIGURATION = """\
listener {port} 127.0.0.1
persistence false
max_queued_messages 0
set_tcp_nodelay true
log_dest file {directory}/mosquitto.log
log_type error
log_type warning
{access}
"""


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """Where the broker listens, what it is, and the MQTT version it speaks."""

    name: str
    host: str
    port: int
    protocol: str  # "5" or "3.1.1"
    process: asyncio.subprocess.Process | None = None


def free_port() -> int:
    """A TCP port on loopback that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def mosquitto_path() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@contextlib.asynccontextmanager
async def broker(
    directory: Path, users: Mapping[str, str] | None = None, *, port: int | None = None, embedded: bool = False
) -> AsyncIterator[RunningBroker]:
    """Run a broker until the block ends. `users` are names and passwords; without them anyone may connect."""
    port = port or free_port()
    directory.mkdir(parents=True, exist_ok=True)
    mosquitto = None if embedded else mosquitto_path()
    start = _embedded(directory, users, port) if mosquitto is None else _mosquitto(mosquitto, directory, users, port)
    async with start as running:
        yield running


@contextlib.asynccontextmanager
async def _mosquitto(
    program: str, directory: Path, users: Mapping[str, str] | None, port: int
) -> AsyncIterator[RunningBroker]:
    access = "allow_anonymous true"
    if users:
        passwords = directory / "passwords"
        passwords.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
        passwords.chmod(0o600)
        hashing = await asyncio.create_subprocess_exec("mosquitto_passwd", "-U", str(passwords))
        if await hashing.wait():
            raise RuntimeError("mosquitto_passwd failed; is the package mosquitto complete?")
        access = f"allow_anonymous false\npassword_file {passwords}"
    text = CONFIGURATION.format(port=port, directory=directory, access=access)
    # Started by root, Mosquitto would change to its own user and lose sight of the files.
    configuration = directory / "mosquitto.conf"
    configuration.write_text(text + "user root\n")
    async with _process(port, program, "-c", str(configuration)) as process:
        yield RunningBroker("Mosquitto", "127.0.0.1", port, "5", process)


@contextlib.asynccontextmanager
async def _embedded(directory: Path, users: Mapping[str, str] | None, port: int) -> AsyncIterator[RunningBroker]:
    if find_spec("amqtt") is None:
        raise RuntimeError("no broker: install the Debian package mosquitto, or this project's extra [demo]")
    command = [sys.executable, "-m", "simulators.embedded_broker", str(port)]
    if users:
        from pwdlib import PasswordHash

        hasher = PasswordHash.recommended()
        passwords = directory / "embedded-passwords"
        passwords.write_text("".join(f"{name}:{hasher.hash(word)}\n" for name, word in users.items()))
        command.append(str(passwords))
    async with _process(port, *command) as process:
        yield RunningBroker("amqtt (embedded)", "127.0.0.1", port, "3.1.1", process)


@contextlib.asynccontextmanager
async def _process(port: int, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A broker process that listens on `port`; ended with the block, by force if it must be."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
        preexec_fn=end_with_parent,
    )
    try:
        await _listening(port, process)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(2):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(10):
        while True:
            if process.returncode is not None:
                raise RuntimeError("the broker ended at once; see its log")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return
