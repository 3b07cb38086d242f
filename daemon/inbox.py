"""The inbox: two bounded lanes into the one writer, life safety first."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from estate.model import Delivery
from rules.alarm import AlarmId, Transition


class OperationKind(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    REMOVE_FROM_SERVICE = "remove_from_service"
    RETURN_TO_SERVICE = "return_to_service"


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operator asks of an alarm. `outcome` carries the transition or the refusal back.

    `note` is the reason where one is needed; `until` (UTC) the end of a shelf or a removal, `order` the
    work order of a removal; `occurrence` the one the operator saw, None for whichever it is.
    """

    kind: OperationKind
    alarm: AlarmId
    by: str
    console: str
    note: str = ""
    until: datetime | None = None
    order: str = ""
    occurrence: int | None = None
    outcome: "asyncio.Future[Transition]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


Item = Delivery | Operation


class Inbox:
    """Deliveries and operations on their way to the pipeline.

    Full lane: `put` waits, so the driver stops acknowledging and the broker or the bus slows down;
    nothing is dropped. Operations ride with life safety: an operator never queues behind a flood.
    """

    def __init__(self, depth: int = 64) -> None:
        self._depth = depth
        self._safety: deque[Item] = deque()
        self._ordinary: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, item: Item) -> None:
        lane = self._ordinary if isinstance(item, Delivery) and not item.life_safety else self._safety
        while len(lane) >= self._depth:
            self._room.clear()
            await self._room.wait()
        lane.append(item)
        self._arrived.set()

    async def take(self, wait: float | None, most: int = 250) -> Sequence[Item]:
        """All that waits, life safety first, at most about `most` events; empty after `wait` seconds."""
        if not (self._safety or self._ordinary):
            self._arrived.clear()
            timer = None
            if wait is not None:
                timer = asyncio.get_running_loop().call_later(max(wait, 0.0), self._arrived.set)
            try:
                await self._arrived.wait()
            finally:
                if timer is not None:
                    timer.cancel()
        taken: list[Item] = []
        size = 0
        for lane in (self._safety, self._ordinary):
            while lane and size < most:
                item = lane.popleft()
                size += 1 if isinstance(item, Operation) else max(len(item.events), 1)
                taken.append(item)
        if taken:
            self._room.set()
        return taken

    @property
    def waiting(self) -> int:
        return len(self._safety) + len(self._ordinary)
