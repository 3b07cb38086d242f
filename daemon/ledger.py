"""What became of every command, by its id: asked for once, carried out once, whatever is repeated or restarted."""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.journal import Journal
from daemon.records import Audit, Step

REMEMBERED = 2000
"""Commands kept in memory; older ones are read from the journal."""


class State(StrEnum):
    """What is stamped of a command. One that was `sent` and of which nothing more is known is never "done"."""

    REQUESTED = "requested"
    UNTIL = "until"  # not a state of its own: when it is to be taken back
    REPLACED = "replaced"  # by a newer one, before it was sent
    REFUSED = "refused"  # by the interlock, the site or the device's profile: nothing was sent
    SENT = "sent"
    CONFIRMED = "confirmed"  # read back
    FAILED = "failed"  # certainly not done
    UNKNOWN = "unknown"  # sent, and nobody can say

    @property
    def is_final(self) -> bool:
        return self not in (State.REQUESTED, State.UNTIL, State.SENT)


class UnknownCommand(LookupError):
    """No command has this id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command and its steps in order."""

    command: str
    target: str
    action: str
    steps: tuple[Step, ...]

    @property
    def state(self) -> State:
        return State(next(one.step for one in reversed(self.steps) if one.step != State.UNTIL))

    @property
    def until(self) -> datetime | None:
        """When it is to be taken back."""
        return next((datetime.fromisoformat(one.detail) for one in self.steps if one.step == State.UNTIL), None)

    def took(self, step: Step) -> float:
        """Milliseconds from the request to a step."""
        return (step.at - self.steps[0].at).total_seconds() * 1000


class Ledger:
    """Every step goes through `stamp` and is in the journal when it returns."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._recent: OrderedDict[str, Entry] = OrderedDict()

    async def stamp(self, *steps: Step, audit: Sequence[Audit] = ()) -> None:
        """Steps of one command. Known to `find` at once, durable on return."""
        for step in steps:
            self._remember(step)
        await self._journal.commit([*audit, *steps])

    def known(self, command: str) -> Entry | None:
        """A recent command, without reading the disk."""
        return self._recent.get(command)

    async def find(self, command: str) -> Entry:
        """Raises UnknownCommand."""
        recent = self._recent.get(command)
        if recent is not None:
            return recent
        read = await asyncio.to_thread(self._read, command)
        return self._recent.setdefault(command, read)

    def open_steps(self) -> list[Step]:
        """Of every command without an end, its last step: what a crash left behind. Blocks; for the start."""
        return self._select(
            "SELECT * FROM step WHERE position IN (SELECT max(position) FROM step GROUP BY command)"
            " AND step IN ('requested', 'until', 'sent') ORDER BY position"
        )

    def since(self, at: datetime) -> list[Entry]:
        """Commands asked for since `at` that are to be taken back, and all after the first of them. Blocks."""
        rows = self._select(
            "SELECT * FROM step WHERE position >= (SELECT min(position) FROM step WHERE step = 'until' AND at >= ?)"
            " ORDER BY position",
            at.isoformat(),
        )
        entries: dict[str, list[Step]] = {}
        for row in rows:
            entries.setdefault(row.command, []).append(row)
        return [Entry(name, steps[0].target, steps[0].action, tuple(steps)) for name, steps in entries.items()]

    def _remember(self, step: Step) -> None:
        before = self._recent.get(step.command)
        steps = (*before.steps, step) if before is not None else (step,)
        self._recent[step.command] = Entry(step.command, step.target, step.action, steps)
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    def _read(self, command: str) -> Entry:
        steps = self._select("SELECT * FROM step WHERE command = ? ORDER BY position", command)
        if not steps:
            raise UnknownCommand(command)
        return Entry(command, steps[0].target, steps[0].action, tuple(steps))

    def _select(self, query: str, *values: str) -> list[Step]:
        connection = sqlite3.connect(f"file:{self._journal.path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [_step(row) for row in connection.execute(query, values)]
        finally:
            connection.close()


def _step(row: sqlite3.Row) -> Step:
    at = datetime.fromisoformat(row["at"])
    return Step(
        row["command"], row["alarm"], row["occurrence"], row["target"], row["action"], row["step"], at, row["detail"]
    )
