"""What consoles say of themselves: this alarm was shown, it was sounded, this console can be heard or not."""

from collections.abc import Sequence

from daemon.latency import Report
from daemon.records import Audit, Receipt
from daemon.web.control import Control
from daemon.web.permission import Permission, may
from daemon.web.said import Perceived, Sound
from daemon.web.sessions import Session
from estate.model import Clock
from rules.alarm import AlarmId

REMEMBERED = 200  # consoles, twice each (shown, sounded); the one unheard longest is forgotten


class Receipts:
    """A receipt counts as proof that somebody saw an alarm, so it is taken from those only who may operate, of
    occurrences only that stand, once from each console, and no more from one session than people can perceive.
    What does not count is left out without an answer: an honest console is late now and then."""

    def __init__(self, control: Control, clock: Clock) -> None:
        self._control = control
        self._clock = clock
        self._taken: dict[tuple[str, str], dict[AlarmId, int]] = {}

    async def heard(self, session: Session, console: str, said: Perceived | Sound) -> None:
        if not may(session, Permission.OPERATE):
            return
        now = self._clock.now()
        if isinstance(said, Sound):
            if session.receipts.take(now.mono):
                audit = Audit(now.utc, session.user.id, console, "console sound", detail=said.state)
                await self._control.record([audit])
            return
        fresh = self._fresh(session, console, said, now.mono)
        if fresh and said.prompt:
            await self._control.report(console, [Report(said.kind, alarm, n) for alarm, n in fresh])
        elif fresh:
            await self._control.record([Receipt(console, said.kind, alarm, n, now.utc) for alarm, n in fresh])

    def _fresh(self, session: Session, console: str, said: Perceived, now: float) -> Sequence[tuple[AlarmId, int]]:
        standing = self._control.standing
        before = self._taken.pop((console, said.kind), {})
        self._taken[console, said.kind] = before
        if len(self._taken) > 2 * REMEMBERED:
            del self._taken[next(iter(self._taken))]
        fresh = []
        for alarm, occurrence in said.alarms:
            one = standing.get(AlarmId(alarm))
            if one is None or one.occurrence != occurrence or before.get(one.alarm) == occurrence:
                continue
            if not session.receipts.take(now):
                break
            before[one.alarm] = occurrence
            fresh.append((one.alarm, occurrence))
        if len(before) > 2 * len(standing) + 100:
            for gone in [alarm for alarm in before if alarm not in standing]:
                del before[gone]
        return fresh
