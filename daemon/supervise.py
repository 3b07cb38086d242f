"""Restarts replaceable tasks: a crash costs a restart, never the daemon. The only `except Exception`."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from time import monotonic

log = logging.getLogger(__name__)

Run = Callable[[], Awaitable[None]]
OnCrash = Callable[[str, str], Awaitable[None]]

SOURCE_PAUSE = 5.0
"""s at most between a crash of a bus or a session and its next start: its devices are not watched meanwhile."""


async def restarting(name: str, run: Run, on_crash: OnCrash, *, longest: float = 60.0) -> None:
    """Run a replaceable service for ever, with growing jittered pauses (s), never over `longest`, between crashes.

    `on_crash(name, why)` tells the control room, each time. Points turn bad by themselves: polled ones by their age
    (daemon.points), those of a broker session when it has been away for drivers.mqtt.source.BRIEF, which it looks at
    when it is started again. So what reads devices has to be started again soon: SOURCE_PAUSE.
    """
    pause = shortest = min(1.0, longest)
    while True:
        started = monotonic()
        try:
            await run()
            why = "returned, though it should run for ever"
            log.error("%s %s", name, why)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            log.exception("%s crashed", name)
        await on_crash(name, why)
        if monotonic() - started > longest:
            pause = shortest
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, longest)
