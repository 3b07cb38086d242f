"""Tells systemd that the daemon is ready and alive (sd_notify protocol, systemd 252, sd_notify(3))."""

import logging
import os
import socket
from math import inf
from time import monotonic

log = logging.getLogger(__name__)

BEAT = 0.5  # s; WatchdogSec in the unit is 3


class Watchdog:
    """Sends datagrams to $NOTIFY_SOCKET; does nothing when systemd did not start us."""

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._beaten = -inf

    def beat(self) -> None:
        """The pipeline did a pass; passed on at most twice a second."""
        now = monotonic()
        if now - self._beaten >= BEAT:
            self._beaten = now
            self.tell("WATCHDOG=1")

    def tell(self, state: str) -> None:
        """`READY=1`, `WATCHDOG=1` or `STATUS=...`. A systemd that does not listen is logged, not fatal."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
            one.setblocking(False)
            try:
                one.sendto(state.encode(), self._address)
            except OSError as error:
                log.warning("systemd does not listen on %s: %s", self._address, error)
                self._address = None
