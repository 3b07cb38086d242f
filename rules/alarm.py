"""The alarm states of ISA-18.2 with the latched pair, and the one table that moves between them."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from estate.model import Cause, EquipmentId, Now

AlarmId = NewType("AlarmId", str)


class AlarmState(StrEnum):
    """Letters as in the diagram of ANSI/ISA-18.2-2016; the latched pair as in its 2009 edition."""

    NORMAL = "normal"  # A
    UNACKNOWLEDGED = "unacknowledged"  # B
    ACKNOWLEDGED = "acknowledged"  # C
    RETURNED = "returned, unacknowledged"  # D
    LATCHED_UNACKNOWLEDGED = "latched, unacknowledged"  # L1
    LATCHED = "latched, acknowledged"  # L2

    @property
    def needs_acknowledge(self) -> bool:
        return self in (
            AlarmState.UNACKNOWLEDGED,
            AlarmState.RETURNED,
            AlarmState.LATCHED_UNACKNOWLEDGED,
        )

    @property
    def condition_present(self) -> bool:
        return self in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)


class Trigger(StrEnum):
    RAISE = "raise"  # the condition has held for its on-delay
    CLEAR = "clear"  # the condition has been false for its off-delay
    CLEAR_LATCHING = "clear latching"  # as CLEAR, for a rule that latches
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"


_S, _T = AlarmState, Trigger

# A pair that is not listed changes nothing: acknowledging twice is not an error.
TABLE: dict[tuple[AlarmState, Trigger], AlarmState] = {
    (_S.NORMAL, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.UNACKNOWLEDGED, _T.ACKNOWLEDGE): _S.ACKNOWLEDGED,
    (_S.UNACKNOWLEDGED, _T.CLEAR): _S.RETURNED,
    (_S.UNACKNOWLEDGED, _T.CLEAR_LATCHING): _S.LATCHED_UNACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _T.CLEAR): _S.NORMAL,
    (_S.ACKNOWLEDGED, _T.CLEAR_LATCHING): _S.LATCHED,
    (_S.RETURNED, _T.ACKNOWLEDGE): _S.NORMAL,
    (_S.RETURNED, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.LATCHED_UNACKNOWLEDGED, _T.ACKNOWLEDGE): _S.LATCHED,
    (_S.LATCHED_UNACKNOWLEDGED, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.LATCHED, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.LATCHED, _T.RESET): _S.NORMAL,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """Where one alarm stands. `occurrence` counts entries into UNACKNOWLEDGED by RAISE."""

    id: AlarmId
    state: AlarmState
    since: datetime
    occurrence: int = 0
    raised_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """The only thing that leaves the rules: one alarm went from one state to another.

    `device_time` is when the device says it happened, `received` when we had it, `decided` when the
    rules spoke; all UTC. `by` is "process" or the operator's id. `values` are the inputs behind it.
    """

    alarm: AlarmId
    equipment: EquipmentId
    rule: str
    occurrence: int
    before: AlarmState
    after: AlarmState
    trigger: Trigger
    decided: datetime
    priority: int
    text_zh: str
    text_en: str
    by: str = "process"
    cause: Cause | None = None
    device_time: datetime | None = None
    received: datetime | None = None
    raised_at: datetime | None = None
    note: str = ""


def move(alarm: Alarm, trigger: Trigger, now: Now) -> Alarm:
    """The alarm after a trigger; the same object when the pair is not in the table."""
    after = TABLE.get((alarm.state, trigger))
    if after is None:
        return alarm
    if trigger is Trigger.RAISE:
        return Alarm(alarm.id, after, now.utc, alarm.occurrence + 1, now.utc)
    return replace(alarm, state=after, since=now.utc)
