"""What the journal holds beside events and transitions: command steps, audit entries, console receipts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from estate.model import Event
from rules.alarm import AlarmId, Transition


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one command to a device: requested, refused, sent, confirmed, failed or unknown."""

    command: str
    alarm: AlarmId | str
    occurrence: int
    target: str
    action: str
    step: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """Something a person did, was refused, or looked at."""

    at: datetime
    who: str
    console: str
    action: str
    target: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A console says that it painted the row ("shown") or started the tone ("sounded").

    `latency_ms` counts from the moment the daemon had the event (or the sample) to this receipt.
    """

    console: str
    kind: str
    alarm: AlarmId
    occurrence: int
    at: datetime
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class CardChange:
    """One change of an access card: what it is from now on. All times UTC; `valid_until` None: no end.

    `card`, `holder` and `household` are references into the access system and the register of households.
    """

    card: str
    action: str
    at: datetime
    by: str
    console: str
    kind: str
    holder: str
    household: str
    doors: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What the engine wants to be told after a restart, by its key. Takes the place of the last; None: nothing more."""

    key: str
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Forget:
    """Some of the oldest rows from before a moment make room for new ones; never what a restart needs."""

    before: datetime


Record = Event | Transition | Step | Audit | Receipt | CardChange | Memory | Forget
