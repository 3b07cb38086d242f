"""Counts what one position saw, shift by shift, while the journal goes by."""

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from daemon.kpi.annunciation import Move
from daemon.kpi.figures import Figures, Often, TimeToAcknowledge, nearest_rank
from daemon.kpi.shift import Rota
from daemon.kpi.window import TEN_MINUTES, FixedWindows, SlidingWindow
from rules.alarm import Trigger

MINUTE = 60_000_000  # µs
DAY = 86_400_000_000  # µs
CHATTERING = 3  # returns within a minute
TOP = 10


@dataclass(slots=True)
class _Count:
    """Of one shift's name. `waits` are µs to the acknowledgement, by priority."""

    sources: Counter[str] = field(default_factory=Counter)
    chattering: Counter[str] = field(default_factory=Counter)
    priorities: Counter[int] = field(default_factory=Counter)
    waits: dict[int, "array[int]"] = field(default_factory=dict)
    peak: int = 0
    windows_over: int = 0
    floods: int = 0
    flooded: int = 0
    fleeting: int = 0
    unanswered: int = 0


@dataclass(slots=True)
class _Occurrence:
    """An alarm that was annunciated: since when its condition is there and operators know, and since when it waits to
    be acknowledged. `priority` is what it had then."""

    raised: int
    announced: int
    present: bool
    waits_since: int | None
    priority: int


class Tally:
    """One position from the first shift to the last; moves come in order of time, `finish` after the last.

    Memory: a few numbers per alarm that ever came, one number per acknowledgement, ten minutes of annunciations.
    """

    def __init__(self, rota: Rota) -> None:
        self._rota = rota
        self._counts: dict[str, _Count] = {name: _Count() for name, _, _ in rota.shifts}
        self._sliding = SlidingWindow(self._peak, self._flood)
        self._fixed = FixedWindows(self._over)
        self._stale: Counter[frozenset[str]] = Counter()  # by the shifts into which they reached
        self._standing: dict[str, _Occurrence] = {}
        self._returns: dict[str, deque[int]] = {}
        self._start = rota.shifts[0][1]
        self._at = 0

    def standing_before(self, move: Move) -> None:
        """An alarm's last move before the period."""
        if move.after.condition_present and not move.hidden:
            self._standing[move.alarm] = _Occurrence(move.raised, move.raised, True, None, move.priority)

    def take(self, move: Move) -> None:
        self._at = at = max(self._at, move.at)  # a clock that was set back must not undo what was counted
        if move.annunciates:
            self._annunciated(move, at)
            return
        one = self._standing.get(move.alarm)
        if one is None:
            return
        if one.present and move.clears:
            self._cleared(move.alarm, one, at)
        if move.trigger is Trigger.ACKNOWLEDGE and one.waits_since is not None:
            name = self._name(one.waits_since)
            self._counts[name].waits.setdefault(one.priority, array("q")).append(at - one.waits_since)
            one.waits_since = None
        if move.hidden or move.trigger is Trigger.WITHDRAW:
            one.waits_since = None  # taken out of the list: nobody is asked for an answer any more
        if not one.present and one.waits_since is None:
            del self._standing[move.alarm]

    def finish(self, end: int) -> None:
        self._sliding.finish(end)
        for one in self._standing.values():
            if one.present:
                self._over_a_day(one, end)
            if one.waits_since is not None:
                self._counts[self._name(one.waits_since)].unanswered += 1

    def figures(self, names: Iterable[str], person_hours: float, texts: Mapping[str, tuple[str, str]]) -> Figures:
        """Of the shifts with these names together."""
        wanted = set(names)
        counts = [count for name, count in self._counts.items() if name in wanted]
        shifts = [(start, end) for name, start, end in self._rota.shifts if name in wanted]
        span = sum(end - start for start, end in shifts)
        sources = sum((one.sources for one in counts), Counter[str]())
        chattering = sum((one.chattering for one in counts), Counter[str]())
        total = sources.total()
        waits: dict[int, list[float]] = {}
        for one in counts:
            for priority, some in one.waits.items():
                waits.setdefault(priority, []).extend(wait / 1e6 for wait in some)
        return Figures(
            seconds=span / 1e6,
            annunciations=total,
            average=total * TEN_MINUTES / span if span else 0.0,
            per_person_hour=total / person_hours if person_hours else 0.0,
            peak=max((one.peak for one in counts), default=0),
            windows=sum(-((start - end) // TEN_MINUTES) for start, end in shifts),
            windows_over=sum(one.windows_over for one in counts),
            floods=sum(one.floods for one in counts),
            flood_seconds=sum(one.flooded for one in counts) / 1e6,
            chattering=_most(chattering, len(chattering), texts),
            chatter_episodes=chattering.total(),
            fleeting=sum(one.fleeting for one in counts),
            stale=sum(count for reached, count in self._stale.items() if reached & wanted),
            priorities=dict(sorted(sum((one.priorities for one in counts), Counter[int]()).items())),
            top=_most(sources, TOP, texts),
            acknowledge={priority: _times(sorted(waits[priority])) for priority in sorted(waits)},
            unanswered=sum(one.unanswered for one in counts),
        )

    def _annunciated(self, move: Move, at: int) -> None:
        shift = self._rota.at(at)
        name, start, _ = self._rota.shifts[shift]
        count = self._counts[name]
        count.sources[move.alarm] += 1
        count.priorities[move.priority] += 1
        self._sliding.add(at)
        self._fixed.add(shift, at - start)
        if move.chatters and move.trigger is Trigger.RAISE:
            count.chattering[move.alarm] += 1
        one = self._standing.get(move.alarm)
        if one is None or not one.present:
            waiting = one if one is not None and one.waits_since is not None else None
            raised = at if move.trigger is Trigger.RAISE else move.raised
            one = self._standing[move.alarm] = _Occurrence(
                raised, at, True, waiting.waits_since if waiting else None, waiting.priority if waiting else 0
            )
        if one.waits_since is None:
            one.waits_since, one.priority = at, move.priority

    def _cleared(self, alarm: str, one: _Occurrence, at: int) -> None:
        one.present = False
        if at - one.announced < MINUTE and one.announced >= self._start:
            self._counts[self._name(one.announced)].fleeting += 1
        self._over_a_day(one, at)
        returns = self._returns.setdefault(alarm, deque(maxlen=CHATTERING))
        chattered = len(returns) == CHATTERING and returns[-1] - returns[0] < MINUTE
        returns.append(at)
        if len(returns) == CHATTERING and at - returns[0] < MINUTE and not chattered:
            self._counts[self._name(at)].chattering[alarm] += 1

    def _over_a_day(self, one: _Occurrence, end: int) -> None:
        self._stale[frozenset(name for name, _ in self._rota.overlaps(one.raised + DAY, end))] += 1

    def _name(self, at: int) -> str:
        return self._rota.shifts[self._rota.at(at)][0]

    def _peak(self, at: int, count: int) -> None:
        one = self._counts[self._name(at)]
        one.peak = max(one.peak, count)

    def _flood(self, start: int, end: int) -> None:
        self._counts[self._name(start)].floods += 1
        for name, common in self._rota.overlaps(start, end):
            self._counts[name].flooded += common

    def _over(self, shift: int) -> None:
        self._counts[self._rota.shifts[shift][0]].windows_over += 1


def _most(counted: Counter[str], most: int, texts: Mapping[str, tuple[str, str]]) -> tuple[Often, ...]:
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:most]
    return tuple(Often(alarm, count, *texts.get(alarm, ("", ""))) for alarm, count in ordered)


def _times(ordered: list[float]) -> TimeToAcknowledge:
    return TimeToAcknowledge(len(ordered), nearest_rank(ordered, 0.5), nearest_rank(ordered, 0.95))
