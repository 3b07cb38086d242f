"""What the answers say of the line they came over: asked faster than it can answer, or noisy. No I/O, no clock."""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE = 60.0
"""s that are counted together; verdicts change at their ends."""

OVERLOAD_MINUTES, NOISE_MINUTES = 5, 15
LATE_SHARE, FAILED_SHARE, NOISE_SHARE = 0.5, 0.05, 0.01
LEAST_ASKED = 50
"""Requests without which nothing is said."""

SPREAD = 3
"""Minutes of the window that have to show failures: what fails once and is over is no state of the line."""

LATE = 0.5
"""Share of its period by which a request may come late: the cycle takes 1.5 times what was planned."""


class LineState(StrEnum):
    OK = "ok"
    OVERLOADED = "overloaded"
    NOISY = "noisy"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is for whoever looks for the cause: how many, and whether one unit or all of them."""

    state: LineState
    reason: str = ""


@dataclass(slots=True)
class _Minute:
    begin: float
    asked: int = 0
    late: int = 0
    failed: Counter[str] = field(default_factory=Counter)


class LineWatch:
    """Fed with every request of one bus. Times are monotonic seconds; `minute` is shorter only in tests.

    A missing or garbled answer counts once the unit has answered again: what a unit leaves unanswered until it is
    lost is its own fault and not the line's. Only a serial line is called noisy; on TCP the same is a gateway that
    cannot keep up.
    """

    def __init__(self, serial: bool, minute: float = MINUTE) -> None:
        self._serial = serial
        self._minute = minute
        self._minutes: deque[_Minute] = deque(maxlen=NOISE_MINUTES)
        self._pending: Counter[str] = Counter()

    def asked(self, late: float, period: float, now: float) -> Verdict | None:
        """A request that goes out `late` s after it was due. The verdict of the minutes that are over, else None."""
        verdict = None
        if not self._minutes or now - self._minutes[-1].begin >= self._minute:
            verdict = self._verdict(now) if self._minutes else None
            self._minutes.append(_Minute(now))
        minute = self._minutes[-1]
        minute.asked += 1
        minute.late += late > LATE * period
        return verdict

    def failed(self, unit: str) -> None:
        """No answer, one that was damaged, or the gateway's word that there is none."""
        self._pending[unit] += 1

    def answered(self, unit: str) -> None:
        if self._pending and (mended := self._pending.pop(unit, 0)) and self._minutes:
            self._minutes[-1].failed[unit] += mended

    def lost(self, unit: str) -> None:
        """The unit is gone: what it left unanswered says nothing of the line."""
        self._pending.pop(unit, None)

    def _verdict(self, now: float) -> Verdict:
        recent = [one for one in self._minutes if now - one.begin <= (OVERLOAD_MINUTES + 0.5) * self._minute]
        asked = sum(one.asked for one in recent)
        if asked >= LEAST_ASKED:
            late = sum(one.late for one in recent) / asked
            if late > LATE_SHARE:
                return Verdict(LineState.OVERLOADED, f"{late:.0%} of the requests went out late")
            if not self._serial and self._spread(recent) and self._share(recent) > FAILED_SHARE:
                return Verdict(LineState.OVERLOADED, self._words(recent))
        whole = [one for one in self._minutes if now - one.begin <= (NOISE_MINUTES + 0.5) * self._minute]
        enough = sum(one.asked for one in whole) >= LEAST_ASKED and self._spread(whole)
        if self._serial and enough and self._share(whole) > NOISE_SHARE:
            return Verdict(LineState.NOISY, self._words(whole))
        return Verdict(LineState.OK)

    def _share(self, minutes: list[_Minute]) -> float:
        return sum(one.failed.total() for one in minutes) / sum(one.asked for one in minutes)

    def _spread(self, minutes: list[_Minute]) -> bool:
        return sum(bool(one.failed) for one in minutes) >= SPREAD

    def _words(self, minutes: list[_Minute]) -> str:
        units: Counter[str] = sum((one.failed for one in minutes), Counter())
        worst, most = units.most_common(1)[0]
        where = f"{len(units)} units" if most <= units.total() / 2 else f"mostly {worst}"
        return f"{self._share(minutes):.1%} of the requests had no good answer: {where}"
