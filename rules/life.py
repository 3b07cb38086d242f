"""Alarms under way: how each moves, what suppresses it, which of them explain others, and their own clocks."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from estate.annunciation import Annunciation
from estate.model import Now, PointId, Sample
from rules.alarm import ANNOUNCING, IN_SIGHT, TABLE, Alarm, AlarmId, AlarmState, Transition, Trigger
from rules.chatter import Chatter, Proposal
from rules.flood import Flood, Group
from rules.instance import Role, RuleInstance
from rules.suppression import UNSUPPRESSED, Suppression
from rules.watch import Watch

_EVER = datetime(1970, 1, 1, tzinfo=UTC)  # `since` of an alarm of which the journal knows nothing
PROCESS = "process"
JUST_BEFORE = 2.0
"""s: an alarm that came no longer than this before its parent's condition is taken over by it. The children of a
dead gateway are found one by one, some of them before the gateway itself."""


class Life:
    """The alarms of a site and the clocks that belong to them rather than to their conditions.

    While all of one set of an alarm's `parents` stand, a raising of it is suppressed by design and names
    them; so is one that came just before the last of them. It is announced when they are gone, if it is
    still there then. A parent that is about to clear (its condition is false already) explains nothing more.
    """

    def __init__(
        self, rules: Iterable[RuleInstance], annunciation: Annunciation, masks: Mapping[AlarmId, float]
    ) -> None:
        self._annunciation = annunciation
        self._flood = Flood(annunciation.flood)
        self._watches: dict[AlarmId, Watch] = {}
        self._keyed: dict[str, Watch] = {}
        for instance in rules:
            rule = instance.rule
            urgent = rule.life_safety or rule.never_suppress
            chatter = None if urgent else Chatter(annunciation.chatter, shortens=rule.kind == "process")
            mask = 0.0 if urgent else masks.get(instance.alarm, 0.0)
            watch = self._watches[instance.alarm] = Watch(instance, None, chatter, mask)
            self._keyed[watch.key] = watch
            for companion in instance.companions:
                one = Watch(companion, watch)
                self._keyed[one.key] = one
        self._link()
        self._alarms = {alarm: Alarm(alarm, AlarmState.NORMAL, _EVER) for alarm in self._watches}
        self._standing: dict[AlarmId, Transition] = {}
        self._suppressed: dict[AlarmId, Transition] = {}
        self._renewed: set[AlarmId] = set()
        self._queue: list[tuple[float, int, int, Watch]] = []  # at most a few entries per rule, see _schedule
        self._order = count()
        self._at = float("-inf")

    def _link(self) -> None:
        children: dict[AlarmId, list[Watch]] = {}
        for watch in self._watches.values():
            if watch.instance.rule.never_suppress:
                continue
            known = [one for one in watch.instance.parents if one and all(each in self._watches for each in one)]
            watch.parents = tuple(tuple(self._watches[each] for each in sorted(one)) for one in known)
            for parent in sorted({each for one in known for each in one}):
                children.setdefault(parent, []).append(watch)
        for parent, watches in children.items():
            self._watches[parent].children = tuple(watches)

    @property
    def alarms(self) -> Mapping[AlarmId, Alarm]:
        return self._alarms

    @property
    def standing(self) -> Mapping[AlarmId, Transition]:
        """The last transition of every alarm that is not normal, the one longest unchanged first."""
        return self._standing

    @property
    def suppressed(self) -> Mapping[AlarmId, Transition]:
        """The last transition of every alarm that is shelved, suppressed or out of service, normal ones too."""
        return self._suppressed

    @property
    def flood(self) -> Flood:
        return self._flood

    def group(self, alarm: AlarmId) -> Group | None:
        """What it belongs to while there is a flood."""
        return self._flood.groups.get(alarm)

    def proposal(self, alarm: AlarmId) -> Proposal | None:
        """What would cure an alarm that chatters."""
        chatter = self._watches[alarm].chatter
        return chatter.proposal if chatter is not None else None

    def chatter(self, alarm: AlarmId) -> int:
        """How many raisings are counted into the one that stands; 0 when it does not chatter."""
        chatter = self._watches[alarm].chatter
        return chatter.count if chatter is not None else 0

    def take_renewed(self) -> list[AlarmId]:
        """Alarms of which people should be told something new although they did not move: counts and groups."""
        renewed = [*self._renewed, *(one for one in self._flood.changed if one not in self._renewed)]
        self._renewed.clear()
        self._flood.changed.clear()
        return renewed

    def next_deadline(self) -> float | None:
        """Monotonic time (s) at which a step is due although nothing changed; None when there is none."""
        ends = self._flood.ends_at
        while self._queue:
            at, _, _, watch = self._queue[0]
            if watch.queued == at and watch.wake == at:
                return at if ends is None or at < ends else ends
            heappop(self._queue)
            if watch.queued == at:
                watch.queued = None
                self._schedule(watch)
        return ends

    @property
    def queued(self) -> int:
        """Entries waiting for their time; stays near the number of rules with a timer."""
        return len(self._queue)

    def _schedule(self, watch: Watch) -> None:
        """Queue the watch's next time, unless an earlier entry of its stands there already.

        That entry comes up in any case and queues the watch again, so a condition that flickers does
        not fill the queue. Of what is due at one moment, severity comes first, so that a raising carries its
        priority, and the end of a suppression last, so that what clears with it is not announced.
        """
        wake = watch.wake
        if wake is not None and (watch.queued is None or wake < watch.queued):
            watch.queued = wake
            heappush(self._queue, (wake, watch.rank, next(self._order), watch))

    def _apply(
        self,
        watch: Watch,
        trigger: Trigger,
        now: Now,
        by: str = PROCESS,
        note: str = "",
        suppression: Suppression | None = None,
        origin: Sample | None = None,
    ) -> Transition:
        """Move one alarm by the table and say so. `suppression` is what it will be, None: as it is."""
        instance = watch.instance
        name = instance.alarm
        before = self._alarms[name]
        state = before.state
        hidden = before.suppression if suppression is None else suppression
        if hidden is UNSUPPRESSED or trigger not in IN_SIGHT:
            state = TABLE.get((state, trigger), state)
        occurrence, raised_at = before.occurrence, before.raised_at
        last = self._standing.get(name) or self._suppressed.get(name)
        if trigger is Trigger.RAISE or trigger is Trigger.RAISE_SUPPRESSED:
            occurrence, raised_at, last = occurrence + 1, now.utc, None
        cause = None
        if last is None:
            text_zh, text_en = instance.text_zh(watch.values), instance.text_en(watch.values)
        else:
            text_zh, text_en = last.text_zh, last.text_en
            cause = last.cause if by != PROCESS else None
        latched = before.latched
        if trigger is Trigger.RESET:
            latched = False
        elif hidden is UNSUPPRESSED and not latched and state.condition_present:
            latched = watch.latches
        chatter = watch.chatter
        after = Alarm(name, state, now.utc, occurrence, raised_at, latched, hidden)
        transition = Transition(
            name,
            instance.equipment,
            instance.rule_name,
            occurrence,
            before.state,
            state,
            trigger,
            now.utc,
            watch.priority,
            text_zh,
            text_en,
            by,
            origin.cause if origin is not None else cause,
            origin.at if origin is not None else None,
            now.utc - timedelta(seconds=now.mono - origin.received) if origin is not None else None,
            raised_at,
            note,
            latched,
            hidden,
            chatter.count if chatter is not None else 0,
            now.utc - timedelta(seconds=now.mono - watch.ripe) if trigger is Trigger.RAISE else None,
        )
        self._alarms[name] = after
        self._stand(transition)
        if state is AlarmState.UNACKNOWLEDGED and hidden is UNSUPPRESSED and trigger in ANNOUNCING:
            self._flood.announced(name, watch.group, now.mono)
        if instance.remind or watch.call is not None or hidden is not before.suppression:
            self._wind(watch, after, now)
        return transition

    def _stand(self, transition: Transition) -> None:
        name = transition.alarm
        self._standing.pop(name, None)
        if transition.after is not AlarmState.NORMAL:
            self._standing[name] = transition
        if transition.suppression is not UNSUPPRESSED:
            self._suppressed[name] = transition
        elif self._suppressed:
            self._suppressed.pop(name, None)

    def _wind(self, watch: Watch, alarm: Alarm, now: Now) -> None:
        """Set the clocks of an alarm after it moved: the end of shelf and removal, the reminder."""
        hidden = alarm.suppression
        shelf, removal = hidden.shelf, hidden.removal
        watch.shelf_ends = None if shelf is None else _mono(shelf.until, now)
        watch.removal_ends = None if removal is None or removal.until is None else _mono(removal.until, now)
        reminded = watch.instance.remind and alarm.state is AlarmState.ACKNOWLEDGED and hidden is UNSUPPRESSED
        watch.reminds = _mono(alarm.since, now) + watch.instance.remind if reminded else None
        self._call_at(watch)

    def _call_at(self, watch: Watch) -> None:
        quiet = watch.chatter.quiet_at if watch.chatter is not None else None
        calls = [one for one in (watch.shelf_ends, watch.removal_ends, watch.reminds, quiet) if one is not None]
        watch.call = min(calls, default=None)
        if watch.call is not None:
            self._schedule(watch)

    def _answer(self, watch: Watch, at: float, now: Now, transitions: list[Transition]) -> None:
        """A clock of the alarm itself has come to its end."""
        name = watch.instance.alarm
        hidden = self._alarms[name].suppression
        if watch.removal_ends is not None and watch.removal_ends <= at:
            rest = hidden.with_removal(None)
            transitions.append(self._apply(watch, Trigger.RETURN_TO_SERVICE, now, suppression=rest))
        elif watch.shelf_ends is not None and watch.shelf_ends <= at:
            transitions.append(self._apply(watch, Trigger.SHELF_ENDED, now, suppression=hidden.with_shelf(None)))
        elif watch.chatter is not None and watch.chatter.quiet_at is not None and watch.chatter.quiet_at <= at:
            self._quiet(watch, now, transitions)
        elif watch.reminds is not None and watch.reminds <= at:
            transitions.append(self._apply(watch, Trigger.REMIND, now))
        self._call_at(watch)

    def _quiet(self, watch: Watch, now: Now, transitions: list[Transition]) -> None:
        """It has stopped chattering: its alarm goes if its condition has gone."""
        if watch.chatter is None:
            return
        if watch.present:
            self._renewed.add(watch.instance.alarm)
        else:
            self._clear(watch, now, transitions, f"{watch.chatter.count}x")
        watch.chatter.over()

    def _recall(self, watch: Watch, announced: datetime, now: Now) -> None:
        """It was announced before the restart."""
        at = _mono(announced, now)
        if watch.chatter is not None:
            watch.chatter.remember(at)
        if not self._alarms[watch.instance.alarm].suppression.parents:
            self._flood.announced(watch.instance.alarm, watch.group, at)

    def _raise(self, watch: Watch, at: float, now: Now, transitions: list[Transition]) -> None:
        watch.raised = at
        hidden = self._alarms[watch.instance.alarm].suppression
        explained = self._explained(watch) if watch.parents else ()
        if explained:
            hidden = hidden.with_design(now.utc, hidden.by_condition, explained)
        trigger = Trigger.RAISE if hidden is UNSUPPRESSED else Trigger.RAISE_SUPPRESSED
        transitions.append(self._apply(watch, trigger, now, suppression=hidden, origin=watch.origin))
        for child in watch.children:
            self._take_over(child, at - JUST_BEFORE - watch.instance.on_delay, now, transitions)

    def _clear(self, watch: Watch, now: Now, transitions: list[Transition], note: str = "") -> None:
        alarm = self._alarms[watch.instance.alarm]
        hidden = alarm.suppression
        if hidden.parents:
            hidden = hidden.with_design(now.utc, hidden.by_condition, ())
        watch.freed = False
        if alarm.latched:
            trigger = Trigger.CLEAR_LATCHING
        else:
            trigger = Trigger.CLEAR if watch.instance.rule.acknowledge else Trigger.CLEAR_ADVISORY
        transitions.append(self._apply(watch, trigger, now, note=note, suppression=hidden, origin=watch.origin))
        for child in watch.children:
            self._free(child, now, transitions)

    def _explained(self, watch: Watch) -> tuple[AlarmId, ...]:
        """The parents that explain a raising of this alarm now."""
        found = (one for parents in watch.parents if all(map(self._explains, parents)) for one in parents)
        return tuple(dict.fromkeys(one.instance.alarm for one in found))

    def _explains(self, parent: Watch) -> bool:
        return self._alarms[parent.instance.alarm].state.condition_present and parent.result is not False

    def _take_over(self, child: Watch, since: float, now: Now, transitions: list[Transition]) -> None:
        """A parent has come: what came `since` then was its doing. Latched alarms stay with the operator."""
        alarm = self._alarms[child.instance.alarm]
        fresh = alarm.state is AlarmState.UNACKNOWLEDGED and child.raised >= since
        if not fresh or alarm.latched or alarm.suppression is not UNSUPPRESSED:
            return
        explained = self._explained(child)
        if explained:
            hidden = alarm.suppression.with_design(now.utc, False, explained)
            note = " ".join(explained)
            transitions.append(self._apply(child, Trigger.TAKE_OVER, now, note=note, suppression=hidden))
            self._flood.withdrawn(child.instance.alarm)

    def _free(self, child: Watch, now: Now, transitions: list[Transition]) -> None:
        """A parent has gone: announce the child, unless it is about to go too."""
        alarm = self._alarms[child.instance.alarm]
        hidden = alarm.suppression
        if not hidden.parents:
            return
        explained = self._explained(child)
        if not explained and child.result is False:
            child.freed = True
            return
        child.freed = False
        if explained != hidden.parents:
            rest = hidden.with_design(now.utc, hidden.by_condition, explained)
            if rest.design is None:
                transitions.append(self._apply(child, Trigger.UNSUPPRESS, now, suppression=rest))
            else:
                transitions.append(self._apply(child, Trigger.SUPPRESS, now, suppression=rest))

    def _companion(self, watch: Watch, now: Now, transitions: list[Transition]) -> None:
        """The rule's `suppress_when` or `severe` has turned."""
        owner = watch.owner
        alarm = self._alarms[owner.instance.alarm]
        if watch.instance.role is Role.SEVERE:
            owner.worse(watch.present)
            if alarm.state.condition_present:
                trigger = Trigger.WORSEN if watch.present else Trigger.EASE
                transitions.append(self._apply(owner, trigger, now))
            return
        hidden = alarm.suppression.with_design(now.utc, watch.present, alarm.suppression.parents)
        trigger = Trigger.UNSUPPRESS if hidden.design is None else Trigger.SUPPRESS
        transitions.append(self._apply(owner, trigger, now, suppression=hidden))


def _mono(moment: datetime, now: Now) -> float:
    """A time of day on the monotonic clock, as both stand now."""
    return now.mono + (moment - now.utc).total_seconds()


def points_read(watches: Iterable[Watch]) -> Mapping[PointId, list[tuple[Watch, int, bool]]]:
    """Who reads each point, and whether it decides. Companions come first: a raising carries its priority at once."""
    readers: dict[PointId, list[tuple[Watch, int, bool]]] = {}
    for watch in sorted(watches, key=lambda one: one.instance.role is Role.ALARM):
        for place, one in enumerate(watch.instance.inputs):
            readers.setdefault(one.point, []).append((watch, place, one.decides))
    return readers
