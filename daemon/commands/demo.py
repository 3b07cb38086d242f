"""`estated demo`: broker, simulated devices, daemon and console in one go; Ctrl-C ends all of it."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from daemon.commands.refusal import refuse
from daemon.commands.user import set_password
from estate.errors import ConfigError
from estate.people import Role
from estate.site import load_site
from simulators.broker import broker, free_port
from simulators.orphan import end_with_parent

RIVERSIDE = Path(__file__).parent.parent.parent / "examples" / "riverside"
ENDS_WITHIN = 2.5  # s for a child to end by itself

# (pause before, target, fault or act, seconds it lasts): what happens on a lively day
INCIDENTS = (
    (8, "zone-07", "intrusion", 20),
    (25, "door-03", "held_door", 20),
    (25, "lane-in-1", "obstruction", 15),
    (25, "panel-0301", "burglary", 15),
    (25, "sump-2", "high_inflow", 120),
    (25, "door-05", "forced_door", 15),
    (25, "zone-12", "zone_cut", 20),
)


class ChildEnded(Exception):
    """A part of the demo ended by itself; the text is what it said last."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Where the simulators take faults."""

    url: str
    token: str

    def inject(self, target: str, fault: str, seconds: float) -> None:
        body = json.dumps({"target": target, "fault": fault, "seconds": seconds}).encode()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/fault", body, headers), timeout=5):  # noqa: S310
            pass


def main_demo(site: Path | None, port: int, quiet: bool, embedded: bool, seed: int) -> int:
    try:
        asyncio.run(_until_interrupted(site or RIVERSIDE, port, quiet, embedded, seed))
    except (ConfigError, ChildEnded, RuntimeError) as reason:
        return refuse("demo", reason)
    print("demo ended, nothing left behind")
    return 0


async def _until_interrupted(site: Path, port: int, quiet: bool, embedded: bool, seed: int) -> None:
    demo = asyncio.ensure_future(_demo(site, port, quiet, embedded, seed))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, demo.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await demo


async def _demo(site: Path, wanted_port: int, quiet: bool, embedded: bool, seed: int) -> None:
    operator = next((one.id for one in load_site(site).users if one.role is Role.OPERATOR), None)
    if operator is None:
        raise RuntimeError(f"{site}/people.yaml names no operator who could sign in")
    console = _port(wanted_port)
    password, broker_password = secrets.token_urlsafe(9), secrets.token_urlsafe(18)
    with _folder() as folder:
        shutil.copytree(site, folder / "site")
        set_password(folder / "site", operator, password)
        secret = folder / "broker.password"
        secret.touch(mode=0o600)
        secret.write_text(broker_password)
        print("starting the broker ...", flush=True)
        async with broker(folder / "broker", {"estate": broker_password}, embedded=embedded) as running:
            print(f"broker: {running.name}, MQTT {running.protocol}, port {running.port}", flush=True)
            print("starting the simulated devices ...", flush=True)
            async with _child(
                folder, "simulate", str(folder / "site"), "--into", str(folder / "played"),
                "--broker", f"{running.host}:{running.port}", "--username", "estate", "--password-file", str(secret),
                "--protocol", running.protocol, "--console-port", str(console), "--seed", str(seed),
            ) as (simulator, told):  # fmt: skip
                ready = json.loads(await _first_line(simulator, told))
                print("starting the daemon ...", flush=True)
                async with _child(
                    folder, "run", str(folder / "played"), "--state", str(folder / "state"), "--log", "warning"
                ) as (daemon, log):
                    await _healthy(console, daemon, log)
                    controls = Controls(ready["control"], ready["token"])
                    _introduce(console, operator, password, controls, quiet)
                    await _watch(controls, quiet, {"simulators": (simulator, told), "daemon": (daemon, log)})


def _introduce(console: int, operator: str, password: str, controls: Controls, quiet: bool) -> None:
    print(
        f"\n  控制台 console   http://127.0.0.1:{console}/\n"
        f"  用户 user        {operator}\n"
        f"  密码 password    {password}    (only for this run)\n\n"
        f"  faults by hand:  curl -s {controls.url}/targets\n"
        f"                   curl -s {controls.url}/fault -H 'Authorization: Bearer {controls.token}' "
        f'-d \'{{"target":"zone-07","fault":"intrusion","seconds":20}}\'\n'
        f"  {'no incidents by themselves' if quiet else 'an incident every half minute'}; Ctrl-C ends all of it\n",
        flush=True,
    )


async def _watch(controls: Controls, quiet: bool, children: dict[str, tuple[asyncio.subprocess.Process, Path]]) -> None:
    """Play incidents until Ctrl-C comes. Raises ChildEnded."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for name, (process, log) in children.items():
                tasks.create_task(_alive(name, process, log), name=name)
            if not quiet:
                tasks.create_task(_incidents(controls), name="incidents")
    except ExceptionGroup as group:
        ended = next((one for one in group.exceptions if isinstance(one, ChildEnded)), None)
        if ended is None:
            raise
        raise ended from None


async def _alive(name: str, process: asyncio.subprocess.Process, log: Path) -> None:
    code = await process.wait()
    raise ChildEnded(f"the {name} ended with {code}:\n{_tail(log)}")


async def _incidents(controls: Controls) -> None:
    for pause, target, fault, seconds in cycle(INCIDENTS):
        await asyncio.sleep(pause)
        print(f"  now: {fault} at {target}, for {seconds} s", flush=True)
        try:
            await asyncio.to_thread(controls.inject, target, fault, seconds)
        except urllib.error.HTTPError as refused:
            print(f"       not in this site ({refused.code})", flush=True)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="estated-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.asynccontextmanager
async def _child(folder: Path, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """One of our own commands in a session of its own, so that Ctrl-C reaches only this process."""
    log = folder / f"{arguments[0]}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", *arguments, stdout=out, stderr=out, start_new_session=True,
            cwd=Path(__file__).parent.parent.parent, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            preexec_fn=end_with_parent,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(ENDS_WITHIN):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _first_line(process: asyncio.subprocess.Process, log: Path) -> str:
    for _ in range(600):
        for line in log.read_text("utf-8").splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                return line
        if process.returncode is not None:
            break
        await asyncio.sleep(0.05)
    raise ChildEnded(f"the simulators did not start:\n{_tail(log)}")


async def _healthy(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    def ask() -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
            return answer.status

    for _ in range(300):
        if process.returncode is not None:
            break
        try:
            await asyncio.to_thread(ask)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise ChildEnded(f"the daemon did not start:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-20:])


def _port(wanted: int) -> int:
    import socket

    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
    return wanted
