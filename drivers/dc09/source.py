"""The receiver: a TCP port for panels, answered only once the journal holds what they said."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from drivers.dc09.contact_id import contact_id
from drivers.dc09.frame import CR, LF, MAX_FRAME, Frame, Garbled, Header, answer, frame_of, header_of, open_frame
from drivers.dc09.panel import Panel
from drivers.mqtt.outcome import Outcome
from drivers.profile import Profile
from drivers.source import Deliver
from estate.errors import DecodeError
from estate.model import Clock, Delivery, DeviceId, Now
from estate.outline import Receiver
from estate.site import Device

log = logging.getLogger(__name__)

AHEAD, BEHIND = 20.0, 40.0
"""s by which a panel's time may differ from ours (DC-09, 5.5.1.9); beyond it NAK tells it our time."""

SUPERVISION = 0.5  # s between looks at the clock
WAITING = 256
"""Frames between the port and the inbox. When it is full the connection that brought the last one is not read."""

CONNECTIONS = 2048
"""More than this many at once are closed: every panel of an estate, twice."""

MAX_STRANGERS = 256


class Dc09Source:
    """Listens for panels of all accounts in `devices`. Plain frames only: encrypted ones are answered with DUH."""

    name = "dc09"

    def __init__(
        self, receiver: Receiver, devices: Sequence[tuple[Device, Profile]], deliver: Deliver, clock: Clock
    ) -> None:
        self._receiver = receiver
        self._deliver = deliver
        self._clock = clock
        self._panels = {
            device.account: Panel(device.id, profile, profile.dc09)
            for device, profile in devices
            if profile.dc09 is not None and device.account is not None
        }
        self._frames: asyncio.Queue[tuple[_Connection, bytes]] = asyncio.Queue(WAITING)
        self._strangers: set[str] = set()
        self.connections: set[_Connection] = set()
        self.garbled = 0
        self.port = 0

    @property
    def panels(self) -> dict[DeviceId, Panel]:
        return {panel.id: panel for panel in self._panels.values()}

    async def run(self) -> None:
        """Raises OSError when the port is taken."""
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), self._receiver.host, self._receiver.port
        )
        self.port = server.sockets[0].getsockname()[1]
        log.info("DC-09 receiver on %s:%d", self._receiver.host, self.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(), name="dc09 frames")
                tasks.create_task(self._supervise(), name="dc09 supervision")
        finally:
            server.close()
            for connection in list(self.connections):
                connection.close()

    def take(self, connection: "_Connection", raw: bytes) -> bool:
        """A frame has arrived whole. False: there is no room for another one now."""
        self._frames.put_nowait((connection, raw))
        return not self._frames.full()

    @property
    def has_room(self) -> bool:
        return not self._frames.full()

    async def _work(self) -> None:
        while True:
            connection, raw = await self._frames.get()
            for waiting in self.connections:
                waiting.go_on()
            await self._one(connection, raw)

    async def _one(self, connection: "_Connection", raw: bytes) -> None:
        now = self._clock.now()
        try:
            header, rest = header_of(open_frame(raw))
        except Garbled as error:
            self.garbled += 1
            log.warning("%s: %s: %s", connection.peer, error, raw[:64].hex())
            return
        panel = self._panels.get(header.account)
        if panel is None:
            self._stranger(header.account, connection)
            connection.send(answer("DUH", header))
            return
        out = Outcome()
        reply = self._read(panel, header, rest, now, out)
        await self._deliver(Delivery(out.samples, out.events, True, partial(connection.send, reply)))

    def _read(self, panel: Panel, header: Header, rest: str, now: Now, out: Outcome) -> bytes:
        """What the panel is to be told once everything before and in this frame is in the journal."""
        try:
            frame = frame_of(header, rest)
            if frame.time is not None and not self._is_timely(frame, now):
                panel.standing.heard(now, out)
                panel.standing.tell("clock", "drift", now, out, f"says {frame.time.isoformat()}")
                return answer("NAK", header, now.utc)
            panel.heard(frame, now, out)
            match header.id:
                case "NULL":
                    pass
                case "ADM-CID":
                    said = contact_id(frame.data)
                    if not panel.is_repeated(frame):
                        panel.happened(said, frame, now, out)
                case other:
                    raise DecodeError(f"{other} is not understood here")
        except DecodeError as error:
            panel.standing.complain("malformed", str(error), now, out)
            return answer("DUH", header)
        return answer("ACK", header)

    @staticmethod
    def _is_timely(frame: Frame, now: Now) -> bool:
        assert frame.time is not None
        return -BEHIND <= (frame.time - now.utc).total_seconds() <= AHEAD

    def _stranger(self, account: str, connection: "_Connection") -> None:
        if account not in self._strangers and len(self._strangers) < MAX_STRANGERS:
            self._strangers.add(account)
            log.warning("%s: account %r is not in this site's devices", connection.peer, account)

    async def _supervise(self) -> None:
        since = self._clock.now().mono
        while True:
            await asyncio.sleep(SUPERVISION)
            now, out = self._clock.now(), Outcome()
            for panel in self._panels.values():
                panel.standing.supervise(now, since, out)
            if out.samples:
                await self._deliver(Delivery(out.samples, (), True))


class _Connection(asyncio.Protocol):
    """One panel's line: bytes to frames, answers back. Bytes outside LF and CR are thrown away."""

    def __init__(self, source: Dc09Source) -> None:
        self._source = source
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._paused = False
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.peer = str((transport.get_extra_info("peername") or ("?",))[0])
        if len(self._source.connections) >= CONNECTIONS:
            log.warning("%s: too many connections", self.peer)
            transport.close()
            return
        self._source.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._source.connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._cut()

    def go_on(self) -> None:
        """There is room again."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
            self._cut()

    def send(self, reply: bytes) -> None:
        """A panel that has hung up hears nothing, and says it again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(reply)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _cut(self) -> None:
        while self._source.has_room:
            start = self._buffer.find(LF)
            self._buffer = self._buffer[start:] if start >= 0 else b""
            end = self._buffer.find(CR)
            if end < 0:
                if len(self._buffer) > MAX_FRAME:
                    log.warning("%s: more than %d bytes without an end", self.peer, MAX_FRAME)
                    self.close()
                return
            raw, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
            self._source.take(self, raw)
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
