"""A site's past, written by the same engine, history file and journal that the daemon writes with."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from daemon.assembly import Assembly, assemble
from daemon.historian.embedded import EmbeddedFile
from daemon.historian.line_protocol import nanoseconds
from daemon.journal import Journal
from daemon.state import StateFolder
from estate.model import Now, PointId, Quality, Sample, Value
from rules.alarm import AlarmId, Transition
from rules.engine import Engine

RIVERSIDE = Path(__file__).parent.parent.parent / "examples" / "riverside"
BEGIN = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)  # noon in Shanghai
MONO = 5000.0


@cache
def riverside() -> Assembly:
    """The example site, put together once for all tests: nothing in it changes."""
    return assemble(RIVERSIDE)


@dataclass
class Past:
    """Seconds count from BEGIN and only go forward; timers fire at their own times, as in the daemon."""

    state: StateFolder
    assembly: Assembly
    engine: Engine
    samples: list[Sample] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    latest: dict[PointId, Sample] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, folder: Path) -> "Past":
        assembly = riverside()
        engine = Engine(assembly.rules, assembly.site.annunciation, assembly.masks)
        state = StateFolder(folder / "state")
        state.history.mkdir(parents=True)
        return cls(state, assembly, engine)

    def now(self) -> Now:
        return _moment(self.seconds)

    def until(self, seconds: float) -> None:
        assert seconds >= self.seconds, "time ran back: no history could tell in which order things happened"
        while (due := self.engine.next_deadline()) is not None and due <= MONO + seconds:
            self.seconds = due - MONO
            self._step(())
        self.seconds = seconds
        self._step(())

    def set(self, seconds: float, values: dict[str, Value | Quality]) -> None:
        """Values of points by their full ids; a Quality in place of a value is a sample that is not good."""
        self.until(seconds)
        now = self.now()
        samples = [
            Sample(PointId(point), None, value, now.utc, now.mono)
            if isinstance(value, Quality)
            else Sample(PointId(point), value, Quality.GOOD, now.utc, now.mono)
            for point, value in values.items()
        ]
        self.samples += samples
        self.latest.update((one.point, one) for one in samples)
        self._step(samples)

    def acknowledge(self, seconds: float, alarm: str) -> None:
        self.until(seconds)
        self.transitions.append(self.engine.acknowledge(AlarmId(alarm), "li", self.now()))

    def shelve(self, seconds: float, alarm: str, until: float) -> None:
        self.until(seconds)
        ends = BEGIN + timedelta(seconds=until)
        self.transitions.append(self.engine.shelve(AlarmId(alarm), "li", self.now(), ends, "known leak"))

    async def write(self) -> None:
        """History and journal to disk."""
        path = self.state.history / "history.db"
        with closing(EmbeddedFile(path, keep=timedelta(days=400), max_bytes=1 << 30)) as file:
            file.append([(one, nanoseconds(one.at)) for one in self.samples])
        with Journal(self.state.journal) as journal:
            await journal.commit(self.transitions)

    def _step(self, samples: Sequence[Sample]) -> None:
        self.transitions += self.engine.step(samples, self.now())


def _moment(seconds: float) -> Now:
    return Now(BEGIN + timedelta(seconds=seconds), MONO + seconds)


def after(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)
