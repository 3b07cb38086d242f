"""A replay on all cores: one engine keeps one of them busy."""

import asyncio
import gc
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from daemon.assembly import assemble
from daemon.historian.reading import recording
from daemon.replay.course import Outcome, Run, outcome
from daemon.replay.play import Played, Progress, play
from daemon.replay.share import Portion, share
from daemon.state import StateFolder
from estate.errors import TransportError


@dataclass(frozen=True, slots=True)
class Task:
    """The rules of one or two site folders over the history of the first (which names the server, if there is one)."""

    site: Path
    rules: Path | None
    state: Path
    played: Played
    portion: Portion | None = None

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
    """Blocks. `progress` hears the share that the slowest process has done, 0 to 1.

    Raises ConfigError, TransportError, FileNotFoundError without a journal.
    """
    old = assemble(task.site)
    new = assemble(task.rules) if task.rules is not None else None
    shares = share(old, new, processes)
    if not task.played_journal.is_file():
        raise FileNotFoundError(task.played_journal)
    runs = _in_children([replace(task, portion=one) for one in shares.portions], progress)
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


def _in_children(tasks: Sequence[Task], progress: Progress) -> list[_Played]:
    context = multiprocessing.get_context("spawn")
    children = []
    waiting: dict[Connection, int] = {}
    done: dict[int, _Played] = {}
    shares = [0.0] * len(tasks)
    try:
        for number, task in enumerate(tasks):
            receiving, sending = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(task, sending), name=f"replay {number + 1}", daemon=True)
            child.start()
            sending.close()
            children.append(child)
            waiting[receiving] = number
        while waiting:
            for ready in wait(list(waiting)):
                assert isinstance(ready, Connection)
                number = waiting[ready]
                try:
                    said = ready.recv()
                except EOFError:
                    raise TransportError(f"part {number + 1} of the replay ended without a result") from None
                if isinstance(said, Exception):
                    raise said
                if isinstance(said, _Played):
                    done[number] = said
                    del waiting[ready]
                    ready.close()
                else:
                    shares[number] = said
                    progress(min(shares))
    finally:
        for child in children:
            if waiting:  # an error is on its way: the others' work is of no use any more
                child.terminate()
            child.join()
        for connection in waiting:
            connection.close()
    return [done[number] for number in sorted(done)]


def _child(task: Task, sending: Connection) -> None:
    try:
        sending.send(asyncio.run(_portion(task, sending.send)))
    except TransportError as error:
        sending.send(TransportError(str(error)))
    finally:
        sending.close()


async def _portion(task: Task, progress: Progress) -> _Played:
    assert task.portion is not None
    site = assemble(task.site)
    history = recording(site.site, StateFolder(task.state).history)
    part = task.portion
    second = task.rules is not None and bool(part.new)
    # Long lists of plain tuples: looking through them for cycles again and again would cost a tenth.
    gc.disable()

    def first_half(share: float) -> None:
        progress(share / 2 if second else share)

    old = await play(site, history, task.played_journal, task.played, first_half, part.old)
    if task.rules is None or not second:
        return _Played(old, None)
    new = await play(
        assemble(task.rules), history, task.played_journal, task.played, lambda done: progress(0.5 + done / 2), part.new
    )
    return _Played(old, new)
