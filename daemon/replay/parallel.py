"""A replay on all cores: one engine keeps one of them busy."""

import asyncio
import gc
import multiprocessing
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from daemon.assembly import assemble
from daemon.historian.reading import recording
from daemon.replay.course import Outcome, Run, outcome
from daemon.replay.play import Played, Progress, before, play
from daemon.replay.share import Portion, share
from daemon.state import StateFolder
from estate.errors import TransportError

PORTIONS = 4
"""For each process: enough that they end at about the same time."""


@dataclass(frozen=True, slots=True)
class Task:
    """The rules of one or two site folders over the history of the first (which names the server, if there is one)."""

    site: Path
    rules: Path | None
    state: Path
    played: Played

    @property
    def played_journal(self) -> Path:
        return StateFolder(self.state).journal


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`new` is None where no other rules were given."""

    old: Outcome
    new: Outcome | None


@dataclass(frozen=True, slots=True)
class _Played:
    """What one process has to hand back: its part of the old rules, and of the new ones."""

    old: Run
    new: Run | None


def replay(task: Task, progress: Progress, processes: int = 2) -> Outcomes:
    """Blocks. `progress` hears the share that is done, 0 to 1.

    Raises ConfigError, TransportError, FileNotFoundError without a journal.
    """
    old = assemble(task.site)
    new = assemble(task.rules) if task.rules is not None else None
    if not task.played_journal.is_file():
        raise FileNotFoundError(task.played_journal)
    shares = share(old, new, processes * PORTIONS)
    runs = _in_children(task, shares.portions, processes, progress)
    period = (task.played.start, task.played.end, task.played.shifts)
    before = outcome([one.old for one in runs], *period)
    if new is None:
        return Outcomes(before, None)
    alike = [
        replace(one.old, standing=one.old.standing.only(shares.alike), log=one.old.log.only(shares.alike), refused=0)
        for one in runs
    ]
    fresh = [one.new for one in runs if one.new is not None]
    found = outcome([*alike, *fresh], *period)
    return Outcomes(before, found)


def _in_children(task: Task, portions: Sequence[Portion], processes: int, progress: Progress) -> list[_Played]:
    """Each process takes the next portion when it is done with one: nobody knows before how long they take."""
    context = multiprocessing.get_context("spawn")
    waiting = deque(portions)
    children = []
    busy: dict[Connection, float] = {}
    done: list[_Played] = []
    try:
        for number in range(min(processes, len(portions))):
            ours, theirs = context.Pipe()
            child = context.Process(target=_child, args=(task, theirs), name=f"replay {number + 1}", daemon=True)
            child.start()
            theirs.close()
            children.append(child)
            ours.send(waiting.popleft())
            busy[ours] = 0.0
        while busy:
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                try:
                    said = ready.recv()
                except EOFError:
                    raise TransportError("a part of the replay ended without a result") from None
                if isinstance(said, Exception):
                    raise said
                if isinstance(said, _Played):
                    done.append(said)
                    busy[ready] = 0.0
                    if waiting:
                        ready.send(waiting.popleft())
                    else:
                        ready.send(None)
                        ready.close()
                        del busy[ready]
                else:
                    busy[ready] = said
                progress((len(done) + sum(busy.values())) / len(portions))
    finally:
        for child in children:
            if busy:  # an error is on its way: the others' work is of no use any more
                child.terminate()
            child.join()
        for connection in busy:
            connection.close()
    return done


def _child(task: Task, pipe: Connection) -> None:
    try:
        asyncio.run(_portions(task, pipe))
    except TransportError as error:
        pipe.send(TransportError(str(error)))
    finally:
        pipe.close()


async def _portions(task: Task, pipe: Connection) -> None:
    site = assemble(task.site)
    changed = assemble(task.rules) if task.rules is not None else None
    history = recording(site.site, StateFolder(task.state).history)
    begins = before(site, task.played_journal, task.played)
    fresh = before(changed, task.played_journal, task.played) if changed is not None else begins
    # Long lists of plain tuples: looking through them for cycles again and again would cost a tenth.
    gc.disable()
    while (portion := pipe.recv()) is not None:
        second = changed is not None and bool(portion.new)

        def first_half(share: float, second: bool = second) -> None:
            pipe.send(share / 2 if second else share)

        old = await play(site, history, begins, task.played, first_half, portion.old)
        new = None
        if changed is not None and second:
            new = await play(
                changed, history, fresh, task.played, lambda share: pipe.send(0.5 + share / 2), portion.new
            )
        pipe.send(_Played(old, new))
