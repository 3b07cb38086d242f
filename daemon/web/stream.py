"""The live stream: what the pipeline says, to every open console, none of them able to delay another."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache

from daemon.web.frames import VALUES, Frame, Ring, array, frame_body
from daemon.web.permission import Permission, may
from daemon.web.personal import Personal
from daemon.web.sessions import Session
from daemon.web.window import Window
from estate.model import Clock

ROWS_AGE = 1.0  # s: how long what was read serves a storm of consoles when nothing is published
WINDOWS = 250  # of all consoles
ONLOOKERS = 150  # of them for sessions that may not operate
Rows = Callable[[], Sequence[bytes]]


class Stream:
    """`publish` never waits: it builds the frame once and lays it into each window's own queue.

    `alarms` gives those that are not normal or suppressed, `points` all, as serialised rows; neither may be behind
    what was published.
    """

    def __init__(self, alarms: Rows, points: Rows, clock: Clock, version: str, personal: Personal) -> None:
        self._alarms = _Kept(alarms)
        self._points = _Kept(points)
        self._clock = clock
        self._ring = Ring()
        self._windows: set[Window] = set()
        facts = json.dumps({"boot": self._ring.boot, "version": version}).encode()
        self.greeting = frame_body(0, clock.now().utc, "hello", facts)
        self._frames: dict[str, Frame] = {}
        self._hidden = lru_cache(maxsize=8)(personal.frame)
        self.entered = 0
        self.lost = 0

    def publish(self, kind: str, rows: Sequence[bytes]) -> None:
        """Send rows, each a JSON object, to all consoles. `kind` "points" may be dropped by a slow one
        (it gets the newest values once it is free); every other kind arrives, or a snapshot instead."""
        if not rows:
            return
        self._forget(kind)
        frame = self._ring.add(kind, rows, self._clock.now().utc)
        for window in self._windows:
            window.offer(frame)

    def _forget(self, kind: str) -> None:
        (self._points if kind == VALUES else self._alarms).forget()
        self._frames.clear()

    @property
    def watched(self) -> bool:
        """Whether any console is open."""
        return bool(self._windows)

    @property
    def consoles(self) -> list[str]:
        return sorted(window.console for window in self._windows)

    def has_room(self, session: Session) -> bool:
        """Onlookers never take the last places."""
        return self.entered < (WINDOWS if may(session, Permission.OPERATE) else ONLOOKERS)

    def join(self, window: Window, last_seq: int | None, boot: str) -> list[Frame] | None:
        """From now on `window` is offered every frame; returns those it missed, None: send a snapshot."""
        if not self._windows:
            self._forget(VALUES)  # while nobody looked, values moved and were not published
        self._windows.add(window)
        return None if last_seq is None else self._ring.after(last_seq, boot)

    def leave(self, window: Window, lost: bool) -> None:
        self._windows.discard(window)
        self.lost += lost

    def snapshot_frame(self) -> Frame:
        """The whole state; built once for a storm of consoles, again as soon as anything was published."""
        return self._built("snapshot", self._state)

    def values_frame(self) -> Frame:
        """All points as they are now, for a console that had to skip some; built once for a storm likewise."""
        return self._built(VALUES, self._points.rows)

    def _state(self, now: float) -> bytes:
        return b'{"alarms":%s,"points":%s}' % (self._alarms.rows(now), self._points.rows(now))

    def _built(self, kind: str, data: Callable[[float], bytes]) -> Frame:
        now = self._clock.now()
        frame = self._frames.get(kind)
        if frame is None or now.mono - self._points.at > ROWS_AGE:
            frame = Frame(self._ring.seq, kind, frame_body(self._ring.seq, now.utc, kind, data(now.mono)))
            self._frames[kind] = frame
        return frame

    def body_for(self, session: Session, frame: Frame) -> bytes:
        """A frame as this session may see it: without personal data unless it may operate."""
        return frame.body if may(session, Permission.OPERATE) else self._hidden(frame)

    def heartbeat(self) -> bytes:
        return frame_body(self._ring.seq, self._clock.now().utc, "heartbeat", b"[]")


class _Kept:
    """Rows as JSON, read again when they are forgotten or older than ROWS_AGE. `at`: when they were read."""

    def __init__(self, read: Rows) -> None:
        self._read = read
        self._json: bytes | None = None
        self.at = 0.0

    def forget(self) -> None:
        self._json = None

    def rows(self, now: float) -> bytes:
        if self._json is None or now - self.at > ROWS_AGE:
            self._json = array(self._read())
            self.at = now
        return self._json
