"""Event in, row at the console: over the WebSocket that a browser uses, paced and in a burst."""

import asyncio
import contextlib
import json
import tempfile
import time
from pathlib import Path

import websockets

from simulators.broker import broker, free_port
from tests.bench import wire
from tests.bench.bench_site import PASSWORD, door_site
from tests.bench.load import CAUSE, Result, events
from tests.running import Desk, RunningDaemon

# An even number of events per door, so that every round begins with every door shut and each event is a transition.
ROUNDS: dict[str, tuple[int, float | None]] = {
    "100/s": (400, 100.0),
    "1000/s": (5000, 1000.0),
    "burst 10k": (10_000, None),
}


async def measure(quick: bool) -> dict[str, Result]:
    """Latencies in ms from publishing the event to the frame at the console."""
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with broker(folder / "broker") as running:
            console = free_port()
            daemon = RunningDaemon(door_site(folder / "site", running.port, console), folder / "state", console)
            await asyncio.to_thread(daemon.start)
            try:
                desk = await asyncio.to_thread(Desk, console, "bench", PASSWORD)
                for number, (load, (count, rate)) in enumerate(ROUNDS.items()):
                    some = 200 * max(1, int(rate / 200)) if quick and rate else count
                    results[load] = await _one(running.port, console, desk.cookie, f"c{number}", some, rate)
            finally:
                await asyncio.to_thread(daemon.stop)
    return results


async def _one(port: int, console: int, cookie: str, boot: str, count: int, rate: float | None) -> Result:
    result = Result()
    pending: dict[tuple[int, int], float] = {}
    line = await asyncio.to_thread(wire.connect, port, f"console-{boot}")
    address = f"ws://127.0.0.1:{console}/api/stream"
    headers = {"cookie": cookie}
    origin = websockets.Origin(f"http://127.0.0.1:{console}")
    # Without its own pings: the page answers frames with `seen`, and so does this.
    async with websockets.connect(
        address, additional_headers=headers, origin=origin, max_size=2**24, ping_interval=None, compression=None
    ) as socket:
        await socket.recv()
        await socket.send(json.dumps({"kind": "hello", "console": "bench-1", "last_seq": None, "boot": ""}))
        stop = asyncio.Event()
        listening = asyncio.create_task(_listen(socket, boot.encode(), pending, result, stop, count))
        await asyncio.sleep(1.0)
        begin = time.perf_counter()
        source = events(boot, [0] * 100)
        packet = 0
        reader = wire.Reader()
        line.setblocking(False)
        backlog = b""
        while result.sent < count or backlog:
            due = count if rate is None else min(count, int((time.perf_counter() - begin) * rate) + 1)
            for _ in range(min(50, due - result.sent)):
                device, seq, topic, payload = next(source)
                packet = packet % 65535 + 1
                backlog += wire.publish(topic, payload, packet)
                pending[device, seq] = time.perf_counter()
                result.sent += 1
            with contextlib.suppress(BlockingIOError):
                backlog = backlog[line.send(backlog) :] if backlog else b""
                list(reader.feed(line.recv(65536)))
            await asyncio.sleep(0.0005)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await stop.wait()
        listening.cancel()
        result.last = time.perf_counter() - begin
    line.close()
    return result


async def _listen(
    socket: websockets.ClientConnection,
    boot: bytes,
    pending: dict[tuple[int, int], float],
    result: Result,
    stop: asyncio.Event,
    count: int,
) -> None:
    said = 0.0
    async for frame in socket:
        at = time.perf_counter()
        data = frame if isinstance(frame, bytes) else frame.encode()
        for found in CAUSE.finditer(data):
            if found[2] == boot:
                sent = pending.pop((int(found[1]), int(found[3])), None)
                if sent is not None:
                    result.latencies.append((at - sent) * 1000)
        if at - said > 0.2:
            said = at
            await socket.send(json.dumps({"kind": "seen", "seq": json.loads(data[: data.index(b",")] + b"}")["seq"]}))
        if len(result.latencies) == count:
            stop.set()


def report(results: dict[str, Result]) -> list[str]:
    lines = ["| load | rows at the console | p50 ms | p99 ms | max ms |", "|---|---|---|---|---|"]
    for load, one in results.items():
        lines.append(
            f"| {load} | {len(one.latencies)} of {one.sent} | {one.percentile(0.5):.1f} "
            f"| {one.percentile(0.99):.1f} | {one.percentile(1.0):.1f} |"
        )
    worst = max(one.percentile(1.0) for load, one in results.items() if load != "burst 10k")
    lines += ["", "| goal | measured | limit | |", "|---|---|---|---|"]
    lines.append(f"| slowest paced row, ms | {worst:.1f} | 2000 | {'met' if worst <= 2000 else 'MISSED'} |")
    return lines
