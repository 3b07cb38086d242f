"""The numbers of one boot of a device: which of its events are new, repeated, contradictory, missing, astray."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

GIVE_UP = 60.0
"""s after which an unfilled gap is a fault and the acknowledgement no longer waits for it."""

FIRST_CONTACT = 60.0
"""s in which events from before the first number heard of a boot still count as late, not as history."""

PLAUSIBLE = 10_000
"""Events that may be missing at once. A number further ahead is wrong, or not the device's own."""

BELIEVED = 600.0
"""s after which numbers that go on from such a one are believed, if the device said no other meanwhile."""

ESTABLISHED = 60.0
"""s of speaking live after which a boot is not forgotten before those that were heard but once."""

REPETITION = timedelta(seconds=60)
"""After the last event: until then the same words under a recent number may be a repetition with a time of its own."""

MAX_GAPS = 64
MAX_REMEMBERED = 64

EVERYTHING = 2**53


class Verdict(Enum):
    NEW = "new"
    ASTRAY = "too far ahead to be right"
    FILLED = "fills a gap"
    LATE = "from before first contact"
    PAST_BOOT = "of a boot left behind"
    DUPLICATE = "known, same content"
    CONFLICT = "known, other content"
    RECURRED = "number known, but this happened after all that was said under that boot id"


@dataclass(slots=True)
class Gap:
    """Events `first` to `last` of a boot are missing since `since` (monotonic s)."""

    boot: str
    first: int
    last: int
    since: float
    asked: float = float("-inf")
    given_up: bool = False


@dataclass(slots=True)
class Numbers:
    """All in (base, highest] have been received but those in gaps. Times are monotonic seconds.

    `heard` tells whether it has said something live since we listen, `spoke` when last (a boot from the journal:
    when we began); `astray` is the number said last when that was implausible. `latest` is the newest time (the
    device's own) of its events, `words` what those remembered said, without their time.
    """

    id: str
    met: float
    base: int | None = None
    highest: int = 0
    gaps: list[Gap] = field(default_factory=list)
    remembered: dict[int, int | None] = field(default_factory=dict)
    filled_since: float = 0.0
    spoke: float = float("-inf")
    heard: bool = False
    established: bool = False
    astray: int | None = None
    astray_since: float = 0.0
    latest: datetime | None = None
    words: dict[int, int] = field(default_factory=dict)

    @property
    def contiguous(self) -> int:
        for gap in self.gaps:
            if not gap.given_up:
                return gap.first - 1
        return self.highest

    def start(self, base: int) -> None:
        self.base = self.highest = base

    def speaks(self, mono: float) -> None:
        """An event, state or heartbeat came live."""
        self.spoke = mono
        self.heard = True
        self.established = self.established or mono - self.met >= ESTABLISHED

    def know(self, seq: int) -> None:
        """The journal holds this event; what it says need not be compared."""
        self._remember(seq, None)

    def open_gap(self, last: int, mono: float) -> None:
        """Everything after the highest number up to `last` is missing."""
        self.gaps.append(Gap(self.id, self.highest + 1, last, mono))
        self.highest = last
        self._join()

    def goes_astray(self, seq: int, mono: float, live: bool) -> bool:
        """Whether a number is too far ahead to be right: it moves nothing, and the next good one is as new as ever.

        Said live it is remembered until a plausible one comes; only what goes on alone for BELIEVED becomes true.
        """
        if seq <= self.highest + PLAUSIBLE:
            if live:
                self.astray = None
            return False
        if not live:
            return True
        if self.astray is None or not self.astray <= seq <= self.astray + PLAUSIBLE:
            self.astray_since = mono
        self.astray = seq
        if mono - self.astray_since < BELIEVED:
            return True
        self.open_gap(seq - 1, mono)
        self.gaps[-1].given_up = True
        self.astray = None
        return False

    def judge(self, seq: int, content: int, mono: float, live: bool) -> Verdict:
        if seq in self.remembered:
            known = self.remembered[seq]
            return Verdict.DUPLICATE if known is None or known == content else Verdict.CONFLICT
        if self.goes_astray(seq, mono, live):
            self._remember(seq, content)
            return Verdict.ASTRAY
        if seq > self.highest:
            if seq > self.highest + 1:
                self.open_gap(seq - 1, mono)
            self.highest = seq
            self._remember(seq, content)
            return Verdict.NEW
        if self._fill(seq):
            self._remember(seq, content)
            return Verdict.FILLED
        if self.base is not None and seq <= self.base:
            self._remember(seq, content)
            while self.base in self.remembered:
                self.base -= 1
            self.filled_since = self.met
            return Verdict.FILLED if mono - self.met < FIRST_CONTACT else Verdict.LATE
        return Verdict.DUPLICATE

    def date(self, seq: int, words: int, at: datetime) -> None:
        """When an event that was taken happened, by the device's clock, and what it said."""
        if seq in self.remembered:
            self.words[seq] = words
        if self.latest is None or at > self.latest:
            self.latest = at

    def is_another(self, seq: int, words: int, at: datetime) -> bool:
        """Whether a live event under a known number is not the one known: the device began anew under its boot id.

        A repetition is as old as it was. What is newer than all that was said, and cannot be confirmed as the same,
        is taken: rather an alarm twice than never.
        """
        if self.latest is None or at <= self.latest:
            return False
        known = self.words.get(seq)
        if known is not None and known != words:
            return True
        if known is None and seq <= self.highest - MAX_REMEMBERED:
            return True
        return at - self.latest > REPETITION

    def lose(self, seq: int, mono: float) -> None:
        """This event did not reach the journal: as if it had never been heard. The last taken goes first."""
        self.remembered.pop(seq, None)
        self.words.pop(seq, None)
        if self.base is None or not self.base < seq <= self.highest:
            return
        if seq == self.highest:
            self.highest -= 1
            return
        place = next((place for place, gap in enumerate(self.gaps) if gap.last >= seq), len(self.gaps))
        if place < len(self.gaps) and self.gaps[place].first <= seq:
            return
        self.gaps.insert(place, Gap(self.id, seq, seq, mono))
        self._join()

    def held_with(self, seq: int) -> tuple[int, int]:
        """First and last of the numbers that may be acknowledged with this event; first > last for none.

        Not what lies before our first contact or after a hole: the device may still hold it. Nor what comes right
        after this one and was given up: the device may only now be numbering it.
        """
        first = (self.base or 0) + 1
        if not first <= seq <= self.highest or any(gap.given_up and gap.first == seq + 1 for gap in self.gaps):
            return seq, seq
        return first, self.contiguous

    def _fill(self, seq: int) -> bool:
        for place, gap in enumerate(self.gaps):
            if gap.first <= seq <= gap.last:
                rest = [
                    Gap(gap.boot, first, last, gap.since, gap.asked, gap.given_up)
                    for first, last in ((gap.first, seq - 1), (seq + 1, gap.last))
                    if first <= last
                ]
                self.gaps[place : place + 1] = rest
                self.filled_since = gap.since
                self._join()
                return True
        return False

    def _join(self) -> None:
        """Keep the list short. A joined gap also covers numbers received between; the journal knows those."""
        while len(self.gaps) > MAX_GAPS:
            oldest, next_ = self.gaps[0], self.gaps.pop(1)
            oldest.last, oldest.given_up = next_.last, oldest.given_up and next_.given_up

    def _remember(self, seq: int, content: int | None) -> None:
        remembered = self.remembered
        remembered[seq] = content
        if len(remembered) > MAX_REMEMBERED:
            oldest = next(iter(remembered))
            del remembered[oldest]
            self.words.pop(oldest, None)
