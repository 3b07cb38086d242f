"""SIA DC-09 frames from bytes and to bytes (ANSI/SIA DC-09-2013, 5.5): checksum, header, data, timestamp."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from estate.errors import DecodeError

LF, CR = b"\n", b"\r"
MAX_FRAME = 1024
"""Bytes of one frame with everything optional in it."""

_HEADER = re.compile(
    r'"(?P<mark>\*?)(?P<id>[A-Z0-9-]{1,16})"(?P<seq>[0-9]{4})(?:R(?P<receiver>[0-9A-Fa-f]{1,6}))?'
    r"L(?P<prefix>[0-9A-Fa-f]{1,6})?(?:#(?P<account>[0-9A-Fa-f]{3,16}))?\[(?P<rest>.*)",
    re.DOTALL,
)
_REST = re.compile(r"(?P<data>[^\]]*)\](?P<extended>(?:\[[^\]]*\])*)(?:_(?P<time>[0-9:,-]{19}))?", re.DOTALL)


class Garbled(DecodeError):
    """Nothing in it can be trusted, not even whom to answer."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who speaks. `seq` counts from 1 to 9999 and begins anew; `account` is upper-case hex."""

    id: str
    encrypted: bool
    seq: str
    receiver: str | None
    prefix: str
    account: str


@dataclass(frozen=True, slots=True)
class Frame:
    """`data` without its brackets; `extended` by their letter; `time` as the panel says, None for none."""

    header: Header
    data: str
    extended: dict[str, str]
    time: datetime | None


def _of_one_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


_TABLE = tuple(map(_of_one_byte, range(256)))


def crc(body: bytes) -> int:
    """CRC-16 with the polynomial 0xA001 from 0 (SIA DC-07, annex B)."""
    value = 0
    for byte in body:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def open_frame(raw: bytes) -> str:
    """What stands between the checksum and the CR. Raises Garbled for anything that was damaged on its way."""
    if len(raw) < 12 or raw[:1] != LF or raw[-1:] != CR:
        raise Garbled("not a frame")
    body = raw[9:-1]
    try:
        told_crc, told_length = int(raw[1:5], 16), int(raw[5:9], 16)
    except ValueError:
        raise Garbled("checksum or length is no hexadecimal number") from None
    if told_length != len(body):
        raise Garbled(f"{len(body)} bytes, it says {told_length}")
    if told_crc != crc(body):
        raise Garbled("wrong checksum")
    return body.decode("utf-8", "replace")


def header_of(body: str) -> tuple[Header, str]:
    """The header, and what follows its bracket. Raises Garbled for none."""
    found = _HEADER.fullmatch(body)
    if found is None:
        raise Garbled("no header")
    return Header(
        found["id"],
        bool(found["mark"]),
        found["seq"],
        found["receiver"],
        found["prefix"] or "0",
        (found["account"] or "").upper(),
    ), found["rest"]


def frame_of(header: Header, rest: str) -> Frame:
    """Raises DecodeError for content that is encrypted or makes no sense."""
    if header.encrypted:
        raise DecodeError("encrypted, which cannot be read here: set the panel to plain text (docs/mqtt.md)")
    found = _REST.fullmatch(rest)
    if found is None:
        raise DecodeError("data, extended data and timestamp cannot be told apart")
    extended = {part[0]: part[1:] for part in re.findall(r"\[([^\]]+)\]", found["extended"])}
    return Frame(header, found["data"], extended, time_of(found["time"]) if found["time"] else None)


def time_of(text: str) -> datetime:
    """`HH:MM:SS,MM-DD-YYYY`, which is UTC. Raises DecodeError."""
    try:
        return datetime.strptime(text, "%H:%M:%S,%m-%d-%Y").replace(tzinfo=UTC)
    except ValueError:
        raise DecodeError(f"no time: {text!r}") from None


def answer(word: str, header: Header, time: datetime | None = None) -> bytes:
    """`ACK` or `DUH` for this header; `NAK` with our time tells the panel to set its clock."""
    if word == "NAK":
        body = '"NAK"0000R0L0A0[]'
    else:
        receiver = f"R{header.receiver}" if header.receiver is not None else ""
        account = f"#{header.account}" if header.account else ""
        body = f'"{word}"{header.seq}{receiver}L{header.prefix}{account}[]'
    if time is not None:
        body += f"_{time:%H:%M:%S,%m-%d-%Y}"
    coded = body.encode()
    return LF + f"{crc(coded):04X}{len(coded):04X}".encode() + coded + CR
