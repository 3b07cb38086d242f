"""Tells the world over MQTT that the daemon still decides: a watcher on another machine notices when it stops."""

import asyncio
from collections.abc import Callable

from pydantic_core import to_json

from daemon.pipeline import Pipeline
from drivers.mqtt.topics import daemon_heartbeat
from estate.model import Clock

EVERY = 5.0  # s


async def tell_alive(
    pipeline: Pipeline, publish: Callable[[str, bytes], bool], site: str, release: str, clock: Clock
) -> None:
    """Publish for ever, but only while the pipeline goes on: a live loop never makes a dead engine look alive."""
    passes = pipeline.passes
    while True:
        await asyncio.sleep(EVERY)
        if pipeline.passes == passes:
            continue
        passes = pipeline.passes
        said = {"v": 1, "ts": clock.now().utc.isoformat(), "version": release, "standing": len(pipeline.standing)}
        publish(daemon_heartbeat(site), to_json(said))
