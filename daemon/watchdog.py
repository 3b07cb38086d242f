"""Tells systemd that the daemon is ready and alive (sd_notify protocol, systemd 252, sd_notify(3))."""

import os
import socket


class Watchdog:
    """Sends datagrams to $NOTIFY_SOCKET; does nothing when systemd did not start us."""

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    def tell(self, state: str) -> None:
        """`READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=...`."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
            one.setblocking(False)
            one.sendto(state.encode(), self._address)
