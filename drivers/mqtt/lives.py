"""Starts of a device under a boot id that it has used before: each is a life with an id of its own."""

from collections.abc import Iterable
from datetime import datetime

MARK = "~"
"""Between the boot id and the number of the life. No device can say it: a boot id may not hold it."""

MAX_LIVES = 8
"""Of one boot id, that are told apart by their time."""


class Lives:
    """Known from the `boots` of the journal after a restart, and then without the time at which each began."""

    def __init__(self, boots: Iterable[str] = ()) -> None:
        self._of: dict[str, list[tuple[str, datetime | None]]] = {}
        for boot in sorted((boot for boot in boots if MARK in boot), key=_number):
            self._add(spoken(boot), boot, None)

    def at(self, boot: str, time: datetime | None) -> str:
        """The life that a message belongs to: the last that had begun by then, or the last of all."""
        for life, since in reversed(self._of.get(boot, ())):
            if time is None or since is None or time >= since:
                return life
        return boot

    def begin(self, boot: str, time: datetime) -> str:
        """A life that begins with an event of this time."""
        lives = self._of.get(boot)
        life = f"{boot}{MARK}{_number(lives[-1][0]) + 1 if lives else 1}"
        self._add(boot, life, time)
        return life

    def _add(self, boot: str, life: str, since: datetime | None) -> None:
        lives = self._of.setdefault(boot, [])
        lives.append((life, since))
        del lives[:-MAX_LIVES]


def spoken(life: str) -> str:
    """The boot id as the device says it."""
    return life.partition(MARK)[0]


def _number(life: str) -> int:
    return int(life.rpartition(MARK)[2])
