"""Who asks: what a reverse proxy says is believed of the site's own proxy alone. And the proxy of docs/install.md."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from websockets import Origin
from websockets.asyncio.client import connect

from daemon.records import Audit
from daemon.web.auth import LOCAL_DELAY, Admission, Refusal
from daemon.web.server import WebServer
from simulators.broker import free_port
from tests.daemon.web.conftest import sign_in
from tests.daemon.web.desk import PASSWORD, Desk, HandClock

INSTALL = Path(__file__).parents[3] / "docs" / "install.md"
NAME = "console.estate.example"


def addresses(desk: Desk) -> list[str]:
    """From where somebody signed in or was refused."""
    return [one.target for one in desk.records if isinstance(one, Audit) and one.action.startswith("sign-in")]


async def tell(server: WebServer, forwarded: str, own: str = "127.0.0.1") -> httpx.Response:
    base = f"http://127.0.0.1:{server.port}"
    headers = {"origin": base, "x-estate-console": "desk-1", "x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
    transport = httpx.AsyncHTTPTransport(local_address=own)
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
        return await sign_in(client)


async def test_without_a_proxy_nobody_says_for_whom_he_asks(desk: Desk) -> None:
    async with desk.serve() as server:
        answer = await tell(server, "203.0.113.7")
    assert addresses(desk) == ["127.0.0.1"]
    assert answer.headers["set-cookie"].startswith("estate=")


async def test_the_sites_proxy_is_believed_and_no_other(desk: Desk) -> None:
    async with desk.serve(proxy="127.0.0.9") as server:
        await tell(server, "203.0.113.7")
        answer = await tell(server, "198.51.100.1, 203.0.113.7", "127.0.0.9")
        await tell(server, "evil\x1b[31m<b>", "127.0.0.9")
    assert addresses(desk) == ["127.0.0.1", "203.0.113.7", "unknown"]
    assert answer.headers["set-cookie"].startswith("__Host-estate=")


async def test_what_is_tried_from_afar_does_not_lock_the_desk_on_the_machine(tmp_path: Path) -> None:
    clock = HandClock()
    desk = Desk(tmp_path, clock)
    for number in range(60):
        clock.mono += 130
        assert isinstance(await desk.sign_in.sign_in("supervisor", "wrong", f"203.0.113.{number}"), Refusal)
    far = await desk.sign_in.sign_in("supervisor", PASSWORD, "203.0.113.99")
    assert isinstance(far, Refusal)
    assert far.wait > LOCAL_DELAY
    assert isinstance(await desk.sign_in.sign_in("supervisor", PASSWORD, "127.0.0.1"), Admission)
    desk.sign_in.close()


async def test_what_is_tried_on_the_machine_locks_nobody_afar_and_is_soon_forgotten(tmp_path: Path) -> None:
    clock = HandClock()
    desk = Desk(tmp_path, clock)
    for _ in range(40):
        clock.mono += LOCAL_DELAY
        await desk.sign_in.sign_in("supervisor", "wrong", "::1")
    here = await desk.sign_in.sign_in("supervisor", PASSWORD, "::1")
    assert isinstance(here, Refusal)
    assert 0 < here.wait <= LOCAL_DELAY
    assert isinstance(await desk.sign_in.sign_in("supervisor", PASSWORD, "203.0.113.5"), Admission)
    clock.mono += LOCAL_DELAY
    assert isinstance(await desk.sign_in.sign_in("supervisor", PASSWORD, "::1"), Admission)
    desk.sign_in.close()


@asynccontextmanager
async def nginx(folder: Path, console: int) -> AsyncIterator[int]:
    """The proxy of docs/install.md, but for TLS: that would need certificates of the machine."""
    (found,) = re.findall(r"```nginx\n(.*?)```", INSTALL.read_text("utf-8"), re.DOTALL)
    port = free_port()
    text = re.sub(r"listen .*?;", f"listen 127.0.0.1:{port};", found)
    text = (
        re.sub(r"\n *ssl_\w+ .*?;", "", text)
        .replace("$scheme", "https")
        .replace("127.0.0.1:8470", f"127.0.0.1:{console}")
    )
    assert NAME in text
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};\n"
        f"fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};\n{text}\n}}\n"
    )
    process = await asyncio.create_subprocess_exec(
        "/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()


async def test_the_proxy_of_the_install_guide_brings_browsers_in_under_the_sites_name(
    desk: Desk, tmp_path: Path
) -> None:
    async with desk.serve(names=[NAME], proxy="127.0.0.1") as server, nginx(tmp_path, server.port) as port:
        base, origin = f"http://127.0.0.1:{port}", f"https://{NAME}"
        headers = {"host": NAME, "origin": origin, "x-estate-console": "desk-1", "x-forwarded-for": "203.0.113.7"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            answer = await sign_in(client)
            assert answer.status_code == 200
            cookie = answer.headers["set-cookie"].partition(";")[0]
            assert cookie.startswith("__Host-estate=")
            assert "strict-transport-security" in answer.headers
            told = {**headers, "cookie": cookie}
            assert (await client.get("/api/snapshot", headers=told)).status_code == 200
            assert (await client.get("/", headers={"host": "evil.example"})).status_code == 421
        uri = f"ws://{NAME}/api/stream"
        headers = {"cookie": cookie}
        at = {"host": "127.0.0.1", "port": port, "proxy": None}
        async with connect(uri, origin=Origin(origin), additional_headers=headers, **at) as socket:
            assert json.loads(await socket.recv())["kind"] == "hello"
            await socket.send(json.dumps({"kind": "hello", "console": "desk-1"}))
            assert json.loads(await socket.recv())["kind"] == "snapshot"
    assert addresses(desk) == ["127.0.0.1"], "nginx says who asked it, not what the browser says"
