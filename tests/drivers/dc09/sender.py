"""An alarm panel's side of SIA DC-09, written from the frame layout of the standard and sharing nothing with ours."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime


def checksum(message: bytes) -> int:
    """CRC-16, polynomial x16+x15+x2+1, least significant bit first: shifted bit by bit through a register."""
    register = [0] * 16
    for byte in message:
        for place in range(8):
            out = register[15] ^ (byte >> place & 1)
            register = [out, *register[:15]]
            register[2] ^= out
            register[15] ^= out
    return sum(bit << (15 - place) for place, bit in enumerate(register))


def frame(message: str, *, crc: int | None = None, length: int | None = None) -> bytes:
    """<LF><crc><0LLL><message><CR>"""
    coded = message.encode()
    told = checksum(coded) if crc is None else crc
    return b"\n%04X0%03X" % (told, len(coded) if length is None else length) + coded + b"\r"


@dataclass
class PanelLine:
    """One panel, at the address `source`: counts its messages, waits for each answer, repeats what was not answered."""

    port: int
    account: str
    seq: int = 0
    source: str = "127.0.0.1"
    heard: list[str] = field(default_factory=list)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "PanelLine":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.source, 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._writer is not None
        self._writer.close()
        await self._writer.wait_closed()

    def contact_id(self, code: str, zone: int = 1, at: datetime | None = None, group: int = 1) -> str:
        """`code` with its qualifier: 1130 is a burglary, 3130 its end."""
        return self.message("ADM-CID", f"#{self.account}|{code} {group:02} {zone:03}", at)

    def message(self, kind: str, data: str = "", at: datetime | None = None, more: str = "") -> str:
        self.seq = self.seq % 9999 + 1
        stamp = (at or datetime.now(UTC)).strftime("_%H:%M:%S,%m-%d-%Y")
        return f'"{kind}"{self.seq:04}R1L0#{self.account}[{data}]{more}{stamp}'

    async def say(self, message: str, within: float = 5.0) -> str:
        """The answer without its envelope, which is checked."""
        await self.send(frame(message))
        return await self.answer(within)

    async def send(self, raw: bytes) -> None:
        assert self._writer is not None
        self._writer.write(raw)
        await self._writer.drain()

    async def answer(self, within: float = 5.0) -> str:
        assert self._reader is not None
        async with asyncio.timeout(within):
            raw = await self._reader.readuntil(b"\r")
        body = raw[9:-1]
        assert raw[:1] == b"\n"
        assert int(raw[1:5], 16) == checksum(body)
        assert int(raw[5:9], 16) == len(body)
        self.heard.append(body.decode())
        return body.decode()
