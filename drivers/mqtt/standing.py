"""Where one device stands in our eyes: its last values, whether it is there, and what is wrong with its protocol."""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from drivers.mqtt.mapping import Reading
from drivers.mqtt.outcome import Outcome
from estate.model import Cause, Now, PointId, Quality, Sample, Value, point_id

log = logging.getLogger(__name__)

QUIET = 60.0
"""s without another complaint after which a protocol fault is over."""

Complaint = Literal["malformed", "gap", "conflict", "unknown", "flood"]


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
        self._last: dict[str, tuple[Sample, int]] = {}
        self._internal: dict[str, Value] = {}
        self._heard = float("-inf")
        self._complained = float("-inf")

    def put(self, name: str, point: PointId, reading: Reading, at: datetime, now: Now, seq: int,
            cause: Cause | None, out: Outcome) -> None:  # fmt: skip
        """A point has this value since event `seq`."""
        sample = Sample(point, reading.value, reading.quality, at, now.mono, cause, reading.reason)
        self._last[name] = (sample, seq)
        out.samples.append(sample)

    def restarted(self) -> None:
        """A new boot counts its events anew: whatever it says is newer than all we have."""
        self._last = {name: (sample, -1) for name, (sample, _) in self._last.items()}

    def newer(self, name: str, seq: int) -> Sample | None:
        """What a later event or state said about the point, if one did."""
        last = self._last.get(name)
        return last[0] if last is not None and last[1] > seq else None

    def last(self, name: str) -> Sample | None:
        last = self._last.get(name)
        return last[0] if last is not None else None

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
            return
        self.online = False
        log.info("%s is offline: %s", self.device, reason)
        self.tell("online", False, now, out, reason)
        for name, point in self._points.items():
            last = self._last.get(name)
            if last is None:
                out.samples.append(Sample(point, None, Quality.NO_COMMUNICATION, now.utc, now.mono, reason=reason))
                continue
            was, seq = last
            if was.value is None:
                continue
            stale = Sample(point, was.value, Quality.STALE, was.at, was.received, was.cause, reason)
            self._last[name] = (stale, seq)
            out.samples.append(stale)

    def confirm(self, now: Now, out: Outcome) -> None:
        """A heartbeat without news: what was known still holds, so it counts as measured now."""
        for name, (was, seq) in self._last.items():
            quality = Quality.GOOD if was.quality is Quality.STALE else was.quality
            reason = "" if quality is Quality.GOOD else was.reason
            sample = Sample(was.point, was.value, quality, now.utc, now.mono, was.cause, reason)
            self._last[name] = (sample, seq)
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
        """Something is wrong with what it says. Counted each time, logged and told when it begins or changes."""
        self.counts[what] += 1
        self._complained = now.mono
        if self._internal.get("protocol") != what:
            log.warning("%s: %s: %s", self.device, what, reason)
        self.tell("protocol", what, now, out, reason)

    def supervise(self, now: Now, connected: float, out: Outcome) -> None:
        """Look at the clock: silent for too long (counted from `connected`), or quiet again after a complaint."""
        if self.silence is not None and self.online is not False:
            heard = max(self._heard, connected)
            if now.mono - heard > self.silence:
                self.gone(f"silent for {self.silence:g} s", now, out)
        if now.mono - self._complained > QUIET and self._internal.get("protocol", "") != "ok":
            self.tell("protocol", "ok", now, out)
