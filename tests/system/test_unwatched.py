"""A standing alarm whose equipment is taken out of the site: told, ended, gone from the broker; and then quiet."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulators.broker import broker, free_port
from tests.bench import wire
from tests.bench.bench_site import PASSWORD, door_site
from tests.running import Desk, RunningDaemon

GONE, KEPT, TOLD = "d-0.held", "d-1.held", "system.alarms_unwatched"


def rows(state: Path, alarm: str) -> list[sqlite3.Row]:
    connection = sqlite3.connect(f"{(state / 'journal.db').as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("SELECT * FROM transition WHERE alarm = ? ORDER BY position", (alarm,)).fetchall()
    finally:
        connection.close()


def until(true: Callable[[], Any], what: str, within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def retained(port: int) -> dict[str, dict[str, Any]]:
    """What a display that connects now is told of alarms."""
    line = wire.connect(port, "display")
    try:
        wire.subscribe(line, "estate/v1/bench/alarm/+")
        line.sendall(b"\xc0\x00")  # a ping: its answer comes after what is retained
        reader, found = wire.Reader(), {}
        line.settimeout(10)
        while True:
            for first, body in reader.feed(line.recv(65536)):
                if first >> 4 == 13:
                    return found
                if first >> 4 == 3:
                    topic, _, payload = wire.message(body)
                    found[topic.decode().rpartition("/")[2]] = json.loads(payload)
    finally:
        line.close()


def hold_open(port: int, seq: int = 1) -> None:
    """Both doors say it, again and again: the daemon may not have subscribed yet."""
    doors = wire.connect(port, "doors")
    for number in (0, 1):
        body = {"v": 1, "dev": f"d-{number}", "boot": "b1", "seq": seq, "type": "door.held", "data": {}}
        topic = f"estate/v1/bench/door/d-{number}/event".encode()
        doors.sendall(wire.publish(topic, json.dumps(body).encode(), number + 1))
    doors.close()


async def test_a_standing_alarm_of_removed_equipment_is_told_ended_and_cleared(tmp_path: Path) -> None:
    async with broker(tmp_path / "broker") as running:
        await asyncio.to_thread(_story, running.port, tmp_path)


def listed(desk: Desk) -> set[str]:
    """What the control room has on its screens."""
    status, answer = desk.ask("GET", "/api/alarms")
    assert status == 200
    return {one["id"] for one in answer}


def _story(port: int, folder: Path) -> None:
    state, console = folder / "state", free_port()
    site = door_site(folder / "site", port, console, 2)
    whole = {name: (site / name).read_text() for name in ("devices.yaml", "equipment.yaml")}
    daemon = RunningDaemon(site, state, console).start()
    try:
        until(lambda: hold_open(port) or {GONE, KEPT} <= retained(port).keys(), "both alarms stand at the broker")
        assert TOLD not in retained(port)
        assert {GONE, KEPT} <= listed(Desk(console, "bench", PASSWORD))
        daemon.kill()
        for name, text in whole.items():
            (site / name).write_text("".join(one for one in text.splitlines(True) if "id: d-0," not in one))
        daemon.start()
        until(lambda: GONE not in retained(port), "its retained message is gone")
        assert retained(port)[KEPT]["state"] == "unacknowledged"
        until(lambda: rows(state, GONE)[-1]["trigger"] == "rule gone", "its end is in the journal")
        end = rows(state, GONE)[-1]
        assert (end["before"], end["after"], end["by"]) == ("unacknowledged", "normal", "process")
        (told,) = [one for one in rows(state, TOLD) if one["trigger"] == "raise"]
        assert GONE in told["text_zh"]
        assert KEPT not in told["text_zh"]
        assert told["position"] < end["position"], "first told, then ended: a kill between the two loses nothing"
        until(lambda: rows(state, TOLD)[-1]["after"] == "returned, unacknowledged", "it waits to be seen, no longer")
        daemon.kill()
        daemon.start()
        desk = Desk(console, "bench", PASSWORD)
        assert {GONE, KEPT, TOLD} & listed(desk) == {KEPT, TOLD}
        status, answer = desk.ask("POST", f"/api/alarms/{TOLD}/acknowledge", {"occurrence": 1})
        assert status == 200, (answer, desk.ask("GET", "/api/alarms"))
        assert rows(state, TOLD)[-1]["after"] == "normal"
        daemon.kill()
        daemon.start()
        until(lambda: rows(state, KEPT), "it runs")
        assert len([one for one in rows(state, TOLD) if one["trigger"] == "raise"]) == 1
        assert len([one for one in rows(state, GONE) if one["trigger"] == "rule gone"]) == 1
        assert GONE not in retained(port)
        daemon.stop()
        for name, text in whole.items():
            (site / name).write_text(text)
        daemon.start()
        assert GONE not in listed(Desk(console, "bench", PASSWORD)), "put back, it begins as normal"
        standing = "unacknowledged"
        until(lambda: hold_open(port, 2) or retained(port).get(GONE, {}).get("state") == standing, "held open again")
        again = rows(state, GONE)[-1]
        assert (again["trigger"], again["occurrence"], again["after"]) == ("raise", 2, standing)
        assert GONE in listed(Desk(console, "bench", PASSWORD))
        assert len([one for one in rows(state, TOLD) if one["trigger"] == "raise"]) == 1
    finally:
        daemon.stop()
