"""Why an operator's command on an alarm is refused; the words for people are in rules/messages.yaml."""

from enum import StrEnum

from estate.errors import CommandRefused
from rules.alarm import AlarmId


class Refusal(StrEnum):
    UNKNOWN_ALARM = "unknown_alarm"
    NOT_STANDING = "not_standing"
    CHANGED = "changed"  # another occurrence than the one the operator saw
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_LATCHED = "not_latched"
    ACKNOWLEDGE_FIRST = "acknowledge_first"
    CONDITION_PRESENT = "condition_present"
    SUPPRESSED = "suppressed"
    NEVER_SUPPRESSED = "never_suppressed"
    NO_END = "no_end"
    TOO_LONG = "too_long"
    NO_REASON = "no_reason"
    NOT_SHELVED = "not_shelved"
    NOT_OUT_OF_SERVICE = "not_out_of_service"


class AlarmRefused(CommandRefused):
    """The catalogue keeps the Chinese and English sentence for `why` under `refused_<why>`."""

    def __init__(self, alarm: AlarmId, why: Refusal) -> None:
        super().__init__(f"{alarm}: {why.value.replace('_', ' ')}")
        self.alarm = alarm
        self.why = why
