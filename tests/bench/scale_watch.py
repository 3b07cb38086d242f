"""What the bench sees of the running estate from outside: alarms on MQTT, a console, how soon the loop answers."""

import asyncio
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import Any

import websockets

from tests.bench import wire

EVENT = re.compile(rb"estate/v1/[^/]+/door/([^/]+)/event")
TAMPERED = re.compile(rb'"id":"([^"]+)\.tamper".*?"state":"unacknowledged"')


class Doors:
    """From the event `reader.tamper` on the broker to the alarm of that door on the broker, ms."""

    def __init__(self, port: int, site: str) -> None:
        self._socket = wire.connect(port, "scale-bench")
        wire.subscribe(self._socket, f"estate/v1/{site}/door/+/event")
        wire.subscribe(self._socket, f"estate/v1/{site}/alarm/+")
        self._socket.setblocking(False)
        self._reader = wire.Reader()
        self._told: dict[bytes, float] = {}
        self.latencies: list[float] = []
        self.events = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._read)
        try:
            yield
        finally:
            loop.remove_reader(self._socket)
            self._socket.close()

    @property
    def unanswered(self) -> int:
        return len(self._told)

    def _read(self) -> None:
        at = perf_counter()
        try:
            data = self._socket.recv(262144)
        except BlockingIOError:
            return
        for first, body in self._reader.feed(data):
            if first >> 4 != 3:
                continue
            topic, payload = self._message(first, body)
            if (event := EVENT.fullmatch(topic)) is not None:
                self.events += 1
                if b'"type": "reader.tamper"' in payload:
                    self._told[event[1]] = at
            elif (alarm := TAMPERED.search(payload)) is not None:
                since = self._told.pop(alarm[1], None)
                if since is not None:
                    self.latencies.append((at - since) * 1000)

    def _message(self, first: int, body: bytes) -> tuple[bytes, bytes]:
        if not first & 6:  # QoS 0 has no packet id
            size = int.from_bytes(body[:2], "big")
            return body[2 : 2 + size], body[2 + size :]
        topic, packet, payload = wire.message(body)
        self._socket.send(wire.acknowledge(packet))
        return topic, payload


class Picture:
    """An open console: the newest value of every point, and how many devices are there."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.frames = 0
        self.bytes = 0

    @property
    def devices(self) -> int:
        """Devices that are online; lines and gateways, which say so too, do not count."""
        return sum(
            value is True
            for point, value in self.values.items()
            if point.endswith(".online") and not point.startswith(("bus-", "gateway-"))
        )

    async def follow(self, port: int, cookie: str) -> None:
        """Until cancelled."""
        origin = websockets.Origin(f"http://127.0.0.1:{port}")
        async with websockets.connect(
            f"ws://127.0.0.1:{port}/api/stream", additional_headers={"cookie": cookie}, origin=origin,
            max_size=2**26, ping_interval=None, compression=None,
        ) as stream:  # fmt: skip
            await stream.recv()
            await stream.send(json.dumps({"kind": "hello", "console": "bench-1", "last_seq": None, "boot": ""}))
            said = 0.0
            async for frame in stream:
                self._take(frame if isinstance(frame, bytes) else frame.encode())
                if monotonic() - said > 0.2:
                    said = monotonic()
                    await stream.send(json.dumps({"kind": "seen", "seq": self._seq}))

    def _take(self, frame: bytes) -> None:
        self.frames += 1
        self.bytes += len(frame)
        told = json.loads(frame)
        self._seq = told["seq"]
        rows = told["data"]["points"] if told["kind"] == "snapshot" else told["data"]
        if told["kind"] in ("snapshot", "points"):
            for row in rows:
                self.values[row["id"]] = row["v"]


async def loop_delay(port: int, found: list[float], every: float = 0.1) -> None:
    """ms that the daemon takes for an answer that costs it nothing, until cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = f"GET /api/health HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()
    try:
        while True:
            begin = perf_counter()
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            found.append((perf_counter() - begin) * 1000)
            await asyncio.sleep(every)
    finally:
        writer.close()


def fetch(port: int, cookie: str, path: str) -> tuple[float, bytes]:
    """Seconds and body of one request. Blocking."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        begin = perf_counter()
        connection.request("GET", path, headers={"cookie": cookie, "x-estate-console": "bench-1"})
        body = connection.getresponse().read()
        return perf_counter() - begin, body
    except OSError:
        return float("inf"), b""
    finally:
        connection.close()
