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
"""Commands kept in memory beside those without an end; older ones are read from the journal."""

ALARM, TIMETABLE, END = "(alarm)", "(timetable)", "(end)"
"""Who asked, when it was nobody; no user's id has parentheses. What END takes back is its reason."""


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
    """What goes through `stamp` is in the journal when it returns; what was only noted, after the next `flush`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._recent: OrderedDict[str, Entry] = OrderedDict()
        self._noted: dict[str, list[Step]] = {}
        self._under_way: set[str] = set()

    def note(self, *steps: Step) -> None:
        """Steps that nobody waits for. Known to `find` at once, written with the next step of their command, or with
        all that is noted."""
        for step in steps:
            self._remember(step)
            self._noted.setdefault(step.command, []).append(step)

    async def stamp(self, *steps: Step, audit: Sequence[Audit] = ()) -> None:
        """Known to `find` at once, durable on return, and so is what was noted of the same commands."""
        before: list[Step] = []
        for step in steps:
            before += self._noted.pop(step.command, ())
            self._remember(step)
        await self._journal.commit([*before, *audit, *steps])

    async def flush(self) -> None:
        """Write all that is noted, as one commit."""
        noted, self._noted = self._noted, {}
        if noted:
            await self._journal.commit([step for steps in noted.values() for step in steps])

    def known(self, command: str) -> Entry | None:
        """A recent command, without reading the disk."""
        return self._recent.get(command)

    def is_under_way(self, command: str) -> bool:
        """Whether it was asked for in this life and has no end yet."""
        return command in self._under_way

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

    def not_done(self) -> list[Step]:
        """Of every equipment whose last command failed or is unknown, that end. Blocks; for the start."""
        return self._select(
            "SELECT * FROM step WHERE position IN"
            " (SELECT max(position) FROM step WHERE step IN ('confirmed', 'failed', 'unknown') GROUP BY target)"
            " AND step != 'confirmed' ORDER BY position"
        )

    def not_taken_back(self) -> list[Entry]:
        """Commands that were sent, are to be taken back, and of which no end is confirmed, however old; and after the
        first of them all that people gave to the same equipment, and what was taken back. Blocks; for the start."""
        entries: dict[str, list[Step]] = {}
        for row in self._select(_NOT_TAKEN_BACK):
            entries.setdefault(row.command, []).append(row)
        return [Entry(name, steps[0].target, steps[0].action, tuple(steps)) for name, steps in entries.items()]

    def _remember(self, step: Step) -> None:
        before = self._recent.get(step.command)
        steps = (*before.steps, step) if before is not None else (step,)
        entry = self._recent[step.command] = Entry(step.command, step.target, step.action, steps)
        self._recent.move_to_end(step.command)
        if step.step == State.REQUESTED:
            self._under_way.add(step.command)
        elif entry.state.is_final:
            self._under_way.discard(step.command)
        while len(self._recent) > REMEMBERED + len(self._under_way):
            oldest = next(name for name in self._recent if name not in self._under_way)
            del self._recent[oldest]

    def _read(self, command: str) -> Entry:
        steps = self._select("SELECT * FROM step WHERE command = ? ORDER BY position", command)
        if not steps:
            raise UnknownCommand(command)
        return Entry(command, steps[0].target, steps[0].action, tuple(steps))

    def _select(self, query: str, *values: str) -> list[Step]:
        connection = sqlite3.connect(f"{self._journal.path.absolute().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [_step(row) for row in connection.execute(query, values)]
        finally:
            connection.close()


_NOT_TAKEN_BACK = f"""
WITH
taken_back (target, action, position) AS (
  SELECT asked.target, substr(asked.detail, {len(END) + 3}), max(asked.position)
  FROM step asked JOIN step done ON done.command = asked.command AND done.step = 'confirmed'
  WHERE asked.step = 'requested' AND asked.detail LIKE '{END}: %' GROUP BY 1, 2
),
standing (target, position) AS (
  SELECT given.target, min(asked.position)
  FROM step given
  JOIN step asked ON asked.command = given.command AND asked.step = 'requested'
  LEFT JOIN taken_back ON taken_back.target = given.target AND taken_back.action = given.action
  WHERE given.step = 'until' AND given.position > coalesce(taken_back.position, 0)
  AND EXISTS (SELECT 1 FROM step sent WHERE sent.command = given.command AND sent.step = 'sent')
  GROUP BY given.target
)
SELECT step.* FROM step JOIN standing ON standing.target = step.target
WHERE step.position >= standing.position AND NOT EXISTS (
  SELECT 1 FROM step asked WHERE asked.command = step.command AND asked.step = 'requested'
  AND (asked.detail LIKE '{ALARM}: %' OR asked.detail LIKE '{TIMETABLE}: %')
) ORDER BY step.position
"""  # noqa: S608 - no data in it


def _step(row: sqlite3.Row) -> Step:
    at = datetime.fromisoformat(row["at"])
    return Step(
        row["command"], row["alarm"], row["occurrence"], row["target"], row["action"], row["step"], at, row["detail"]
    )
