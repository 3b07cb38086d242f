"""TCP without sockets: servers and connections inside one played loop, every byte there at the same moment."""

import asyncio
from collections.abc import Callable
from typing import Any

LOOPBACK = "127.0.0.1"


class Ear:
    """What stands for a listening socket."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return LOOPBACK, self._port


class PipedServer:
    """A listening server: `sockets` tells its port, `close` ends it."""

    def __init__(self, pipes: "Pipes", port: int, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self._pipes = pipes
        self.factory = factory
        self.port = port
        self.sockets = [Ear(port)]

    def close(self) -> None:
        self._pipes.servers.pop(self.port, None)


class PipeEnd(asyncio.Transport):
    """One end of a connection. What is written arrives at the other end on the loop's next turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol) -> None:
        super().__init__({"peername": (LOOPBACK, 40_000), "sockname": (LOOPBACK, 40_001)})
        self._loop = loop
        self._protocol = protocol
        self._closing = False
        self._paused = False
        self._kept = b""
        self.other: PipeEnd | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing and self.other is not None:
            self._loop.call_soon(self.other.arrive, bytes(data))

    def arrive(self, data: bytes) -> None:
        if self._closing:
            return
        self._kept += data
        if not self._paused:
            self._hand_over()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._hand_over)

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    def is_closing(self) -> bool:
        return self._closing

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing ever waits to be written."""

    def close(self) -> None:
        self._end()

    def abort(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)
            if self.other is not None:
                self._loop.call_soon(self.other._end)

    def _hand_over(self) -> None:
        while self._kept and not self._paused and not self._closing:
            data, self._kept = self._kept, b""
            if isinstance(self._protocol, asyncio.BufferedProtocol):
                room = self._protocol.get_buffer(len(data))
                fits = min(len(room), len(data))
                room[:fits] = data[:fits]
                self._kept = data[fits:]
                self._protocol.buffer_updated(fits)
            elif isinstance(self._protocol, asyncio.Protocol):
                self._protocol.data_received(data)


class Pipes:
    """All servers of one loop, by their ports."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.servers: dict[int, PipedServer] = {}

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> PipedServer:
        server = self.servers[port] = PipedServer(self, port, factory)
        return server

    def connect(self, factory: Callable[[], Any], port: int) -> tuple[PipeEnd, Any]:
        """Raises ConnectionRefusedError."""
        if port not in self.servers:
            raise ConnectionRefusedError(f"nobody listens at {port}")
        near_protocol, far_protocol = factory(), self.servers[port].factory()
        near, far = PipeEnd(self._loop, near_protocol), PipeEnd(self._loop, far_protocol)
        near.other, far.other = far, near
        far_protocol.connection_made(far)
        near_protocol.connection_made(near)
        return near, near_protocol
