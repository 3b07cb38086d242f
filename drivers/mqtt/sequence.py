"""Which events of a device are new, repeated, contradictory, late or missing: by (boot, seq), never by time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

AHEAD = 2.0
"""s a state or heartbeat may be ahead of its events: MQTT orders per topic only (devices.md B6 rule 2)."""

ASK_AGAIN = 10.0
GIVE_UP = 60.0
"""s after which an unfilled gap is a fault and the acknowledgement no longer waits for it."""

FIRST_CONTACT = 60.0
"""s in which events from before the first number heard of a boot still count as late, not as history."""

MAX_GAPS = 64
MAX_REMEMBERED = 64
MAX_PAST_BOOTS = 4
"""Boots whose numbers are still known; of older ones only the id."""

MAX_BOOT_IDS = 1000

EVERYTHING = 2**53
RECENT_ENOUGH = 1000
"""After a restart, holes further back than this many events are not asked for again."""


class Verdict(Enum):
    NEW = "new"
    FILLED = "fills a gap"
    LATE = "from before first contact"
    PAST_BOOT = "of a boot left behind"
    DUPLICATE = "known, same content"
    CONFLICT = "known, other content"


class Mention(Enum):
    """What a state, heartbeat or status tells by its boot id."""

    CURRENT = "current"
    RESTARTED = "restarted"
    PAST = "past"


@dataclass(slots=True)
class Gap:
    """Events `first` to `last` of a boot are missing since `since` (monotonic s)."""

    boot: str
    first: int
    last: int
    since: float
    asked: float = float("-inf")
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What the journal knows of a device: all its boots, the last one, and which of that one's events it holds."""

    boots: Sequence[str] = ()
    boot: str | None = None
    contiguous: int = 0
    extra: Sequence[int] = ()
    first: int = 1


@dataclass(slots=True)
class _Boot:
    """The numbers of one boot: all in (base, highest] have been received but those in gaps."""

    id: str
    met: float
    base: int | None = None
    highest: int = 0
    gaps: list[Gap] = field(default_factory=list)
    remembered: dict[int, int] = field(default_factory=dict)
    filled_since: float = 0.0

    @property
    def contiguous(self) -> int:
        for gap in self.gaps:
            if not gap.given_up:
                return gap.first - 1
        return self.highest

    def start(self, base: int) -> None:
        self.base = self.highest = base

    def open_gap(self, last: int, mono: float) -> None:
        """Everything after the highest number up to `last` is missing."""
        self.gaps.append(Gap(self.id, self.highest + 1, last, mono))
        self.highest = last
        self._join()

    def judge(self, seq: int, content: int, mono: float) -> Verdict:
        if seq > self.highest:
            if seq > self.highest + 1:
                self.open_gap(seq - 1, mono)
            self.highest = seq
            self._remember(seq, content)
            return Verdict.NEW
        known = self.remembered.get(seq)
        if known is not None:
            return Verdict.DUPLICATE if known == content else Verdict.CONFLICT
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

    def _remember(self, seq: int, content: int) -> None:
        remembered = self.remembered
        remembered[seq] = content
        if len(remembered) > MAX_REMEMBERED:
            del remembered[next(iter(remembered))]


class EventTrack:
    """The numbers of one device over all its boots. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._boot: _Boot | None = None
        self._past: dict[str, _Boot | None] = {}
        self._unplaced: dict[str, _Boot] = {}
        self._ahead: tuple[int, float] | None = None

    @property
    def boot(self) -> str | None:
        return self._boot.id if self._boot else None

    @property
    def highest(self) -> int:
        return self._boot.highest if self._boot else 0

    @property
    def contiguous(self) -> int:
        """The number up to which nothing is missing (or was given up): what may be acknowledged."""
        return self._boot.contiguous if self._boot else 0

    @property
    def received_from(self) -> int:
        """The number from which on nothing is missing: earlier ones were before our first contact."""
        return (self._boot.base or 0) + 1 if self._boot else 1

    @property
    def filled_since(self) -> float:
        """Since when the gap was open that the last FILLED event belonged to."""
        return self._boot.filled_since if self._boot else 0.0

    @property
    def boots(self) -> tuple[str, ...]:
        return (*self._past, *(() if self._boot is None else (self._boot.id,)))

    @classmethod
    def restore(cls, known: Restored, mono: float) -> "EventTrack":
        """As the journal left it. Holes near the end are asked for again, older ones count as given up."""
        track = cls()
        track._past = dict.fromkeys(boot for boot in known.boots if boot != known.boot)
        if known.boot is None:
            return track
        boot = track._boot = _Boot(known.boot, mono)
        boot.start(known.contiguous)
        boot.base = known.first - 1
        for seq in sorted(set(known.extra)):
            if seq <= boot.highest:
                continue
            if seq > boot.highest + 1:
                boot.open_gap(seq - 1, mono)
            boot.highest = seq
        for gap in boot.gaps:
            gap.given_up = gap.last < boot.highest - RECENT_ENOUGH
        return track

    def accept(self, boot: str, seq: int, content: int, mono: float, historic: bool = False) -> Verdict:
        """Judge an event and count it in. `content` is a hash of what it says.

        A buffered event of a boot never heard of does not say whether that boot is older or newer than the
        current one: it is history, and the boot waits until it says something live.
        """
        current = self._boot
        if current is None or current.id != boot:
            if boot in self._past:
                return self._accept_past(boot, seq, content, mono)
            if historic and current is not None:
                return self._accept_unplaced(boot, seq, content, mono)
            current = self._begin(boot, mono)
        if current.base is None:
            current.start(self._base(seq - 1, seq == 1))
        verdict = current.judge(seq, content, mono)
        if self._ahead is not None and self._ahead[0] <= current.highest:
            self._ahead = None
        return verdict

    def mention(self, boot: str, seq: int | None, mono: float) -> Mention:
        """A state or heartbeat of `boot` that includes event `seq`; a status has no number."""
        if boot in self._past:
            return Mention.PAST
        current = self._boot
        restarted = current is None or current.id != boot
        if current is None or restarted:
            current = self._begin(boot, mono)
        if seq is not None:
            if current.base is None:
                current.start(self._base(seq, seq == 0))
            if seq <= current.highest:
                self._ahead = None
            elif self._ahead is None or self._ahead[0] < seq:
                self._ahead = (seq, self._ahead[1] if self._ahead else mono)
        return Mention.RESTARTED if restarted else Mention.CURRENT

    def due(self, mono: float) -> list[Gap]:
        """Gaps to do something about now: ask for a replay, or (`given_up`, once) report a fault."""
        if self._boot is None:
            return []
        if self._ahead is not None and mono - self._ahead[1] > AHEAD:
            self._boot.open_gap(self._ahead[0], self._ahead[1])
            self._ahead = None
        found = []
        for gap in self._open_gaps():
            if mono - gap.since >= GIVE_UP:
                gap.given_up = True
                found.append(gap)
            elif mono - gap.asked >= ASK_AGAIN:
                gap.asked = mono
                found.append(gap)
        return found

    def _open_gaps(self) -> Iterator[Gap]:
        for boot in (*self._past.values(), self._boot):
            if boot is not None and boot.gaps:
                yield from (gap for gap in boot.gaps if not gap.given_up)

    def _accept_past(self, boot: str, seq: int, content: int, mono: float) -> Verdict:
        known = self._past[boot]
        if known is None:
            # Its numbers are forgotten: whatever cannot be recognised goes to the journal, which knows.
            known = self._past[boot] = _Boot(boot, float("-inf"))
            known.start(EVERYTHING)
        verdict = known.judge(seq, content, mono)
        return verdict if verdict in (Verdict.DUPLICATE, Verdict.CONFLICT) else Verdict.PAST_BOOT

    def _accept_unplaced(self, boot: str, seq: int, content: int, mono: float) -> Verdict:
        known = self._unplaced.get(boot)
        if known is None:
            known = self._unplaced[boot] = _Boot(boot, mono)
            known.start(seq - 1)
            if len(self._unplaced) > MAX_PAST_BOOTS:
                del self._unplaced[next(iter(self._unplaced))]
        verdict = known.judge(seq, content, mono)
        return verdict if verdict in (Verdict.DUPLICATE, Verdict.CONFLICT) else Verdict.PAST_BOOT

    def _begin(self, boot: str, mono: float) -> _Boot:
        if self._boot is not None:
            self._past[self._boot.id] = self._boot
            self._forget()
        self._ahead = None
        self._boot = self._unplaced.pop(boot, None) or _Boot(boot, mono)
        return self._boot

    def _forget(self) -> None:
        numbered = [boot for boot, known in self._past.items() if known is not None]
        for boot in numbered[:-MAX_PAST_BOOTS]:
            self._past[boot] = None
        while len(self._past) > MAX_BOOT_IDS:
            del self._past[next(iter(self._past))]

    def _base(self, before: int, from_the_start: bool) -> int:
        """The number before the first of a new boot: a device may count on or start again at 1.

        At first contact whatever it says is the base. After that it counts on when the number fits its
        last boot, and has started again when it is smaller.
        """
        if from_the_start:
            return 0
        numbered = (boot for boot in reversed(self._past.values()) if boot is not None and boot.base != EVERYTHING)
        last = next((boot.highest for boot in numbered), None)
        if last is None:
            return before if not self._past else 0
        return last if before >= last else 0
