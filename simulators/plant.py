"""What a plant must be: the points of one piece of equipment, moved by time, commands, acts and faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, Faults, Standing


@dataclass(frozen=True, slots=True)
class Happening:
    """An event in the words of docs/mqtt.md, before a device gives it a number and a time."""

    type: str
    data: Mapping[str, Any]


class Plant:
    """One piece of equipment. Times are simulated seconds; a point without a value has a broken sensor.

    `pace` is the mean time between two visits, vehicles or switchings (s); 0: nobody comes.
    """

    kind: ClassVar[str]
    faults_offered: ClassVar[Mapping[str, str]] = {}
    acts_offered: ClassVar[Mapping[str, str]] = {}
    shortcuts: ClassVar[Mapping[str, str]] = {}
    """Acts that are a fault standing until `restore`."""
    chatter: ClassVar[tuple[str, str] | None] = None
    """The two event types a flood alternates; the second one ends it."""

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        self.name = name
        self.random = random
        self.pace = pace
        self.now = 0.0
        self.points: dict[str, Value | None] = {}
        self.faults = Faults()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._happened: list[Happening] = []

    def step(self, dt: float) -> None:
        """Advance by dt seconds (0: only what is due now)."""
        end = self.now + dt
        for fault in self.faults.expired(end):
            self.clear(fault)
        while self._agenda and self._agenda[0][0] <= end:
            self.now, _, due = heappop(self._agenda)
            due()
        self.now = end
        if dt > 0:
            self.flow(dt)

    def flow(self, dt: float) -> None:
        """What changes continuously; nothing by default."""

    def write(self, point: str, value: Value) -> None:
        """A command from the bus. Raises CommandRefused for points that cannot be written."""
        raise CommandRefused(f"{self.name}.{point} cannot be written")

    def inject(self, fault: str, seconds: float | None = None, details: Details | None = None) -> None:
        """Let a fault stand, for so many simulated seconds. Raises CommandRefused for one it does not offer."""
        if fault not in self.faults_offered:
            raise CommandRefused(f"{self.name} ({self.kind}) offers no fault {fault}")
        details = details or {}
        self.begin(fault, details)
        until = None if seconds is None else self.now + seconds
        self.faults.set(Standing(fault, until, details))
        self.step(0.0)

    def clear(self, fault: str | None = None) -> list[str]:
        """End one fault, or all; returns those that stood."""
        names = [f.name for f in self.faults.standing if fault is None or f.name == fault]
        for name in names:
            self.faults.remove(name)
            self.end(name)
        return names

    def act(self, act: str, details: Details | None = None) -> None:
        """Let something happen once; `restore` ends every fault. Raises CommandRefused for an unknown act."""
        if act == "restore":
            self.clear()
        elif act in self.shortcuts:
            self.inject(self.shortcuts[act], details=details)
        elif act in self.acts_offered:
            self.perform(act, details or {})
        else:
            raise CommandRefused(f"{self.name} ({self.kind}) cannot {act}")
        self.step(0.0)

    def begin(self, fault: str, details: Details) -> None:
        """The moment a fault sets in."""

    def end(self, fault: str) -> None:
        """The moment a fault is gone."""

    def perform(self, act: str, details: Details) -> None:
        """One of `acts_offered`."""

    def later(self, delay: float, do: Callable[[], None]) -> None:
        heappush(self._agenda, (self.now + delay, next(self._order), do))

    def forget(self) -> None:
        """Drop everything planned: a fault has overtaken it."""
        self._agenda.clear()

    def pause(self) -> float:
        """Time to the next visit: visits come at random, never closer than 4 s."""
        return 4.0 + self.random.expovariate(1.0 / max(self.pace - 4.0, 0.1))

    def happen(self, type_: str, **data: Any) -> None:
        self._happened.append(Happening(type_, data))

    def take(self) -> list[Happening]:
        """What happened since the last call, in order."""
        happened, self._happened = self._happened, []
        return happened
