"""The alarm states of ISA-18.2 with the latched pair, and the one table that moves between them."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from estate.model import Cause, EquipmentId, Now
from rules.suppression import UNSUPPRESSED, AlarmId, Suppression

__all__ = [
    "ANNOUNCING", "IN_SIGHT", "TABLE", "Alarm", "AlarmId", "AlarmState", "Transition", "Trigger", "move", "withdrawn",
]  # fmt: skip


class AlarmState(StrEnum):
    """Letters as in the diagram of ANSI/ISA-18.2-2016; the latched pair as in its 2009 edition.

    Shelved (E), suppressed by design (F) and out of service (G) are no states here: they lie over the
    state, several at once, and the alarm goes on beneath them (rules.suppression).
    """

    NORMAL = "normal"  # A
    UNACKNOWLEDGED = "unacknowledged"  # B
    ACKNOWLEDGED = "acknowledged"  # C
    RETURNED = "returned, unacknowledged"  # D
    LATCHED_UNACKNOWLEDGED = "latched, unacknowledged"  # L1
    LATCHED = "latched, acknowledged"  # L2

    __hash__ = str.__hash__  # Enum's own is Python code, and the table is looked into at every transition

    @property
    def needs_acknowledge(self) -> bool:
        return self in (
            AlarmState.UNACKNOWLEDGED,
            AlarmState.RETURNED,
            AlarmState.LATCHED_UNACKNOWLEDGED,
        )

    @property
    def condition_present(self) -> bool:
        return self is AlarmState.UNACKNOWLEDGED or self is AlarmState.ACKNOWLEDGED


class Trigger(StrEnum):
    RAISE = "raise"  # the condition has held for its on-delay
    RAISE_SUPPRESSED = "raise, suppressed"  # as RAISE, while something suppresses the alarm: nobody is told
    CLEAR = "clear"  # the condition has been false for its off-delay
    CLEAR_LATCHING = "clear latching"  # as CLEAR, of an alarm that is latched
    CLEAR_ADVISORY = "clear, no acknowledgement asked"  # as CLEAR, for a rule with `acknowledge: false`
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"  # an acknowledgement by mistake is taken back
    RESET = "reset"
    WORSEN = "worsen"  # the rule's `severe` condition holds: a higher priority
    EASE = "ease"  # and no longer holds
    REMIND = "remind"  # acknowledged for as long as the rule's `remind` allows
    SHELVE = "shelve"
    SHELF_ENDED = "shelf ended"  # its time is over
    UNSHELVE = "unshelve"  # by a person, who has thereby seen it
    SUPPRESS = "suppress"  # by design: `suppress_when`
    TAKE_OVER = "taken over"  # by design: a parent alarm that came just after it explains it
    UNSUPPRESS = "unsuppress"  # nothing suppresses it by design any more
    REMOVE_FROM_SERVICE = "remove from service"
    RETURN_TO_SERVICE = "return to service"
    WITHDRAW = "rule gone"  # no rule of the site makes this alarm any more: nobody can say how it stands

    __hash__ = str.__hash__


_S, _T = AlarmState, Trigger

# A pair that is not listed changes nothing: acknowledging twice is not an error.
TABLE: dict[tuple[AlarmState, Trigger], AlarmState] = {
    (_S.NORMAL, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.RETURNED, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.LATCHED_UNACKNOWLEDGED, _T.RAISE): _S.UNACKNOWLEDGED,
    (_S.LATCHED, _T.RAISE): _S.UNACKNOWLEDGED,
    # Nobody was told, so nobody owes an acknowledgement; what was owed before stays owed.
    (_S.NORMAL, _T.RAISE_SUPPRESSED): _S.ACKNOWLEDGED,
    (_S.RETURNED, _T.RAISE_SUPPRESSED): _S.UNACKNOWLEDGED,
    (_S.LATCHED_UNACKNOWLEDGED, _T.RAISE_SUPPRESSED): _S.UNACKNOWLEDGED,
    (_S.LATCHED, _T.RAISE_SUPPRESSED): _S.ACKNOWLEDGED,
    (_S.UNACKNOWLEDGED, _T.CLEAR): _S.RETURNED,
    (_S.ACKNOWLEDGED, _T.CLEAR): _S.NORMAL,
    (_S.UNACKNOWLEDGED, _T.CLEAR_LATCHING): _S.LATCHED_UNACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _T.CLEAR_LATCHING): _S.LATCHED,
    (_S.UNACKNOWLEDGED, _T.CLEAR_ADVISORY): _S.NORMAL,
    (_S.ACKNOWLEDGED, _T.CLEAR_ADVISORY): _S.NORMAL,
    (_S.UNACKNOWLEDGED, _T.ACKNOWLEDGE): _S.ACKNOWLEDGED,
    (_S.RETURNED, _T.ACKNOWLEDGE): _S.NORMAL,
    (_S.LATCHED_UNACKNOWLEDGED, _T.ACKNOWLEDGE): _S.LATCHED,
    (_S.ACKNOWLEDGED, _T.UNACKNOWLEDGE): _S.UNACKNOWLEDGED,
    (_S.LATCHED, _T.UNACKNOWLEDGE): _S.LATCHED_UNACKNOWLEDGED,
    (_S.LATCHED, _T.RESET): _S.NORMAL,
    (_S.UNACKNOWLEDGED, _T.WORSEN): _S.UNACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _T.WORSEN): _S.UNACKNOWLEDGED,
    (_S.UNACKNOWLEDGED, _T.EASE): _S.UNACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _T.EASE): _S.ACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _T.REMIND): _S.UNACKNOWLEDGED,
    (_S.UNACKNOWLEDGED, _T.TAKE_OVER): _S.ACKNOWLEDGED,
    # The last suppression goes. What is still there is announced; a person who unshelves has seen it.
    **{
        (before, trigger): _S.UNACKNOWLEDGED if before.condition_present else before
        for trigger in (_T.SHELF_ENDED, _T.UNSUPPRESS, _T.RETURN_TO_SERVICE)
        for before in _S
    },
    (_S.NORMAL, _T.UNSHELVE): _S.NORMAL,
    (_S.UNACKNOWLEDGED, _T.UNSHELVE): _S.ACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _T.UNSHELVE): _S.ACKNOWLEDGED,
    (_S.RETURNED, _T.UNSHELVE): _S.NORMAL,
    (_S.LATCHED_UNACKNOWLEDGED, _T.UNSHELVE): _S.LATCHED,
    (_S.LATCHED, _T.UNSHELVE): _S.LATCHED,
    **{(before, _T.WITHDRAW): _S.NORMAL for before in _S},
    # A suppression comes: the state beneath stays as it is.
    **{(before, trigger): before for trigger in (_T.SHELVE, _T.SUPPRESS, _T.REMOVE_FROM_SERVICE) for before in _S},
}

IN_SIGHT = frozenset({_T.SHELF_ENDED, _T.UNSHELVE, _T.UNSUPPRESS, _T.RETURN_TO_SERVICE, _T.WORSEN, _T.REMIND})
"""Their rows apply where nothing suppresses the alarm, or nothing any more; else the state stays as it is."""

ANNOUNCING = frozenset({_T.RAISE, _T.WORSEN, _T.REMIND, _T.SHELF_ENDED, _T.UNSUPPRESS, _T.RETURN_TO_SERVICE})
"""With these an alarm that comes to, or stays at, UNACKNOWLEDGED is announced. Taking back one's own
acknowledgement announces nothing, though the tone goes on."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Where one alarm stands, `since` its last transition. `occurrence` counts its raisings, suppressed ones too.

    `latched` means that it cannot go to normal without a reset: set when an alarm of a latching rule is
    before the operator, kept while it is still there.
    """

    id: AlarmId
    state: AlarmState
    since: datetime
    occurrence: int = 0
    raised_at: datetime | None = None
    latched: bool = False
    suppression: Suppression = UNSUPPRESSED


@dataclass(frozen=True, slots=True)
class Transition:
    """The only thing that leaves the rules: one alarm went from one state to another, or one suppression came or went.

    `device_time` is when the device says it happened, `received` when we had it, `decided` when the rules
    spoke, `due` (of a raising; not kept) when its delays let them speak; all UTC. `by` is "process" or the
    operator's id. `latched`, `suppression` and `chatter` (raisings counted into this one, 0 when it does not
    chatter) are as they are afterwards.
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
    latched: bool = False
    suppression: Suppression = UNSUPPRESSED
    chatter: int = 0
    due: datetime | None = field(default=None, compare=False)

    @property
    def announces(self) -> bool:
        """Whether an operator is called: what the KPIs count, and what sounds anew."""
        return (
            self.after is AlarmState.UNACKNOWLEDGED and self.suppression is UNSUPPRESSED and self.trigger in ANNOUNCING
        )


def move(alarm: Alarm, trigger: Trigger, now: Now) -> Alarm:
    """The alarm after a trigger; the same object when the pair is not in the table."""
    after = TABLE.get((alarm.state, trigger))
    if after is None:
        return alarm
    if trigger is Trigger.RAISE or trigger is Trigger.RAISE_SUPPRESSED:
        return Alarm(alarm.id, after, now.utc, alarm.occurrence + 1, now.utc, alarm.latched, alarm.suppression)
    if trigger is Trigger.WITHDRAW:
        return Alarm(alarm.id, after, now.utc, alarm.occurrence, alarm.raised_at)
    if trigger is Trigger.RESET:
        return replace(alarm, state=after, since=now.utc, latched=False)
    return replace(alarm, state=after, since=now.utc)


def withdrawn(last: Transition, now: Now) -> Transition | None:
    """The end of an alarm that no rule of the site makes any more; None for one that asks nobody for anything.

    Should its rule come back, it begins as normal, and what is still wrong is raised anew.
    """
    if last.after is AlarmState.NORMAL and last.suppression is UNSUPPRESSED:
        return None
    return replace(
        last,
        before=last.after,
        after=TABLE[last.after, Trigger.WITHDRAW],
        trigger=Trigger.WITHDRAW,
        decided=now.utc,
        by="process",
        cause=None,
        device_time=None,
        received=None,
        due=None,
        note="",
        latched=False,
        suppression=UNSUPPRESSED,
        chatter=0,
    )
