"""What a device does before it obeys a signed command, written from docs/mqtt.md and not from the daemon's code."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from estate.model import Clock

FIELDS = ["v", "dev", "action", "argument", "nonce", "counter", "issued", "expires", "mac"]
LONGEST_LIFE = timedelta(seconds=10)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answer` says whether the device may answer: it does not to what it cannot trust."""

    accepted: bool
    reason: str
    answer: bool
    nonce: str = ""
    action: str = ""
    argument: str = ""


class Guard:
    """Keeps the highest counter; a real device keeps it where a power cut does not reach it."""

    def __init__(self, site: str, device: str, key: bytes, clock: Clock) -> None:
        self._site = site
        self._device = device
        self._key = key
        self._clock = clock
        self.counter = 0
        self.refused = 0

    def judge(self, payload: bytes, offset: timedelta = timedelta()) -> Verdict:
        """`offset` is how wrong the device's own clock is."""
        verdict = self._judge(payload, offset)
        self.refused += not verdict.accepted
        return verdict

    def _judge(self, payload: bytes, offset: timedelta) -> Verdict:
        try:
            said = json.loads(payload)
        except (ValueError, RecursionError):
            return Verdict(False, "not JSON", False)
        if not isinstance(said, dict) or list(said) != FIELDS or not _well_formed(said):
            return Verdict(False, "not a command", False)
        if json.dumps(said, separators=(",", ":")).encode() != payload:
            return Verdict(False, "not in the one form", False)
        signed = [self._site, *(str(said[name]) for name in FIELDS[1:-1])]
        if any("\n" in part for part in signed) or said["mac"] != self._mac("estate/v1 cmd", *signed):
            return Verdict(False, "signature", False)
        if said["dev"] != self._device:
            return Verdict(False, "another device", False)
        refusal = self._when(said, self._clock.now().utc + offset)
        if refusal:
            return Verdict(False, refusal, True, said["nonce"])
        self.counter = said["counter"]
        return Verdict(True, "", True, said["nonce"], said["action"], said["argument"])

    def result(self, nonce: str, state: str, reason: str) -> bytes:
        """The signed answer."""
        at = self._clock.now().utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        mac = self._mac("estate/v1 cmd_result", self._site, self._device, nonce, str(self.counter), state, reason, at)
        message = {"v": 1, "dev": self._device, "nonce": nonce, "counter": self.counter, "state": state}
        return json.dumps({**message, "reason": reason, "at": at, "mac": mac}).encode()

    def _when(self, said: dict[str, Any], now: datetime) -> str:
        issued, expires = datetime.fromisoformat(said["issued"]), datetime.fromisoformat(said["expires"])
        if expires - issued > LONGEST_LIFE:
            return "lives too long"
        if now > expires:
            return "expired"
        if now < issued - LONGEST_LIFE:
            return "not yet valid"
        return "counter" if said["counter"] <= self.counter else ""

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _well_formed(said: dict[str, Any]) -> bool:
    texts = all(isinstance(said[name], str) for name in FIELDS if name not in ("v", "counter"))
    return (
        texts
        and type(said["v"]) is int
        and said["v"] == 1
        and type(said["counter"]) is int
        and all(_is_time(said[name]) for name in ("issued", "expires"))
    )


def _is_time(text: str) -> bool:
    if not TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
