"""The figures of peers.md B3 computed a second time, slowly and plainly, from the journal's rows alone.

Imports nothing of the product. Everything is worked out from whole lists in memory, window by window. What B3 leaves
open is decided here in words:

* An annunciation is a row that ends in "unacknowledged" by a raising, a worsening, a reminder, the end of a shelf, of
  a suppression by design, or of a removal from service, with no suppression left.
* It belongs to the shift in which it was decided, and to every console that painted that occurrence.
* Sliding windows cover t - 10 min < time <= t over the whole period, whatever the shift; the peak belongs to the shift
  of t, a flood to the shift in which it starts, its minutes to the shifts in which they lie.
* Fixed windows begin with each shift; a last one cut short is one too.
* A flood ends at the first moment at which fewer than five lie in the window.
* An alarm chatters when the third return within less than a minute comes, and goes on chattering while every further
  return finds two others within the minute before it; or when the raising says that the rules have found it so.
* Fleeting: less than a minute from the first annunciation of an occurrence to its return.
* Stale: an annunciated occurrence on for more than 24 h; it counts in every shift into which it reaches as such.
* Time to acknowledge: from the first annunciation since the last answer to the acknowledgement; whatever takes the
  alarm out of the list meanwhile takes the question back. It belongs to the shift of that first annunciation.
* Percentiles by nearest rank.
* Person-hours: hours of each shift times the consoles that were shown something in it, one at least.
"""

import json
import math
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ANNOUNCING = {"raise", "worsen", "remind", "shelf ended", "unsuppress", "return to service"}
PRESENT = {"unacknowledged", "acknowledged"}
TEN = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
DAY = timedelta(hours=24)


@dataclass
class Row:
    at: datetime
    alarm: str
    occurrence: int
    before: str
    after: str
    trigger: str
    priority: int
    raised: datetime
    hidden: bool
    chatter: int

    @property
    def annunciation(self) -> bool:
        return self.after == "unacknowledged" and self.trigger in ANNOUNCING and not self.hidden

    @property
    def returns(self) -> bool:
        return self.before in PRESENT and self.after not in PRESENT


def read(journal: Path) -> tuple[list[Row], dict[tuple[str, int], set[str]]]:
    file = sqlite3.connect(journal)
    file.row_factory = sqlite3.Row
    rows = [
        Row(
            datetime.fromisoformat(one["decided"]),
            one["alarm"],
            one["occurrence"],
            one["before"],
            one["after"],
            one["trigger"],
            one["priority"],
            datetime.fromisoformat(one["raised_at"] or one["decided"]),
            bool(one["suppression"]) and json.loads(one["suppression"]).get("kind") is not None,
            one["chatter"],
        )
        for one in file.execute("SELECT * FROM transition ORDER BY position")
    ]
    shown: dict[tuple[str, int], set[str]] = defaultdict(set)
    for one in file.execute("SELECT * FROM receipt WHERE kind = 'shown'"):
        shown[one["alarm"], one["occurrence"]].add(one["console"])
    file.close()
    return rows, shown


def cut(start: datetime, end: datetime, changes: list[str], zone: str) -> list[tuple[str, datetime, datetime]]:
    """The shifts of the period."""
    if not changes:
        return [("00:00-24:00", start, end)]
    moments = []
    day = start.astimezone(ZoneInfo(zone)).date() - timedelta(days=2)
    while day <= end.astimezone(ZoneInfo(zone)).date():
        for index, change in enumerate(changes):
            name = f"{change}-{changes[(index + 1) % len(changes)]}"
            local = datetime.combine(day, time.fromisoformat(change), ZoneInfo(zone))
            moments.append((local.astimezone(start.tzinfo), name))
        day += timedelta(days=1)
    shifts = []
    for index, (moment, name) in enumerate(moments):
        until = moments[index + 1][0] if index + 1 < len(moments) else end
        first, last = max(moment, start), min(until, end)
        if first < last:
            shifts.append((name, first, last))
    return shifts


def reference(
    journal: Path, start: datetime, end: datetime, changes: list[str], zone: str
) -> dict[tuple[str | None, str], dict[str, Any]]:
    """(console or None, shift name or "all") -> figures."""
    rows, shown = read(journal)
    before = {one.alarm: one for one in rows if one.at < start}
    inside = [one for one in rows if start <= one.at < end]
    shifts = cut(start, end, changes, zone)
    names = [*dict.fromkeys(name for name, _, _ in shifts)]
    if changes:
        names = [f"{one}-{changes[(i + 1) % len(changes)]}" for i, one in enumerate(changes)]

    consoles: set[str] = set()
    duty: dict[int, set[str]] = defaultdict(set)
    for one in inside:
        if one.annunciation:
            for console in shown[one.alarm, one.occurrence]:
                consoles.add(console)
                duty[index_of(shifts, one.at)].add(console)

    found = {}
    for console in [None, *sorted(consoles)]:

        def seen(one: Row, console: str | None = console) -> bool:
            return console is None or console in shown[one.alarm, one.occurrence]

        for shift in ["all", *names]:
            wanted = {i for i, (name, _, _) in enumerate(shifts) if shift in ("all", name)}
            found[console, shift] = figures(
                inside, before if console is None else {}, seen, shifts, wanted, end,
                [len(duty[i]) or 1 if console is None else 1 for i in range(len(shifts))],
            )  # fmt: skip
    return found


def index_of(shifts: list[tuple[str, datetime, datetime]], at: datetime) -> int:
    return next(i for i, (_, first, last) in enumerate(shifts) if first <= at < last)


def figures(
    rows: list[Row], before: dict[str, Row], seen: Any, shifts: Any, wanted: set[int], end: datetime, heads: list[int]
) -> dict[str, Any]:
    announced = [one for one in rows if one.annunciation and seen(one)]
    mine = [one for one in announced if index_of(shifts, one.at) in wanted]
    span = sum((shifts[i][2] - shifts[i][1] for i in wanted), timedelta())
    hours = sum((shifts[i][2] - shifts[i][1]) / timedelta(hours=1) * heads[i] for i in wanted)
    times = [one.at for one in announced]

    peak = max((count_in(times, one.at) for one in mine), default=0)
    windows = over = 0
    for i in wanted:
        _, first, last = shifts[i]
        while first < last:
            windows += 1
            over += sum(first <= at < min(first + TEN, last) for at in times) > 10
            first += TEN
    floods, flooded = 0, timedelta()
    for begin, finish in flood_times(times, end):
        floods += index_of(shifts, begin) in wanted
        for i in wanted:
            flooded += max(timedelta(), min(finish, shifts[i][2]) - max(begin, shifts[i][1]))

    chatter: Counter[str] = Counter()
    fleeting = stale = unanswered = 0
    waits: dict[int, list[float]] = defaultdict(list)
    for alarm in {one.alarm for one in rows} | set(before):
        history = [one for one in rows if one.alarm == alarm]
        for moment in chatter_times(history, seen, before.get(alarm)):
            chatter[alarm] += index_of(shifts, moment) in wanted
        for raised, first, gone in occurrences(history, seen, before.get(alarm)):
            if first is not None and gone is not None and gone - first < MINUTE:
                fleeting += index_of(shifts, first) in wanted
            until = gone or end
            reached = {
                shifts[i][0] for i in range(len(shifts)) if max(raised + DAY, shifts[i][1]) < min(until, shifts[i][2])
            }
            groups = {shifts[i][0] for i in wanted}
            stale += bool(reached & groups)
        for asked, answered, priority in answers(history, seen):
            if index_of(shifts, asked) not in wanted:
                continue
            if answered is None:
                unanswered += 1
            else:
                waits[priority].append((answered - asked).total_seconds())

    sources = Counter(one.alarm for one in mine)
    most = sorted(sources.items(), key=lambda one: (-one[1], one[0]))[:10]
    n = len(mine)
    return {
        "annunciations": n,
        "average": n / (span / TEN),
        "per_person_hour": n / hours,
        "peak": peak,
        "windows": windows,
        "windows_over": over,
        "floods": floods,
        "flood_seconds": flooded.total_seconds(),
        "chattering": {alarm: count for alarm, count in chatter.items() if count},
        "fleeting": fleeting,
        "stale": stale,
        "priorities": dict(Counter(one.priority for one in mine)),
        "top": most,
        "top_share": sum(count for _, count in most) / n if n else 0.0,
        "acknowledge": {
            priority: (len(some), rank(some, 0.5), rank(some, 0.95)) for priority, some in sorted(waits.items())
        },
        "unanswered": unanswered,
        "band": band(n / (span / TEN), peak, over / windows),
    }


def count_in(times: list[datetime], at: datetime) -> int:
    return sum(at - TEN < one <= at for one in times)


def flood_times(times: list[datetime], end: datetime) -> list[tuple[datetime, datetime]]:
    """Every moment at which the count can change, one after the other."""
    moments = sorted({*times, *(one + TEN for one in times)})
    floods = []
    began = None
    for moment in moments:
        if moment >= end:
            break
        count = count_in(times, moment)
        if began is None and count > 10:
            began = moment
        elif began is not None and count < 5:
            floods.append((began, moment))
            began = None
    if began is not None:
        floods.append((began, end))
    return floods


def occurrences(
    history: list[Row], seen: Any, last: Row | None
) -> list[tuple[datetime, datetime | None, datetime | None]]:
    """(raised, first annunciated or None if before the period, gone or None) of every annunciated occurrence."""
    found = []
    now: tuple[datetime, datetime | None] | None = None
    if last is not None and last.after in PRESENT and not last.hidden:
        now = (last.raised, None)
    for one in history:
        if one.annunciation and seen(one) and now is None:
            now = (one.raised, one.at)
        if one.returns and now is not None:
            found.append((*now, one.at))
            now = None
    if now is not None:
        found.append((*now, None))
    return found


def chatter_times(history: list[Row], seen: Any, last: Row | None) -> list[datetime]:
    returns = [gone for _, _, gone in occurrences(history, seen, last) if gone is not None]
    found = []
    chattering = False
    for index, at in enumerate(returns):
        now = index >= 2 and at - returns[index - 2] < MINUTE
        if now and not chattering:
            found.append(at)
        chattering = now
    found += [one.at for one in history if one.trigger == "raise" and one.annunciation and seen(one) and one.chatter]
    return found


def answers(history: list[Row], seen: Any) -> list[tuple[datetime, datetime | None, int]]:
    """(asked, answered or None, priority)."""
    found = []
    asked: tuple[datetime, int] | None = None
    for one in history:
        if one.annunciation and seen(one) and asked is None:
            asked = (one.at, one.priority)
        elif one.trigger == "acknowledge" and asked is not None:
            found.append((asked[0], one.at, asked[1]))
            asked = None
        elif one.hidden or one.trigger == "rule gone":
            asked = None
    if asked is not None:
        found.append((asked[0], None, asked[1]))
    return found


def rank(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def band(average: float, peak: int, over: float) -> str:
    if average > 10:
        return "overloaded"
    if average >= 5:
        return "reactive"
    if average < 1 and peak < 10 and over < 0.01:
        return "robust"
    return "stable"
