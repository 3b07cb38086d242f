"""The server inside our own loop."""

import asyncio
import socket
from time import monotonic

import httpx
import pytest

from daemon.web.server import HEADERS_WITHIN, PortTaken, bind
from tests.daemon.web.desk import Desk
from tests.daemon.web.test_stream import console, token


def test_a_taken_port_is_told_in_one_clear_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is in use by another program"):
            bind("127.0.0.1", port)


async def test_it_ends_promptly_with_consoles_open(desk: Desk) -> None:
    async with desk.serve() as server:
        cookie = await token(server)
        async with console(server, cookie) as one, console(server, cookie) as other:
            await one.frame("snapshot")
            await other.frame("snapshot")
            began = monotonic()
            server.stop()
            await one.socket.wait_closed()
            await other.socket.wait_closed()
    assert monotonic() - began < 2


async def test_the_port_is_free_again_at_once(desk: Desk) -> None:
    async with desk.serve() as server:
        port = server.port
    async with desk.serve(port) as again, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{again.port}/api/health")
    assert answer.json() == {"status": "ok", "version": "0.1.0-test"}


async def test_oversized_headers_are_refused(desk: Desk) -> None:
    async with desk.serve() as server, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{server.port}/", headers={"x-much": "x" * 20_000})
    assert answer.status_code == 431


async def test_a_connection_that_dawdles_over_its_request_is_closed(desk: Desk) -> None:
    async with desk.serve() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127")
        async with asyncio.timeout(HEADERS_WITHIN + 3):
            assert await reader.read() == b""
        writer.close()
