"""Tells the control room when a part of the daemon crashed, and when all of them have run again for a while."""

import asyncio
from collections.abc import Iterator

from drivers.source import Deliver
from estate.model import Clock, Delivery, Now, Quality, Sample, point_id

QUIET = 60.0
"""s without another crash after which the parts count as well again."""
LOOK = 5.0  # s


class Crashes:
    """`crashed` is for whoever restarts the parts; `run` for ever. Points `system.tasks` and `system.crashed_task`."""

    def __init__(self, deliver: Deliver, clock: Clock) -> None:
        self._deliver = deliver
        self._clock = clock
        self._when: dict[str, float] = {}
        self._told: set[str] | None = None

    async def crashed(self, name: str, why: str) -> None:
        """The part `name` ended, because of `why`; it is started anew."""
        now = self._clock.now()
        self._when[name] = now.mono
        await self._tell(now, f"{name}: {why}")

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Tell, when it is news, which parts crashed not long ago."""
        now = self._clock.now()
        self._when = {name: at for name, at in self._when.items() if now.mono - at <= QUIET}
        if set(self._when) != self._told:
            await self._tell(now, "")

    async def _tell(self, now: Now, reason: str) -> None:
        self._told = set(self._when)
        await self._deliver(Delivery(tuple(self._said(now, reason)), life_safety=True))

    def _said(self, now: Now, reason: str) -> Iterator[Sample]:
        names = ", ".join(sorted(self._when))
        yield Sample(point_id("system", "crashed_task"), names, Quality.GOOD, now.utc, now.mono, reason=reason)
        yield Sample(point_id("system", "tasks"), not names, Quality.GOOD, now.utc, now.mono, reason=reason)
