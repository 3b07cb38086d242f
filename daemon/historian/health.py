"""How the history is doing, in the words of the point `system.history`."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    OK = "ok"
    OUTAGE = "outage"  # the server is not there; what comes is spooled
    REFUSED = "refused"  # the server is there and takes nothing from us
    FULL = "full"  # spool or disk (nearly) full: history is being lost or soon will be
    CONFIG = "config"  # address, organisation, bucket or token file is wrong


@dataclass(frozen=True, slots=True)
class HistoryState:
    """`spooled` lines wait for the server, `dropped` samples were lost since start, `dead` lines refused for good."""

    health: Health | None
    reason: str
    spooled: int
    dropped: int
    dead: int

    @property
    def ok(self) -> bool:
        """False also while nothing is known yet."""
        return self.health is Health.OK
