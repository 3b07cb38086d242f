"""Notices when the event loop is held up: a blocking call delays every alarm."""

import asyncio
import logging
from time import monotonic

log = logging.getLogger(__name__)

EVERY = 0.25  # s
LATE = 0.2  # s


async def watch_loop() -> None:
    """Log once per hold-up how long the loop did not run."""
    while True:
        before = monotonic()
        await asyncio.sleep(EVERY)
        late = monotonic() - before - EVERY
        if late > LATE:
            log.warning("the event loop was held up for %.0f ms", late * 1000)
