"""Watches the room on the disk of the state directory, and takes back what the journal's ballast had to give up."""

import asyncio
import os
from enum import StrEnum
from pathlib import Path

from daemon.ballast import Ballast
from drivers.source import Deliver
from estate.model import Clock, Delivery, Quality, Sample, point_id

LOOK = 10.0  # s
LOW = 1024 * 1024 * 1024  # bytes
POINT = point_id("system", "disk")


class Room(StrEnum):
    OK = "ok"
    LOW = "low"  # less than LOW is left
    FULL = "full"  # not even the room kept for the journal is left


class DiskWatch:
    """`run` for ever: delivers the point `system.disk` when it changes."""

    name = "disk watch"

    def __init__(self, folder: Path, ballast: Ballast, deliver: Deliver, clock: Clock) -> None:
        self._folder = folder
        self._ballast = ballast
        self._deliver = deliver
        self._clock = clock

    async def run(self) -> None:
        told = None
        while True:
            room, left = await asyncio.to_thread(self._look)
            if room is not told:
                told = room
                now = self._clock.now()
                reason = f"{left // 2**20} MiB left for {self._folder}"
                sample = Sample(POINT, room.value, Quality.GOOD, now.utc, now.mono, reason=reason)
                await self._deliver(Delivery(samples=(sample,), life_safety=True))
            await asyncio.sleep(LOOK)

    def _look(self) -> tuple[Room, int]:
        disk = os.statvfs(self._folder)
        left = disk.f_bavail * disk.f_frsize
        if not self._ballast.lay():
            return Room.FULL, left
        return (Room.LOW if left < LOW else Room.OK), left
