"""What the consoles report back: rows painted, tones started; how long each took, and the record of it."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import quantiles

from daemon.records import Receipt, Record
from daemon.web.said import Perceived
from estate.model import Clock
from rules.alarm import AlarmId, Transition

KEPT = 1000  # figures per kind; the oldest goes
REMEMBERED = 4000  # (console, kind, alarm, occurrence) already reported


class Receipts:
    """A report counts when it arrives here: by the daemon's clock, so it is never better than the truth.

    Latency counts from the receipt of what raised the alarm to the report, milliseconds. A second report
    of the same occurrence (a page loaded anew) is nothing new and not recorded.
    """

    def __init__(
        self,
        standing: Mapping[AlarmId, Transition],
        commit: Callable[[Sequence[Record]], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._standing = standing
        self._commit = commit
        self._clock = clock
        self._reported: dict[tuple[str, str, str, int], None] = {}
        self._figures: dict[str, deque[float]] = {"shown": deque(maxlen=KEPT), "sounded": deque(maxlen=KEPT)}

    async def perceive(self, console: str, report: Perceived) -> None:
        now = self._clock.now().utc
        receipts = []
        for alarm, occurrence in report.alarms:
            key = (console, report.kind, alarm, occurrence)
            transition = self._standing.get(AlarmId(alarm))
            if key in self._reported or transition is None or transition.occurrence != occurrence:
                continue
            self._reported[key] = None
            if len(self._reported) > REMEMBERED:
                del self._reported[next(iter(self._reported))]
            latency = None
            if transition.before.value == "normal" or not transition.before.needs_acknowledge:
                began = transition.received or transition.decided
                latency = round((now - began).total_seconds() * 1000, 1)
                self._figures[report.kind].append(latency)
            receipts.append(Receipt(console, report.kind, transition.alarm, occurrence, now, latency))
        if receipts:
            await self._commit(receipts)

    def figures(self) -> dict[str, dict[str, float]]:
        """Per kind: count, and p50, p99 and the longest in ms; no figures before the second report."""
        result: dict[str, dict[str, float]] = {}
        for kind, taken in self._figures.items():
            result[kind] = {"count": len(taken)}
            if len(taken) > 1:
                cuts = quantiles(taken, n=100, method="inclusive")
                result[kind] |= {"p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1), "max_ms": max(taken)}
        return result
