"""One alarm that comes and goes too fast: found, held together as one, counted, and what would cure it."""

from dataclasses import dataclass
from enum import StrEnum

from estate.annunciation import ChatterLimits

KEPT = 32  # durations of each kind, for the proposal
QUICK = 1.0  # s: what lasts no longer and is rare is noise that an on-delay takes away altogether
STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)  # s


class Cure(StrEnum):
    """The part of the rule that a proposal is about."""

    ON_DELAY = "on_delay"
    OFF_DELAY = "off_delay"
    DEADBAND = "deadband"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`value` in seconds, or in the unit of the analog for a deadband; would have made one alarm of all of them."""

    cure: Cure
    value: float


class Chatter:
    """Counts raisings. From the one that completes `raises` within `within` seconds on, the alarm is held on
    and later ones only count, until nothing has moved for `quiet` seconds.

    The raising that completes them is still announced. `shortens` is false for rules that must not get an
    on-delay proposed: a short signal of a latching rule is a real one. Times are monotonic seconds.
    """

    __slots__ = (
        "_extreme", "_limits", "_moved", "_offs", "_ons", "_raised", "_shortens", "_times", "_worst", "count"
    )  # fmt: skip

    def __init__(self, limits: ChatterLimits, shortens: bool) -> None:
        self._limits = limits
        self._shortens = shortens
        # Lists, not deques: an empty deque takes 0.7 kB, and most of some thousand alarms never move.
        self._times: list[float] = []
        self._ons: list[float] = []
        self._offs: list[float] = []
        self._moved = float("-inf")
        self._raised: float | None = None
        self._extreme: float | None = None
        self._worst = 0.0
        self.count = 0

    @property
    def chatters(self) -> bool:
        return self.count > 0

    @property
    def quiet_at(self) -> float | None:
        """When it will be over if nothing moves; None when it does not chatter."""
        return self._moved + self._limits.quiet if self.count else None

    @property
    def watched(self) -> bool:
        """Whether values between two raisings are worth looking at."""
        return bool(self._times)

    def edge(self, present: bool, at: float) -> bool:
        """The condition came or went at `at`. True: the alarm is held, this edge only counts."""
        lasted = at - self._moved
        self._moved = at
        if lasted <= self._limits.within:
            _keep(self._offs if present else self._ons, lasted, KEPT)
        held = self.count > 0
        if not present:
            return held
        if held:
            self.count += 1
            return True
        times = self._times
        _keep(times, at, self._limits.raises)
        if len(times) == self._limits.raises and at - times[0] <= self._limits.within:
            self.count = len(times)
        return False

    def value(self, value: float, present: bool) -> None:
        """The analog behind the condition: how far it swings back between two raisings."""
        if present:
            if self._raised is not None and self._extreme is not None:
                self._worst = max(self._worst, abs(value - self._extreme))
            if self._raised is None or self._extreme is not None:
                self._raised, self._extreme = value, None
        elif self._raised is not None and (
            self._extreme is None or abs(value - self._raised) > abs(self._extreme - self._raised)
        ):
            self._extreme = value

    def over(self) -> None:
        """Quiet for long enough: the next raising is an alarm of its own."""
        self.count = 0
        self._times.clear()
        self._ons.clear()
        self._offs.clear()
        self._raised = self._extreme = None
        self._worst = 0.0

    def resume(self, count: int, at: float) -> None:
        """After a restart: it chattered and goes on doing so until it has been quiet."""
        self.count, self._moved = count, at

    def remember(self, raised: float) -> None:
        """After a restart: it was raised at `raised`."""
        _keep(self._times, raised, self._limits.raises)
        self._moved = max(self._moved, raised)

    @property
    def proposal(self) -> Proposal | None:
        """What would have made one alarm of what was recorded; None while that cannot be told.

        A deadband where an analog swings about its limit; an on-delay for rare short blips; else an
        off-delay over the longest gap, which delays no alarm.
        """
        if not self.count or not self._offs or not self._ons:
            return None
        if self._worst > 0:
            return Proposal(Cure.DEADBAND, float(f"{self._worst * 1.2:.2g}"))
        longest, gap = max(self._ons), max(self._offs)
        if self._shortens and longest <= QUICK and min(self._offs) >= 3 * longest:
            return Proposal(Cure.ON_DELAY, _step(longest))
        return Proposal(Cure.OFF_DELAY, _step(gap))


def _keep(values: list[float], value: float, most: int) -> None:
    """The newest `most` values."""
    values.append(value)
    if len(values) > most:
        del values[0]


def _step(seconds: float) -> float:
    """The next usual delay above."""
    return next((step for step in STEPS if step > seconds), STEPS[-1])
