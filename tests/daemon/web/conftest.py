"""A desk for each test, and clients of it: through ASGI, and over a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.daemon.web.desk import PASSWORD, Desk

BASE = "http://127.0.0.1:8470"
COMMAND = {"origin": BASE, "x-estate-console": "desk-1"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.sign_in.close()


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody is signed in yet."""
    transport = httpx.ASGITransport(app=desk.app("127.0.0.1:8470"))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=COMMAND) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, role: str = "operator", password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/login", json={"name": role, "password": password})
