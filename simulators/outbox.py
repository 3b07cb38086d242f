"""Events an adapter keeps until the application has acknowledged them: in order, sent again when it stays silent."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CAPACITY = 50_000
"""Events without acknowledgement; beyond it the oldest is lost and counted, and the gap shows in the numbers."""
PATIENCE, LONGEST_PATIENCE = 2.0, 30.0
"""Seconds without acknowledgement until an event is sent again; doubled every time."""
AT_ONCE = 100
"""Events sent again in one round, oldest first."""
HISTORIC = 5.0
"""An event first sent so many seconds after it happened says so (`hist`), and raises no live alarm."""


@dataclass(slots=True)
class Waiting:
    """An event on its way, in monotonic seconds. What was sent once is sent again word for word."""

    topic: str
    message: dict[str, Any]
    created: float
    payload: bytes = b""
    sent: float | None = None
    patience: float = PATIENCE


class Outbox:
    """`send(topic, payload)` is how an event leaves."""

    def __init__(self, send: Callable[[str, bytes], None], capacity: int = CAPACITY) -> None:
        self._send = send
        self._capacity = capacity
        self._boots: dict[tuple[str, str], dict[int, Waiting]] = {}
        self._size = 0
        self.lost = 0

    def __len__(self) -> int:
        return self._size

    def queued(self, device: str) -> int:
        return sum(len(events) for (name, _), events in self._boots.items() if name == device)

    def add(self, topic: str, message: dict[str, Any], now: float) -> Waiting:
        if self._size >= self._capacity:
            self._drop_oldest()
        waiting = Waiting(topic, message, now)
        self._boots.setdefault((message["dev"], message["boot"]), {})[message["seq"]] = waiting
        self._size += 1
        return waiting

    def transmit(self, waiting: Waiting, now: float) -> None:
        if not waiting.payload:
            waiting.message["hist"] = waiting.message.get("hist") is True or now - waiting.created > HISTORIC
            waiting.payload = json.dumps(waiting.message, ensure_ascii=False).encode()
        waiting.sent = now
        self._send(waiting.topic, waiting.payload)

    def acknowledge(self, device: str, boot: str, first: int, last: int) -> None:
        """The events `first`..`last` of this boot are in the daemon's journal."""
        events = self._boots.get((device, boot), {})
        done = []
        for number in events:
            if number > last:
                break
            if number >= first:
                done.append(number)
        for number in done:
            del events[number]
        self._size -= len(done)
        if not events:
            self._boots.pop((device, boot), None)

    def send_unsent(self, now: float) -> None:
        """After a time without connection: what happened meanwhile, oldest first."""
        for waiting in self._oldest_first(lambda w: w.sent is None):
            self.transmit(waiting, now)

    def restarted(self) -> None:
        """What waits belongs to a boot that is over: whenever it leaves now, it says that it is history."""
        for events in self._boots.values():
            for waiting in events.values():
                waiting.message["hist"] = True
                waiting.payload = b""

    def send_again(self, now: float) -> int:
        """Send what was not acknowledged in time, oldest first; returns how many."""
        late = self._oldest_first(lambda w: w.sent is not None and now - w.sent >= w.patience)[:AT_ONCE]
        for waiting in late:
            waiting.patience = min(2 * waiting.patience, LONGEST_PATIENCE)
            self.transmit(waiting, now)
        return len(late)

    def start_over(self, now: float) -> None:
        """The daemon is back: everything it has not acknowledged is due again."""
        for waiting in self._oldest_first(lambda w: w.sent is not None):
            waiting.patience = PATIENCE
            waiting.sent = now - PATIENCE

    def _oldest_first(self, due: Callable[[Waiting], bool]) -> list[Waiting]:
        found = [waiting for events in self._boots.values() for waiting in events.values() if due(waiting)]
        return sorted(found, key=lambda waiting: waiting.created)

    def _drop_oldest(self) -> None:
        oldest = min(self._boots, key=lambda boot: next(iter(self._boots[boot].values())).created)
        events = self._boots[oldest]
        del events[next(iter(events))]
        if not events:
            del self._boots[oldest]
        self._size -= 1
        self.lost += 1
