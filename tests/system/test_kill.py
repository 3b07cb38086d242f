"""SIGKILL at any moment: every event that a device ever sent stands in the journal exactly once."""

import asyncio
import json
import random
import sqlite3
import time
from pathlib import Path

from simulators.broker import broker, free_port
from tests.bench import wire
from tests.bench.bench_site import door_site
from tests.running import RunningDaemon

EVENTS = 2000
KILLS = 20
DEVICES = 20
RESEND = 1.0  # s without the application's acknowledgement


class Outboxes:
    """Devices as docs/mqtt.md wants them: what the daemon has not acknowledged is kept and said again."""

    def __init__(self, port: int) -> None:
        self._line = wire.connect(port, "outboxes")
        wire.subscribe(self._line, "estate/v1/bench/door/+/ack")
        self._line.settimeout(0.01)
        self._reader = wire.Reader()
        self._packet = 0
        self.waiting: dict[tuple[int, int], float] = {}
        self.sent = 0

    def say(self, device: int, seq: int) -> None:
        kind = "door.held" if seq % 2 else "door.held_clear"
        body = {"v": 1, "dev": f"d-{device}", "boot": "b1", "seq": seq, "type": kind, "data": {}}
        body["ts"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._packet = self._packet % 65535 + 1
        topic = f"estate/v1/bench/door/d-{device}/event".encode()
        self._line.sendall(wire.publish(topic, json.dumps(body).encode(), self._packet))
        self.waiting[device, seq] = time.monotonic()

    def listen(self) -> None:
        """Take acknowledgements (cumulative per device), then say again what waits for too long."""
        try:
            data = self._line.recv(65536)
        except TimeoutError:
            data = b""
        for first, body in self._reader.feed(data):
            if first >> 4 != 3:
                continue
            size = int.from_bytes(body[:2], "big")
            device = int(body[2 : 2 + size].split(b"/")[4][2:])
            skip = 2 + size + (2 if first & 0x06 else 0)
            said = json.loads(body[skip:])
            for key in [key for key in self.waiting if key[0] == device and said["from"] <= key[1] <= said["seq"]]:
                del self.waiting[key]
        now = time.monotonic()
        for device, seq in [key for key, at in self.waiting.items() if now - at > RESEND][:100]:
            self.say(device, seq)

    def close(self) -> None:
        self._line.close()


async def test_twenty_kills_during_two_thousand_events_lose_and_double_nothing(tmp_path: Path) -> None:
    async with broker(tmp_path / "broker") as running:
        await asyncio.to_thread(_storm, running.port, tmp_path)


def _storm(port: int, folder: Path) -> None:
    chance = random.Random(7)
    console = free_port()
    daemon = RunningDaemon(door_site(folder / "site", port, console, DEVICES), folder / "state", console)
    outboxes = Outboxes(port)
    daemon.start()
    try:
        sent = kills = 0
        patience = time.monotonic() + 300
        last = dict.fromkeys(range(DEVICES), 0)
        while kills < KILLS or sent < EVENTS or outboxes.waiting:
            if kills < KILLS and sent >= EVENTS * kills // KILLS:
                # Somewhere inside the next few commits, never at a quiet moment.
                moment = time.monotonic() + chance.uniform(0, 0.3)
            else:
                moment = None
            burst = chance.randint(20, EVENTS // KILLS)
            while (burst and sent < EVENTS) or (moment is not None and time.monotonic() < moment):
                if sent < EVENTS and burst:
                    device = sent % DEVICES
                    last[device] += 1
                    outboxes.say(device, last[device])
                    sent += 1
                    burst -= 1
                if sent % 10 == 0 or not burst:
                    outboxes.listen()
                if moment is not None and time.monotonic() >= moment:
                    break
            if moment is not None:
                daemon.kill()
                kills += 1
                daemon.start()
            outboxes.listen()
            assert time.monotonic() < patience, f"{len(outboxes.waiting)} events never acknowledged"
    finally:
        daemon.stop()
        outboxes.close()
    connection = sqlite3.connect(folder / "state" / "journal.db")
    try:
        rows = connection.execute("SELECT device, seq, count(*) FROM event GROUP BY device, seq").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raised = connection.execute(
            "SELECT alarm, occurrence, count(*) FROM transition WHERE trigger = 'raise' GROUP BY 1, 2"
        )
        assert [row for row in raised if row[2] != 1] == []
    finally:
        connection.close()
    wanted = {(f"d-{device}", seq) for device, top in last.items() for seq in range(1, top + 1)}
    assert {(device, seq) for device, seq, _ in rows} == wanted
    assert [row for row in rows if row[2] != 1] == []
    assert kills == KILLS
