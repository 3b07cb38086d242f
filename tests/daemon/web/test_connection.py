"""Connections that dawdle, and too many of them: nobody holds a place that a console needs."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic

import httpx
import pytest

from daemon.web.connection import CONNECTIONS, STRANGERS, WITHIN, Connection, Phase
from daemon.web.server import WebServer
from tests.daemon.web.conftest import sign_in
from tests.daemon.web.desk import Desk
from tests.daemon.web.test_stream import console, token


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[WebServer]:
    async with desk.serve() as running:
        yield running


class Line:
    """A socket that says what it is told to, and notes when it was closed."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port = port
        self._reader = reader
        self.writer = writer

    def say(self, text: bytes) -> None:
        self.writer.write(text.replace(b"HOST", b"127.0.0.1:%d" % self._port))

    async def answer(self) -> bytes:
        """The head of one answer; its body is read too."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        await self._reader.readexactly(int(length[1]) if length else 0)
        return head

    async def closed(self, dripping: bytes) -> float:
        """Seconds until the daemon closes it, while something drips in every half second."""
        began = monotonic()
        while monotonic() - began < 20:
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(0.5):
                    while await self._reader.read(65536):
                        continue
                break
            if not self.is_open:
                break
            self.say(dripping)
        return monotonic() - began

    @property
    def is_open(self) -> bool:
        return not self._reader.at_eof() and self._reader.exception() is None


class Exchange:
    def __init__(self, port: int) -> None:
        self._port = port
        self._lines: list[Line] = []

    async def dial(self, said: bytes, reading: bool = True) -> Line:
        dialled = socket.socket()
        dialled.setblocking(False)
        if not reading:
            dialled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.get_running_loop().sock_connect(dialled, ("127.0.0.1", self._port))
        line = Line(self._port, *await asyncio.open_connection(sock=dialled))
        if not reading:
            line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        self._lines.append(line)
        line.say(said)
        return line

    async def hang_up(self) -> None:
        for line in self._lines:
            line.writer.transport.abort()
        for line in self._lines:
            with suppress(ConnectionError):
                await line.writer.wait_closed()


@pytest.fixture
async def lines(server: WebServer) -> AsyncIterator[Exchange]:
    exchange = Exchange(server.port)
    yield exchange
    await exchange.hang_up()


HEALTH = b"GET /api/health HTTP/1.1\r\nHost: HOST\r\n\r\n"
FILES = b"GET /style.css HTTP/1.1\r\nHost: HOST\r\n\r\n" * 400
LOGIN = (
    b"POST /api/login HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nX-Estate-Console: a\r\n"
    b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
)


async def test_no_request_takes_longer_than_its_time_however_its_bytes_drip(lines: Exchange) -> None:
    """Each of these stayed open for as long as its sender liked."""
    first = await lines.dial(b"GET / HTTP/1.1\r\n")
    later = await lines.dial(HEALTH)
    assert b"200 OK" in await later.answer()
    later.say(b"GET /")
    body = await lines.dial(LOGIN)
    refused = await lines.dial(LOGIN.replace(b"/api/login", b"/api/silence"))
    assert b"401 Unauthorized" in await refused.answer()
    took = await asyncio.gather(
        first.closed(b"X-A: b\r\n"), later.closed(b"x"), body.closed(b" "), refused.closed(b" ")
    )
    for seconds, phase in zip(took, (Phase.HEAD, Phase.HEAD, Phase.BODY, Phase.BODY), strict=True):
        assert 0.5 * WITHIN[phase] < seconds < WITHIN[phase] + 3, (phase, took)


async def test_two_hundred_and_fifty_idle_sockets_keep_nobody_out(
    desk: Desk, server: WebServer, lines: Exchange
) -> None:
    """The attack that shut the console for everybody: one whole request each, then a second one without an end."""
    cookie = await token(server)
    base = f"http://127.0.0.1:{server.port}"
    async with console(server, cookie) as one:
        await one.frame("snapshot")
        crowd = []
        for _ in range(250):
            line = await lines.dial(HEALTH)
            assert b"200 OK" in await line.answer()
            line.say(b"GET /")
            crowd.append(line)
        began = monotonic()
        headers = {"origin": base, "x-estate-console": "desk-1"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            assert (await sign_in(client, "supervisor")).status_code == 200
            assert (await client.get("/api/snapshot")).status_code == 200
            assert monotonic() - began < 2
            desk.raise_alarm("zone-01.alarm")
            assert (await one.frame("alarms"))["data"][0]["id"] == "zone-01.alarm"
            crowd += [await lines.dial(HEALTH) for _ in range(STRANGERS)]
            assert (await client.get("/api/snapshot")).status_code == 200, "its own place was not taken"
        assert sum(line.is_open for line in crowd) <= STRANGERS


async def test_signed_in_consoles_make_room_for_one_another_only(server: WebServer, lines: Exchange) -> None:
    cookie = (await token(server)).encode()
    asked = b"GET /api/latency HTTP/1.1\r\nHost: HOST\r\nCookie: estate=" + cookie + b"\r\n\r\n"
    stranger = await lines.dial(HEALTH)
    await stranger.answer()
    consoles = []
    for _ in range(CONNECTIONS + 2):
        consoles.append(await lines.dial(asked))
        assert b"200 OK" in await consoles[-1].answer()
    async with asyncio.timeout(2):
        while consoles[1].is_open:
            await asyncio.sleep(0.01)
    assert [line.is_open for line in (consoles[0], consoles[2], consoles[-1], stranger)] == [False, True, True, True]


async def test_answers_that_are_never_read_keep_nobody_out_and_are_given_up(
    desk: Desk, server: WebServer, lines: Exchange
) -> None:
    """Files asked for at once until they fill every buffer on the way."""
    await asyncio.gather(*(lines.dial(FILES, reading=False) for _ in range(STRANGERS)))
    async with asyncio.timeout(10):
        while (
            len(stuck := [one for one in server.server_state.connections if one.transport.get_write_buffer_size()])
            < STRANGERS
        ):
            await asyncio.sleep(0.05)
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, headers={"origin": base, "x-estate-console": "desk-1"}) as client:
        assert (await sign_in(client, "supervisor")).status_code == 200
    for one in stuck:
        assert isinstance(one, Connection)
        one._late()
    async with asyncio.timeout(5):
        while server.server_state.connections or server.server_state.tasks:
            await asyncio.sleep(0.01)
