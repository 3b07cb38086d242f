"""Changes and commands in, transitions out: every rule watched, and only those evaluated that a change concerns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from estate.model import Now, PointId, Quality, Sample
from rules.alarm import Alarm, AlarmId, AlarmState, Transition, Trigger, move
from rules.instance import RuleInstance
from rules.refusal import AlarmRefused, Refusal
from rules.watch import Evaluation, Watch

_EVER = datetime(1970, 1, 1, tzinfo=UTC)  # `since` of an alarm of which the journal knows nothing


class Engine:
    """Watches rules. Never asks for the time: samples and `now` bring it.

    A condition that turns unknown (a value that is not good, or none yet) leaves a standing alarm
    standing and a quiet one quiet; a pending on-delay or off-delay is cancelled and starts over once
    the condition is known again, because nobody can say that it held meanwhile.

    Delays count from the receipt of the sample that started them, not from the step that carried it,
    so that a queue before the engine neither shortens nor stretches them. Samples are applied in their
    order, each evaluated on its own: a value that comes and goes within one step raises and clears.
    With both delays set, the order of samples received at one moment makes no difference.
    """

    def __init__(self, rules: Iterable[RuleInstance]) -> None:
        self._watches = {instance.alarm: Watch(instance) for instance in rules}
        self._alarms = {alarm: Alarm(alarm, AlarmState.NORMAL, _EVER) for alarm in self._watches}
        self._standing: dict[AlarmId, Transition] = {}
        self._readers: dict[PointId, list[tuple[Watch, int, bool]]] = {}
        for watch in self._watches.values():
            for place, one in enumerate(watch.instance.inputs):
                self._readers.setdefault(one.point, []).append((watch, place, one.decides))
        self._queue: list[tuple[float, int, Watch]] = []  # at most a few entries per rule, see _schedule
        self._order = count()
        self._at = float("-inf")

    @property
    def alarms(self) -> Mapping[AlarmId, Alarm]:
        return self._alarms

    @property
    def standing(self) -> Mapping[AlarmId, Transition]:
        """The last transition of every alarm that is not normal, the one longest unchanged first."""
        return self._standing

    def step(self, samples: Sequence[Sample], now: Now) -> list[Transition]:
        """Apply samples in their order, fire what falls due until `now.mono`; transitions in the order of moves."""
        transitions: list[Transition] = []
        for sample in samples:
            at = self._advance(min(sample.received, now.mono))
            if self._queue and self._queue[0][0] <= at:
                self._fire(at, now, transitions)
            readers = self._readers.get(sample.point)
            if readers is None:
                continue
            value = sample.value if sample.quality is Quality.GOOD else None
            for watch, place, decides in readers:
                if watch.feed(place, value, at) and decides:
                    self._evaluate(watch, at, sample, now, transitions)
        self._fire(self._advance(now.mono), now, transitions)
        return transitions

    def acknowledge(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        """Raises AlarmRefused when there is nothing to acknowledge."""
        state = self._state(alarm)
        if state is AlarmState.NORMAL:
            raise AlarmRefused(alarm, Refusal.NOT_STANDING)
        if not state.needs_acknowledge:
            raise AlarmRefused(alarm, Refusal.ALREADY_ACKNOWLEDGED)
        return self._command(alarm, Trigger.ACKNOWLEDGE, by, now, note)

    def reset(self, alarm: AlarmId, by: str, now: Now, note: str = "") -> Transition:
        """Release a latched alarm; raises AlarmRefused when it is not latched, not acknowledged, or still there.

        A condition that is unknown does not hold a reset back: momentary signals have no value to
        come back to after a restart.
        """
        state = self._state(alarm)
        if state is AlarmState.NORMAL:
            raise AlarmRefused(alarm, Refusal.NOT_STANDING)
        if state is AlarmState.LATCHED_UNACKNOWLEDGED:
            raise AlarmRefused(alarm, Refusal.ACKNOWLEDGE_FIRST)
        latching = self._watches[alarm].instance.rule.kind == "latched"
        if state is not AlarmState.LATCHED and not latching:
            raise AlarmRefused(alarm, Refusal.NOT_LATCHED)
        if state is not AlarmState.LATCHED or self._watches[alarm].result is True:
            raise AlarmRefused(alarm, Refusal.CONDITION_PRESENT)
        return self._command(alarm, Trigger.RESET, by, now, note)

    def restore(self, transitions: Iterable[Transition]) -> list[AlarmId]:
        """Take over where the journal left off; later transitions of an alarm replace earlier ones.

        Nothing fires. A restored alarm stays as it is while its condition is unknown; the first good
        values clear it after the off-delay, or leave it standing without raising it again. Returns
        alarms of which the journal knows and the site no longer does: they are not watched.
        """
        unknown: dict[AlarmId, None] = {}
        for one in transitions:
            if one.alarm not in self._watches:
                unknown[one.alarm] = None
                continue
            self._alarms[one.alarm] = Alarm(one.alarm, one.after, one.decided, one.occurrence, one.raised_at)
            self._stand(one)
        return list(unknown)

    def next_deadline(self) -> float | None:
        """Monotonic time (s) at which a step is due although nothing changed; None when there is none."""
        while self._queue:
            at, _, watch = self._queue[0]
            if watch.queued == at and watch.wake == at:
                return at
            heappop(self._queue)
            if watch.queued == at:
                watch.queued = None
                self._schedule(watch)
        return None

    @property
    def queued(self) -> int:
        """Entries waiting for their time; stays near the number of rules with a timer."""
        return len(self._queue)

    def evaluations(self, alarm: AlarmId) -> tuple[Evaluation, ...]:
        """The last few evaluations of a rule, oldest first."""
        return tuple(self._watches[alarm].evaluations)

    def _advance(self, at: float) -> float:
        """The engine's own time never runs back, whatever order drivers deliver in."""
        if at > self._at:
            self._at = at
        return self._at

    def _evaluate(
        self, watch: Watch, at: float, sample: Sample | None, now: Now, transitions: list[Transition]
    ) -> None:
        standing = self._alarms[watch.instance.alarm].state.condition_present
        result = watch.evaluate(at, standing)
        if result is None or result is standing:
            watch.cancel(at)
        elif watch.due is None:
            delay = watch.instance.off_delay if standing else watch.instance.on_delay
            if delay > 0:
                watch.start(at, delay, sample)
            else:
                watch.origin = sample or watch.origin
                self._turn(watch, now, transitions)
        if watch.due is not None or watch.look is not None:
            self._schedule(watch)

    def _schedule(self, watch: Watch) -> None:
        """Queue the watch's next time, unless an earlier entry of its stands there already.

        That entry comes up in any case and queues the watch again, so a condition that flickers does
        not fill the queue.
        """
        wake = watch.wake
        if wake is not None and (watch.queued is None or wake < watch.queued):
            watch.queued = wake
            heappush(self._queue, (wake, next(self._order), watch))

    def _fire(self, until: float, now: Now, transitions: list[Transition]) -> None:
        queue = self._queue
        while queue and queue[0][0] <= until:
            at, _, watch = heappop(queue)
            if watch.queued != at:
                continue
            watch.queued = None
            if watch.look is not None and watch.look <= at:
                self._evaluate(watch, at, None, now, transitions)
            if watch.due is not None and watch.due <= at:
                watch.due = None
                self._turn(watch, now, transitions)
            self._schedule(watch)

    def _turn(self, watch: Watch, now: Now, transitions: list[Transition]) -> None:
        """Raise what was not standing, clear what was."""
        instance = watch.instance
        alarm = self._alarms[instance.alarm]
        if not alarm.state.condition_present:
            trigger = Trigger.RAISE
            text_zh, text_en = instance.text_zh(watch.values), instance.text_en(watch.values)
        else:
            trigger = Trigger.CLEAR_LATCHING if instance.rule.kind == "latched" else Trigger.CLEAR
            raised = self._standing[instance.alarm]
            text_zh, text_en = raised.text_zh, raised.text_en
        after = move(alarm, trigger, now)
        origin = watch.origin
        transition = Transition(
            instance.alarm,
            instance.equipment,
            instance.rule_name,
            after.occurrence,
            alarm.state,
            after.state,
            trigger,
            now.utc,
            instance.rule.priority,
            text_zh,
            text_en,
            "process",
            origin.cause if origin else None,
            origin.at if origin else None,
            now.utc - timedelta(seconds=now.mono - origin.received) if origin else None,
            after.raised_at,
        )
        self._alarms[instance.alarm] = after
        self._stand(transition)
        transitions.append(transition)

    def _state(self, alarm: AlarmId) -> AlarmState:
        if alarm not in self._watches:
            raise AlarmRefused(alarm, Refusal.UNKNOWN_ALARM)
        return self._alarms[alarm].state

    def _command(self, alarm: AlarmId, trigger: Trigger, by: str, now: Now, note: str) -> Transition:
        """An operator's transition keeps the text of the occurrence and the cause it answers to."""
        last = self._standing[alarm]
        before = self._alarms[alarm]
        after = move(before, trigger, now)
        transition = Transition(
            alarm=alarm,
            equipment=last.equipment,
            rule=last.rule,
            occurrence=after.occurrence,
            before=before.state,
            after=after.state,
            trigger=trigger,
            decided=now.utc,
            priority=last.priority,
            text_zh=last.text_zh,
            text_en=last.text_en,
            by=by,
            cause=last.cause,
            raised_at=after.raised_at,
            note=note,
        )
        self._alarms[alarm] = after
        self._stand(transition)
        return transition

    def _stand(self, transition: Transition) -> None:
        self._standing.pop(transition.alarm, None)
        if transition.after is not AlarmState.NORMAL:
            self._standing[transition.alarm] = transition
