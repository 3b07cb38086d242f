"""Signed commands to devices of the contract, and their signed results (docs/mqtt.md, "Commands").

HMAC-SHA-256 with a key of each device's own over everything that matters: recorded and sent again, changed,
sent to another device or late, a command is refused. The counter is the time in ms, so that it rises over
restarts without being kept.
"""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.mqtt.topics import topic
from estate.errors import CommandRefused, DeviceRefused, NotSent, TransportError
from estate.model import Clock, Value
from estate.printable import printable

LIFETIME = 5.0
"""s a command may be obeyed after it was issued; the contract allows 10."""

PATIENCE = 3.0
"""s to wait for the result."""

LONGEST_ARGUMENT = 4000
REFUSED = 0

Publish = Callable[[str, bytes, int], bool]
"""Topic, payload, QoS; false when it was not sent."""

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\n]*$")]
"""A text that can be signed, see `signed`."""
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Result(BaseModel):
    """What the device says came of a command. `counter` is the highest it has obeyed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[1]
    dev: str
    nonce: Hex
    counter: Annotated[int, Field(ge=0, le=2**53)]
    state: Literal["done", "refused"]
    reason: Line
    at: Line
    mac: Mac


@dataclass(frozen=True, slots=True)
class _Pending:
    device: str
    done: "asyncio.Future[Result]"


class Commands:
    """Of one session. `keys` are 32 bytes for each device that may be commanded."""

    def __init__(self, site: str, keys: Mapping[str, bytes], publish: Publish, clock: Clock) -> None:
        self._site = site
        self._keys = keys
        self._publish = publish
        self._clock = clock
        self._counter = 0
        self._pending: dict[str, _Pending] = {}
        self.rejected = 0
        """Results without a valid signature, or of nothing that was asked."""

    async def send(
        self, device: str, class_: str, action: str, value: Value, told: Mapping[str, str] | None = None
    ) -> None:
        """Returns when the device has said "done". `told` is what it may show: by, reason, until.

        Raises NotSent, DeviceRefused with the device's reason, CommandRefused without a key, and TransportError
        without an answer: then nobody can say what happened. Nothing is sent twice.
        """
        key = self._keys.get(device)
        if key is None:
            raise CommandRefused(f"there is no key for {device} in command-keys.yaml")
        nonce = token_hex(16)
        now = self._clock.now().utc
        self._counter = max(self._counter + 1, int(now.timestamp() * 1000))
        argument = json.dumps({"value": value, **(told or {})}, separators=(",", ":"))
        if len(argument) > LONGEST_ARGUMENT:
            raise CommandRefused("reason and name are too long for a command")
        payload = command_payload(key, self._site, device, action, argument, nonce, self._counter, now)
        pending = _Pending(device, asyncio.get_running_loop().create_future())
        self._pending[nonce] = pending
        try:
            if not self._publish(topic(self._site, class_, device, "cmd"), payload, 1):
                raise NotSent("the broker is not connected")
            try:
                async with asyncio.timeout(PATIENCE):
                    said = await pending.done
            except TimeoutError:
                raise TransportError(f"no result from {device} in {PATIENCE:g} s") from None
        finally:
            del self._pending[nonce]
        self._counter = max(self._counter, said.counter)
        if said.state == "refused":
            raise DeviceRefused(REFUSED, f"{device} refused: {printable(said.reason)}")

    def result(self, device: str, payload: bytes) -> None:
        """A `cmd_result` of this device. Whatever is not signed, or not asked for, is counted and dropped."""
        try:
            said = Result.model_validate_json(payload)
        except ValidationError:
            self.rejected += 1
            return
        pending = self._pending.get(said.nonce)
        key = self._keys.get(device)
        if pending is None or key is None or pending.device != device or said.dev != device:
            self.rejected += 1
            return
        if not hmac.compare_digest(said.mac, result_mac(key, self._site, said)):
            self.rejected += 1
            return
        if not pending.done.done():
            pending.done.set_result(said)


def command_payload(
    key: bytes, site: str, device: str, action: str, argument: str, nonce: str, counter: int, issued: datetime
) -> bytes:
    """The message as it goes out: compact JSON in this order, which is the only form a device takes."""
    begin, end = stamp(issued), stamp(issued + timedelta(seconds=LIFETIME))
    mac = signed(key, "estate/v1 cmd", site, device, action, argument, nonce, str(counter), begin, end)
    message = {"v": 1, "dev": device, "action": action, "argument": argument, "nonce": nonce, "counter": counter}
    return json.dumps({**message, "issued": begin, "expires": end, "mac": mac}, separators=(",", ":")).encode()


def result_mac(key: bytes, site: str, said: Result) -> str:
    return signed(
        key, "estate/v1 cmd_result", site, said.dev, said.nonce, str(said.counter), said.state, said.reason, said.at
    )


def signed(key: bytes, *parts: str) -> str:
    """HMAC-SHA-256 in hex over the parts, one a line. No part may hold a line break, or two could read as one."""
    if any("\n" in part for part in parts):
        raise CommandRefused("a line break cannot be signed")
    return hmac.digest(key, "\n".join(parts).encode(), "sha256").hex()


def stamp(moment: datetime) -> str:
    """UTC with milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
