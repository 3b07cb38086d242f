"""When something happened: by the device's own clock if that can be right, else by ours."""

from datetime import datetime

from drivers.mqtt.outcome import Outcome
from drivers.mqtt.standing import Standing
from estate.model import Now

CLOCK_WARN = 2.0
CLOCK_FAULT = 30.0
"""s a live event's time may be off ours (rule 8)."""


class Dating:
    """Of one device. `connected` is since when (monotonic s) we could have heard it."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.connected = 0.0

    def judge(self, time: datetime | None, tq: object, now: Now, out: Outcome) -> None:
        """Tells what a live event shows of the device's clock."""
        if time is None or tq == "unset":
            self._standing.tell("clock", "unset", now, out)
            return
        off = (now.utc - time).total_seconds()
        if abs(off) <= CLOCK_FAULT:
            if abs(off) > CLOCK_WARN:
                self._standing.counts["clock off by more than 2 s"] += 1
            self._standing.tell("clock", "drift" if tq == "drift" else "ok", now, out)
        elif off < now.mono - self.connected:
            # Older than the connection, it may have waited in the broker; then its age says nothing.
            self._standing.tell("clock", "drift", now, out, f"off by {-off:+.0f} s")

    def of(self, time: datetime | None, tq: object, live: bool, now: Now) -> datetime:
        """The device's own time if it can be right, else ours. What is live cannot be older than the connection."""
        if time is None or tq != "sync":
            return now.utc
        off = (now.utc - time).total_seconds()
        if off < -CLOCK_FAULT or (live and CLOCK_FAULT < off < now.mono - self.connected):
            return now.utc
        return time
