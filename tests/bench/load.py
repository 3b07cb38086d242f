"""Sends numbered events as 100 doors do and takes the time until the alarm of each arrives."""

import contextlib
import json
import re
import select
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.bench import wire

CAUSE = re.compile(rb'"cause": ?\{"dev": ?"d-(\d+)", ?"boot": ?"([^"]+)", ?"seq": ?(\d+)')
DEVICES = 100


@dataclass
class Result:
    """Latencies in ms in order of arrival; `last` is seconds from the first event to the last alarm."""

    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    last: float = 0.0
    after: float = 0.0
    doubled: int = 0

    @property
    def lost(self) -> int:
        return self.sent - len(self.latencies)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def events(boot: str, start: list[int]) -> Iterator[tuple[int, int, bytes, bytes]]:
    """(device, seq, topic, payload): every event changes the state of its door."""
    device = 0
    while True:
        start[device] += 1
        seq = start[device]
        what = "door.held" if seq % 2 else "door.held_clear"
        body = {
            "v": 1, "dev": f"d-{device}", "boot": boot, "seq": seq,
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "tq": "sync", "type": what, "hist": False, "ref": "", "data": {"reader": "r1", "limit_s": 30},
        }  # fmt: skip
        topic = f"estate/v1/bench/door/d-{device}/event".encode()
        yield device, seq, topic, json.dumps(body, separators=(",", ":")).encode()
        device = (device + 1) % DEVICES


class Load:
    """One run after the other over the same two connections; sequence numbers go on between runs."""

    def __init__(self, port: int, boot: str) -> None:
        self._out = wire.connect(port, f"load-out-{boot}")
        self._in = wire.connect(port, f"load-in-{boot}")
        wire.subscribe(self._in, "estate/v1/bench/alarm/+")
        self._events = events(boot, [0] * DEVICES)
        self._boot = boot.encode()
        self._packet = 0
        self._acks = wire.Reader()
        self._alarms = wire.Reader()
        self._unsent: deque[bytes] = deque()
        self._pending: dict[tuple[int, int], float] = {}

    def run(self, count: int, rate: float | None, patience: float) -> Result:
        """`rate` events a second, None for all at once; `patience` s without an alarm ends the wait."""
        result = Result()
        self._pending = pending = {}
        begin = time.perf_counter()
        due = 0
        finished = begin
        arrived = time.perf_counter()
        self._out.setblocking(False)
        backlog = b""
        while True:
            now = time.perf_counter()
            due = count if rate is None else min(count, int((now - begin) * rate) + 1)
            chunk = [backlog]
            room = 200
            while result.sent < due and room and len(backlog) < 65536:
                device, seq, topic, payload = next(self._events)
                self._packet = self._packet % 65535 + 1
                chunk.append(wire.publish(topic, payload, self._packet))
                pending[device, seq] = time.perf_counter()
                result.sent += 1
                room -= 1
                finished = time.perf_counter()
            backlog = b"".join(chunk)
            if backlog:
                with contextlib.suppress(BlockingIOError):
                    backlog = backlog[self._out.send(backlog) :]
            if result.sent == count and not pending:
                break
            if result.sent == count and now - max(arrived, finished) > patience:
                break
            pause = 0.5
            if result.sent < count:
                pause = 0.0 if rate is None else max(0.0, begin + result.sent / rate - time.perf_counter())
            readable, _, _ = select.select([self._in, self._out], [self._out] if backlog else [], [], pause)
            if self._out in readable:
                for _ in self._acks.feed(self._out.recv(65536)):
                    pass
            if self._in in readable:
                data = self._in.recv(262144)
                arrived = time.perf_counter()
                self._take(data, arrived, pending, result)
        result.last = arrived - begin
        result.after = arrived - finished
        return result

    def _take(self, data: bytes, arrived: float, pending: dict[tuple[int, int], float], result: Result) -> None:
        acks = []
        for first, body in self._alarms.feed(data):
            if first >> 4 != 3:
                continue
            _, packet, payload = wire.message(body)
            acks.append(wire.acknowledge(packet))
            found = CAUSE.search(payload)
            if found is None or found[2] != self._boot:
                continue
            sent = pending.pop((int(found[1]), int(found[3])), None)
            if sent is None:
                result.doubled += 1
            else:
                result.latencies.append((arrived - sent) * 1000)
        if acks:
            self._in.sendall(b"".join(acks))

    def close(self) -> None:
        self._out.close()
        self._in.close()


if __name__ == "__main__":
    one = Load(int(sys.argv[1]), "b1")
    print(one.run(1000, 100, 2))
