"""Empties the spool into the history server, and decides what to do when the server does not take it.

  not there, hangs, 5xx, 429   the same lines again, after a growing pause or the server's own Retry-After
  401, 403                     stop for a while, keep everything
  404, 3xx, other 4xx          a fault of configuration: stop for a while, keep everything
  413                          half as many lines at a time
  400, 422                     halve until the bad line is alone, keep it as a dead letter, go on

Lines go oldest first in two streams taken in turn: what waited while the server was away, and what came since. So a
day of backlog arrives in order, and what happens now is never more than a few requests late.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.historian.answer import Answer, Verdict
from daemon.historian.health import Health
from daemon.historian.spool import LAST, DeadLetter, Row, Spool
from daemon.historian.sqlite_file import FileThread
from estate.model import Clock

log = logging.getLogger(__name__)

_SUSPICIOUS = 20  # lines refused in a row before we ask whether the server refuses everything
_BREATH = 0.01  # s between full requests of a backlog: the alarm path shares this loop
_ACCEPTED_BEFORE_GROWING = 50  # requests, after a 413


class Server(Protocol):
    async def write(self, lines: Sequence[str]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Pauses:
    """s. `first` doubles up to `longest` while the server is away, up to `proof` while it refuses all that there is;
    `person` is for faults that a person must mend, `disk` for a full disk."""

    first: float = 0.5
    longest: float = 30.0
    proof: float = 5.0
    person: float = 60.0
    disk: float = 5.0


class Sender:
    """Runs for ever. Resending what may have arrived is harmless: same series, same time, same value."""

    def __init__(
        self,
        spool: Spool,
        thread: FileThread,
        server: Server,
        clock: Clock,
        report: Callable[[Health, str], None],
        *,
        max_lines: int = 1000,
        pauses: Pauses = Pauses(),
    ) -> None:
        self._spool = spool
        self._thread = thread
        self._server = server
        self._clock = clock
        self._report = report
        self._max_lines = max_lines
        self._lines = max_lines
        self._pauses = pauses
        self._more = asyncio.Event()
        self._backlog_end = spool.newest
        self._live_turn = True
        self._failures = 0
        self._accepted_since_413 = 0

    def wake(self) -> None:
        """New lines are in the spool."""
        self._more.set()

    async def run(self) -> None:
        while True:
            self._more.clear()
            batch = await self._next()
            if not batch:
                await self._more.wait()
                continue
            answer = await self._server.write([row.line for row in batch])
            if answer.verdict is Verdict.BAD_LINE:
                answer = await self._bisect(batch, answer)
            elif answer.verdict is Verdict.TOO_LARGE and len(batch) == 1:
                answer = await self._settle(batch, [DeadLetter(batch[0].line, answer.said)])
            elif answer.verdict is Verdict.ACCEPTED:
                await self._settle(batch, [])
            await self._react(answer, full=len(batch) >= self._lines)

    async def _next(self) -> list[Row]:
        self._live_turn = not self._live_turn
        live, backlog = (self._backlog_end, LAST), (0, self._backlog_end)
        for after, upto in (live, backlog) if self._live_turn else (backlog, live):
            rows = await self._thread.do(self._spool.read, self._lines, after, upto)
            if rows:
                return rows
        return []

    async def _react(self, answer: Answer, *, full: bool) -> None:
        match answer.verdict:
            case Verdict.ACCEPTED:
                if self._failures:
                    self._failures = 0
                    self._backlog_end = self._spool.newest
                self._grow()
                self._report(Health.OK, "")
                await asyncio.sleep(_BREATH if full else 0)
            case Verdict.TOO_LARGE:
                self._lines = max(1, self._lines // 2)
                self._accepted_since_413 = 0
            case Verdict.OUTAGE:
                self._report(Health.OUTAGE, answer.said)
                await self._back_off(self._pauses.longest, answer.retry_after)
            case Verdict.BAD_LINE:
                # Perhaps one bad line alone in the spool: the next good line will prove that.
                self._report(Health.REFUSED, answer.said)
                await self._back_off(self._pauses.proof)
            case Verdict.UNAUTHORISED:
                self._report(Health.REFUSED, answer.said)
                await self._wait_for_a_person()
            case Verdict.MISCONFIGURED:
                self._report(Health.CONFIG, answer.said)
                await self._wait_for_a_person()

    async def _bisect(self, batch: Sequence[Row], whole: Answer) -> Answer:
        """Deliver the good lines of a refused batch and park the bad ones.

        A server that refuses everything is not a thousand bad lines: BAD_LINE is returned and all of it kept, unless
        some line outside the batch is taken.
        """
        dead: list[DeadLetter] = []
        server_takes_others = False
        parts = [(batch, whole)]
        while parts:
            part, answer = parts.pop()
            if answer.verdict is Verdict.ACCEPTED:
                server_takes_others = True
            elif answer.verdict not in (Verdict.BAD_LINE, Verdict.TOO_LARGE):
                return answer
            elif len(part) > 1:
                middle = len(part) // 2
                first, second = part[:middle], part[middle:]
                # Sent at once, judged from the stack: the second half waits until the first is cleared up.
                parts += [(second, await self._send(second)), (first, await self._send(first))]
            else:
                dead.append(DeadLetter(part[0].line, answer.said))
            if len(dead) >= _SUSPICIOUS and not server_takes_others:
                server_takes_others = await self._takes_another(batch)
                if not server_takes_others:
                    return whole
        if not server_takes_others and not await self._takes_another(batch):
            return whole
        return await self._settle(batch, dead)

    async def _takes_another(self, batch: Sequence[Row]) -> bool:
        other = await self._thread.do(self._spool.newest_outside, batch[0].id, batch[-1].id)
        return other is not None and (await self._send([other])).verdict is Verdict.ACCEPTED

    async def _send(self, rows: Sequence[Row]) -> Answer:
        return await self._server.write([row.line for row in rows])

    async def _settle(self, batch: Sequence[Row], dead: Sequence[DeadLetter]) -> Answer:
        await self._thread.do(self._spool.settle, batch[0].id, batch[-1].id, dead, self._clock.now().utc)
        if dead:
            log.warning(
                "%d lines refused by the history server for good, kept as dead letters: %s", len(dead), dead[0].reason
            )
        return Answer(Verdict.ACCEPTED)

    def _grow(self) -> None:
        self._accepted_since_413 += 1
        if self._lines < self._max_lines and self._accepted_since_413 >= _ACCEPTED_BEFORE_GROWING:
            self._lines = min(self._max_lines, self._lines * 2)
            self._accepted_since_413 = 0

    async def _back_off(self, longest: float, asked: float | None = None) -> None:
        growing = min(longest, self._pauses.first * 2 ** min(self._failures, 16))
        self._failures += 1
        await asyncio.sleep(growing * random.uniform(0.5, 1.0) if asked is None else asked)

    async def _wait_for_a_person(self) -> None:
        self._failures += 1
        await asyncio.sleep(self._pauses.person)
