"""What a watch must know after a restart beside its alarm's last transition: its timer and its functions over time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from estate.model import Now
from rules.timed import BRIDGED
from rules.watch import Watch

ALIVE = "#alive"
"""The key under which stands when the daemon was last alive: what began before may have gone on meanwhile."""


def alive(now: Now) -> dict[str, Any]:
    return {"at": now.utc.timestamp()}


def remembered(watch: Watch, now: Now) -> dict[str, Any] | None:
    """JSON for the journal; times in UTC, since the monotonic clock starts anew with the machine. None: nothing."""
    found: dict[str, Any] = {}
    if watch.timed is not None:
        found |= watch.timed.memory(now) or {}
        watch.timed.saved(now.mono)
    if watch.due is not None:
        due = now.utc + timedelta(seconds=watch.due - now.mono)
        found |= {"toward": not watch.present, "due": due.isoformat()}
    return found or None


def resume(watch: Watch, memory: Mapping[str, Any], lost_at: float, now: Now) -> None:
    """Go on where `remembered` was asked, once the first good values are there. `lost_at` is UTC in s.

    A timer goes on if they agree with it, as if nothing had been between. After more than BRIDGED s it
    begins anew, because nobody saw what happened; so it does when the first word of a point is a bad one.
    """
    if "functions" in memory and watch.timed is not None:
        watch.timed.restore({**memory, "at": max(lost_at, memory["at"])}, now)
    if "due" in memory and now.utc.timestamp() - lost_at <= BRIDGED:
        due = datetime.fromisoformat(memory["due"])
        watch.resume = (memory["toward"], now.mono + (due - now.utc).total_seconds())
