"""Events an adapter keeps until the application has acknowledged them: in order, sent again when it stays silent."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

CAPACITY = 50_000
"""Events without acknowledgement; beyond it the oldest is lost and counted, and its gap shows in the numbers."""
PATIENCE, LONGEST_PATIENCE = 2.0, 30.0
"""Seconds without acknowledgement until an event is sent again; doubled every time."""
AT_ONCE = 100
"""Events sent again in one round, oldest first."""


@dataclass(slots=True)
class Waiting:
    """An event on its way. `sent` is loop time of the last attempt, None: not yet sent."""

    topic: str
    payload: bytes
    created: float
    sent: float | None = None
    patience: float = PATIENCE


class Outbox:
    """Keys are (device, boot, seq). `send` is given each event's topic and payload."""

    def __init__(self, send: Callable[[str, bytes], None], capacity: int = CAPACITY) -> None:
        self._send = send
        self._capacity = capacity
        self._waiting: dict[tuple[str, str, int], Waiting] = {}
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def queued(self, device: str) -> int:
        return sum(1 for name, _, _ in self._waiting if name == device)

    def add(self, key: tuple[str, str, int], topic: str, payload: bytes, now: float) -> None:
        if len(self._waiting) >= self._capacity:
            del self._waiting[next(iter(self._waiting))]
            self.lost += 1
        self._waiting[key] = Waiting(topic, payload, now)

    def transmit(self, key: tuple[str, str, int], now: float) -> None:
        waiting = self._waiting[key]
        waiting.sent = now
        self._send(waiting.topic, waiting.payload)

    def unsent(self) -> Iterator[tuple[tuple[str, str, int], Waiting]]:
        yield from [(key, waiting) for key, waiting in self._waiting.items() if waiting.sent is None]

    def acknowledge(self, device: str, boot: str, seq: int) -> None:
        """Everything of this boot up to `seq` is in the daemon's journal."""
        done = []
        for key in self._waiting:
            if key[0] == device and key[1] == boot:
                if key[2] > seq:
                    break
                done.append(key)
        for key in done:
            del self._waiting[key]

    def send_again(self, now: float) -> int:
        """Send what was not acknowledged in time, oldest first; returns how many."""
        late = [
            key for key, w in self._waiting.items() if w.sent is not None and now - w.sent >= w.patience
        ][:AT_ONCE]
        for key in late:
            waiting = self._waiting[key]
            waiting.patience = min(2 * waiting.patience, LONGEST_PATIENCE)
            self.transmit(key, now)
        return len(late)

    def start_over(self) -> None:
        """The daemon is back: everything waiting is due at once."""
        for waiting in self._waiting.values():
            if waiting.sent is not None:
                waiting.sent, waiting.patience = float("-inf"), PATIENCE
