"""One line of a panel: bytes to frames without copying, answers back, and no more of either than one line may have."""

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from drivers.dc09.frame import CR, LF, MAX_FRAME

SPACE = 4096
"""Bytes read at once; the rest stays with the sender's side."""

AHEAD = 4
"""Frames of a line between the port and the inbox. A panel has one on its way; the next is not read before."""

UNSENT = 16 * 1024
"""Bytes of answers that a panel leaves unread before its line is cut."""

Address = IPv4Address | IPv6Address


class Connection(asyncio.BufferedProtocol):
    """Bytes outside LF and CR are thrown away. `account` is that of the panel that spoke last on this line.

    `take` gets each whole frame; it is to be followed by `worked` once the frame is dealt with. `dismissed` is told
    why we hung up, "" for a line that we did not end.
    """

    def __init__(
        self,
        opened: Callable[["Connection"], None],
        closed: Callable[["Connection"], None],
        take: Callable[["Connection", bytes], None],
    ) -> None:
        self._opened = opened
        self._closed = closed
        self._take = take
        self._transport: asyncio.Transport | None = None
        self._space = bytearray(SPACE)
        self._start = self._end = 0
        self._waiting = 0
        self._paused = False
        self.address: Address | None = None
        self.account = ""
        self.heard = 0.0
        self.garbled = 0
        self.strange = 0
        self.dismissed = ""

    @property
    def peer(self) -> str:
        return str(self.address or "?")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.address = _address(transport.get_extra_info("peername"))
        self._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._closed(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._space)[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        self._cut()

    def worked(self) -> None:
        """One frame is dealt with: there is room for the next."""
        self._waiting -= 1
        self._cut()

    def reply(self, reply: bytes, durable: bool) -> None:
        """A panel keeps what the journal does not hold: unanswered, it says it again."""
        if durable:
            self.send(reply)

    def send(self, reply: bytes) -> None:
        """A panel that has hung up hears nothing, and says it again. One that reads no answers is hung up on."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > UNSENT:
            self.dismiss("it reads no answers")
            return
        transport.write(reply)

    def dismiss(self, why: str) -> None:
        """Hang up: what this line has said and was not yet dealt with is not heard any more."""
        if not self.dismissed:
            self.dismissed = why
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            # With answers unread `close` would wait for ever.
            self._transport.abort() if self._transport.get_write_buffer_size() else self._transport.close()

    def _cut(self) -> None:
        space = self._space
        while self._waiting < AHEAD and not self.dismissed:
            start = space.find(LF, self._start, self._end)
            if start < 0:
                self._start = self._end
                break
            self._start = start
            end = space.find(CR, start, self._end) + 1
            if (end or self._end) - start > MAX_FRAME:
                self.dismiss(f"more than {MAX_FRAME} bytes without an end")
                return
            if not end:
                break
            self._start = end
            self._waiting += 1
            self._take(self, bytes(memoryview(space)[start:end]))
        left = self._end - self._start
        space[:left] = space[self._start : self._end]
        self._start, self._end = 0, left
        self._read_on(self._waiting < AHEAD)

    def _read_on(self, wanted: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or wanted is not self._paused:
            return
        self._paused = not wanted
        transport.resume_reading() if wanted else transport.pause_reading()


def _address(peer: object) -> Address | None:
    """Of a socket's peer name; an IPv4 caller on an IPv6 port is the IPv4 address it is."""
    if not isinstance(peer, tuple) or not peer:
        return None
    try:
        address = ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
