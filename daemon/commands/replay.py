"""`estated replay`: recorded history through the site's rules, or through theirs and those of a changed copy."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.assembly import assemble
from daemon.commands.moment import MomentError, period, zone_named
from daemon.commands.refusal import refuse
from daemon.kpi.annunciation import microseconds
from daemon.kpi.shift import Shifts
from daemon.replay.compare import compare
from daemon.replay.course import Outcome
from daemon.replay.parallel import Task, replay
from daemon.replay.play import Played, recorded_outcome
from daemon.replay.printing import Printing
from daemon.state import StateFolder
from estate.errors import ConfigError, TransportError

OFTEN = 1.0  # s between two lines of progress


def main_replay(site: Path, state: Path, start: str, end: str, rules: Path | None, language: str) -> int:
    """Prints to standard output, progress to standard error. 1 when a site is faulty or the history unreadable.

    With `rules` (a site folder) the site's own rules are compared with those; without, what really happened is
    compared with what the site's rules of today would have made of it.
    """
    try:
        old = assemble(site)
        new = assemble(rules) if rules is not None else old
        zone = zone_named(old.site.timezone)
        played = Played(*period(start, end, zone), Shifts((), zone))
        printing = Printing(language, zone)
        actual = recorded_outcome(StateFolder(state).journal, played)
        began = time.monotonic()
        with _progress(printing) as told:
            outcomes = replay(Task(site, rules, state, played), told.hear)
    except (ConfigError, FileNotFoundError, MomentError, TransportError) as reason:
        return refuse("replay", reason, language)
    before, after = (actual, outcomes.old) if outcomes.new is None else (outcomes.old, outcomes.new)
    classes = {str(one.alarm): one.class_ for one in (*new.rules, *old.rules)}
    _print(printing, played, rules is not None, actual, before, after, time.monotonic() - began)
    for line in printing.lines(compare(before, after, classes), before, after):
        print(line)
    return 0


def _print(
    printing: Printing, played: Played, two: bool, actual: Outcome, before: Outcome, after: Outcome, seconds: float
) -> None:
    print(
        printing.say(
            "title",
            start=printing.time(microseconds(played.start)),
            end=printing.time(microseconds(played.end)),
            before=printing.say("old" if two else "recorded"),
            after=printing.say("new"),
        )
    )
    print(printing.say("samples", count=after.samples, seconds=seconds))
    if two:
        said = printing.say("really", count=actual.figures.annunciations, replayed=before.figures.annunciations)
        print(said)


class _Told:
    """How far it is, one line a second at most, overwritten where a person watches."""

    def __init__(self, printing: Printing) -> None:
        self._printing = printing
        self._last = 0.0
        self.shown = False

    def hear(self, share: float) -> None:
        now = time.monotonic()
        if now - self._last >= OFTEN:
            self._last = now
            self.shown = True
            line = self._printing.say("progress", share=share)
            print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


@contextmanager
def _progress(printing: Printing) -> Iterator[_Told]:
    told = _Told(printing)
    yield told
    if told.shown and sys.stderr.isatty():
        print(file=sys.stderr)
