"""The live stream: what the pipeline says, to every open console, none of them able to delay another."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daemon.web.frames import Frame, Ring, array, frame_body
from daemon.web.window import Window
from estate.model import Clock

SNAPSHOT_AGE = 1.0  # s: how long one snapshot serves a storm of consoles when nothing is published


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that stands now, as serialised rows: alarms that are not normal, and every point."""

    alarms: Sequence[bytes]
    points: Sequence[bytes]


class Stream:
    """`publish` never waits: it builds the frame once and lays it into each window's own queue.

    `snapshot` must not be behind what was published.
    """

    def __init__(self, snapshot: Callable[[], Snapshot], clock: Clock, version: str) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._ring = Ring()
        self._windows: set[Window] = set()
        facts = json.dumps({"boot": self._ring.boot, "version": version}).encode()
        self.greeting = frame_body(0, clock.now().utc, "hello", facts)
        self._published = 0
        self._kept: tuple[int, float, bytes] = (-1, 0.0, b"")
        self.lost = 0

    def publish(self, kind: str, rows: Sequence[bytes]) -> None:
        """Send rows, each a JSON object, to all consoles. `kind` "points" may be dropped by a slow one
        (it gets the newest values once it is free); every other kind arrives, or a snapshot instead."""
        if not rows:
            return
        self._published += 1
        frame = self._ring.add(kind, rows, self._clock.now().utc)
        for window in self._windows:
            window.offer(frame)

    @property
    def watched(self) -> bool:
        """Whether any console is open."""
        return bool(self._windows)

    @property
    def consoles(self) -> list[str]:
        return sorted(window.console for window in self._windows)

    def join(self, window: Window, last_seq: int | None, boot: str) -> list[Frame] | None:
        """From now on `window` is offered every frame; returns those it missed, None: send a snapshot."""
        self._windows.add(window)
        return None if last_seq is None else self._ring.after(last_seq, boot)

    def leave(self, window: Window, lost: bool) -> None:
        self._windows.discard(window)
        self.lost += lost

    def snapshot_frame(self) -> Frame:
        """The whole state; built once for a storm of consoles, again as soon as anything was published."""
        now = self._clock.now()
        published, at, body = self._kept
        if published != self._published or now.mono - at > SNAPSHOT_AGE:
            state = self._snapshot()
            data = b'{"alarms":%s,"points":%s}' % (array(state.alarms), array(state.points))
            body = frame_body(self._ring.seq, now.utc, "snapshot", data)
            self._kept = (self._published, now.mono, body)
        return Frame(self._ring.seq, "snapshot", body)

    def values_frame(self) -> Frame:
        """All points as they are now, for a console that had to skip some."""
        now = self._clock.now()
        return Frame(
            self._ring.seq, "points", frame_body(self._ring.seq, now.utc, "points", array(self._snapshot().points))
        )

    def heartbeat(self) -> bytes:
        return frame_body(self._ring.seq, self._clock.now().utc, "heartbeat", b"[]")
