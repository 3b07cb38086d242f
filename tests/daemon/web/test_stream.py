"""The live stream over a real server and real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from daemon.records import Receipt
from daemon.web.server import WebServer
from daemon.web.window import NONSENSE, NOT_RECEIVING, SIGNED_OUT
from tests.daemon.web.conftest import sign_in
from tests.daemon.web.desk import Desk


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[WebServer]:
    async with desk.serve() as running:
        yield running


async def token(server: WebServer, role: str = "operator") -> str:
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, headers={"origin": base, "x-estate-console": "desk-1"}) as client:
        await sign_in(client, role)
        return client.cookies["estate"]


class Console:
    """A console that reads frames and says what it has seen."""

    def __init__(self, socket: ClientConnection, boot: str) -> None:
        self.socket = socket
        self.boot = boot
        self.seq = 0
        self._seen_at = 0.0

    async def frame(self, *kinds: str) -> dict[str, Any]:
        """The next frame of these kinds, all others read and confirmed on the way."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                self.seq = frame["seq"]
                if monotonic() - self._seen_at > 0.1:
                    self._seen_at = monotonic()
                    await self.say(kind="seen", seq=self.seq)
                if frame["kind"] in kinds:
                    return frame

    async def closing_code(self) -> int:
        """Read until the daemon ends the connection."""
        with suppress(ConnectionClosed):
            async with asyncio.timeout(12):
                while True:
                    await self.socket.recv()
        await self.socket.wait_closed()
        return self.socket.close_code or 0

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))


@asynccontextmanager
async def console(
    server: WebServer, cookie: str, last_seq: int | None = None, boot: str = "", name: str = "desk-1", **options: Any
) -> Any:
    origin = f"http://127.0.0.1:{server.port}"
    headers = {"cookie": f"estate={cookie}"}
    url = f"ws://127.0.0.1:{server.port}/api/stream"
    async with connect(url, origin=origin, additional_headers=headers, proxy=None, **options) as socket:  # type: ignore[arg-type]
        greeting = json.loads(await socket.recv())
        one = Console(socket, greeting["data"]["boot"])
        await one.say(kind="hello", console=name, last_seq=last_seq, boot=boot)
        yield one


async def test_a_console_gets_a_snapshot_then_every_alarm_in_order(desk: Desk, server: WebServer) -> None:
    desk.raise_alarm("zone-01.alarm")
    desk.point("sump-01-ctl.level", 1.5)
    async with console(server, await token(server)) as one:
        snapshot = await one.frame("snapshot")
        assert [row["id"] for row in snapshot["data"]["alarms"]] == ["zone-01.alarm"]
        assert [row["v"] for row in snapshot["data"]["points"]] == [1.5]
        for number in range(2, 6):
            desk.raise_alarm(f"zone-{number:02d}.alarm")
        frames = [await one.frame("alarms") for _ in range(4)]
        assert [frame["seq"] - snapshot["seq"] for frame in frames] == [1, 2, 3, 4]
        assert [frame["data"][0]["id"] for frame in frames] == [f"zone-{number:02d}.alarm" for number in range(2, 6)]


async def test_a_console_that_was_away_resumes_without_a_gap_or_a_repeat(desk: Desk, server: WebServer) -> None:
    cookie = await token(server)
    async with console(server, cookie) as one:
        await one.frame("snapshot")
        desk.raise_alarm("zone-01.alarm")
        await one.frame("alarms")
        seq, boot = one.seq, one.boot
    desk.raise_alarm("zone-02.alarm")
    desk.raise_alarm("zone-03.alarm")
    async with console(server, cookie, seq, boot) as one:
        frames = [await one.frame("alarms", "snapshot") for _ in range(2)]
        assert [(frame["kind"], frame["data"][0]["id"]) for frame in frames] == [
            ("alarms", "zone-02.alarm"),
            ("alarms", "zone-03.alarm"),
        ]
        assert (await one.frame("points"))["seq"] == seq + 2


async def test_numbers_of_an_earlier_run_lead_to_a_snapshot(desk: Desk, server: WebServer) -> None:
    async with console(server, await token(server), 0, "an earlier run") as one:
        assert (await one.frame("alarms", "snapshot"))["kind"] == "snapshot"


async def test_a_quiet_stream_still_beats_every_second(server: WebServer) -> None:
    async with console(server, await token(server)) as one:
        await one.frame("snapshot")
        began = monotonic()
        await one.frame("heartbeat")
        assert monotonic() - began < 3


async def test_consoles_that_never_read_or_say_nothing_delay_nobody_and_are_dropped(
    desk: Desk, server: WebServer
) -> None:
    """Reliability fault 60 and experiment 10: 4 MB fit into the socket before it blocks."""
    cookie = await token(server)
    async with (
        console(server, cookie, max_queue=1) as dead,
        console(server, cookie, max_queue=None) as mute,
        console(server, cookie, max_queue=None) as good,
    ):
        await good.frame("snapshot")
        names = list(desk.facts)
        slowest = 0.0
        for _ in range(300):
            began = monotonic()
            desk.stream.publish("points", [b'{"id":"%s"}' % (b"x" * 20_000)])
            desk.raise_alarm(*names)
            desk.clear(*names)
            await good.frame("alarms")
            slowest = max(slowest, monotonic() - began)
        assert slowest < 1.0
        async with asyncio.timeout(15):
            while len(desk.stream.consoles) > 1:
                await good.frame("heartbeat", "alarms", "points", "snapshot")
        assert desk.stream.lost == 2
        assert await mute.closing_code() == NOT_RECEIVING
        # here the close frame may be stuck behind what was never read
        assert await dead.closing_code() in (NOT_RECEIVING, 1006)
    assert desk.audit.count(("operator", "console not receiving", "")) == 2


async def test_a_console_that_cannot_be_heard_is_recorded_once(desk: Desk, server: WebServer) -> None:
    async with console(server, await token(server)) as one:
        await one.frame("snapshot")
        for _ in range(3):
            await one.say(kind="sound", state="suspended")
        await one.frame("heartbeat")
    assert [action for _, action, _ in desk.audit].count("console sound") == 1


async def test_a_console_far_behind_gets_a_snapshot_instead_of_a_flood(desk: Desk, server: WebServer) -> None:
    async with console(server, await token(server)) as one:
        await one.frame("snapshot")
        for _ in range(300):
            desk.raise_alarm("zone-01.alarm")
            desk.clear("zone-01.alarm")
        frame = await one.frame("snapshot")
        assert frame["seq"] == 600
        assert [row["occurrence"] for row in frame["data"]["alarms"]] == [300]


async def test_reports_of_known_alarms_are_passed_on_and_others_are_not(desk: Desk, server: WebServer) -> None:
    desk.raise_alarm("zone-01.alarm", "zone-02.alarm")
    async with console(server, await token(server)) as one:
        await one.frame("snapshot")
        await one.say(kind="shown", alarms=[["zone-01.alarm", 1], ["no-such.alarm", 1]])
        await one.say(kind="sounded", alarms=[["zone-01.alarm", 1]])
        await one.say(kind="shown", prompt=False, alarms=[["zone-02.alarm", 1]])
        await one.frame("heartbeat")
    assert [(console, one.kind, one.alarm) for console, one in desk.reports] == [
        ("desk-1", "shown", "zone-01.alarm"),
        ("desk-1", "sounded", "zone-01.alarm"),
    ]
    receipts = [one for one in desk.records if isinstance(one, Receipt)]
    assert [(one.alarm, one.latency_ms) for one in receipts] == [("zone-02.alarm", None)]


async def test_signing_out_ends_the_open_windows_of_the_session(server: WebServer) -> None:
    cookie = await token(server)
    base = f"http://127.0.0.1:{server.port}"
    async with console(server, cookie) as one:
        await one.frame("snapshot")
        headers = {"origin": base, "x-estate-console": "desk-1", "cookie": f"estate={cookie}"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            assert (await client.post("/api/logout", json={})).status_code == 200
        assert await one.closing_code() == SIGNED_OUT


@pytest.mark.parametrize(
    "message", ['{"kind":"seen"}', "[]", '{"kind":"open_door"}', '{"kind":"seen","seq":1e400}', "x" * 15_000]
)
async def test_a_console_that_talks_nonsense_is_shown_out(server: WebServer, message: str) -> None:
    async with console(server, await token(server)) as one:
        await one.socket.send(message)
        assert await one.closing_code() == NONSENSE


async def test_a_huge_message_and_a_thousand_small_ones_end_the_connection(server: WebServer) -> None:
    cookie = await token(server)
    async with console(server, cookie) as one:
        await one.socket.send("x" * 1_000_000)
        assert await one.closing_code() in (1009, 1006)
    async with console(server, cookie) as one:
        with suppress(ConnectionClosed):
            for _ in range(1000):
                await one.say(kind="seen", seq=0)
        assert await one.closing_code() in (NONSENSE, 1006)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", None, "http://127.0.0.1:1", "http://127.0.0.1.evil.example"]
)
async def test_a_foreign_page_cannot_open_the_stream_even_with_the_cookie(
    server: WebServer, origin: str | None
) -> None:
    headers = {"cookie": f"estate={await token(server)}"}
    url = f"ws://127.0.0.1:{server.port}/api/stream"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, origin=origin, additional_headers=headers, proxy=None):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("auditor", 403)])
async def test_without_the_permission_the_handshake_is_refused(
    server: WebServer, role: str | None, status: int
) -> None:
    cookie = await token(server, role) if role else "nothing"
    with pytest.raises(InvalidStatus) as refused:
        async with console(server, cookie):
            pass
    assert refused.value.response.status_code == status
    assert "content-security-policy" in refused.value.response.headers
