"""More alarms than a person can read: grouped for the eye, the first of each group and of all marked, none withheld."""

from collections import deque
from dataclasses import dataclass

from estate.annunciation import FloodLimits
from rules.suppression import AlarmId

RECENT = 64  # announcements that are grouped afterwards when a flood begins


@dataclass(frozen=True, slots=True)
class Group:
    """`key` is the same for all that belongs together; `first_out` marks the one that was there first."""

    key: str
    first_out: bool


class Flood:
    """Watches announcements of one position. Nothing here holds an alarm back: it only says what belongs together.

    Times are monotonic seconds. `changed` collects alarms that got or lost their group without being announced.
    `first` is the alarm with which the flood began: before it nothing came for `burst_within` s. None without a flood.
    """

    def __init__(self, limits: FloodLimits) -> None:
        self._limits = limits
        self._times: deque[float] = deque(maxlen=max(limits.count, limits.burst) + 1)
        self._recent: deque[tuple[float, AlarmId, str]] = deque(maxlen=RECENT)
        self._leaders: dict[str, AlarmId] = {}
        self.groups: dict[AlarmId, Group] = {}
        self.changed: set[AlarmId] = set()
        self.since: float | None = None
        self.first: AlarmId | None = None

    @property
    def active(self) -> bool:
        return self.since is not None

    @property
    def ends_at(self) -> float | None:
        """When it will be over if nothing more is announced; None without a flood."""
        if self.since is None:
            return None
        return self._times[-min(self._limits.ends, len(self._times))] + self._limits.within

    def announced(self, alarm: AlarmId, group: str | None, at: float) -> None:
        """`group` None: an alarm for life and limb, which counts but is never one of many."""
        self._times.append(at)
        if self.since is None:
            if group is not None:
                self._recent.append((at, alarm, group))
            self._begin(at)
        elif group is not None:
            self._join(alarm, group)

    def withdrawn(self, alarm: AlarmId) -> None:
        """Another alarm explains it after all: it is no longer one of many, nor the first of them."""
        for one in [one for one in self._recent if one[1] == alarm]:
            self._recent.remove(one)
            if one[0] in self._times:
                self._times.remove(one[0])
        left = self.groups.pop(alarm, None)
        if left is None:
            return
        self.changed.add(alarm)
        if self._leaders.get(left.key) == alarm:
            del self._leaders[left.key]
            heir = next((one for one, group in self.groups.items() if group.key == left.key), None)
            if heir is not None:
                del self.groups[heir]
                self._join(heir, left.key)
                self.changed.add(heir)
        if self.first == alarm:
            self.first = next(iter(self.groups), None)

    def advance(self, at: float) -> None:
        """Time has come to `at`: the flood may be over."""
        ends = self.ends_at
        if ends is not None and at >= ends:
            self.changed |= self.groups.keys()
            self.groups.clear()
            self._leaders.clear()
            self.since = self.first = None

    def _begin(self, at: float) -> None:
        limits = self._limits
        if self.since is not None or not (
            self._more(limits.count, limits.within, at) or self._more(limits.burst, limits.burst_within, at)
        ):
            return
        self.since = before = at
        for when, alarm, group in self._recent:
            if at - when <= limits.within:
                self._join(alarm, group)
                self.changed.add(alarm)
        for when, alarm, _ in reversed(self._recent):
            if before - when > limits.burst_within:
                break
            self.first, before = alarm, when
        self._recent.clear()

    def _more(self, count: int, within: float, at: float) -> bool:
        times = self._times
        return len(times) > count and at - times[-count - 1] <= within

    def _join(self, alarm: AlarmId, key: str) -> None:
        if alarm not in self.groups:
            self.groups[alarm] = Group(key, self._leaders.setdefault(key, alarm) == alarm)
