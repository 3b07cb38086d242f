"""Modbus frames as a device sees them: MBAP on TCP, RTU with CRC on a line or inside a TCP stream."""

from dataclasses import dataclass
from time import monotonic
from typing import Protocol

LONGEST = 260
SILENCE = 0.1
"""Half a frame that stays half for so long (s) is thrown away, as a device does after 3.5 characters."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `transaction` is 0 on RTU, which has none."""

    unit: int
    pdu: bytes
    transaction: int = 0


class Framing(Protocol):
    """Bytes to requests and answers to bytes."""

    def feed(self, data: bytes) -> list[Request]: ...

    def frame(self, request: Request, pdu: bytes) -> bytes: ...


class Mbap:
    """Modbus Messaging on TCP/IP v1.0b §3.1.3: transaction, protocol 0, length, unit."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Request]:
        self._buffer += data
        requests = []
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[4:6], "big")
            if self._buffer[2:4] != b"\0\0" or not 2 <= length <= LONGEST:
                self._buffer = b""
                break
            if len(self._buffer) < 6 + length:
                break
            head, self._buffer = self._buffer[: 6 + length], self._buffer[6 + length :]
            requests.append(Request(head[6], head[7:], int.from_bytes(head[:2], "big")))
        return requests

    def frame(self, request: Request, pdu: bytes) -> bytes:
        head = request.transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big")
        return head + bytes([request.unit]) + pdu


class Rtu:
    """Modbus over Serial Line v1.02 §2.5: unit, PDU, CRC; a request's length follows from its function."""

    def __init__(self) -> None:
        self._buffer = b""
        self._fed = 0.0

    def feed(self, data: bytes) -> list[Request]:
        now = monotonic()
        if now - self._fed > SILENCE:
            self._buffer = b""
        self._fed = now
        self._buffer += data
        requests = []
        while (length := self._length()) is not None and len(self._buffer) >= length:
            frame, self._buffer = self._buffer[:length], self._buffer[length:]
            if crc(frame[:-2]) != frame[-2:]:
                self._buffer = b""
                break
            requests.append(Request(frame[0], frame[1:-2]))
        return requests

    def frame(self, request: Request, pdu: bytes) -> bytes:
        body = bytes([request.unit]) + pdu
        return body + crc(body)

    def _length(self) -> int | None:
        if len(self._buffer) < 4:
            return None
        function = self._buffer[1]
        if function in (15, 16):
            return 9 + self._buffer[6] if len(self._buffer) > 6 else None
        if 1 <= function <= 6:
            return 8
        fits = (n for n in range(4, len(self._buffer) + 1) if crc(self._buffer[: n - 2]) == self._buffer[n - 2 : n])
        return next(fits, None)


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC = [_crc_of(byte) for byte in range(256)]


def crc(data: bytes) -> bytes:
    """CRC-16, low byte first (Modbus over Serial Line v1.02 §6.2.2)."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")
