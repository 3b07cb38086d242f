"""Why an operator's command on an alarm is refused; the words for people are in rules/messages.yaml."""

from enum import StrEnum

from estate.errors import CommandRefused
from rules.alarm import AlarmId


class Refusal(StrEnum):
    UNKNOWN_ALARM = "unknown_alarm"
    NOT_STANDING = "not_standing"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    NOT_LATCHED = "not_latched"
    ACKNOWLEDGE_FIRST = "acknowledge_first"
    CONDITION_PRESENT = "condition_present"


class AlarmRefused(CommandRefused):
    """The catalogue keeps the Chinese and English sentence for `why` under `refused_<why>`."""

    def __init__(self, alarm: AlarmId, why: Refusal) -> None:
        super().__init__(f"{alarm}: {why.value.replace('_', ' ')}")
        self.alarm = alarm
        self.why = why
