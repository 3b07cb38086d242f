"""What a plant must be: the points of one piece of equipment, moved by time, commands, acts and faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Breakable


@dataclass(frozen=True, slots=True)
class Happening:
    """An event in the words of docs/mqtt.md, before a device gives it a number and a time."""

    type: str
    data: Mapping[str, Any]
    historic: bool = False


class Plant(Breakable):
    """One piece of equipment. Times are simulated seconds; a point without a value has a broken sensor.

    `pace` is the mean time between two visits, vehicles or switchings (s); 0: nobody comes.
    """

    chatter: ClassVar[tuple[str, str] | None] = None
    """The two event types a flood alternates; the second one ends it."""

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        super().__init__(name)
        self.random = random
        self.pace = pace
        self.points: dict[str, Value | None] = {}
        self.told: Mapping[str, str] = {}
        """Who wanted what is written next, why and until when, as far as the line carries it."""
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._happened: list[Happening] = []

    def step(self, dt: float) -> None:
        """Advance by dt seconds (0: only what is due now)."""
        end = self.now + dt
        while self._agenda and self._agenda[0][0] <= end:
            self.now, _, due = heappop(self._agenda)
            due()
        self.now = end
        if self.faults:
            self.expire(end)
        if dt > 0:
            self.flow(dt)

    def flow(self, dt: float) -> None:
        """What changes continuously; nothing by default."""

    def settle(self) -> None:
        self.step(0.0)

    def write(self, point: str, value: Value) -> None:
        """A command from the bus. Raises CommandRefused for points that cannot be written."""
        raise CommandRefused(f"{self.name}.{point} cannot be written")

    def drop(self, point: str) -> None:
        """The output behind a point has lost its supply: what hangs on it lets go."""
        self.write(point, False)

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

    def tell_late(self, type_: str, data: Mapping[str, Any]) -> None:
        """What the device had kept until now: not happening now."""
        self._happened.append(Happening(type_, data, historic=True))

    def take(self) -> list[Happening]:
        """What happened since the last call, in order."""
        happened, self._happened = self._happened, []
        return happened
