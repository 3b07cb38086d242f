"""The receiver: a TCP port for panels, answered only once the journal holds what they said."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from drivers.dc09.connection import Connection
from drivers.dc09.contact_id import contact_id
from drivers.dc09.frame import Frame, Garbled, Header, answer, frame_of, header_of, open_frame
from drivers.dc09.grumbling import Grumbling
from drivers.dc09.lines import Lines
from drivers.dc09.panel import Panel
from drivers.mqtt.aside import LEFT_ALONE, Aside
from drivers.mqtt.outcome import Outcome
from drivers.profile import Profile
from drivers.source import Deliver
from estate.errors import DecodeError
from estate.model import Clock, Delivery, DeviceId, Now, Quality, Sample, point_id, unheeded
from estate.outline import Receiver
from estate.site import Device

log = logging.getLogger(__name__)

AHEAD, BEHIND = 20.0, 40.0
"""s by which a panel's time may differ from ours (DC-09, 5.5.1.9); beyond it NAK tells it our time."""

SUPERVISION = 0.5  # s between looks at the clock

TURN = 0.005
"""s of work on frames after which everything else in the daemon gets its turn."""

STRANGE, GARBLED, GARBLED_BY_A_PANEL = 3, 3, 10
"""Frames in a row after which a caller is hung up on: of an account that is not his, or damaged. A panel's own line
may be noisy."""

LIMITED = 60.0
"""s for which the receiver tells that it had to turn somebody away."""


class Dc09Source:
    """Listens for panels of all accounts in `devices`. Plain frames only: encrypted ones are answered with DUH.

    A frame waits in `_frames` until its turn comes; each line may have a few there (`connection.AHEAD`), which bounds
    the queue, and is not read while it has them, so that no line can stand long before another.
    """

    name = "dc09"

    def __init__(
        self, receiver: Receiver, devices: Sequence[tuple[Device, Profile]], deliver: Deliver, clock: Clock
    ) -> None:
        self._receiver = receiver
        self._deliver = deliver
        self._clock = clock
        self._panels = {
            device.account: Panel(device, profile, profile.dc09)
            for device, profile in devices
            if profile.dc09 is not None and device.account is not None
        }
        self._patience = {account: panel.supervision for account, panel in self._panels.items()}
        self._frames: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        self._grumbling = Grumbling()
        self._left_over: list[Sample] = []
        self._told = ""
        self.aside = Aside(self.name, clock.now().utc)
        self.lines = Lines(len(self._panels))
        self.garbled = 0
        self.strange = 0
        self.port = 0

    @property
    def panels(self) -> dict[DeviceId, Panel]:
        return {panel.id: panel for panel in self._panels.values()}

    async def run(self) -> None:
        """Raises OSError when the port is taken. After a crash, what was not delivered is said again by its panel."""
        self._frames = asyncio.Queue()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self._opened, self._closed, self._take), self._receiver.host, self._receiver.port
        )
        self.port = server.sockets[0].getsockname()[1]
        log.info("DC-09 receiver on %s:%d", self._receiver.host, self.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(), name="dc09 frames")
                tasks.create_task(self._supervise(), name="dc09 supervision")
        finally:
            server.close()
            for line in self.lines:
                line.close()

    def _opened(self, line: Connection) -> None:
        mono = self._clock.now().mono
        self.lines.opened(line, mono)
        if self.lines.limited == mono:
            self._grumble(line, "so many lines that another one had to go")

    def _closed(self, line: Connection) -> None:
        self.lines.closed(line)

    def _take(self, line: Connection, raw: bytes) -> None:
        self._frames.put_nowait((line, raw))

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            line, raw = await self._frames.get()
            began = loop.time()
            while True:
                if not line.dismissed:
                    await self._one(line, raw)
                line.worked()
                if self._frames.empty():
                    break
                if loop.time() - began > TURN:
                    await asyncio.sleep(0)
                    began = loop.time()
                line, raw = self._frames.get_nowait()

    async def _one(self, line: Connection, raw: bytes) -> None:
        now = self._clock.now()
        try:
            header, rest = header_of(open_frame(raw))
        except Garbled as error:
            self.garbled += 1
            line.garbled += 1
            self._grumble(line, f"{error}: {raw[:64].hex()}")
            if line.garbled >= (GARBLED_BY_A_PANEL if line.account else GARBLED):
                line.dismiss("nothing but noise")
            return
        panel = self._panels.get(header.account)
        if panel is None:
            self._grumble(line, f"account {header.account!r} is not in this site's devices")
            line.send(answer("DUH", header))
            self._strange(line)
            return
        out = Outcome()
        content = (header.id + (rest.rpartition("_")[0] or rest)).encode()  # it is repeated with another time
        if not panel.may_speak_from(line.address):
            panel.standing.complain("conflict", f"{line.peer} speaks in its name", now, out)
            self._strange(line)
            if out.samples:
                await self._hand_over(out)
            return
        self.lines.accepted(line, header.account, now.mono)
        try:
            qos = int(header.id != "NULL")
            if not self.aside.is_empty and self.aside.takes(header.account, content, qos, panel, now, out, raw):
                reply = answer("DUH", header)
            else:
                reply = self._read(panel, header, rest, now, out)
            await self._hand_over(out, partial(line.reply, reply))
        except BaseException as error:
            panel.take_back()
            self.aside.take_back()
            if isinstance(error, Exception):
                self.aside.crashed_at(panel.id, header.account, content, error, now)
            raise
        self.aside.handed_over()

    async def _hand_over(self, out: Outcome, settled: Callable[[bool], None] = unheeded) -> None:
        """What is told only when it changes goes out with the next delivery if this one fails."""
        out.samples, self._left_over = [*self._left_over, *out.samples], []
        try:
            await self._deliver(Delivery(out.samples, out.events, True, settled))
        except BaseException:
            self._left_over += out.take_back(self._clock.now().mono)
            raise

    def _read(self, panel: Panel, header: Header, rest: str, now: Now, out: Outcome) -> bytes:
        """What the panel is to be told once everything before and in this frame is in the journal."""
        try:
            frame = frame_of(header, rest)
            if frame.time is None and self._receiver.time_required:
                # Recorded years ago it would look the same: not even a sign of life.
                panel.standing.tell("clock", "unset", now, out, "its messages bear no time, which this site requires")
                return answer("NAK", header, now.utc)
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

    def _strange(self, line: Connection) -> None:
        self.strange += 1
        line.strange += 1
        if line.strange >= STRANGE:
            line.dismiss("not one of our panels")

    def _grumble(self, line: Connection, what: str) -> None:
        left_out = self._grumbling.left_out(line.peer, self._clock.now().mono)
        if left_out is not None:
            log.warning("%s: %s%s", line.peer, what, f" ({left_out} more since the last)" if left_out else "")

    async def _supervise(self) -> None:
        since = self._clock.now().mono
        while True:
            await asyncio.sleep(SUPERVISION)
            now, out = self._clock.now(), Outcome()
            for panel in self._panels.values():
                self._look_at(panel, since, now, out)
            self.lines.dismiss_idle(now.mono, self._patience)
            self._tell_limit(now, out)
            if out.samples:
                await self._hand_over(out)

    def _look_at(self, panel: Panel, since: float, now: Now, out: Outcome) -> None:
        if not self.aside.is_empty:
            if self.aside.rests(panel.id, now):
                self.aside.leave_alone(panel, now, out)
                return
            panel.standing.release(LEFT_ALONE)
        try:
            panel.standing.supervise(now, since, out)
        except BaseException as error:
            if isinstance(error, Exception):
                self.aside.crashed_over(panel.id, error, now)
            raise

    def _tell_limit(self, now: Now, out: Outcome) -> None:
        told = "limited" if now.mono - self.lines.limited < LIMITED else "ok"
        if told != self._told:
            self._told = told
            out.samples.append(Sample(point_id("system", "receiver"), told, Quality.GOOD, now.utc, now.mono))
