"""One device that speaks our contract: what each of its messages changes (consumer rules of docs/mqtt.md)."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from drivers.mqtt.envelope import (
    EventMessage,
    HeartbeatMessage,
    MetaMessage,
    StateMessage,
    StatusMessage,
    excerpt,
    read,
)
from drivers.mqtt.flood import Bucket
from drivers.mqtt.mapping import DeviceMap, EventMeaning, Reading
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.sequence import EventTrack, Mention, Verdict
from drivers.mqtt.standing import Standing
from drivers.mqtt.topics import topic
from drivers.profile import Profile
from estate.errors import DecodeError
from estate.model import Cause, DeviceId, Event, Now, Quality, Sample

log = logging.getLogger(__name__)

FRESH_GAP = 600.0
"""s: events that fill a gap no older than this still raise their alarm, as late (rule 4)."""

CLOCK_WARN = 2.0
CLOCK_FAULT = 30.0
"""s a live event's time may be off ours (rule 8)."""

MISSED_HEARTBEATS = 3
GRACE = 5.0
MILLISECOND = timedelta(milliseconds=1)
CLOCK_WORDS = ("sync", "drift", "unset")


class Refused(NamedTuple):
    """A payload that was not understood: kept for the engineer."""

    at: datetime
    kind: str
    reason: str
    hex: str


class EstateDevice:
    """Turns payloads into samples and events. Each method takes one topic's payload; none raises for bad input."""

    def __init__(self, device: str, profile: Profile, site: str, track: EventTrack) -> None:
        assert profile.mqtt is not None
        self.id = DeviceId(device)
        self.profile = profile.profile
        self.class_ = profile.mqtt.topic_class
        self.via: str | None = None
        self.track = track
        self.refused: deque[Refused] = deque(maxlen=8)
        self.standing = Standing(device, profile.fields, _silence(profile.mqtt.heartbeat, profile.mqtt.max_silence))
        self._map = DeviceMap(device, profile)
        self._event_points = {change.name for meaning in self._map.events.values() for change in meaning.changes}
        self._max_silence = profile.mqtt.max_silence
        self._boot = track.boot
        self._said_offline = False
        self._bucket = Bucket()
        self._connected = 0.0
        self._topic = {
            kind: topic(site, self.class_, device, kind)
            for kind in ("event", "state", "hb", "status", "meta", "ack", "replay", "get")
        }

    def readers(self) -> Mapping[str, Callable[[bytes, bool, Now, Outcome], None]]:
        """Which of our methods reads which topic."""
        return {
            self._topic["event"]: self.event,
            self._topic["state"]: self.state,
            self._topic["hb"]: self.heartbeat,
            self._topic["status"]: self.status,
            self._topic["meta"]: self.meta,
        }

    def connected(self, now: Now, out: Outcome) -> None:
        """The session is up (again): ask for the state, because whatever happened meanwhile is in it."""
        self._connected = now.mono
        if not self.standing.knows("identity"):
            self.standing.tell("identity", "unproven", now, out)
        self._get(out)

    def event(self, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        try:
            said = read(EventMessage, payload)
            self._from_me(said.dev)
        except DecodeError as error:
            self._refuse("event", error, payload, now, out)
            return
        boot, seq = said.boot, said.seq
        time = said.time
        verdict = self.track.accept(
            boot, seq, hash((said.type, time, repr(said.data))), now.mono, said.hist or retained
        )
        if boot != self._boot:
            self._note_boot()
        if not retained and boot == self._boot and self.standing.heard(now, out):
            self._get(out)
        if not self._bucket.take(now.mono):
            self.standing.complain("flood", "more events than any door or zone can have", now, out)
        self._acknowledge(boot, seq, out)
        if verdict is Verdict.DUPLICATE:
            self.standing.counts["duplicate"] += 1
            return
        if verdict is Verdict.CONFLICT:
            self.standing.complain("conflict", f"two different events {boot}/{seq}", now, out)
            return
        if self.track.contiguous != self.track.highest:
            self._ask(now, out)
        self._take(said, time, verdict, said.hist or retained, now, out)

    def state(self, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        if not payload:  # the retained message was deleted
            return
        try:
            said = read(StateMessage, payload)
            self._from_me(said.dev)
        except DecodeError as error:
            self._refuse("state", error, payload, now, out)
            return
        if self._mention(said.boot, said.seq, now) is Mention.PAST:
            return
        if not retained:
            self.standing.heard(now, out)
        at = self._time_of(said.time, said.tq, not retained, now)
        overtaken = retained and said.seq < self.track.highest
        for field in self._map.fields:
            reading = field.read(said.data)
            if reading is None or self.standing.newer(field.name, said.seq) is not None:
                continue
            if overtaken:
                if self.standing.last(field.name) is None and reading.value is not None:
                    reason = "older than the journal"
                    out.samples.append(Sample(field.point, reading.value, Quality.STALE, at, now.mono, reason=reason))
                continue
            if not retained and field.name in self._event_points:
                self._compare(field.name, reading, said.seq)
            self.standing.put(field.name, field.point, reading, at, now, said.seq, None, out)

    def heartbeat(self, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        try:
            said = read(HeartbeatMessage, payload)
            self._from_me(said.dev)
        except DecodeError as error:
            self._refuse("hb", error, payload, now, out)
            return
        if retained or self._mention(said.boot, said.seq, now) is Mention.PAST:
            return
        back = self.standing.heard(now, out)
        if said.seq == self.track.highest:
            self.standing.confirm(now, out)
        if back:
            self._get(out)

    def status(self, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        if not payload:
            return
        try:
            said = read(StatusMessage, payload)
        except DecodeError as error:
            self._refuse("status", error, payload, now, out)
            return
        if said.state == "offline":
            # A will of a boot never heard of cannot concern the one that runs now.
            if self.track.boot in (None, said.boot):
                self._said_offline = True
                self.standing.gone(said.reason or "its adapter says so", now, out)
            else:
                self.standing.counts["late will"] += 1
            return
        if self._mention(said.boot, None, now) is Mention.PAST:
            return
        self.via = said.via or self.via
        if not retained:
            self.standing.heard(now, out)
        elif self.standing.online is None or self._said_offline:
            self.standing.announced(now, out)
        self._said_offline = False

    def meta(self, payload: bytes, _retained: bool, now: Now, out: Outcome) -> None:
        if not payload:
            return
        try:
            said = read(MetaMessage, payload)
        except DecodeError as error:
            self._refuse("meta", error, payload, now, out)
            return
        if said.heartbeat is not None:
            self.standing.silence = _silence(said.heartbeat, self._max_silence)
        if said.profile is not None:
            fits = said.profile == self.profile
            self.standing.tell(
                "identity",
                "ok" if fits else "mismatch",
                now,
                out,
                "" if fits else f"says it is {said.profile}, the site says {self.profile}",
            )

    def gateway_gone(self, reason: str, now: Now, out: Outcome) -> None:
        self.standing.gone(reason, now, out)

    def gateway_back(self, _now: Now, out: Outcome) -> None:
        """The adapter is there again; each device behind it must speak for itself."""
        self._get(out)

    def supervise(self, now: Now, connected: float, out: Outcome) -> None:
        """`connected`: since when (monotonic s) the session could have heard it."""
        self.standing.supervise(now, connected, out)
        self._ask(now, out)

    def _take(
        self, said: EventMessage, time: datetime | None, verdict: Verdict, hist: bool, now: Now, out: Outcome
    ) -> None:
        meaning = self._map.events.get(said.type)
        late = False
        historic = hist
        if verdict is Verdict.FILLED:
            late = now.mono - self.track.filled_since <= FRESH_GAP
            historic = not late
        elif verdict is not Verdict.NEW:
            if verdict is Verdict.PAST_BOOT and not hist:
                reason = f"boot {said.boot} speaks after boot {self.track.boot}: two publishers with one id?"
                self.standing.complain("conflict", reason, now, out)
            historic = True
        if historic and meaning is not None and meaning.even_historic:
            late = True
        if not historic and not late:
            self._judge_clock(time, said.tq, now, out)
        kind, data = said.type, said.data
        if said.model_extra:
            data = {**data, "_envelope": said.model_extra}
        if meaning is None:
            self.standing.complain("unknown", f"event type {kind}", now, out)
            kind, data = "unknown", {**data, "type": kind}
        out.events.append(
            Event(
                self.id, said.boot, said.seq, kind, time, now.utc, historic, data, _clock_word(said.tq), str(said.ref)
            )
        )
        if meaning is not None and (late or not historic):
            order = said.seq if said.boot == self._boot else -2
            at = self._time_of(time, said.tq, not late, now)
            self._apply(meaning, said, at, order, late, now, out)

    def _apply(
        self, meaning: EventMeaning, said: EventMessage, at: datetime, order: int, late: bool, now: Now, out: Outcome
    ) -> None:
        """Set the points. A late event shows what it did and then what has been heard since."""
        cause = Cause(self.id, said.boot, said.seq)
        standing = self.standing
        for name, point, reading, pulse in meaning.all_changes(said.data):
            if late:
                reading = _late(reading)
            newer = standing.newer(name, order)
            if newer is not None:
                out.samples.append(Sample(point, reading.value, reading.quality, at, now.mono, cause, reading.reason))
                out.samples.append(replace(newer, received=now.mono))
                continue
            standing.put(name, point, reading, at, now, order, cause, out)
            if pulse:
                standing.put(name, point, Reading(False), at + MILLISECOND, now, order, cause, out)

    def _compare(self, name: str, reading: Reading, seq: int) -> None:
        """Rule 7: the state is right about now, but an event is missing that should have said so."""
        before = self.standing.last(name)
        if before is None or before.cause is None or reading.value is None:
            return
        if before.value != reading.value and seq == self.track.highest:
            self.standing.counts["missed event"] += 1
            log.info("%s.%s: state says %s, events said %s", self.id, name, reading.value, before.value)

    def _judge_clock(self, time: datetime | None, tq: object, now: Now, out: Outcome) -> None:
        if time is None or tq == "unset":
            self.standing.tell("clock", "unset", now, out)
            return
        off = (now.utc - time).total_seconds()
        if abs(off) <= CLOCK_FAULT:
            if abs(off) > CLOCK_WARN:
                self.standing.counts["clock off by more than 2 s"] += 1
            self.standing.tell("clock", "drift" if tq == "drift" else "ok", now, out)
        elif off < now.mono - self._connected:
            # Older than the connection, it may have waited in the broker; then its age says nothing.
            self.standing.tell("clock", "drift", now, out, f"off by {-off:+.0f} s")

    def _time_of(self, time: datetime | None, tq: object, live: bool, now: Now) -> datetime:
        """The device's own time if it can be right, else ours. What is live cannot be older than the connection."""
        if time is None or tq != "sync":
            return now.utc
        off = (now.utc - time).total_seconds()
        if off < -CLOCK_FAULT or (live and CLOCK_FAULT < off < now.mono - self._connected):
            return now.utc
        return time

    def _mention(self, boot: str, seq: int | None, now: Now) -> Mention:
        mention = self.track.mention(boot, seq, now.mono)
        if mention is Mention.PAST:
            self.standing.counts["past boot"] += 1
        elif boot != self._boot:
            self._note_boot()
        return mention

    def _note_boot(self) -> None:
        boot = self.track.boot
        if boot == self._boot:
            return
        if self._boot is not None:
            self.standing.counts["restart"] += 1
            log.info("%s restarted: boot %s after %s", self.id, boot, self._boot)
        self._boot = boot
        self.standing.restarted()

    def _acknowledge(self, boot: str, seq: int, out: Outcome) -> None:
        """Only what was received: a device may hold events from before our first contact."""
        start = seq
        if boot == self._boot and seq >= self.track.received_from:
            start, seq = self.track.received_from, self.track.contiguous
        if seq >= start:
            out.acks[self._topic["ack"], boot, start] = seq

    def _ask(self, now: Now, out: Outcome) -> None:
        for gap in self.track.due(now.mono):
            if gap.given_up:
                self.standing.complain("gap", f"events {gap.first} to {gap.last} of boot {gap.boot} are lost", now, out)
                continue
            text = f'{{"v":1,"boot":"{gap.boot}","from_seq":{gap.first},"to_seq":{gap.last}}}'
            out.requests.append((self._topic["replay"], text.encode()))
            self._get(out)

    def _get(self, out: Outcome) -> None:
        out.requests.append((self._topic["get"], b'{"v":1}'))

    def _from_me(self, dev: str) -> None:
        if dev != self.id:
            raise DecodeError(f"it says it is {dev[:48]!r}")

    def _refuse(self, kind: str, error: DecodeError, payload: bytes, now: Now, out: Outcome) -> None:
        reason = f"{kind}: {error}"
        self.refused.append(Refused(now.utc, kind, str(error), excerpt(payload)))
        self.standing.complain("malformed", reason, now, out)


def _late(reading: Reading) -> Reading:
    return reading if reading.reason else reading._replace(reason="late")


def _silence(heartbeat: float, max_silence: float | None) -> float | None:
    return MISSED_HEARTBEATS * heartbeat + GRACE if heartbeat > 0 else max_silence


def _clock_word(word: object) -> str:
    return str(word) if word in CLOCK_WORDS else "unset"
