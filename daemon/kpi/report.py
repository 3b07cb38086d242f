"""The figures of a period: of all operators together and of each position, of all shifts together and of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.journal_reader import JournalReader
from daemon.kpi.annunciation import Move, microseconds, move_of
from daemon.kpi.figures import Figures
from daemon.kpi.shift import Rota, Shifts
from daemon.kpi.tally import Tally
from rules.alarm import AlarmId

HOUR = 3_600_000_000  # µs
EVERY_SHIFT = "all"
EVERY_POSITION = "*"  # no console is called that


@dataclass(frozen=True, slots=True)
class Report:
    """`figures[position][shift]`; "*" stands for all positions together, "all" for all shifts.

    A position is a console: an annunciation belongs to every console that painted it, and to "*" once.
    """

    start: datetime
    end: datetime
    shifts: tuple[str, ...]
    figures: Mapping[str, Mapping[str, Figures]]

    @property
    def whole(self) -> Figures:
        return self.figures[EVERY_POSITION][EVERY_SHIFT]


class Count:
    """Takes the moves of a period in order of time; `report` when it is over.

    Person-hours are the hours of each shift times the positions that were shown an alarm in it, one at least.
    """

    def __init__(self, start: datetime, end: datetime, shifts: Shifts) -> None:
        """Times are aware UTC. Raises ValueError for a period that ends before it begins."""
        if start >= end:
            raise ValueError(f"a period needs start < end: {start} {end}")
        self._start = start
        self._end = end
        self._names = tuple(shifts.names)
        turns = [(one.name, microseconds(one.start), microseconds(one.end)) for one in shifts.of(start, end)]
        self._rota = Rota(turns)
        self._tallies = {EVERY_POSITION: Tally(self._rota)}
        self._before: list[Move] = []
        self._on_duty: dict[int, set[str]] = {}
        self._texts: dict[str, tuple[str, str]] = {}

    def standing_before(self, moves: Iterable[Move]) -> None:
        """The last move of every alarm before the period; before any other."""
        self._before = list(moves)
        for move in self._before:
            self._tallies[EVERY_POSITION].standing_before(move)

    def take(self, move: Move, positions: Iterable[str] = ()) -> None:
        """`positions` are needed of annunciations only: the consoles that painted it."""
        self._tallies[EVERY_POSITION].take(move)
        if move.annunciates:
            self._texts[move.alarm] = (move.text_zh, move.text_en)
            for position in positions:
                self._on_duty.setdefault(self._rota.at(move.at), set()).add(position)
                tally = self._tallies.get(position)
                if tally is None:
                    tally = self._tallies[position] = Tally(self._rota)
                tally.take(move)
            return
        for position, tally in self._tallies.items():
            if position != EVERY_POSITION:
                tally.take(move)

    def report(self) -> Report:
        for tally in self._tallies.values():
            tally.finish(microseconds(self._end))
        return Report(
            self._start,
            self._end,
            self._names,
            {position: self._by_shift(position, tally) for position, tally in sorted(self._tallies.items())},
        )

    def _by_shift(self, position: str, tally: Tally) -> dict[str, Figures]:
        def figures(names: Iterable[str]) -> Figures:
            names = set(names)
            return tally.figures(names, self._person_hours(names, position), self._texts)

        return {EVERY_SHIFT: figures(self._names), **{name: figures([name]) for name in self._names}}

    def _person_hours(self, names: set[str], position: str) -> float:
        return sum(
            (end - start) / HOUR * (len(self._on_duty.get(turn, ())) or 1 if position == EVERY_POSITION else 1)
            for turn, (name, start, end) in enumerate(self._rota.shifts)
            if name in names
        )


def kpi(
    journal: Path, start: datetime, end: datetime, shifts: Shifts, progress: Callable[[float], None] | None = None
) -> Report:
    """Reads the journal; blocks, in about 20 µs a transition. `progress` hears the share of the period done, 0 to 1.

    Raises FileNotFoundError without a journal, TransportError for one that cannot be read, ValueError for a period that
    ends before it begins.
    """
    count = Count(start, end, shifts)
    with JournalReader(journal) as reader:
        count.standing_before(move_of(one) for one in reader.last_before(start))
        span = (end - start).total_seconds()
        for number, transition in enumerate(reader.transitions(start, end)):
            move = move_of(transition)
            positions = reader.shown_on(AlarmId(move.alarm), move.occurrence) if move.annunciates else ()
            count.take(move, positions)
            if progress is not None and number % 5000 == 0:
                progress((transition.decided - start).total_seconds() / span)
    return count.report()
