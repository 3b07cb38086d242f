"""Alarms that no rule of the site makes any more: told to the control room, and then ended in the journal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence

from daemon.records import Memory, Record
from drivers.source import Deliver
from estate.model import Clock, Delivery, Quality, Sample, Value, point_id
from rules.alarm import AlarmId, AlarmState, Transition, withdrawn
from rules.memory import ALIVE

log = logging.getLogger(__name__)

NAMED = 12
"""Alarms named in the text that operators read; all of them are in the log and in the journal."""

Commit = Callable[[Sequence[Record]], Awaitable[bool]]


class Unwatched:
    """`last` are the newest transitions of the journal, `gone` the alarms among them that have no rule now, `left` the
    keys of what the engine remembered for rules that are gone: should one come back, its delays begin anew.

    Points `system.unwatched` and `system.all_watched`. Told before they are ended: a kill between the two tells them
    again at the next start, and loses none. What was normal, and only shelved or out of service, is ended untold.
    """

    def __init__(
        self,
        last: Iterable[Transition],
        gone: Collection[AlarmId],
        left: Iterable[str],
        deliver: Deliver,
        commit: Commit,
        clock: Clock,
    ) -> None:
        self._last = [one for one in last if one.alarm in gone]
        self._forgotten = [Memory(key, None) for key in left]
        self._deliver = deliver
        self._commit = commit
        self._clock = clock

    async def end(self) -> None:
        """Once, at the start, with the pipeline running."""
        now = self._clock.now()
        ends = [end for one in self._last if (end := withdrawn(one, now)) is not None]
        for end in ends:
            log.warning("alarm %s was %s, and no rule of the site makes it any more", end.alarm, end.before.value)
        names = [str(end.alarm) for end in ends if end.before is not AlarmState.NORMAL]
        more = f" … +{len(names) - NAMED}" if len(names) > NAMED else ""
        await self._tell("unwatched", ", ".join(names[:NAMED]) + more)
        if names:
            await self._tell("all_watched", False)
        if ends or self._forgotten:
            await self._commit([*ends, *self._forgotten])
        await self._tell("all_watched", True)

    async def _tell(self, name: str, value: Value) -> None:
        """Returns when what follows from it is in the journal, or kept in memory for it."""
        now = self._clock.now()
        settled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        sample = Sample(point_id("system", name), value, Quality.GOOD, now.utc, now.mono)

        def done(durable: bool) -> None:
            if not settled.done():
                settled.set_result(durable)

        await self._deliver(Delivery((sample,), life_safety=True, settled=done))
        await settled


def left_over(memory: Iterable[str], alarms: Collection[str]) -> Iterator[str]:
    """Of the keys of what the engine remembered (`alarm` or `alarm#part`), those of none of these alarms."""
    return (key for key in memory if key != ALIVE and key.partition("#")[0] not in alarms)
