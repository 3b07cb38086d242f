"""A broker's socket that reads ahead and gathers writes: one system call per burst of packets, not three per packet."""

import asyncio
import contextlib
import socket
import ssl

READ = 16 * 1024
"""Bytes per read: about 60 events, so that one callback stays below 5 ms."""

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes waiting for a broker that does not read; beyond it `send` blocks, and paho keeps the packets."""

_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Line:
    """Stands in for the connected, non-blocking socket inside paho, which asks for packets byte by byte.

    `pending` tells the reader that decoded bytes wait here, as an SSL socket does. What `send` took leaves
    with `flush`; a broken connection is found by the reading side.
    """

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._loop = loop
        self._read = b""
        self._at = 0
        self._unsent = bytearray()
        self._waiting_to_write = False
        self._had_its_turn = False

    def recv(self, size: int) -> bytes:
        read, at = self._read, self._at
        if at >= len(read):
            if self._had_its_turn:
                raise BlockingIOError
            read = self._read = self._sock.recv(READ)
            at = 0
            # paho goes on for as many packets as it has open; in a flood that starved all else for 0.3 s.
            self._had_its_turn = True
            self._loop.call_soon(self._next_turn)
        self._at = at + size
        return read[at : at + size]

    def pending(self) -> int:
        waiting = len(self._read) - self._at
        if waiting > 0:
            return waiting
        return self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0

    def send(self, data: bytes | bytearray) -> int:
        if len(self._unsent) > MAX_UNSENT:
            raise BlockingIOError
        self._unsent += data
        return len(data)

    def flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except _BLOCKED:
            if not self._waiting_to_write:
                self._waiting_to_write = True
                self._loop.add_writer(self._sock.fileno(), self.flush)
            return
        except OSError:
            self._unsent.clear()
        self._stop_writing()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()
        self._stop_writing()
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def _next_turn(self) -> None:
        self._had_its_turn = False

    def _stop_writing(self) -> None:
        if self._waiting_to_write:
            self._waiting_to_write = False
            self._loop.remove_writer(self._sock.fileno())
