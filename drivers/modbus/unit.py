"""One device on a bus: what to ask it next, whether to believe it, and what its answers say. No I/O."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import floor

from drivers.modbus.decode import Reading, decode, judged
from drivers.modbus.plan import Block, halves, plan
from drivers.profile import Profile, Proof
from estate.installation import Device
from estate.model import Delivery, Now, PointId, Quality, Sample, Value, point_id

log = logging.getLogger(__name__)

DEFAULT_UNIT = 1
"""Of a device that is alone behind its own TCP address."""

FAILURES = 3
"""In a row, and a unit is lost."""

FIRST_PROBE, LONGEST_PROBE = 5.0, 60.0
"""s between the single tries to reach a lost unit, doubling: it must not slow its neighbours down."""

SECOND_LOOK = 60.0
"""s until a wrong identity or a refused register is asked for again: no verdict stands for ever."""

BUSY = 10
"""Answers "busy" in a row that count as one failure."""

ILLEGAL, ILLEGAL_RANGE, BUSY_CODES, GATEWAY_CODES = (1, 2, 3), (2, 3), (5, 6), (10, 11)
"""Exception codes, Modbus Application Protocol v1.1b3, §7."""


class Standing(Enum):
    NEW = auto()  # has not said who it is
    TRUSTED = auto()
    STRANGER = auto()  # says that it is something else
    LOST = auto()


@dataclass(slots=True, eq=False)
class Turn:
    """One block and its rhythm. `due` and `grid` in monotonic s; `slack` s of delay do it no harm.

    `spans` say which part of the block's registers each point is.
    """

    unit: "Unit"
    block: Block
    period: float
    slack: float
    grid: float
    due: float
    spans: tuple[tuple[str, int, int], ...] = ()
    raw: tuple[int, ...] | None = None
    refreshed: float = -1e9
    failures: int = 0

    @property
    def deadline(self) -> float:
        return self.due + self.slack

    def next_beat(self, now: float) -> None:
        """Beats are missed when the bus is too slow, but the rhythm does not drift."""
        self.due = self.grid + (floor((now - self.grid) / self.period) + 1) * self.period


class Unit:
    """Answers go in (`answered`, `refused`, `failed`), deliveries come out, None where nothing is worth telling."""

    def __init__(self, device: Device, profile: Profile, start: float, phase: float = 0.0) -> None:
        assert profile.modbus is not None, "an MQTT device has no place on a bus"
        self.device = device
        self.profile = profile
        self.modbus = profile.modbus
        self.address = DEFAULT_UNIT if device.unit is None else device.unit
        self._grid = start + phase
        self._refresh = (device.max_age or 3 * device.poll) / 3
        self._ids = {name: point_id(device.id, name) for name in profile.registers}
        self._judged_by: dict[str, list[str]] = {}
        for name, point in profile.registers.items():
            if point.status_point is not None:
                self._judged_by.setdefault(point.status_point, []).append(name)
        self._decoded: dict[str, Reading] = {}
        self._told: dict[str, Reading] = {}
        self._failures = self._busy = 0
        self._malformed_until = start
        self._online: bool | None = None
        self._by_bus = False
        self._probe_delay = FIRST_PROBE
        self._introduction = self._introduce(start)
        self._turns = self._plan(start)
        self.standing = Standing.NEW if self._introduction else Standing.TRUSTED

    def turns(self) -> Sequence[Turn]:
        """What it wants to be asked, now or later."""
        if self.standing is Standing.TRUSTED:
            return self._turns
        return (self._introduction,) if self._introduction is not None else self._turns[:1]

    @property
    def is_lost(self) -> bool:
        return self.standing is Standing.LOST

    @property
    def is_trusted(self) -> bool:
        return self.standing is Standing.TRUSTED and self._online is True

    def reread(self, now: Now) -> None:
        """Something was written: look at once what came of it, and say so also where nothing has changed."""
        for turn in self._turns:
            turn.refreshed = -1e9
            if turn.block.poll != "slow":
                turn.due = now.mono

    def answered(self, turn: Turn, raw: tuple[int, ...], now: Now) -> Delivery | None:
        """`raw` are the registers or bits of the turn's block."""
        samples = self._alive(now)
        self._busy = turn.failures = 0
        turn.next_beat(now.mono)
        if turn is self._introduction:
            samples += self._identify(raw, now)
            return self._delivery(samples)
        if raw != turn.raw:
            samples += self._tell(self._decode(turn, raw), now)
        if now.mono - turn.refreshed < self._refresh - turn.period / 2:
            return self._delivery(samples)
        turn.refreshed = now.mono
        changed = {sample.point for sample in samples}
        seen = tuple(
            self._ids[name] for name in turn.block.points if self._ids[name] not in changed and name in self._told
        )
        return self._delivery(samples, seen, now.mono)

    def refused(self, turn: Turn, code: int, text: str, now: Now) -> Delivery | None:
        """An exception code. Only the points that were asked for suffer, unless the gateway speaks for the unit."""
        if code in GATEWAY_CODES:
            return self.failed(turn, text, now)
        if code in BUSY_CODES:
            self._busy += 1
            if self._busy % BUSY == 0:
                return self.failed(turn, text, now)
            turn.due = now.mono + min(self.device.poll, 1.0) / 2
            return None
        samples = self._alive(now)
        turn.next_beat(now.mono)
        if turn is self._introduction:
            samples += self._mistrust(text, now)
        elif code in ILLEGAL_RANGE and len(turn.block.points) > 1:
            self._split(turn, now)
        else:
            quality = Quality.CONFIGURATION if code in ILLEGAL else Quality.SENSOR_FAULT
            if code in ILLEGAL:
                turn.due = now.mono + SECOND_LOOK
            samples += self._spoil(turn, Reading(None, quality, text), now)
        return self._delivery(samples)

    def failed(self, turn: Turn, reason: str, now: Now, malformed: bool = False) -> Delivery | None:
        """No answer, or (`malformed`) one that means nothing."""
        samples = []
        if malformed:
            self._malformed_until = now.mono + SECOND_LOOK
            samples += self._tell([("protocol", _good("malformed"))], now)
        self._failures += 1
        turn.failures += 1
        if self.standing is Standing.LOST:
            self._probe_delay = min(2 * self._probe_delay, LONGEST_PROBE)
            turn.due = now.mono + self._probe_delay
        elif self._failures >= FAILURES:
            log.warning("%s (unit %d) lost: %s", self.device.id, self.address, reason)
            samples += self._lose(reason, now)
            self._by_bus = False
        else:
            for each in self.turns():
                each.due = max(each.due, now.mono + min(self.device.poll, 1.0))
            if turn.failures >= FAILURES:  # only here: other reads in between were answered
                turn.due = now.mono + SECOND_LOOK
                samples += self._spoil(turn, Reading(None, Quality.NO_COMMUNICATION, reason), now)
        return self._delivery(samples)

    def cut_off(self, reason: str, now: Now) -> Delivery | None:
        """The whole bus is gone."""
        if self._online is False:
            return None
        samples = self._lose(reason, now)
        self._by_bus = True
        return self._delivery(samples)

    def set_aside(self, reason: str, now: Now) -> Delivery | None:
        """It is not asked for a while, whatever it may have to say."""
        self._malformed_until = now.mono + SECOND_LOOK
        return self._delivery([*self._tell([("protocol", _good("set_aside"))], now), *self._lose(reason, now)])

    def reachable(self, now: Now) -> None:
        """The bus is back: try at once, whatever the delay had grown to."""
        if self.standing is Standing.LOST:
            self._probe_delay = FIRST_PROBE
            self.turns()[0].due = now.mono

    def _introduce(self, start: float) -> Turn | None:
        probe = self.modbus.probe
        if probe is None:
            return None
        block = Block(probe.table, "normal", self.modbus.wire(probe.address), probe.point.registers, ())
        return Turn(self, block, SECOND_LOOK, self.device.poll, start, start)

    def _plan(self, start: float) -> list[Turn]:
        return [self._turn(block, start) for block in plan(self.profile)]

    def _turn(self, block: Block, due: float) -> Turn:
        period = self.device.poll * self.profile.registers[block.points[0]].every
        slack = self.device.poll / 4 if block.poll == "fast" else period
        spans = []
        for name in block.points:
            point = self.profile.registers[name]
            first = self.modbus.wire(point.address) - block.start
            spans.append((name, first, first + point.registers))
        return Turn(self, block, period, slack, self._grid, due, tuple(spans))

    def _split(self, turn: Turn, now: Now) -> None:
        if turn not in self._turns:
            return  # it was the try that found the unit again; the new plan asks anew
        at = self._turns.index(turn)
        self._turns[at : at + 1] = [self._turn(block, now.mono) for block in halves(self.profile, turn.block)]

    def _identify(self, raw: tuple[int, ...], now: Now) -> list[Sample]:
        probe = self.modbus.probe
        assert probe is not None, "only a probe introduces"
        reading = decode(probe.point, raw, self.modbus.word_order)
        said = reading.value
        if not probe.agrees(said):
            wanted = " or ".join(map(str, probe.expect))
            return self._mistrust(f"{reading.reason if said is None else said} instead of {wanted}", now)
        if self.standing is Standing.STRANGER:
            log.info("%s (unit %d) is what its profile says again", self.device.id, self.address)
        self._trust(now)
        return self._tell([("identity", _good("ok"))], now)

    def _mistrust(self, reason: str, now: Now) -> list[Sample]:
        assert self._introduction is not None, "only a probe shows a stranger"
        if self.standing is not Standing.STRANGER:
            log.warning("%s (unit %d) is not a %s: %s", self.device.id, self.address, self.profile.profile, reason)
        self.standing = Standing.STRANGER
        self._introduction.due = now.mono + SECOND_LOOK
        bad = Reading(None, Quality.CONFIGURATION, f"identity: {reason}")
        return self._tell([("identity", _good("mismatch")), *((name, bad) for name in self._ids)], now)

    def _trust(self, now: Now) -> None:
        self.standing = Standing.TRUSTED
        self._turns = self._plan(now.mono)

    def _alive(self, now: Now) -> list[Sample]:
        """It answered, whatever it said."""
        self._failures = 0
        if self._online:
            return self._tell([("protocol", _good("ok"))], now) if now.mono >= self._malformed_until else []
        if self._online is False and not self._by_bus:
            log.info("%s (unit %d) answers again", self.device.id, self.address)
        self._online = True
        self._probe_delay = FIRST_PROBE
        if self._introduction is not None:
            self.standing = Standing.NEW
            self._introduction.due = now.mono
        elif self.standing is Standing.LOST:
            self._trust(now)
        news = [("online", _good(True)), ("protocol", _good("ok"))]
        if self._introduction is None:
            news.append(("identity", _good("ok" if self.profile.proof is Proof.RECORDED else "unproven")))
        # A polled device keeps no time: its samples bear ours.
        news.append(("clock", _good("ok")))
        return self._tell(news, now)

    def _lose(self, reason: str, now: Now) -> list[Sample]:
        self.standing = Standing.LOST
        self._online = False
        self._failures = self._busy = 0
        self._probe_delay = FIRST_PROBE
        self._decoded.clear()
        for turn in self._turns:
            turn.raw = None
        self.turns()[0].due = now.mono + FIRST_PROBE
        bad = Reading(None, Quality.NO_COMMUNICATION, reason)
        return self._tell([("online", _good(False)), *((name, bad) for name in self._ids)], now)

    def _spoil(self, turn: Turn, bad: Reading, now: Now) -> list[Sample]:
        """All points of one block are bad."""
        turn.raw = None
        for name in turn.block.points:
            self._decoded[name] = bad
        return self._tell(self._judge(turn.block.points), now)

    def _decode(self, turn: Turn, raw: tuple[int, ...]) -> list[tuple[str, Reading]]:
        """The points whose own registers changed, and those they judge."""
        before, turn.raw = turn.raw, raw
        changed = []
        for name, first, behind in turn.spans:
            own = raw[first:behind]
            if before is None or before[first:behind] != own:
                point = self.profile.registers[name]
                self._decoded[name] = decode(point, own, self.modbus.word_order, self.device.scale.get(name))
                changed.append(name)
        return self._judge(changed)

    def _judge(self, names: Sequence[str]) -> list[tuple[str, Reading]]:
        """The readings of these points and of those they judge; none of a point whose status is not known yet."""
        affected = dict.fromkeys(names)
        for name in names:
            affected.update(dict.fromkeys(self._judged_by.get(name, ())))
        readings = []
        for name in affected:
            reading = self._decoded.get(name)
            status = self.profile.registers[name].status_point
            verdict = self._decoded.get(status) if status is not None else None
            if reading is None or (status is not None and verdict is None):
                continue
            readings.append((name, judged(reading, verdict) if verdict is not None else reading))
        return readings

    def _tell(self, news: Iterable[tuple[str, Reading]], now: Now) -> list[Sample]:
        """Only what differs from what was told before."""
        samples = []
        for name, reading in news:
            if self._told.get(name) != reading:
                self._told[name] = reading
                point = self._ids.get(name) or point_id(self.device.id, name)
                samples.append(Sample(point, reading.value, reading.quality, now.utc, now.mono, reason=reading.reason))
        return samples

    def _delivery(
        self, samples: Sequence[Sample], seen: Sequence[PointId] = (), seen_at: float = 0.0
    ) -> Delivery | None:
        return Delivery(samples=tuple(samples), seen=seen, seen_at=seen_at) if samples or seen else None


def _good(value: Value) -> Reading:
    return Reading(value, Quality.GOOD)
