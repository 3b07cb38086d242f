"""Ways to fail: a target offers faults by name; each stands with its details until it ends or is cleared."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

from estate.errors import CommandRefused

Details = Mapping[str, Any]

NUMBERS = frozenset(
    (
        "after",
        "amount",
        "age",
        "days",
        "code",
        "confidence",
        "delay",
        "factor",
        "floor",
        "flow",
        "humidity",
        "level",
        "n",
        "offset",
        "ohm",
        "pressure",
        "pump",
        "rate",
        "temperature",
    )
)
SWITCHES = frozenset(("fill", "up"))
"""Details that are numbers or true and false; all others are texts."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A fault that stands now; `until` in simulated seconds, None: until it is cleared."""

    name: str
    until: float | None
    details: Details


class Breakable:
    """Anything that can be told to fail: a plant, a Modbus unit, a line, an MQTT device, an adapter.

    A fault stands; an act happens once. Either may be asked for under the other's name: an act given as a
    fault happens, a fault given as an act stands until `restore`.
    """

    kind: ClassVar[str]
    faults_offered: ClassVar[Mapping[str, str]] = {}
    acts_offered: ClassVar[Mapping[str, str]] = {}
    shortcuts: ClassVar[Mapping[str, str]] = {}
    """Other names of faults."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now = 0.0
        self.faults: dict[str, Standing] = {}

    def offers(self, word: str) -> bool:
        return word == "restore" or any(
            word in words for words in (self.faults_offered, self.acts_offered, self.shortcuts)
        )

    def inject(self, word: str, seconds: float | None = None, details: Details | None = None) -> None:
        """Let a fault stand for so many simulated seconds, or an act happen. Raises CommandRefused if not offered."""
        details = details or {}
        check(details)
        name = self.shortcuts.get(word, word)
        if name == "restore":
            self.clear()
        elif name in self.acts_offered:
            self.perform(name, details)
        elif name in self.faults_offered:
            self.begin(name, details)
            self.faults[name] = Standing(name, None if seconds is None else self.now + seconds, details)
        else:
            raise CommandRefused(f"{self.name} ({self.kind}) offers no {word}")
        self.settle()

    def clear(self, fault: str | None = None) -> list[str]:
        """End one fault, or all; returns the names of those that stood."""
        wanted = None if fault is None else self.shortcuts.get(fault, fault)
        names = [name for name in self.faults if wanted in (None, name)]
        for name in names:
            del self.faults[name]
            self.end(name)
        if names:
            self.settle()
        return names

    def expire(self, now: float) -> None:
        """Let the simulated clock reach `now`: what has lasted long enough ends."""
        self.now = now
        for fault in [f.name for f in self.faults.values() if f.until is not None and f.until <= now]:
            self.clear(fault)

    def begin(self, fault: str, details: Details) -> None:
        """The moment a fault sets in. Raises CommandRefused when it cannot happen here."""

    def end(self, fault: str) -> None:
        """The moment a fault is gone."""

    def perform(self, act: str, details: Details) -> None:
        """One of `acts_offered`."""

    def settle(self) -> None:
        """Bring what is shown into line with what now stands."""

    def detail(self, fault: str, name: str, default: float) -> float:
        """A number given with a standing fault; `default` when it was not given or the fault does not stand."""
        return number(self.faults[fault].details, name, default) if fault in self.faults else default


def check(details: Details) -> None:
    """Raises CommandRefused for a detail of the wrong type: later, in the middle of a step, it would end the world."""
    for name, value in details.items():
        if name in NUMBERS:
            number(details, name, 0.0)
        elif name in SWITCHES:
            if not isinstance(value, bool):
                raise CommandRefused(f"{name} must be true or false")
        else:
            word(details, name, "")


def number(details: Details, name: str, default: float) -> float:
    """A number from the details of a fault or an act. Raises CommandRefused when it is none."""
    value = details.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise CommandRefused(f"{name} must be a number")
    return float(value)


def word(details: Details, name: str, default: str) -> str:
    """A text from the details of a fault or an act. Raises CommandRefused when it is none."""
    value = details.get(name, default)
    if not isinstance(value, str):
        raise CommandRefused(f"{name} must be a text")
    return value
