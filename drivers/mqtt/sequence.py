"""The boots of a device and the numbers of each: an event is known by (boot, seq), never by its time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from drivers.mqtt.lives import Lives, spoken
from drivers.mqtt.numbers import EVERYTHING, GIVE_UP, PLAUSIBLE, Gap, Numbers, Verdict

AHEAD = 2.0
"""s a state or heartbeat may be ahead of its events: MQTT orders per topic only (devices.md B6 rule 2)."""

ASK_AGAIN = 10.0

CROSSING = 5.0
"""s in which what an announced restart leaves behind may still come in; who speaks after that is still there."""

FORSAKEN = 60.0
"""s of silence after which a boot gives its place back to the one before it, if that one goes on speaking."""

MISTRUST = 600.0
"""s after an announcement that came to nothing in which no other one puts the current boot in question."""

MAX_PAST_BOOTS = 4
"""Boots whose numbers are still known; of older ones only the id."""

MAX_BOOT_IDS = 1000

RECENT_ENOUGH = 1000
"""After a restart, holes further back than this many events are not asked for again."""


class Mention(Enum):
    """What a state, heartbeat or status tells by its boot id."""

    CURRENT = "current"
    RESTARTED = "restarted"
    ANNOUNCED = "a boot that has yet to speak for itself"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Restored:
    """What the journal knows of a device: all its boots, the last one, and which of that one's events it holds.

    `latest` is when the newest of those happened by the device's own clock, None when that is not known.
    """

    boots: Sequence[str] = ()
    boot: str | None = None
    contiguous: int = 0
    extra: Sequence[int] = ()
    first: int = 1
    latest: datetime | None = None


class EventTrack:
    """The numbers of one device over all its boots. All times are monotonic seconds.

    A boot that has spoken is displaced only by one that says something live itself. A status alone, or what the
    broker kept, only announces: anyone may have left it there.
    """

    def __init__(self) -> None:
        self._boot: Numbers | None = None
        self._past: dict[str, Numbers | None] = {}
        self._unplaced: dict[str, Numbers] = {}
        self._ahead: tuple[int, float] | None = None
        self._announced: tuple[str, float] | None = None
        self._misled = float("-inf")
        self._lives = Lives()
        self.returned = False
        """Whether the current boot had been left behind before."""

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
    def filled_since(self) -> float:
        """Since when the gap was open that the last FILLED event belonged to."""
        return self._boot.filled_since if self._boot else 0.0

    @property
    def astray(self) -> int | None:
        """The number last said live, if it cannot be right."""
        return self._boot.astray if self._boot else None

    @property
    def announced(self) -> str | None:
        """A boot of which a live status has told and that has not spoken itself."""
        return self._announced[0] if self._announced else None

    @property
    def boots(self) -> tuple[str, ...]:
        return (*self._past, *(() if self._boot is None else (self._boot.id,)))

    @classmethod
    def restore(cls, known: Restored, mono: float) -> "EventTrack":
        """As the journal left it. Holes near the end are asked for again, older ones count as given up."""
        track = cls()
        track._past = dict.fromkeys(boot for boot in known.boots if boot != known.boot)
        track._lives = Lives(known.boots)
        if known.boot is None:
            return track
        boot = track._boot = Numbers(known.boot, mono, spoke=mono, established=True)
        boot.start(known.contiguous)
        boot.base = known.first - 1
        boot.latest = known.latest
        for seq in sorted(set(known.extra)):
            if seq <= boot.highest:
                continue
            if seq > boot.highest + PLAUSIBLE:
                boot.know(seq)
                continue
            if seq > boot.highest + 1:
                boot.open_gap(seq - 1, mono)
            boot.highest = seq
        for gap in boot.gaps:
            gap.given_up = gap.last < boot.highest - RECENT_ENOUGH
        return track

    def life(self, boot: str, at: datetime | None = None) -> str:
        """Our name for what a device calls `boot`, in a message of this time: the same unless it used the id again."""
        return self._lives.at(boot, at)

    def lose(self, boot: str, seq: int, mono: float) -> None:
        """This event, counted in before, did not reach the journal; of several the last goes first."""
        known = self._numbers_of(boot)
        if known is not None:
            known.lose(seq, mono)

    def accept(
        self, boot: str, seq: int, content: int, mono: float, historic: bool = False,
        at: datetime | None = None, words: int = 0,
    ) -> Verdict:  # fmt: skip
        """Judge an event of a life and count it in. `content` is a hash of what it says, `words` without its time.

        After RECURRED a new life is the current one. Without a time (`at`, by the device's own clock, where that can
        be right) a number used again cannot be told from a repetition.
        """
        verdict = self._judge(boot, seq, content, mono, historic)
        if at is None:
            return verdict
        known = self._numbers_of(boot)
        if verdict in (Verdict.DUPLICATE, Verdict.CONFLICT):
            if historic or known is None or not known.is_another(seq, words, at):
                return verdict
            known = self._begin(self._lives.begin(spoken(boot), at), mono)
            self._spoke(known, mono)
            known.start(self._base(seq - 1, seq == 1))
            known.judge(seq, content, mono, True)
            verdict = Verdict.RECURRED
        if known is not None:
            known.date(seq, words, at)
        return verdict

    def _numbers_of(self, boot: str) -> Numbers | None:
        if self._boot is not None and self._boot.id == boot:
            return self._boot
        return self._past.get(boot) or self._unplaced.get(boot)

    def _judge(self, boot: str, seq: int, content: int, mono: float, historic: bool) -> Verdict:
        """By its number alone.

        A buffered event of a boot never heard of does not say whether that boot is older or newer than the
        current one: it is history, and the boot waits until it says something live.
        """
        live = not historic
        current = self._boot
        if current is None or current.id != boot:
            if boot in self._past:
                if historic or not self._is_forsaken(mono):
                    return self._accept_past(boot, seq, content, mono)
            elif historic and current is not None:
                return self._accept_unplaced(boot, seq, content, mono)
            current = self._begin(boot, mono)
        if live:
            self._spoke(current, mono)
        if current.base is None:
            current.start(self._base(seq - 1, seq == 1))
        verdict = current.judge(seq, content, mono, live)
        if self._ahead is not None and self._ahead[0] <= current.highest:
            self._ahead = None
        return verdict

    def mention(self, boot: str, seq: int | None, mono: float, live: bool = True) -> Mention:
        """A state or heartbeat of `boot` that includes event `seq`; a status has no number. Not `live`: retained."""
        current = self._boot
        restarted = current is None or current.id != boot
        if current is not None and restarted:
            if boot in self._past:
                if seq is None or not live or not self._is_forsaken(mono):
                    return Mention.PAST
            elif (seq is None and current.spoke > float("-inf")) or (not live and current.heard):
                if live:
                    # From the first announcement on: repeated for ever, it must not keep the other from speaking.
                    self._announced = (boot, self._announced[1] if self._announced else mono)
                return Mention.ANNOUNCED
        elif live and self.is_in_question(mono):
            return Mention.PAST
        if current is None or restarted:
            current = self._begin(boot, mono)
        if seq is None:
            return Mention.RESTARTED if restarted else Mention.CURRENT
        if live:
            self._spoke(current, mono)
        if current.base is None:
            current.start(self._base(seq, seq == 0))
        if not current.goes_astray(seq, mono, live):
            if seq <= current.highest:
                self._ahead = None
            elif self._ahead is None or self._ahead[0] < seq:
                self._ahead = (seq, self._ahead[1] if self._ahead else mono)
        return Mention.RESTARTED if restarted else Mention.CURRENT

    def is_in_question(self, mono: float) -> bool:
        """Whether a restart has just been announced, so that the current boot may be one that is over."""
        announced = self._announced
        return announced is not None and mono - announced[1] < CROSSING and announced[1] - self._misled >= MISTRUST

    def order(self, seq: int) -> int:
        """Where what is said under this number stands among the rest: a number that cannot be right is no later."""
        highest = self.highest
        return seq if seq <= highest + PLAUSIBLE else highest

    def held_with(self, seq: int) -> tuple[int, int]:
        """First and last of the current boot's numbers that may be acknowledged with this event."""
        return self._boot.held_with(seq) if self._boot else (seq, seq)

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

    def _spoke(self, current: Numbers, mono: float) -> None:
        current.speaks(mono)
        if self._announced is not None:
            self._announced = None
            self._misled = mono

    def _is_forsaken(self, mono: float) -> bool:
        return self._boot is not None and mono - self._boot.spoke >= FORSAKEN

    def _accept_past(self, boot: str, seq: int, content: int, mono: float) -> Verdict:
        known = self._past[boot]
        if known is None:
            # Its numbers are forgotten: whatever cannot be recognised goes to the journal, which knows.
            known = self._past[boot] = Numbers(boot, float("-inf"))
            known.start(EVERYTHING)
        verdict = known.judge(seq, content, mono, False)
        return verdict if verdict in (Verdict.DUPLICATE, Verdict.CONFLICT) else Verdict.PAST_BOOT

    def _accept_unplaced(self, boot: str, seq: int, content: int, mono: float) -> Verdict:
        known = self._unplaced.get(boot)
        if known is None:
            known = self._unplaced[boot] = Numbers(boot, mono)
            known.start(seq - 1)
            if len(self._unplaced) > MAX_PAST_BOOTS:
                del self._unplaced[next(iter(self._unplaced))]
        verdict = known.judge(seq, content, mono, False)
        return verdict if verdict in (Verdict.DUPLICATE, Verdict.CONFLICT) else Verdict.PAST_BOOT

    def _begin(self, boot: str, mono: float) -> Numbers:
        self.returned = boot in self._past
        known = self._past.pop(boot, None) or self._unplaced.pop(boot, None)
        if self._boot is not None:
            self._past[self._boot.id] = self._boot
            self._forget()
        self._ahead = self._announced = None
        self._boot = known if known is not None and known.base != EVERYTHING else Numbers(boot, mono)
        return self._boot

    def _forget(self) -> None:
        """First the numbers of boots that hardly spoke: made-up ones must not push out the real ones."""
        numbered = [boot for boot, known in self._past.items() if known is not None]
        numbered.sort(key=lambda boot: (known := self._past[boot]) is not None and known.established)
        for boot in numbered[: max(0, len(numbered) - MAX_PAST_BOOTS)]:
            self._past[boot] = None
        while len(self._past) > MAX_BOOT_IDS:
            del self._past[next(boot for boot, known in self._past.items() if known is None)]

    def _base(self, before: int, from_the_start: bool) -> int:
        """The number before the first of a new boot: a device may count on or start again at 1.

        At first contact whatever it says is the base. After that it counts on when the number fits one of its
        last boots; it has started again when it is smaller; and when it fits nothing, whatever it says is the base.
        """
        if from_the_start:
            return 0
        if not self._past:
            return before
        for known in reversed(self._past.values()):
            if known is not None and known.base != EVERYTHING and 0 <= before - known.highest <= PLAUSIBLE:
                return known.highest
        return 0 if before <= PLAUSIBLE else before
