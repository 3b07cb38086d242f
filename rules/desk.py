"""What operators do with alarms, and when it is refused."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from estate.annunciation import Annunciation
from estate.model import Now
from rules.alarm import Alarm, AlarmId, AlarmState, Transition, Trigger
from rules.instance import RuleInstance
from rules.life import Life
from rules.refusal import AlarmRefused, Refusal
from rules.suppression import UNSUPPRESSED, Removal, Shelf
from rules.watch import Watch


class Desk(Life):
    """Every command raises AlarmRefused with its reason, or answers with the transition it led to."""

    def __init__(
        self, rules: Iterable[RuleInstance], annunciation: Annunciation, masks: Mapping[AlarmId, float]
    ) -> None:
        super().__init__(rules, annunciation, masks)
        self._shelved: dict[AlarmId, tuple[int, datetime, datetime]] = {}  # occurrence, first time, end of the last

    def acknowledge(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        """Raises AlarmRefused when there is nothing to acknowledge."""
        state = self._alarm(alarm).state
        if state is AlarmState.NORMAL:
            raise AlarmRefused(alarm, Refusal.NOT_STANDING)
        if not state.needs_acknowledge:
            raise AlarmRefused(alarm, Refusal.ALREADY_ACKNOWLEDGED)
        return self._apply(self._watches[alarm], Trigger.ACKNOWLEDGE, now, by, note)

    def unacknowledge(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        """Take a mistaken acknowledgement back; not beneath a suppression, where nobody was asked for one."""
        one = self._alarm(alarm)
        if one.state is AlarmState.NORMAL:
            raise AlarmRefused(alarm, Refusal.NOT_STANDING)
        if one.state.needs_acknowledge:
            raise AlarmRefused(alarm, Refusal.NOT_ACKNOWLEDGED)
        if one.suppression is not UNSUPPRESSED:
            raise AlarmRefused(alarm, Refusal.SUPPRESSED)
        return self._apply(self._watches[alarm], Trigger.UNACKNOWLEDGE, now, by, note)

    def reset(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        """Release a latched alarm; raises AlarmRefused when it is not latched, not acknowledged, or still there.

        A condition that is unknown does not hold a reset back: momentary signals have no value to
        come back to after a restart.
        """
        state = self._alarm(alarm).state
        if state is AlarmState.NORMAL:
            raise AlarmRefused(alarm, Refusal.NOT_STANDING)
        if state is AlarmState.LATCHED_UNACKNOWLEDGED:
            raise AlarmRefused(alarm, Refusal.ACKNOWLEDGE_FIRST)
        latching = self._watches[alarm].instance.rule.kind == "latched"
        if state is not AlarmState.LATCHED and not latching:
            raise AlarmRefused(alarm, Refusal.NOT_LATCHED)
        if state is not AlarmState.LATCHED or self._watches[alarm].result is True:
            raise AlarmRefused(alarm, Refusal.CONDITION_PRESENT)
        return self._apply(self._watches[alarm], Trigger.RESET, now, by, note)

    def shelve(self, alarm: AlarmId, by: str, now: Now, until: datetime, reason: str) -> Transition:
        """Put aside until a time (UTC), in any state. A second time gives it another end, counted from the first."""
        watch = self._suppressible(alarm, reason)
        one = self._alarms[alarm]
        if until <= now.utc:
            raise AlarmRefused(alarm, Refusal.NO_END)
        since = one.suppression.shelf.since if one.suppression.shelf is not None else now.utc
        if until - since > timedelta(seconds=self._annunciation.longest_shelf):
            raise AlarmRefused(alarm, Refusal.TOO_LONG)
        self._shelved[alarm] = one.occurrence, self.first_shelved(alarm) or now.utc, until
        hidden = one.suppression.with_shelf(Shelf(by, since, until, reason))
        return self._apply(watch, Trigger.SHELVE, now, by, reason, hidden)

    def unshelve(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        """Back before its time. Who takes it back has seen it: what is there then counts as acknowledged."""
        hidden = self._alarm(alarm).suppression
        if hidden.shelf is None:
            raise AlarmRefused(alarm, Refusal.NOT_SHELVED)
        if alarm in self._shelved:
            self._shelved[alarm] = (*self._shelved[alarm][:2], now.utc)
        return self._apply(self._watches[alarm], Trigger.UNSHELVE, now, by, note, hidden.with_shelf(None))

    def remove_from_service(
        self, alarm: AlarmId, by: str, now: Now, reason: str, order: str, until: datetime | None = None
    ) -> Transition:
        """For maintenance, on a work order, in any state; `until` None: until someone returns it."""
        watch = self._suppressible(alarm, reason if order.strip() else "")
        if until is not None and until <= now.utc:
            raise AlarmRefused(alarm, Refusal.NO_END)
        hidden = self._alarms[alarm].suppression.with_removal(Removal(by, now.utc, reason, order, until))
        return self._apply(watch, Trigger.REMOVE_FROM_SERVICE, now, by, f"{order}: {reason}", hidden)

    def return_to_service(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        hidden = self._alarm(alarm).suppression
        if hidden.removal is None:
            raise AlarmRefused(alarm, Refusal.NOT_OUT_OF_SERVICE)
        rest = hidden.with_removal(None)
        return self._apply(self._watches[alarm], Trigger.RETURN_TO_SERVICE, now, by, note, rest)

    def first_shelved(self, alarm: AlarmId) -> datetime | None:
        """Since when its present occurrence has been put aside, once or several times; None: it was not.

        A restart remembers the shelf that is there, not those before it.
        """
        one = self._alarm(alarm)
        shelf, found = one.suppression.shelf, []
        if shelf is not None:
            found.append(shelf.since)
        if alarm in self._shelved and (shelf is not None or one.state is not AlarmState.NORMAL):
            occurrence, first, until = self._shelved[alarm]
            if occurrence == one.occurrence:
                found.append(first)
            elif one.raised_at is not None and one.raised_at < until:
                found.append(one.raised_at)
        return min(found, default=None)

    def _alarm(self, alarm: AlarmId) -> Alarm:
        if alarm not in self._watches:
            raise AlarmRefused(alarm, Refusal.UNKNOWN_ALARM)
        return self._alarms[alarm]

    def _suppressible(self, alarm: AlarmId, reason: str) -> Watch:
        self._alarm(alarm)
        watch = self._watches[alarm]
        if watch.instance.rule.never_suppress:
            raise AlarmRefused(alarm, Refusal.NEVER_SUPPRESSED)
        if not reason.strip():
            raise AlarmRefused(alarm, Refusal.NO_REASON)
        return watch
