"""What of the journal counts: annunciations, the moments at which an alarm begins to ask for an operator."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rules.alarm import AlarmState, Transition, Trigger
from rules.suppression import UNSUPPRESSED

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Move(NamedTuple):
    """One transition, as far as figures need it. Times in µs since 1970.

    `annunciates` when it calls an operator (`Transition.announces`): new, come again, worse, reminded, put back into
    the list by a timer; not when an acknowledgement is taken back, nor beneath a suppression. `hidden` while anything
    suppresses it; `chatters` when further comings and goings are only counted from here on.
    """

    at: int
    alarm: str
    occurrence: int
    before: AlarmState
    after: AlarmState
    trigger: Trigger
    priority: int
    raised: int
    annunciates: bool
    hidden: bool
    chatters: bool
    text_zh: str
    text_en: str

    @property
    def clears(self) -> bool:
        return self.before.condition_present and not self.after.condition_present


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
        transition.announces,
        transition.suppression is not UNSUPPRESSED,
        transition.chatter > 0,
        transition.text_zh,
        transition.text_en,
    )
