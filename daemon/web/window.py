"""One open console: its own bounded queue, its writer and its reader."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from daemon.web.allowance import Allowance
from daemon.web.console_names import ConsoleNames
from daemon.web.frames import Frame
from daemon.web.permission import Permission, may
from daemon.web.said import Hello, Perceived, Resync, Said, Seen, Sound, said
from daemon.web.sessions import Session
from estate.model import Clock

if TYPE_CHECKING:
    from daemon.web.stream import Stream

log = logging.getLogger(__name__)

DEPTH = 256  # frames waiting for one console
VALUES_DEPTH = 64  # from here on values are skipped; the newest are sent when the queue is empty
BEAT = 1.0  # s between signs of life, both ways
SEEN_WITHIN = 5.0  # s: a socket takes 4 MB before it blocks, so only the page's own word shows that it lives
LARGEST_MESSAGE = 16 * 1024  # bytes
MESSAGES_PER_SECOND = 50
MESSAGES_AT_ONCE = 200
TRY_AGAIN, SIGNED_OUT, NOT_RECEIVING, NONSENSE = 1013, 4001, 4008, 4400

SOUND_EVERY = 5.0  # s at least between two records of whether this console can be heard
Heard = Callable[[Session, str, Perceived | Sound], Awaitable[None]]


class GoneError(Exception):
    """This console's connection ends; the code goes into the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Window:
    """Queue full: values are skipped (the newest follow later); alarms are never skipped one by one,
    the queue is emptied and a snapshot sent in its place."""

    def __init__(
        self,
        socket: WebSocket,
        stream: "Stream",
        session: Session,
        clock: Clock,
        heard: Heard,
        names: ConsoleNames,
    ) -> None:
        self._socket = socket
        self._stream = stream
        self._session = session
        self._clock = clock
        self._heard = heard
        self._names = names
        self._queue: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._resync = False
        self._values_skipped = False
        self._unseen: deque[tuple[int, float]] = deque()
        self._allowance = Allowance.full(MESSAGES_AT_ONCE, MESSAGES_PER_SECOND, clock.now().mono)
        self.console = ""
        self._sound: Sound | None = None
        self._sound_told: Sound | None = None
        self._sound_at = -inf

    def offer(self, frame: Frame) -> None:
        """Never waits."""
        if self._resync:
            return
        if not frame.must_arrive and len(self._queue) >= VALUES_DEPTH:
            self._values_skipped = True
            return
        if len(self._queue) >= DEPTH:
            self._ask_snapshot()
            return
        self._queue.append(frame)
        self._wake.set()

    async def run(self) -> int | None:
        """Serve the console until it goes; the socket is accepted and closed here.

        Returns the close code if it was we who ended it, None if it left.
        """
        await self._socket.accept()
        self._session.windows += 1
        self._stream.entered += 1
        ending: GoneError | None = None
        joined = False
        try:
            await self._socket.send_bytes(self._stream.greeting)
            hello = await self._listen()
            if not isinstance(hello, Hello):
                raise GoneError(NONSENSE, "hello must come first")
            self.console = self._named(hello.console)
            missed = self._stream.join(self, hello.last_seq, hello.boot)
            joined = True
            if missed is None or len(missed) > DEPTH:
                self._ask_snapshot()
            else:
                self._queue.extend(missed)
                self._values_skipped = True
                self._wake.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(), name=f"console {self.console} writer")
                tasks.create_task(self._read(), name=f"console {self.console} reader")
                tasks.create_task(self._watch(), name=f"console {self.console} watch")
        except* WebSocketDisconnect:
            pass
        except* GoneError as group:
            ending = _first(group)
        finally:
            self._session.windows -= 1
            self._stream.entered -= 1
            if self.console:
                self._names.give_back(self.console, self._session)
            if joined:
                self._stream.leave(self, lost=ending is not None and ending.code == NOT_RECEIVING)
        if ending is not None:
            log.warning("console %s of %s: %s", self.console, self._session.user.id, ending)
            await self._close(ending)
        return ending.code if ending is not None else None

    def _named(self, wanted: str) -> str:
        """An onlooker records nothing, so he holds no name that an operator may want."""
        return self._names.take(wanted, self._session) if may(self._session, Permission.OPERATE) else wanted

    def _ask_snapshot(self) -> None:
        self._queue.clear()
        self._resync = True
        self._wake.set()

    async def _write(self) -> None:
        while True:
            if self._resync:
                self._resync = self._values_skipped = False
                frame = self._stream.snapshot_frame()
            elif self._queue:
                frame = self._queue.popleft()
            elif self._values_skipped:
                self._values_skipped = False
                frame = self._stream.values_frame()
            else:
                self._wake.clear()
                try:
                    async with asyncio.timeout(BEAT):
                        await self._wake.wait()
                except TimeoutError:
                    await self._socket.send_bytes(self._stream.heartbeat())
                continue
            if frame.must_arrive:
                self._unseen.append((frame.seq, self._clock.now().mono))
            await self._socket.send_bytes(self._stream.body_for(self._session, frame))

    async def _read(self) -> None:
        while True:
            message = await self._listen()
            match message:
                case Seen(seq=seq):
                    while self._unseen and self._unseen[0][0] <= seq:
                        self._unseen.popleft()
                case Perceived():
                    await self._heard(self._session, self.console, message)
                case Sound():
                    self._sound = message
                    await self._tell_sound()
                case Resync():
                    self._ask_snapshot()
                case Hello():
                    raise GoneError(NONSENSE, "a second hello")

    async def _tell_sound(self) -> None:
        """The last state is told in any case, what changed to and fro in between is not."""
        now = self._clock.now().mono
        if self._sound is None or self._sound == self._sound_told or now - self._sound_at < SOUND_EVERY:
            return
        self._sound_told, self._sound_at = self._sound, now
        await self._heard(self._session, self.console, self._sound)

    async def _listen(self) -> Said:
        try:
            async with asyncio.timeout(SEEN_WITHIN):
                raw = await self._socket.receive_text()
        except TimeoutError:
            raise GoneError(NOT_RECEIVING, f"silent for {SEEN_WITHIN:g} s") from None
        except KeyError:
            raise GoneError(NONSENSE, "a binary message") from None
        if not self._allowance.take(self._clock.now().mono):
            raise GoneError(NONSENSE, "too many messages")
        if len(raw) > LARGEST_MESSAGE:
            raise GoneError(NONSENSE, "message too large")
        try:
            return said.validate_json(raw)
        except ValidationError as error:
            raise GoneError(NONSENSE, f"not understood: {error.error_count()} faults") from None

    async def _watch(self) -> None:
        """A session that ends (sign-out, age) ends its windows within a second."""
        while True:
            await asyncio.sleep(BEAT)
            now = self._clock.now().mono
            if not self._session.valid(now):
                raise GoneError(SIGNED_OUT, "session ended")
            self._session.used = now
            await self._tell_sound()
            if self._unseen and now - self._unseen[0][1] > SEEN_WITHIN:
                raise GoneError(NOT_RECEIVING, f"frame {self._unseen[0][0]} not seen within {SEEN_WITHIN:g} s")

    async def _close(self, ending: GoneError) -> None:
        try:
            async with asyncio.timeout(BEAT):
                await self._socket.close(ending.code, str(ending))
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            log.debug("console %s had gone before it was told", self.console)


def _first(group: BaseExceptionGroup[GoneError]) -> GoneError:
    one = group.exceptions[0]
    return one if isinstance(one, GoneError) else _first(one)
