"""The README's demo command: it starts by itself, shows an estate at work, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulators.broker import free_port
from tests.running import ROOT, Desk


@contextmanager
def demo(*options: str) -> Iterator[tuple[subprocess.Popen[str], int, str, list[str]]]:
    """The running demo: process, console port, this run's password, what it has printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "demo", "--port", str(free_port()), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    said: list[str] = []
    port, password = 0, ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/\s*$", line):
                port = int(found[1])
            if found := re.search(r"password\s+(\S+)", line):
                password = found[1]
            if "Ctrl-C" in line:
                break
        assert port, "".join(said)
        yield process, port, password, said
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def descendants(pid: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


@pytest.mark.parametrize(("option", "broker"), [("--quiet", "Mosquitto"), ("--embedded", "amqtt")])
def test_the_demo_runs_and_ctrl_c_ends_all_of_it_within_five_seconds(option: str, broker: str) -> None:
    with demo(option) as (process, port, password, said):
        assert any(line.startswith(f"broker: {broker}") for line in said)
        desk = Desk(port, "li", password)

        def good() -> int:
            _, snapshot = desk.ask("GET", "/api/snapshot")
            return sum(point["q"] == "good" for point in snapshot["data"]["points"])

        end = time.monotonic() + 40
        while good() < 300:
            assert time.monotonic() < end, f"only {good()} points are good"
            time.sleep(0.2)
        children = descendants(process.pid)
        assert len(children) >= (3 if broker == "Mosquitto" else 2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5.0
        left = [one for one in children if Path(f"/proc/{one}").exists()]
        assert left == []


def test_a_part_that_dies_ends_the_demo_which_says_which() -> None:
    with demo("--quiet") as (process, _port, _password, _said):
        (watching,) = [
            one for one in descendants(process.pid) if b"\0run\0" in Path(f"/proc/{one}/cmdline").read_bytes()
        ]
        os.kill(watching, signal.SIGKILL)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(20) == 1
    assert "Traceback" not in said
    assert "estated demo: the daemon ended with -9" in said


def test_a_killed_demo_leaves_nothing_behind_either() -> None:
    with demo("--quiet") as (process, _port, _password, _said):
        children = descendants(process.pid)
        assert len(children) >= 3
        process.kill()
        end = time.monotonic() + 10
        while any(Path(f"/proc/{one}").exists() for one in children):
            assert time.monotonic() < end, children
            time.sleep(0.1)


def test_two_demos_have_two_passwords() -> None:
    with demo("--quiet") as (_, port, password, _said), demo("--quiet") as (_, _other, second, _):
        assert password != second
        connection = Desk(port, "li", password)
        assert connection.cookie
