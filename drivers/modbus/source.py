"""Polls every device on one bus: one connection, one request in flight, urgent ones first."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import uniform
from zlib import crc32

from drivers.modbus.client import Connection
from drivers.modbus.decode import encode
from drivers.modbus.line_watch import MINUTE, LineState, LineWatch
from drivers.modbus.twins import Twins
from drivers.modbus.unit import GATEWAY_CODES, Turn, Unit
from drivers.profile import Profile
from drivers.quarantine import REST, Quarantine
from drivers.source import Deliver
from estate.errors import CommandRefused, DecodeError, DeviceRefused, NotSent, TransportError
from estate.installation import Bus, Device
from estate.model import Clock, Delivery, PointId, Quality, Sample, Value, point_id

log = logging.getLogger(__name__)

FIRST_RETRY, LONGEST_RETRY = 0.25, 5.0
"""s between attempts to connect, doubling, each shortened by chance so that buses do not knock together."""

ATTEMPTS = 2
"""Failed ones until a bus that was there is offline: a gateway with one socket may still hold the old one."""

WRITE_WAIT = 2.0
"""s a write may wait for its turn; a switch that would come later than that is not sent at all."""

MOST_WRITES = 64
"""Waiting for one bus; one more is refused."""

MUTE = 2
"""Requests that every unit left unanswered in a row, and it is the line behind the gateway: told before the third
makes each unit lost by itself."""

PATIENCE = 5.0
"""s a try to reach a lost unit waits for a gap between the polls of its neighbours."""


@dataclass(frozen=True, slots=True)
class _Write:
    unit: Unit
    name: str
    values: tuple[int, ...]
    expires: float
    done: asyncio.Future[None]


class ModbusSource:
    """The driver of one bus (see drivers.source). `devices` are all that hang on it, with their profiles.

    `minute` is what the watch over the line counts together, in s.
    """

    def __init__(
        self,
        bus: Bus,
        devices: Sequence[tuple[Device, Profile]],
        deliver: Deliver,
        clock: Clock,
        minute: float = MINUTE,
    ) -> None:
        self.name = f"bus-{bus.id}"
        self._bus = bus
        self._deliver = deliver
        self._clock = clock
        self._connection = Connection(bus)
        self._online: bool | None = None
        self._devices = devices
        self._units: list[Unit] = []
        self._resting: list[Unit] = []
        self._at: Turn | None = None
        self._raw: tuple[int, ...] = ()
        self.quarantine = Quarantine()
        self._unanswered: Counter[str] = Counter()
        self._mute = False
        self._points: dict[PointId, tuple[Unit, str]] = {}
        self._writes: deque[_Write] = deque()
        self._wake = asyncio.Event()
        self._minute = minute
        self._watch = LineWatch(bus.is_rtu, minute)
        self._twins = Twins(())
        self._said: dict[str, Value] = {}

    async def run(self) -> None:
        self._begin()
        try:
            for unit in self._resting:
                await self._leave_alone(unit)
            await self._connect()
            between = False
            while True:
                between = await self._step(between)
                if self._resting:
                    self._wake_rested()
        except BaseException as error:
            if isinstance(error, Exception) and self._at is not None:
                self._blame(self._at, error)
            raise
        finally:
            self._connection.close()
            self._online = None
            self._drop_writes("the bus has stopped")

    async def write(self, point: PointId, value: Value, told: Mapping[str, str] | None = None) -> None:
        """Send one write, before any poll. Returns when the device has echoed it; nothing is sent twice.

        Raises TransportError when it did not and nobody can say more, NotSent when it never left, DeviceRefused
        when the device did not do it, CommandRefused for what this device may not be told.
        """
        if not self._online:
            raise NotSent(f"{self.name} is offline")
        if point not in self._points:
            raise CommandRefused(f"{point} is no point of {self.name}")
        unit, name = self._points[point]
        register = unit.profile.registers[name]
        if not register.writable or not unit.device.commands:
            raise CommandRefused(f"{point} may not be written")
        try:
            values = encode(register, value, unit.modbus.word_order, unit.device.scale.get(name))
        except ValueError as error:
            raise CommandRefused(f"{point}: {error}") from error
        if not unit.is_trusted:
            raise NotSent(f"{unit.device.id} is not to be reached")
        if len(self._writes) >= MOST_WRITES:
            raise CommandRefused(f"{self.name} has {MOST_WRITES} commands waiting")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writes.append(_Write(unit, name, values, self._clock.now().mono + WRITE_WAIT, done))
        self._wake.set()
        await done

    def _begin(self) -> None:
        """Everything is told anew: after a crash its points may have gone stale."""
        start = self._clock.now().mono
        self._at = None
        # Buses beat at different moments, so that a hundred of them are not all due at once.
        phase = crc32(self._bus.id.encode()) % 1000 / 1000
        self._units = [Unit(device, profile, start, phase * device.poll) for device, profile in self._devices]
        self._resting = [one for one in self._units if self.quarantine.rests(one.device.id, start)]
        self._points = {
            point_id(unit.device.id, name): (unit, name) for unit in self._units for name in unit.profile.registers
        }
        self._units = [one for one in self._units if one not in self._resting]
        self._watch = LineWatch(self._bus.is_rtu, self._minute)
        self._twins = Twins((device.id, profile) for device, profile in self._devices)
        self._said = {}

    def _blame(self, turn: Turn, error: Exception) -> None:
        """Remember at which unit the bus crashed; it crashes all the same."""
        device, block = turn.unit.device.id, turn.block
        self.quarantine.crashed(device, self._clock.now().mono)
        what = f"{block.table.value} {block.start}+{block.count}"
        log.error("%s: crashes at %s, %s, heard %s: %r", self.name, device, what, list(self._raw), error)

    async def _leave_alone(self, unit: Unit) -> None:
        """It would crash the bus again, and then nobody is polled: for the control room it is as good as gone."""
        reason = f"this program crashed at it again and again and leaves it alone for {REST / 60:g} min"
        log.error("%s: %s: %s", self.name, unit.device.id, reason)
        news = unit.set_aside(reason, self._clock.now())
        if news is not None:
            await self._deliver(news)

    def _wake_rested(self) -> None:
        now = self._clock.now().mono
        rested = [one for one in self._resting if not self.quarantine.rests(one.device.id, now)]
        for unit in rested:
            log.info("%s: %s is polled again", self.name, unit.device.id)
            self._resting.remove(unit)
            self._units.append(unit)
            unit.reachable(self._clock.now())

    async def _step(self, between: bool) -> bool:
        """One request, or a rest until one is due. `between`: a request has just ended; returns the same."""
        self._wake.clear()
        if self._writes:
            if self._connection.is_open:
                await self._send(self._writes.popleft())
            else:
                await self._connect()
            return True
        now = self._clock.now().mono
        turn, until = self._choose(now, between)
        if turn is not None:
            if self._connection.is_open:
                await self._ask(turn)
            else:
                await self._connect()  # and choose anew: whom to trust may have changed
            return True
        try:
            async with asyncio.timeout(until - now):
                await self._wake.wait()
        except TimeoutError:
            pass
        return False

    def _choose(self, now: float, between: bool) -> tuple[Turn | None, float]:
        """What to ask now: of all that is due, what can wait least. Else until when there is nothing to do.

        A try to reach a lost unit costs its whole timeout. It goes into a gap that is long enough, else
        to the beginning of the next gap, or it waits no longer.
        """
        chosen: Turn | None = None
        patient: Turn | None = None
        next_due = next_try = now + LONGEST_RETRY
        for unit in self._units:
            for turn in unit.turns():
                if unit.is_lost:
                    next_try = min(next_try, turn.due)
                    if turn.due <= now and (patient is None or turn.due < patient.due):
                        patient = turn
                elif turn.due > now:
                    next_due = min(next_due, turn.due)
                elif chosen is None or turn.deadline < chosen.deadline:
                    chosen = turn
        if patient is not None:
            if now > patient.due + PATIENCE:
                return patient, now
            if chosen is None and (between or next_due - now > self._cost(patient.unit)):
                return patient, now
            next_try = next_due
        return chosen, min(next_due, next_try)

    def _cost(self, unit: Unit) -> float:
        return self._timeout(unit) + (self._bus.quiet if self._bus.is_rtu else 0.0)

    def _timeout(self, unit: Unit) -> float:
        return unit.modbus.timeout or self._bus.timeout

    async def _ask(self, turn: Turn) -> None:
        unit, block = turn.unit, turn.block
        self._at, self._raw = turn, ()
        if not unit.is_lost:
            now = self._clock.now().mono
            if (verdict := self._watch.asked(now - turn.due, turn.period, now)) is not None:
                await self._tell("line", verdict.state.value, verdict.reason)
        try:
            raw = await self._connection.read(
                unit.address,
                block.table,
                block.start,
                block.count,
                self._timeout(unit),
                unit.modbus.tolerate_long_coils,
            )
        except DeviceRefused as error:
            if error.code in GATEWAY_CODES:
                self._watch.failed(unit.device.id)
            news = unit.refused(turn, error.code, str(error), self._clock.now())
        except TransportError as error:
            self._watch.failed(unit.device.id)
            await self._unheard(unit)
            news = unit.failed(turn, str(error), self._clock.now())
        except DecodeError as error:
            self._watch.failed(unit.device.id)
            news = unit.failed(turn, str(error), self._clock.now(), malformed=True)
        else:
            self._watch.answered(unit.device.id)
            await self._heard()
            self._raw = raw
            news = unit.answered(turn, raw, self._clock.now())
        if unit.is_lost:
            self._watch.lost(unit.device.id)
        if news is not None:
            await self._deliver(news)
            if self._twins.hear(news.samples):
                await self._tell("twins", self._twins.found)
        self._at = None
        if not self._connection.is_open:
            await self._connect()  # now, and not at the expense of whoever is due next
        if unit.modbus.min_interval:
            await asyncio.sleep(unit.modbus.min_interval)

    async def _unheard(self, unit: Unit) -> None:
        """One more request without an answer; when that is so of all units, it is the line that is gone."""
        self._unanswered[unit.device.id] += 1
        silent = sum(count >= MUTE for count in self._unanswered.values())
        missing = sum(one.is_lost and one.device.id not in self._unanswered for one in self._units)
        if not self._mute and silent > 1 and silent + missing == len(self._units) and self._online:
            self._mute = True
            log.warning("%s: nobody answers", self.name)
            await self._say_online(False)

    async def _heard(self) -> None:
        if self._unanswered:
            self._unanswered.clear()
        if self._mute:
            self._mute = False
            log.info("%s: there are answers again", self.name)
            await self._say_online(True)
            for unit in self._units:
                unit.reachable(self._clock.now())

    async def _send(self, write: _Write) -> None:
        if write.done.done():
            return  # whoever wanted it has given up
        unit = write.unit
        register = unit.profile.registers[write.name]
        address = unit.modbus.wire(register.address)
        try:
            if self._clock.now().mono > write.expires:
                _fail(write, NotSent("not sent: the bus was busy for too long"))
                return
            await self._connection.write(unit.address, register.table, address, write.values, self._timeout(unit))
        except TransportError as error:
            _fail(write, error)
        except DecodeError as error:
            _fail(write, TransportError(f"not confirmed: {error}"))
        else:
            if not write.done.done():
                write.done.set_result(None)
        finally:  # who waits must hear of it, whatever ends us here
            _fail(write, TransportError("the bus has stopped in the midst of it"))
        unit.reread(self._clock.now())

    async def _connect(self) -> None:
        """Returns when the bus is there; until then its devices are without communication."""
        delay, attempts = FIRST_RETRY, 0
        while True:
            try:
                await self._connection.open()
            except TransportError as error:
                attempts += 1
                if self._online is None or (self._online and attempts >= ATTEMPTS):
                    await self._gone(str(error))
                if not self._online:
                    self._drop_writes("the bus is offline")
                await asyncio.sleep(delay * uniform(0.5, 1.0))
                delay = min(2 * delay, LONGEST_RETRY)
            else:
                break
        if not self._online:
            if self._online is False:
                log.info("%s is back", self.name)
            await self._tell_online(True)
            for unit in self._units:
                unit.reachable(self._clock.now())

    async def _gone(self, reason: str) -> None:
        log.warning("%s lost: %s", self.name, reason)
        await self._tell_online(False)
        for unit in self._units:
            news = unit.cut_off(reason, self._clock.now())
            if news is not None:
                await self._deliver(news)

    async def _tell_online(self, online: bool) -> None:
        self._online = online
        self._mute = False
        self._unanswered.clear()
        await self._say_online(online)

    async def _say_online(self, online: bool) -> None:
        await self._say("online", online)
        if online:
            await self._tell("line", LineState.OK.value)
            await self._tell("twins", "")

    async def _tell(self, name: str, value: Value, reason: str = "") -> None:
        """A point of the line itself, when it changes."""
        if self._said.get(name) != value:
            await self._say(name, value, reason)

    async def _say(self, name: str, value: Value, reason: str = "") -> None:
        self._said[name] = value
        now = self._clock.now()
        sample = Sample(point_id(self.name, name), value, Quality.GOOD, now.utc, now.mono, reason=reason)
        await self._deliver(Delivery(samples=(sample,)))

    def _drop_writes(self, reason: str) -> None:
        while self._writes:
            _fail(self._writes.popleft(), NotSent(f"not sent: {reason}"))


def _fail(write: _Write, error: TransportError) -> None:
    if not write.done.done():
        write.done.set_exception(error)
