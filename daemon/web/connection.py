"""One HTTP connection: how long each part of a request may take, and who makes room when there are too many."""

import asyncio
import socket
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 250  # of signed-in consoles, beside their open windows
STRANGERS = 64  # connections on which nobody has shown a session yet
PER_ADDRESS = 50  # of them from one address; this machine and the site's proxy are not counted
KNOWN = "estate.known"
"""In the scope: to be called once a session was shown on this connection."""


class Phase(StrEnum):
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    IDLE = "idle"
    CLOSING = "closing"


WITHIN = {Phase.HEAD: 5.0, Phase.BODY: 10.0, Phase.ANSWER: 120.0, Phase.IDLE: 30.0, Phase.CLOSING: 10.0}
"""s, for the whole of each phase however slowly bytes drip: every head has them, not only the first. The gate answers
a slow body after 8 s; 10 is for a client that does not take the answer. ANSWER is twice the longest report."""


class Connection(H11Protocol):
    """Strangers have STRANGERS places, signed-in consoles CONNECTIONS of their own. A newcomer always gets one: of
    those who are not being answered, or do not read their answer, the one that has been so longest goes. Where there
    is none, the newcomer goes."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.app = self._introduced(self.app)
        self.known = False
        self.gone = False
        self.phase = Phase.HEAD
        self.since = 0.0
        self._of: object = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._begin(Phase.HEAD)
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        # from here on the WebSocket protocol owns the transport, and connection_lost() does not come back here
        self._leave()
        super().handle_websocket_upgrade(event)

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def is_busy(self) -> bool:
        """With us, and not with its peer."""
        return self.phase is Phase.ANSWER and not self.transport.get_write_buffer_size()

    def _introduced(self, app: ASGIApp) -> ASGIApp:
        async def introduced(scope: Scope, receive: Receive, send: Send) -> None:
            scope[KNOWN] = self._recognise
            await app(scope, receive, send)

        return introduced

    def _recognise(self) -> None:
        if not self.known:
            self.known = True
            _thin(self._others(known=True), CONNECTIONS, self)

    def _make_room(self) -> None:
        strangers = self._others(known=False)
        if not self._is_ours():
            _thin([one for one in strangers if one.address == self.address], PER_ADDRESS, self)
            strangers = [one for one in strangers if not one.gone]
        _thin(strangers, STRANGERS, self)

    def _others(self, known: bool) -> "list[Connection]":
        found = (one for one in self.connections if isinstance(one, Connection) and one is not self)
        return [one for one in found if one.known is known and not one.gone]

    def _is_ours(self) -> bool:
        try:
            return ip_address(self.address).is_loopback or self.address == self.config.forwarded_allow_ips
        except ValueError:
            return False

    def _look(self) -> None:
        """Which phase it is in now; each begins its own time, and nothing within one prolongs it."""
        if self.gone:
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self.transport.is_closing():
            phase = Phase.CLOSING
        elif self.conn.their_state is h11.SEND_BODY:
            phase = Phase.BODY
        elif answering:
            phase = Phase.ANSWER
        else:
            phase = Phase.HEAD if self.cycle is None or self.conn.trailing_data[0] else Phase.IDLE
        if phase is not self.phase or self._of is not self.cycle:
            self._begin(phase)

    def _begin(self, phase: Phase) -> None:
        self.phase, self._of, self.since = phase, self.cycle, self.loop.time()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(WITHIN[phase], self._late)

    def _late(self) -> None:
        if self.transport.get_write_buffer_size():
            self.leave()
        else:
            self.transport.close()

    def leave(self) -> None:
        """At once, whatever is still to be sent: a peer that does not read would hold its place for ever."""
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        self.gone = True
        if self._deadline is not None:
            self._deadline.cancel()


def _thin(some: Sequence[Connection], most: int, newcomer: Connection) -> None:
    """`some` are without the newcomer."""
    if len(some) < most:
        return
    waiting = [one for one in some if not one.is_busy]
    min(waiting, key=lambda one: one.since, default=newcomer).leave()
