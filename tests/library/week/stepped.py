"""The daemon's journal, pipeline and patrol without loops of their own: a pass or a look when told to."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from daemon.inbox import Item
from daemon.journal import Journal
from daemon.patrol import PatrolWatch, _samples
from daemon.pipeline import Pipeline
from daemon.records import Record, Step
from estate.model import Delivery, Event, Now, Sample


class CountedJournal(Journal):
    """Counts what would be written. The file is there for those who read it at their start."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.written = 0
        self.kinds: Counter[str] = Counter()
        """Events by their type, steps of commands as `step confirmed`."""

    async def commit(self, records: Sequence[Record]) -> bool:
        self.written += len(records)
        for one in records:
            if isinstance(one, Event):
                self.kinds[one.type] += 1
            elif isinstance(one, Step):
                self.kinds[f"step {one.step}"] += 1
        return True


class SteppedPipeline(Pipeline):
    """The pipeline without its own loop: one pass when told to."""

    changed = 0

    async def take(self, items: Sequence[Item]) -> None:
        await self._pass(items)

    def _repeat(self, now: Now) -> None:
        """Nobody keeps a history."""

    def _remember(self, changes: Sequence[Sample], now: Now) -> None:
        self.changed += len(changes)
        super()._remember(changes, now)


class SteppedPatrol(PatrolWatch):
    """The watch over guards without its own loop: one look when told to."""

    async def begin(self) -> None:
        now = self._clock.now()
        await self._deliver(Delivery(samples=_samples(self._patrol.baseline(now.utc), now)))

    async def look(self) -> None:
        now = self._clock.now()
        due = _samples(self._patrol.look(now.utc), now)
        if due:
            await self._deliver(Delivery(samples=due))
