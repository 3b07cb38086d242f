"""One device that speaks our contract: what each of its messages changes (consumer rules of docs/mqtt.md)."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from drivers.mqtt.dating import CLOCK_FAULT, Dating
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
from drivers.mqtt.lives import spoken
from drivers.mqtt.mapping import DeviceMap, EventMeaning, Reading
from drivers.mqtt.numbers import GIVE_UP, Verdict
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.sequence import EventTrack, Mention
from drivers.mqtt.standing import Standing
from drivers.mqtt.topics import topic
from drivers.profile import Profile
from estate.errors import DecodeError
from estate.model import Cause, DeviceId, Event, Now, Quality, Sample
from estate.printable import printable

log = logging.getLogger(__name__)

FRESH_GAP = 600.0
"""s: events that fill a gap no older than this still raise their alarm, as late (rule 4)."""

SETTLED = 10.0
"""s after which a live state is newer than whatever was said before, whatever its number."""

MOST_AHEAD = timedelta(seconds=CLOCK_FAULT)
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
        self._dating = Dating(self.standing)
        self._section = profile.mqtt
        self._map = DeviceMap(device, profile)
        self._event_points = profile.changed_by_events
        self._boot = track.boot
        self._said_offline = False
        self._bucket = Bucket()
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
        self._dating.connected = now.mono
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
        time, seq = said.time, said.seq
        dated = time if said.tq == "sync" and time is not None and time <= now.utc + MOST_AHEAD else None
        boot = self.track.life(said.boot, dated)
        historic = said.hist or retained
        words = repr(said.data)
        content = hash((said.type, time, words))
        try:
            verdict = self.track.accept(boot, seq, content, now.mono, historic, dated, hash((said.type, words)))
        except BaseException:  # half counted, it would be a duplicate when it comes again
            out.taken.append((self.track, boot, seq))
            raise
        if verdict is not Verdict.DUPLICATE and verdict is not Verdict.CONFLICT:
            if verdict is Verdict.RECURRED:
                boot = self.track.life(said.boot, dated)
                reason = f"boot {said.boot} counts anew: {seq} is used again for another event"
                self.standing.complain("conflict", reason, now, out)
            out.taken.append((self.track, boot, seq))
        if boot != self._boot:
            self._note_boot(now, out)
        self._check_numbers(now, out)
        in_question = said.hist and self.track.is_in_question(now.mono)
        if not retained and boot == self._boot and not in_question and self.standing.heard(now, out):
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
        self._take(said, boot, time, verdict, historic, now, out)

    def state(self, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        if not payload:  # the retained message was deleted
            return
        try:
            said = read(StateMessage, payload)
            self._from_me(said.dev)
        except DecodeError as error:
            self._refuse("state", error, payload, now, out)
            return
        if self._mention(said.boot, said.seq, not retained, now, out) in (Mention.PAST, Mention.ANNOUNCED):
            return
        if not retained:
            self.standing.heard(now, out)
        at = self._dating.of(said.time, said.tq, not retained, now)
        overtaken = retained and said.seq < self.track.highest
        seq = self.track.order(said.seq)
        since = float("-inf") if retained else now.mono - SETTLED
        for field in self._map.fields:
            reading = field.read(said.data)
            if reading is None or self.standing.newer(field.name, seq, since) is not None:
                continue
            if overtaken:
                if self.standing.last(field.name) is None and reading.value is not None:
                    reason = "older than the journal"
                    out.samples.append(Sample(field.point, reading.value, Quality.STALE, at, now.mono, reason=reason))
                continue
            if retained:
                reading = self.standing.aged(reading)
            elif field.name in self._event_points:
                self._compare(field.name, reading, seq)
            self.standing.put(field.name, field.point, reading, at, now, seq, None, out)

    def heartbeat(self, payload: bytes, retained: bool, now: Now, out: Outcome) -> None:
        try:
            said = read(HeartbeatMessage, payload)
            self._from_me(said.dev)
        except DecodeError as error:
            self._refuse("hb", error, payload, now, out)
            return
        if retained or self._mention(said.boot, said.seq, True, now, out) is Mention.PAST:
            return
        back = self.standing.heard(now, out)
        if said.seq <= self.track.highest:
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
            boot = self.track.life(said.boot)
            if self.track.boot in (None, boot) or self.track.announced == boot:
                self._said_offline = True
                self.standing.gone(said.reason or "its adapter says so", now, out)
            else:
                self.standing.counts["late will"] += 1
            return
        if self._mention(said.boot, None, not retained, now, out) is Mention.PAST:
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
        self._set_heartbeat(said.heartbeat, now, out)
        if said.profile is not None:
            fits = said.profile == self.profile
            reason = "" if fits else f"says it is {printable(said.profile, 64)}, the site says {self.profile}"
            self.standing.tell("identity", "ok" if fits else "mismatch", now, out, reason)

    def gateway_gone(self, reason: str, now: Now, out: Outcome) -> None:
        self.standing.gone(reason, now, out)

    def gateway_back(self, _now: Now, out: Outcome) -> None:
        """The adapter is there again; each device behind it must speak for itself."""
        self._get(out)

    def unheard(self, reason: str, out: Outcome) -> None:
        """Nobody can hear it: what it said last is stale, though it may well be there."""
        self.standing.grow_stale(reason, out)

    def supervise(self, now: Now, connected: float, out: Outcome) -> None:
        """`connected`: since when (monotonic s) the session could have heard it."""
        self.standing.supervise(now, connected, out)
        self._ask(now, out)

    def _set_heartbeat(self, heartbeat: float | None, now: Now, out: Outcome) -> None:
        """A device may ask to be watched more closely than its profile says, never less than that allows."""
        silence = _silence(self._section.heartbeat, self._section.max_silence)
        if heartbeat is not None:
            asked = MISSED_HEARTBEATS * heartbeat + GRACE
            longest = self._section.longest_heartbeat
            most = silence if longest is None else MISSED_HEARTBEATS * longest + GRACE
            if most is not None and asked > most:
                reason = f"meta says a heartbeat every {heartbeat:g} s, which {self.profile} does not allow"
                self.standing.hold("heartbeat", "malformed", reason, now, out)
                return
            silence = asked
        self.standing.silence = silence
        self.standing.release("heartbeat")

    def _take(
        self, said: EventMessage, boot: str, time: datetime | None, verdict: Verdict, hist: bool, now: Now, out: Outcome
    ) -> None:
        meaning = self._map.events.get(said.type)
        late, historic = self._timeliness(verdict, hist, now)
        if verdict is Verdict.PAST_BOOT and not hist:
            reason = f"boot {said.boot} speaks after boot {self.track.boot}: two publishers with one id?"
            self.standing.complain("conflict", reason, now, out)
        if historic and meaning is not None and meaning.even_historic:
            late = True
        if not historic and not late:
            self._dating.judge(time, said.tq, now, out)
        kind, data = said.type, said.data
        if said.model_extra:
            data = {**data, "_envelope": said.model_extra}
        if meaning is None:
            self.standing.complain("unknown", f"event type {kind}", now, out)
            kind, data = "unknown", {**data, "type": kind}
        out.events.append(
            Event(
                self.id, boot, said.seq, kind, time, now.utc, historic, data, _clock_word(said.tq),
                printable(str(said.ref)),
            )
        )  # fmt: skip
        if meaning is not None and (late or not historic):
            order = self.track.order(said.seq) if boot == self._boot else -2
            # A live event is not older than what was heard a minute ago; to another boot's it has no order at all.
            since = float("-inf") if hist else now.mono - (GIVE_UP if boot == self._boot else 0.0)
            at = self._dating.of(time, said.tq, not late, now)
            self._apply(meaning, said, Cause(self.id, boot, said.seq), at, order, since, late, now, out)

    def _timeliness(self, verdict: Verdict, hist: bool, now: Now) -> tuple[bool, bool]:
        """Whether an event is late, and whether it is history. What is said live is never history by its number."""
        match verdict:
            case Verdict.NEW | Verdict.ASTRAY:
                return False, hist
            case Verdict.FILLED:
                age = now.mono - self.track.filled_since
                late = age <= (FRESH_GAP if hist else GIVE_UP)
                return late, hist and not late
            case _:
                return False, hist

    def _apply(
        self, meaning: EventMeaning, said: EventMessage, cause: Cause, at: datetime, order: int, since: float,
        late: bool, now: Now, out: Outcome,
    ) -> None:  # fmt: skip
        """Set the points. A late event shows what it did and then what has been heard of later ones after `since`."""
        standing = self.standing
        for name, point, reading, pulse in meaning.all_changes(said.data):
            if late:
                reading = _late(reading)
            newer = standing.newer(name, order, since)
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

    def _mention(self, boot: str, seq: int | None, live: bool, now: Now, out: Outcome) -> Mention:
        boot = self.track.life(boot)
        mention = self.track.mention(boot, seq, now.mono, live)
        if mention is Mention.PAST:
            self.standing.counts["past boot"] += 1
        elif boot != self._boot:
            self._note_boot(now, out)
        self._check_numbers(now, out)
        return mention

    def _check_numbers(self, now: Now, out: Outcome) -> None:
        """A number that cannot be right is a fault until a plausible one comes."""
        astray = self.track.astray
        if astray is None:
            self.standing.release("numbers")
        else:
            reason = f"number {astray} after {self.track.highest} of boot {self.track.boot} cannot be right"
            self.standing.hold("numbers", "gap", reason, now, out)

    def _note_boot(self, now: Now, out: Outcome) -> None:
        boot = self.track.boot
        if boot == self._boot:
            return
        if self.track.returned:
            self.standing.complain("conflict", f"boot {boot} goes on, and boot {self._boot} is silent", now, out)
        if self._boot is not None:
            self.standing.counts["restart"] += 1
            log.info("%s restarted: boot %s after %s", self.id, boot, self._boot)
        self._boot = boot
        self.standing.restarted()

    def _acknowledge(self, boot: str, seq: int, out: Outcome) -> None:
        first, last = self.track.held_with(seq) if boot == self._boot else (seq, seq)
        if first <= last:
            out.acks[self._topic["ack"], spoken(boot), first] = last

    def _ask(self, now: Now, out: Outcome) -> None:
        for gap in self.track.due(now.mono):
            if gap.given_up:
                self.standing.complain("gap", f"events {gap.first} to {gap.last} of boot {gap.boot} are lost", now, out)
                continue
            text = f'{{"v":1,"boot":"{spoken(gap.boot)}","from_seq":{gap.first},"to_seq":{gap.last}}}'
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
