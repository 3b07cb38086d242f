"""A Modbus TCP gateway before a simulated line: hands every request on, and may lie about what came of a write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

WRITES = (5, 6, 16)


class LyingGateway:
    """`code` is the exception with which it answers a write that was done; 0 for the truth."""

    def __init__(self, behind: str) -> None:
        self._host, _, port = behind.rpartition(":")
        self._port = int(port)
        self.code = 0
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self._host, self._port)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                forth.write(await _frame(reader))
                answer = await _frame(back)
                if self.code and answer[7] in WRITES:
                    answer = answer[:4] + b"\0\3" + bytes([answer[6], answer[7] | 0x80, self.code])
                writer.write(answer)
        for one in (writer, forth):
            one.close()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(6)
    return head + await reader.readexactly(int.from_bytes(head[4:6], "big"))


@asynccontextmanager
async def lying_gateway(behind: str) -> AsyncIterator[LyingGateway]:
    """Before the line at `behind`, which is `host:port`."""
    gateway = LyingGateway(behind)
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", 0)
    gateway.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gateway
    finally:
        server.close()
