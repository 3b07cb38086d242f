"""From a device's event to the operator's eye and ear: measured for every alarm, not assumed (CR-1)."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.journal import Journal
from daemon.pipeline import Decision
from daemon.records import Receipt
from drivers.source import Deliver
from estate.model import Clock, Delivery, Quality, Sample, point_id
from rules.alarm import AlarmId, Trigger

LIMIT = 2.0  # s, from the event to text and sound (requirements CR-1, HH-1, PE-2)
REMEMBERED = 5_000  # alarms whose receipts we wait for; the oldest are forgotten, not their journal


@dataclass(frozen=True, slots=True)
class Report:
    """What a console says: it painted this occurrence ("shown") or started its tone ("sounded")."""

    kind: str
    alarm: AlarmId
    occurrence: int


class Latency:
    """Listens to decisions, takes the consoles' reports, journals them with the time they took."""

    def __init__(self, journal: Journal, deliver: Deliver, clock: Clock) -> None:
        self._journal = journal
        self._deliver = deliver
        self._clock = clock
        self._known: OrderedDict[tuple[AlarmId, int], float] = OrderedDict()
        self._shown: deque[float] = deque(maxlen=1000)
        self._late = False

    def decided(self, decisions: Sequence[Decision]) -> None:
        now = self._clock.now()
        for decision in decisions:
            one = decision.transition
            if one.trigger is not Trigger.RAISE:
                continue
            # A delay that the rule asks for is no lateness: counted from the moment the rule could speak.
            due = one.due or one.decided
            self._known[one.alarm, one.occurrence] = now.mono - max(0.0, (now.utc - due).total_seconds())
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def report(self, console: str, reports: Sequence[Report]) -> None:
        """Journal what a console saw and played; a painting later than LIMIT becomes an alarm."""
        now = self._clock.now()
        receipts = []
        worst = 0.0
        for one in reports:
            since = self._known.get((one.alarm, one.occurrence))
            took = None if since is None else now.mono - since
            if took is not None and one.kind == "shown":
                self._shown.append(took)
                worst = max(worst, took)
            receipts.append(
                Receipt(console, one.kind, one.alarm, one.occurrence, now.utc, None if took is None else took * 1000)
            )
        if receipts:
            await self._journal.commit(receipts)
        late = worst > LIMIT
        if worst and late is not self._late:
            self._late = late
            state = Sample(point_id("system", "latency"), round(worst, 3), Quality.GOOD, now.utc, now.mono)
            await self._deliver(Delivery(samples=(state,)))

    def figures(self) -> dict[str, float | int | None]:
        """Seconds from receipt of the event to the painted row, over the last thousand paintings."""
        if not self._shown:
            return {"count": 0, "p50": None, "p99": None, "max": None, "limit": LIMIT}
        ordered = sorted(self._shown)
        return {
            "count": len(ordered),
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
            "max": ordered[-1],
            "limit": LIMIT,
        }
