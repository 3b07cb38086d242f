"""Where one device stands in our eyes: its last values, whether it is there, and what is wrong with its protocol."""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from drivers.mqtt.mapping import Reading
from drivers.mqtt.outcome import Outcome
from estate.model import Cause, Now, PointId, Quality, Sample, Value, point_id
from estate.printable import printable

log = logging.getLogger(__name__)

QUIET = 60.0
"""s without another complaint after which a protocol fault is over."""

Complaint = Literal["malformed", "gap", "conflict", "unknown", "flood", "set_aside"]


class _Said(NamedTuple):
    """The last of a point: under which number it was said, and when that was heard (monotonic s)."""

    sample: Sample
    seq: int
    heard: float


class Standing:
    """Remembers what was last said about a device, so that silence can turn it stale and a heartbeat good again.

    `silence` is how many seconds without a live message make it offline (None: for ever patient).
    """

    def __init__(self, device: str, points: Iterable[str], silence: float | None) -> None:
        self.device = device
        self.silence = silence
        self.online: bool | None = None
        self.counts: Counter[str] = Counter()
        self._points = {name: point_id(device, name) for name in points}
        self._last: dict[str, _Said] = {}
        self._held: dict[str, tuple[Complaint, str]] = {}
        self._internal: dict[str, Value] = {}
        self._heard = float("-inf")
        self._complained = float("-inf")
        self._logged: dict[Complaint, float] = {}

    def put(self, name: str, point: PointId, reading: Reading, at: datetime, now: Now, seq: int,
            cause: Cause | None, out: Outcome) -> None:  # fmt: skip
        """A point has this value since event `seq`."""
        sample = Sample(point, reading.value, reading.quality, at, now.mono, cause, reading.reason)
        self._last[name] = _Said(sample, seq, now.mono)
        out.samples.append(sample)

    def restarted(self) -> None:
        """A new boot counts its events anew: whatever it says is newer than all we have."""
        self._last = {name: last._replace(seq=-1) for name, last in self._last.items()}

    def newer(self, name: str, seq: int, since: float = float("-inf")) -> Sample | None:
        """What a later event or state, heard after `since` (monotonic s), said about the point, if one did."""
        last = self._last.get(name)
        return last.sample if last is not None and last.seq > seq and last.heard > since else None

    def last(self, name: str) -> Sample | None:
        last = self._last.get(name)
        return last.sample if last is not None else None

    def heard(self, now: Now, out: Outcome) -> bool:
        """A live message came; True when that brings the device back."""
        self._heard = now.mono
        if self.online is True:
            return False
        back = self.online is False
        self.online = True
        self.tell("online", True, now, out)
        if back:
            log.info("%s is back", self.device)
        return back

    def announced(self, now: Now, out: Outcome) -> None:
        """A retained message says it is there: patience starts now, but it is no sign of life."""
        if self.online is None:
            self.online = True
            self._heard = now.mono
            self.tell("online", True, now, out)

    def gone(self, reason: str, now: Now, out: Outcome) -> None:
        """Offline: values stay, as stale; points never heard of are without communication."""
        if self.online is False:
            self.grow_stale(printable(reason), out)
            return
        self.online = False
        reason = printable(reason)
        log.info("%s is offline: %s", self.device, reason)
        self.tell("online", False, now, out, reason)
        for name, point in self._points.items():
            last = self._last.get(name)
            if last is None:
                out.samples.append(Sample(point, None, Quality.NO_COMMUNICATION, now.utc, now.mono, reason=reason))
                continue
        self.grow_stale(reason, out)

    def grow_stale(self, reason: str, out: Outcome) -> None:
        """Values stay, as stale, until the device says something of them or a heartbeat confirms them."""
        for name, last in self._last.items():
            was = last.sample
            if was.value is None or was.quality is Quality.STALE:
                continue
            stale = Sample(was.point, was.value, Quality.STALE, was.at, was.received, was.cause, reason)
            self._last[name] = last._replace(sample=stale)
            out.samples.append(stale)

    def aged(self, reading: Reading) -> Reading:
        """What the broker kept of a device that is offline is from before."""
        if self.online is not False or reading.value is None:
            return reading
        return Reading(reading.value, Quality.STALE, "said before it went offline")

    def confirm(self, now: Now, out: Outcome) -> None:
        """A heartbeat without news: what was known still holds, so it counts as measured now."""
        for name, last in self._last.items():
            was = last.sample
            quality = Quality.GOOD if was.quality is Quality.STALE else was.quality
            reason = "" if quality is Quality.GOOD else was.reason
            sample = Sample(was.point, was.value, quality, now.utc, now.mono, was.cause, reason)
            self._last[name] = last._replace(sample=sample)
            out.samples.append(sample)
        for name, value in self._internal.items():
            out.samples.append(Sample(point_id(self.device, name), value, Quality.GOOD, now.utc, now.mono))

    def knows(self, name: str) -> bool:
        return name in self._internal

    def tell(self, name: str, value: Value, now: Now, out: Outcome, reason: str = "") -> None:
        """An internal point (`online`, `identity`, `protocol`, `clock`) has this value; said when it changes."""
        if self._internal.get(name) == value:
            return
        self._internal[name] = value
        out.samples.append(Sample(point_id(self.device, name), value, Quality.GOOD, now.utc, now.mono, reason=reason))

    def complain(self, what: Complaint, reason: str, now: Now, out: Outcome) -> None:
        """Something is wrong with what it says. Counted each time, told when it changes, logged once a minute."""
        self.counts[what] += 1
        self._complained = now.mono
        if self._internal.get("protocol") != what:
            reason = printable(reason)
            if now.mono - self._logged.get(what, float("-inf")) >= QUIET:
                self._logged[what] = now.mono
                log.warning("%s: %s: %s", self.device, what, reason)
        self.tell("protocol", what, now, out, reason)

    def hold(self, key: str, what: Complaint, reason: str, now: Now, out: Outcome) -> None:
        """A complaint that stands until it is released under its key, however long nothing more is said of it."""
        if self._held.get(key) != (what, reason):
            self._held[key] = what, reason
            self.complain(what, reason, now, out)

    def release(self, key: str) -> None:
        self._held.pop(key, None)

    def supervise(self, now: Now, connected: float, out: Outcome) -> None:
        """Look at the clock: silent for too long (counted from `connected`), or quiet again after a complaint."""
        if self.silence is not None and self.online is not False:
            heard = max(self._heard, connected)
            if now.mono - heard > self.silence:
                self.gone(f"silent for {self.silence:g} s", now, out)
        if now.mono - self._complained > QUIET and (self._held or self._internal.get("protocol", "") != "ok"):
            what, reason = next(iter(self._held.values()), ("ok", ""))
            self.tell("protocol", what, now, out, reason)
