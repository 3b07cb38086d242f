"""Changes in, transitions out: every rule watched, and only those evaluated that a change concerns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from heapq import heappop
from typing import Any

from estate.annunciation import Annunciation
from estate.model import Now, PointId, Quality, Sample, Value
from rules.alarm import Alarm, AlarmId, Transition
from rules.desk import Desk
from rules.hearing import Hearing
from rules.instance import Role, RuleInstance
from rules.life import points_read
from rules.memory import ALIVE, alive, remembered, resume
from rules.moments import moments
from rules.precedence import in_turn, set_precedence
from rules.suppression import UNSUPPRESSED
from rules.watch import Evaluation, Watch

_NOTHING: Mapping[str, Mapping[str, Any]] = {}
_NO_MASKS: Mapping[AlarmId, float] = {}


class Engine(Desk):
    """Watches rules. Never asks for the time: samples and `now` bring it.

    A condition that turns unknown (a value that is not good, or none yet) leaves a standing alarm
    standing and a quiet one quiet; a pending on-delay or off-delay is cancelled and starts over once
    the condition is known again, because nobody can say that it held meanwhile.

    Delays count from the receipt of the sample that started them, not from the step that carried it,
    so that a queue before the engine neither shortens nor stretches them. Samples are applied in their
    order, moment by moment: what was received at one time for one cause, as the values of one document or
    of one read, is judged when all of it is known, and its order makes no difference. A value that comes
    and goes within one step is two moments: it raises and clears.

    `masks` are seconds for which a rule does not believe the first reading after silence: until then its
    condition has to hold. Rules for life and limb, and those that are never suppressed, have none.
    """

    def __init__(
        self,
        rules: Iterable[RuleInstance],
        annunciation: Annunciation | None = None,
        masks: Mapping[AlarmId, float] = _NO_MASKS,
    ) -> None:
        super().__init__(rules, annunciation or Annunciation(), masks)
        set_precedence(self._keyed.values())
        self._hearings = {point: Hearing(readers) for point, readers in points_read(self._keyed.values()).items()}
        self._unsaved: dict[str, Watch] = {}
        self._restored: tuple[Mapping[str, Mapping[str, Any]], Sequence[tuple[AlarmId, datetime]]] | None = None

    def step(self, samples: Sequence[Sample], now: Now) -> list[Transition]:
        """Apply samples in their order, fire what falls due until `now.mono`; transitions in the order of moves."""
        transitions: list[Transition] = []
        if self._restored is not None:
            self._resume(now)
        for moment in moments(samples):
            at = self._advance(min(moment[0].received, now.mono))
            if self._queue and self._queue[0][0] <= at:
                self._fire(at, now, transitions)
            concerned: dict[Watch, Sample] = {}
            for sample in moment:
                value = sample.value if sample.quality is Quality.GOOD else None
                hearing = self._hearings.get(sample.point)
                if hearing is None:
                    continue
                readers = hearing.readers
                if hearing.calm:
                    if hearing.calms(value):
                        for watch, place, _ in hearing.calm:
                            watch.note(place, value, at)
                        readers = hearing.anxious
                    else:
                        hearing.moved(value)
                for watch, place, decides in readers:
                    if watch.feed(place, value, at):
                        if decides:
                            concerned.setdefault(watch, sample)
                        continue
                    if watch.timed is not None and watch.timed.unsaved(at):
                        self._unsaved[watch.key] = watch
                    if watch.resume is not None and value is None and decides:
                        watch.resume = None  # what is said to be unknown is no longer only unheard
            for watch in concerned:
                watch.evaluate(at)
            for watch in sorted(concerned, key=in_turn) if len(concerned) > 1 else concerned:
                self._judge(watch, at, concerned[watch], now, transitions)
        self._fire(self._advance(now.mono), now, transitions)
        if self._flood.active:
            self._flood.advance(self._at)
        return transitions

    def passes(self, point: PointId, value: Value) -> bool:
        """Take a good value if no rule can tell it from the one before: a step would come to nothing.

        Faster than that, but the evaluations that are remembered do not know of it.
        """
        hearing = self._hearings.get(point)
        if hearing is None:
            return True
        if hearing.anxious or not hearing.calms(value):
            return False
        for watch, place, _ in hearing.calm:
            watch.values[place] = value
        return True

    def restore(
        self,
        transitions: Iterable[Transition],
        memory: Mapping[str, Mapping[str, Any]] = _NOTHING,
        announced: Iterable[tuple[AlarmId, datetime]] = (),
    ) -> list[AlarmId]:
        """Take over where the journal left off; later transitions of an alarm replace earlier ones.

        Nothing fires. A restored alarm stays as it is while its condition is unknown; the first good
        values clear it after the off-delay, or leave it standing without raising it again. Returns
        alarms of which the journal knows and the site no longer does: they are not watched.

        `memory` is what `take_memory` gave last: with it delays go on as if nothing had been between; they count
        the time between when the first good values agree. Shelves and reminders go on in any case.
        `announced` are the alarms announced in the last minutes with their times, oldest first: they count for
        chattering and floods. All clocks start with the next step, which brings the time.
        """
        unknown: dict[AlarmId, None] = {}
        for one in transitions:
            if one.alarm not in self._watches:
                unknown[one.alarm] = None
                continue
            before_them = one.after.condition_present and one.suppression is UNSUPPRESSED
            latched = one.latched or (before_them and self._watches[one.alarm].latches)
            self._alarms[one.alarm] = Alarm(
                one.alarm, one.after, one.decided, one.occurrence, one.raised_at, latched, one.suppression
            )
            self._stand(one)
        for last in {**self._suppressed, **self._standing}.values():
            watch = self._watches[last.alarm]
            watch.present = last.after.condition_present
            for companion in self._companions_of(watch):
                if companion.instance.role is Role.SUPPRESS:
                    companion.present = last.suppression.by_condition
                else:
                    companion.present = last.priority != watch.instance.rule.priority
                    watch.worse(companion.present)
        self._restored = (memory, tuple(announced))
        return list(unknown)

    def _resume(self, now: Now) -> None:
        """The first step after a restart: set all clocks by its time."""
        if self._restored is None:
            return
        memory, announced = self._restored
        self._restored = None
        for alarm, at in announced:
            if alarm in self._watches:
                self._recall(self._watches[alarm], at, now)
        for last in {**self._suppressed, **self._standing}.values():
            watch = self._watches[last.alarm]
            if watch.chatter is not None and last.chatter and last.after.condition_present:
                watch.chatter.resume(last.chatter, now.mono)
                watch.present = False
            self._wind(watch, self._alarms[last.alarm], now)
        lost_at = memory[ALIVE]["at"] if ALIVE in memory else now.utc.timestamp()
        for key, one in memory.items():
            if key in self._keyed:
                resume(self._keyed[key], one, lost_at, now)
                self._unsaved[key] = self._keyed[key]

    def _companions_of(self, watch: Watch) -> Iterable[Watch]:
        return (self._keyed[f"{one.alarm}#{one.role.value}"] for one in watch.instance.companions)

    def take_memory(self, now: Now) -> dict[str, dict[str, Any] | None]:
        """What a restart would have to know beside the transitions and has changed since the last call.

        By key, JSON inside; None: nothing to remember any more.
        """
        taken = {key: remembered(watch, now) for key, watch in self._unsaved.items()}
        self._unsaved.clear()
        taken[ALIVE] = alive(now)
        return taken

    @property
    def forgetful(self) -> bool:
        """Whether `take_memory` has anything to give."""
        return bool(self._unsaved)

    def due(self, alarm: AlarmId) -> float | None:
        """When (monotonic s) the raise or clear that is under way will happen; None when none is."""
        return self._watches[alarm].due

    def evaluations(self, alarm: AlarmId, now: float | None = None) -> tuple[Evaluation, ...]:
        """The last few evaluations of a rule, oldest first.

        With `now` (monotonic s) what its functions over time say is brought up to that. Nothing comes of it: the
        engine judges at its own next look, however often somebody asks.
        """
        watch = self._watches[alarm]
        if now is not None and watch.timed is not None and watch.evaluations:
            look = watch.look
            watch.evaluate(self._advance(now))
            watch.look = look
        return tuple(watch.evaluations)

    def _advance(self, at: float) -> float:
        """The engine's own time never runs back, whatever order drivers deliver in."""
        if at > self._at:
            self._at = at
        return self._at

    def _judge(self, watch: Watch, at: float, sample: Sample | None, now: Now, transitions: list[Transition]) -> None:
        """What follows from the result of an evaluation: a delay begins or ends, or the condition turns."""
        present, result = watch.present, watch.result
        if watch.timed is not None and watch.timed.unsaved(at):
            self._unsaved[watch.key] = watch
        chatter = watch.chatter
        if chatter is not None and watch.analog is not None and chatter.watched:
            level = watch.values[watch.analog]
            if level is not None and result is not None:
                chatter.value(level, result)
        if watch.freed and result is not False:
            self._free(watch, now, transitions)
        if result is None or result is present:
            if watch.due is not None:
                watch.cancel(at)
                self._unsaved[watch.key] = watch
            if result is not None:
                watch.resume = None
        elif watch.due is None:
            delay = watch.instance.off_delay if present else watch.instance.on_delay
            if watch.resume is not None:
                delay = watch.resumed(at, result, delay)
            if watch.mask and not present:
                delay = watch.masked(at, delay)
            if delay > 0:
                watch.start(at, delay, sample)
                self._unsaved[watch.key] = watch
            else:
                watch.origin = sample
                watch.ripe = at if sample is None else min(at, sample.received)
                self._turn(watch, at, now, transitions)
        if watch.due is not None or watch.look is not None:
            self._schedule(watch)

    def _fire(self, until: float, now: Now, transitions: list[Transition]) -> None:
        queue = self._queue
        while queue and queue[0][0] <= until:
            at, _, _, watch = heappop(queue)
            if watch.queued != at:
                continue
            watch.queued = None
            if watch.look is not None and watch.look <= at:
                watch.evaluate(at)
                self._judge(watch, at, None, now, transitions)
            if watch.due is not None and watch.due <= at:
                watch.due = None
                watch.ripe = at
                self._unsaved[watch.key] = watch
                self._turn(watch, at, now, transitions)
            while watch.call is not None and watch.call <= at:
                self._answer(watch, at, now, transitions)
            self._schedule(watch)

    def _turn(self, watch: Watch, at: float, now: Now, transitions: list[Transition]) -> None:
        """The condition has come, or gone, for good: raise, clear, or count."""
        watch.turned(at)
        if watch.analog is not None:
            self._hearings[watch.instance.inputs[watch.analog].point].stir()
        present = watch.present
        if watch.owner is not watch:
            self._companion(watch, now, transitions)
            return
        chatter = watch.chatter
        if chatter is not None:
            held = chatter.edge(present, at)
            if chatter.count:
                self._call_at(watch)
            if held:
                self._renewed.add(watch.instance.alarm)
                return
        if present:
            self._raise(watch, at, now, transitions)
        else:
            self._clear(watch, now, transitions)
