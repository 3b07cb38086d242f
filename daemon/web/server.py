"""The web server inside the daemon's own loop: own socket, own signals, a prompt end."""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from daemon.web.connection import WITHIN, Connection, Phase
from daemon.web.gate import LARGEST_HEAD

log = logging.getLogger(__name__)

ENDS_WITHIN = 3  # s

FIRST_RETRY, LONGEST_RETRY = 0.5, 10.0
"""s between attempts at a port that is taken, doubling: the control room is dark, and a try costs nothing."""

Told = Callable[[bool, str], Awaitable[None]]
"""Hears whether the console is served, and why not."""


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


async def when_free(host: str, port: int, told: Told) -> socket.socket:
    """The listening socket as soon as the port can be had. Until then `told` hears False once for each reason."""
    pause, why = FIRST_RETRY, ""
    while True:
        try:
            bound = bind(host, port)
        except PortTaken as taken:
            if str(taken) != why:
                why = str(taken)
                log.error("no console: %s", why)
                await told(False, why)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_RETRY)
        else:
            return bound


class WebServer(uvicorn.Server):
    """`run` serves until `stop()`; the daemon keeps its signals.

    `trusted_proxy` is the one address whose X-Forwarded-For and X-Forwarded-Proto are believed; None: nobody's.
    """

    def __init__(self, app: ASGIApp, bound: socket.socket, trusted_proxy: str | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="websockets-sansio",
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws_max_size=16 * 1024,
                ws_per_message_deflate=False,
                proxy_headers=trusted_proxy is not None,
                forwarded_allow_ips=trusted_proxy or "",
                timeout_keep_alive=int(WITHIN[Phase.IDLE]),
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
