"""What of the journal counts: annunciations, the moments at which an alarm begins to ask for an operator."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rules.alarm import AlarmState, Transition, Trigger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Move(NamedTuple):
    """One transition, as far as figures need it. Times in µs since 1970; `hidden` while anything suppressed it."""

    at: int
    alarm: str
    occurrence: int
    before: AlarmState
    after: AlarmState
    trigger: Trigger
    priority: int
    raised: int
    hidden: bool
    text_zh: str
    text_en: str

    @property
    def annunciates(self) -> bool:
        """Entries into "unacknowledged": new, come again, reminded, put back into the list by a timer.

        An operator who takes back an acknowledgement announces nothing to himself. What comes while the alarm is
        shelved, suppressed by design or out of service announces nothing to anyone.
        """
        return self.after is AlarmState.UNACKNOWLEDGED and not self.hidden and self.trigger in ANNOUNCING

    @property
    def clears(self) -> bool:
        return self.before.condition_present and not self.after.condition_present


ANNOUNCING = frozenset({Trigger.RAISE})


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    return EPOCH + at * MICROSECOND


def move_of(transition: Transition) -> Move:
    raised = transition.raised_at or transition.decided
    return Move(
        microseconds(transition.decided),
        transition.alarm,
        transition.occurrence,
        transition.before,
        transition.after,
        transition.trigger,
        transition.priority,
        microseconds(raised),
        False,
        transition.text_zh,
        transition.text_en,
    )
