"""What a driver must be: it runs for ever, delivers samples and events, and may write points."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from estate.model import Delivery, PointId, Value

Deliver = Callable[[Delivery], Awaitable[None]]
"""Puts a delivery into the inbox; waits while the inbox is full, so that the protocol slows down."""


class Source(Protocol):
    """A running driver of one bus or one broker session. Crashes are restarted by the supervisor."""

    name: str

    async def run(self) -> None:
        """Run for ever; cancelled to stop. Device trouble is reported as samples, never raised."""
        ...


class Writable(Protocol):
    """A source that can switch something."""

    async def write(self, point: PointId, value: Value, told: Mapping[str, str] | None = None) -> None:
        """Send one write and return when the device confirmed it; never sent twice.

        `told` is what a device may show of it: by, reason, until. Raises NotSent when it never left, DeviceRefused
        when the device said no, CommandRefused for what it may not be told, and any other TransportError when
        nobody can say whether it was done.
        """
        ...
