"""What goes to a console: numbered frames, each serialised once for all of them, and the ring for resuming."""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

RING_FRAMES = 2048
RING_BYTES = 1024 * 1024

VALUES = "points"


@dataclass(frozen=True, slots=True)
class Frame:
    """`seq` counts the frames that must arrive (alarms and the like). A frame of values carries the
    number of the last one before it, so that any frame shows a console whether it has missed one."""

    seq: int
    kind: str
    body: bytes

    @property
    def must_arrive(self) -> bool:
        return self.kind != VALUES


def frame_body(seq: int, at: datetime, kind: str, data: bytes) -> bytes:
    return b'{"seq":%d,"ts":"%s","kind":"%s","data":%s}' % (seq, at.isoformat().encode(), kind.encode(), data)


def array(rows: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


class Ring:
    """The last frames that had to arrive. `boot` names this run of the daemon: numbers of another mean nothing.

    When full (frames or bytes) the oldest goes; a console that needs it takes a snapshot instead.
    """

    def __init__(self) -> None:
        self.boot = secrets.token_hex(8)
        self.seq = 0
        self._frames: deque[Frame] = deque()
        self._bytes = 0

    def add(self, kind: str, rows: Sequence[bytes], at: datetime) -> Frame:
        """The next frame; kept only if it must arrive."""
        if kind == VALUES:
            return Frame(self.seq, kind, frame_body(self.seq, at, kind, array(rows)))
        self.seq += 1
        frame = Frame(self.seq, kind, frame_body(self.seq, at, kind, array(rows)))
        self._frames.append(frame)
        self._bytes += len(frame.body)
        while len(self._frames) > RING_FRAMES or (self._bytes > RING_BYTES and len(self._frames) > 1):
            self._bytes -= len(self._frames.popleft().body)
        return frame

    def after(self, seq: int, boot: str) -> list[Frame] | None:
        """The frames a console has missed; None when the ring no longer holds them all."""
        if boot != self.boot or seq > self.seq:
            return None
        if seq == self.seq:
            return []
        if not self._frames or self._frames[0].seq > seq + 1:
            return None
        return [frame for frame in self._frames if frame.seq > seq]
