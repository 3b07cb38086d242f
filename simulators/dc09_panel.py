"""An alarm panel that reports over IP: Contact ID in SIA DC-09 frames, kept until they are acknowledged."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

from drivers.profile import Dc09Section
from estate.model import Clock
from simulators.faults import Breakable, Details

KEPT = 500
"""Messages a panel holds while nobody acknowledges them; the oldest are lost first."""

NULL_EVERY = 30.0
"""s between two signs of life of a panel that has nothing to say."""

PATIENCE, AGAIN = 5.0, 1.0
"""s until a message without an answer is said again, and between two attempts to connect."""


class Dc09Panel(Breakable):
    """`emit` takes what happened in the words of docs/mqtt.md; `codes` say how Contact ID puts it."""

    kind = "dc09"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "mute": "says nothing at all: no event, no null message",
        "bad_clock": "its clock is wrong until the receiver corrects it; offset s (120)",
    }
    shortcuts: ClassVar[Mapping[str, str]] = {"power_loss": "mute"}
    acts_offered: ClassVar[Mapping[str, str]] = {"encrypt": "an encrypted message, as of a panel with a key"}

    def __init__(self, name: str, account: str, section: Dc09Section, clock: Clock) -> None:
        super().__init__(name)
        self.account = account
        self.acknowledged = 0
        self._section = section
        self._clock = clock
        self._waiting: deque[tuple[str, str]] = deque(maxlen=KEPT)
        self._news = asyncio.Event()
        self._seq = 0

    def emit(self, type_: str, data: Mapping[str, Any]) -> None:
        """Put one event in the queue; what Contact ID has no code for is not said."""
        for code, meaning in self._section.codes.items():
            qualifier = "1" if meaning.new == type_ else "3" if meaning.restore == type_ else ""
            if qualifier and data.get("armed", meaning.armed) == meaning.armed:
                who = re.sub(r"\D", "", str(data.get("user") or data.get("zone") or data.get("detector") or "")) or "0"
                self._say("ADM-CID", f"#{self.account}|{qualifier}{code} 01 {int(who) % 1000:03}")
                return

    async def run(self, host: str, port: int) -> None:
        """For ever: connect, tell what waits, tell that it lives."""
        while True:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await self._talk(host, port)
            await asyncio.sleep(AGAIN)

    def perform(self, act: str, details: Details) -> None:
        self._say("*ADM-CID", "0123456789ABCDEF0123456789ABCDEF")

    def _say(self, kind: str, data: str) -> None:
        self._waiting.append((kind, data))
        self._news.set()

    async def _talk(self, host: str, port: int) -> None:
        if "mute" in self.faults:
            return
        reader, writer = await asyncio.open_connection(host, port)
        try:
            while "mute" not in self.faults:
                said = self._waiting[0] if self._waiting else ("NULL", "")
                self._seq = self._seq % 9999 + 1
                writer.write(self._frame(*said))
                async with asyncio.timeout(PATIENCE):
                    answer = await reader.readuntil(b"\r")
                if b'"NAK"' in answer:  # with the receiver's time: the panel sets its clock and says it again
                    self.faults.pop("bad_clock", None)
                    continue
                self.acknowledged += b'"ACK"' in answer
                if self._waiting and self._waiting[0] == said:
                    self._waiting.popleft()
                await self._rest()
        finally:
            writer.close()

    async def _rest(self) -> None:
        self._news.clear()
        if not self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(NULL_EVERY):
                    await self._news.wait()

    def _frame(self, kind: str, data: str) -> bytes:
        offset = timedelta(seconds=self.detail("bad_clock", "offset", 120.0))
        at = self._clock.now().utc + (offset if "bad_clock" in self.faults else timedelta(0))
        body = f'"{kind}"{self._seq:04}R1L0#{self.account}[{data}]_{at:%H:%M:%S,%m-%d-%Y}'.encode()
        return b"\n%04X0%03X" % (_checksum(body), len(body)) + body + b"\r"


def _checksum(body: bytes) -> int:
    """CRC-16, polynomial 0x8005 bit-reversed, from 0 (ANSI/SIA DC-09-2013, 5.5.1)."""
    register = 0
    for byte in body:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register
