"""Restarts replaceable tasks: a crash costs a restart, never the daemon. The only `except Exception`."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from time import monotonic

log = logging.getLogger(__name__)

Run = Callable[[], Awaitable[None]]
OnCrash = Callable[[str, str], Awaitable[None]]


async def restarting(name: str, run: Run, on_crash: OnCrash, *, longest: float = 60.0) -> None:
    """Run a replaceable service for ever, with growing jittered pauses (s) between crashes.

    `on_crash(name, why)` turns its points bad and raises the system alarm.
    """
    pause = 1.0
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
            pause = 1.0
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, longest)
