"""A small history server with the v2 write API that can fail in every way a real one does."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """`stores`: keep the lines; `silent`: no answer ever; `drops`: cut the connection instead of answering."""

    status: int = 204
    body: bytes = b""
    headers: tuple[str, ...] = ()
    stores: bool = False
    silent: bool = False
    drops: bool = False
    delay: float = 0


ACCEPT = Reply(stores=True)
HANG = Reply(silent=True)
ANSWER_LOST = Reply(stores=True, drops=True)


def refuse(status: int, text: str = "", *headers: str) -> Reply:
    return Reply(status, b'{"code":"x","message":"%s"}' % text.encode(), headers)


@dataclass
class FakeInflux:
    """`behave` sees the lines of each request and says what happens; it may be replaced at any time."""

    behave: Callable[[list[str]], Reply] = lambda lines: ACCEPT
    port: int = 0
    requests: list[list[str]] = field(default_factory=list)
    authorisations: list[str] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)  # series and time -> fields, as a database keys them

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "FakeInflux":
        self._connections: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 24)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._one(reader, writer):
                pass
        self._connections.discard(writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        lines = (await reader.readexactly(int(headers.get("content-length", "0")))).decode().split("\n")
        self.requests.append(lines)
        self.authorisations.append(headers.get("authorization", ""))
        reply = self.behave(lines)
        await asyncio.sleep(reply.delay)
        if reply.stores:
            for line in lines:
                series_and_fields, _, at = line.rpartition(" ")
                series, _, fields = series_and_fields.partition(" ")
                self.stored[f"{series} {at}"] = fields
        if reply.silent:
            await reader.read()
            return False
        if reply.drops:
            writer.transport.abort()
            return False
        extra = "".join(f"{header}\r\n" for header in reply.headers)
        length = "" if reply.status == 204 else f"Content-Length: {len(reply.body)}\r\n"
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{extra}{length}\r\n".encode() + reply.body)
        await writer.drain()
        return True
