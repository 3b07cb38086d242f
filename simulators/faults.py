"""Faults that stand on one target: by name, with details and an end in simulated seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from estate.errors import CommandRefused

Details = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """A fault that stands now; `until` in simulated seconds, None: until it is cleared."""

    name: str
    until: float | None
    details: Details


class Faults:
    """At most one standing fault of each name."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._standing

    @property
    def standing(self) -> tuple[Standing, ...]:
        return tuple(self._standing.values())

    def details(self, name: str) -> Details:
        return self._standing[name].details

    def set(self, fault: Standing) -> None:
        self._standing[fault.name] = fault

    def remove(self, name: str) -> Standing | None:
        return self._standing.pop(name, None)

    def expired(self, now: float) -> list[str]:
        if not self._standing:
            return []
        return [f.name for f in self._standing.values() if f.until is not None and f.until <= now]


def number(details: Details, name: str, default: float) -> float:
    """A number from the details of a fault or an act. Raises CommandRefused when it is none."""
    value = details.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CommandRefused(f"{name} must be a number")
    return float(value)


def word(details: Details, name: str, default: str) -> str:
    """A text from the details of a fault or an act. Raises CommandRefused when it is none."""
    value = details.get(name, default)
    if not isinstance(value, str):
        raise CommandRefused(f"{name} must be a text")
    return value
