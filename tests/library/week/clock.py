"""Time that moves only when it is told to: the clock of the played estate, and an event loop that lives by it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from estate.model import Now
from tests.library.week.pipes import Pipes

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in Shanghai: the hour at which simulated worlds begin."""
MONO = 1000.0
GRAIN = 1e-6
"""s by which a sleeper wakes too late."""


class PlayedLoop(asyncio.SelectorEventLoop):
    """Its time stands at `seconds`, monotonic, until somebody sets it. Nothing in it may really wait.

    Its connections are pipes, and what the daemon gives to a thread is done at once: sockets and threads know
    nothing of played time.
    """

    def __init__(self) -> None:
        self.seconds = MONO
        super().__init__()
        self._clock_resolution = 0.0  # a sleep of a billionth second would else be over before it began, for ever
        self._pipes = Pipes(self)

    async def create_server(self, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        return self._pipes.listen(factory, port)

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        return self._pipes.connect(factory, port)

    def time(self) -> float:
        return self.seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        done: asyncio.Future[Any] = self.create_future()
        done.set_result(func(*args))
        return done

    @property
    def is_resting(self) -> bool:
        """Whether nobody has anything left to do at this moment."""
        return not self._ready  # type: ignore[attr-defined]

    @property
    def next_timer(self) -> float:
        """When the first sleeper wakes; infinite when none sleeps."""
        live = (one._when for one in self._scheduled if not one._cancelled)  # type: ignore[attr-defined]
        return min(live, default=inf)

    async def settle(self) -> None:
        """Let everything run that can run without time going on."""
        await asyncio.sleep(0)
        while not self.is_resting:
            await asyncio.sleep(0)


class PlayedClock:
    """Both clocks of `PlayedLoop`: they never drift."""

    def __init__(self, loop: PlayedLoop, start: datetime = START) -> None:
        self._loop = loop
        self.start = start

    @property
    def played(self) -> float:
        """s since the beginning."""
        return self._loop.seconds - MONO

    def now(self) -> Now:
        seconds = self._loop.seconds
        return Now(self.start + timedelta(seconds=seconds - MONO), seconds)
