"""The web server inside the daemon's own loop: own socket, own signals, a prompt end."""

import asyncio
import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.web.gate import LARGEST_HEAD

log = logging.getLogger(__name__)

CONNECTIONS = 250  # 200 consoles and the requests beside them
PER_ADDRESS = 50  # a reverse proxy on this machine is not counted
HEADERS_WITHIN = 5.0  # s to send a request's headers
ENDS_WITHIN = 3  # s


class PortTaken(OSError):
    """The console's port cannot be used; the text says which and what to do."""


def bind(host: str, port: int) -> socket.socket:
    """The listening socket; port 0 takes a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            text = f"port {port} on {host} is in use by another program: free it, or set console.port in site.yaml"
        else:
            text = f"the console cannot listen on {host}:{port}: {error.strerror}"
        raise PortTaken(error.errno, text) from None
    bound.setblocking(False)
    return bound


class _Protocol(H11Protocol):
    """A connection that dawdles over its first request, or is one too many from its address, is closed."""

    _open: dict[str, int] = {}  # noqa: RUF012 - counted over all connections on purpose
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self._address()
        self._open[address] = self._open.get(address, 0) + 1
        if self._open[address] > PER_ADDRESS and not address.startswith("127."):
            transport.close()
            return
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._deadline = self.loop.call_later(HEADERS_WITHIN, self._dawdled)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: object) -> None:
        # from here on the WebSocket protocol owns the transport, and connection_lost() does not come back here
        self._forget()
        super().handle_websocket_upgrade(event)  # type: ignore[arg-type]

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        address = self._address()
        left = self._open.pop(address, 1) - 1
        if left > 0:
            self._open[address] = left

    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _dawdled(self) -> None:
        if self.cycle is None:
            self.transport.close()


class WebServer(uvicorn.Server):
    """`run` serves until `stop()`; the daemon keeps its signals."""

    def __init__(self, app: ASGIApp, bound: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="websockets-sansio",
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws_max_size=16 * 1024,
                ws_per_message_deflate=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=ENDS_WITHIN,
                h11_max_incomplete_event_size=LARGEST_HEAD,
            )
        )
        self._bound = bound
        self.port: int = bound.getsockname()[1]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_here(self) -> None:
        """Serve in the running loop until `stop()` or cancellation."""
        try:
            await self.serve(sockets=[self._bound])
        finally:
            self._bound.close()

    def stop(self) -> None:
        self.should_exit = True
