"""Register change to alarm out: a hundred devices of twenty registers, each read once a second."""

import asyncio
import re
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from simulators.broker import broker, free_port
from simulators.fleet import Change, Fleet
from tests.bench import wire
from tests.bench.bench_site import HIGH, LOW, tank_site
from tests.bench.measured import Measured
from tests.running import RunningDaemon

DEVICES = 100
RATE = 20.0  # changes a second
ALARM = re.compile(rb'"id":"t-(\d+)\.high_level".*?"state":"([^"]+)"')


@dataclass
class Polled:
    """Latencies in s from the change of the register to the alarm on MQTT; intervals in s between reads."""

    latencies: list[float] = field(default_factory=list)
    intervals: list[float] = field(default_factory=list)
    missed: int = 0
    cpu: float = 0.0  # share of one core
    memory: float = 0.0


async def measure(quick: bool) -> Polled:
    seconds = 10.0 if quick else 30.0
    result = Polled()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with broker(folder / "broker") as running, Fleet(DEVICES, 20) as fleet:
            for device in range(DEVICES):
                fleet.set(device, 0, LOW)
            console = free_port()
            site = tank_site(folder / "site", running.port, console, fleet.ports)
            daemon = RunningDaemon(site, folder / "state", console)
            await asyncio.to_thread(daemon.start)
            try:
                await asyncio.sleep(4.0)  # every device proven and read
                await _changes(running.port, fleet, Measured(daemon.pid), seconds, result)
            finally:
                await asyncio.to_thread(daemon.stop)
    return result


async def _changes(port: int, fleet: Fleet, process: Measured, seconds: float, result: Polled) -> None:
    pending: dict[tuple[int, bool], float] = {}

    def changed(change: Change) -> None:
        pending[change.device, change.value == HIGH] = change.at

    line = await asyncio.to_thread(wire.connect, port, "modbus-bench")
    await asyncio.to_thread(wire.subscribe, line, "estate/v1/bench/alarm/+")
    line.setblocking(False)
    reader = wire.Reader()
    loop = asyncio.get_running_loop()

    def arrived() -> None:
        at = time.time()
        for first, body in reader.feed(line.recv(262144)):
            if first >> 4 != 3:
                continue
            _, packet, payload = wire.message(body)
            line.send(wire.acknowledge(packet))
            found = ALARM.search(payload)
            if found is None:
                continue
            since = pending.pop((int(found[1]), found[2] == b"unacknowledged"), None)
            if since is not None:
                result.latencies.append(at - since)

    loop.add_reader(line, arrived)
    for asked in fleet.asked_at:
        del asked[:-1]
    before, begin = process.cpu(), time.monotonic()
    changing = asyncio.create_task(fleet.change(RATE, changed, values=(LOW, HIGH)))
    await asyncio.sleep(seconds)
    changing.cancel()
    result.cpu = (process.cpu() - before) / (time.monotonic() - begin)
    await asyncio.sleep(2.5)
    loop.remove_reader(line)
    line.close()
    result.missed = len(pending)
    result.memory = process.memory()
    for asked in fleet.asked_at:
        result.intervals += [later - earlier for earlier, later in pairwise(asked)]


def report(result: Polled) -> list[str]:
    latencies, intervals = sorted(result.latencies), sorted(result.intervals)

    def at(values: list[float], share: float) -> float:
        return values[min(len(values) - 1, int(len(values) * share))]

    goals = [
        ("poll interval p99, s", at(intervals, 0.99), 1.05),
        ("change to alarm p50, s", at(latencies, 0.5), 0.55),
        ("changes without alarm", float(result.missed), 0.0),
        ("share of one core", result.cpu, 0.10),
    ]
    lines = [
        f"{DEVICES} devices x 20 registers at 1 s, {RATE:g} changes a second, {len(latencies)} alarms; "
        f"change to alarm p99 {at(latencies, 0.99):.2f} s, max {latencies[-1]:.2f} s; memory {result.memory:.0f} MB",
        "",
        "| goal | measured | limit | |",
        "|---|---|---|---|",
    ]
    for what, measured, limit in goals:
        lines.append(f"| {what} | {measured:.3f} | {limit:g} | {'met' if measured <= limit else 'MISSED'} |")
    return lines
