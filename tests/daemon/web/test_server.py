"""The server inside our own loop."""

import socket
from collections.abc import AsyncIterator
from time import monotonic

import httpx
import pytest

from daemon.web.gate import LARGEST_BODY
from daemon.web.server import PortTaken, bind
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


async def test_a_body_that_grows_too_large_while_it_comes_is_refused(desk: Desk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"name": "'
        for _ in range(LARGEST_BODY // 1000 + 1):
            yield b"x" * 1000
        yield b'", "password": "y"}'

    async with desk.serve() as server, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{server.port}"
        headers = {"origin": base, "x-estate-console": "desk-1", "content-type": "application/json"}
        answer = await client.post(f"{base}/api/login", content=endless(), headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"detail": "the body did not come"})
        assert (await client.get(f"{base}/api/health")).status_code == 200
