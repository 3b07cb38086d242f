"""What a source was at when it crashed: left alone once it has crashed there too often, so that all else is heard."""

from collections import OrderedDict
from hashlib import blake2b

Key = tuple[str, bytes]
"""A message: where it came from, and a hash of its bytes."""

TWICE = 2
"""Crashes at one message after which it is not read again: the first may have had another cause."""

TOO_OFTEN = 3
"""Crashes at one party within REST, whatever it said."""

REST = 600.0
"""s for which such a party is left alone. After that one more crash is enough."""

MOST = 256
"""Messages remembered."""


def key_of(origin: str, payload: bytes) -> Key:
    return origin, blake2b(payload, digest_size=16).digest()


class Quarantine:
    """Of one source; lives on while that is restarted. Times are monotonic seconds.

    Nothing is hidden by it: each crash ends the source and is logged and counted before anything is put aside.
    A party is whoever the source was at: a device, a panel, a gateway.
    """

    def __init__(self) -> None:
        self.crashes = 0
        self._messages: OrderedDict[Key, int] = OrderedDict()
        self._parties: dict[str, list[float]] = {}
        self._rests: dict[str, float] = {}

    def crashed(self, party: str, mono: float, message: Key | None = None) -> None:
        """The source crashed while it was at this party, reading this message if it read one."""
        self.crashes += 1
        if message is not None:
            self._messages[message] = self._messages.pop(message, 0) + 1
            if len(self._messages) > MOST:
                self._messages.popitem(last=False)
        times = self._parties[party] = [at for at in self._parties.get(party, ()) if mono - at < REST] + [mono]
        if len(times) >= TOO_OFTEN or party in self._rests:
            self._rests[party] = mono + REST

    @property
    def is_empty(self) -> bool:
        """Whether nothing need be looked up, as nearly always."""
        return not self.crashes

    def holds(self, message: Key) -> bool:
        """Whether reading this message has crashed the source twice."""
        times = self._messages.get(message, 0)
        if times:
            self._messages.move_to_end(message)
        return times >= TWICE

    def rests(self, party: str, mono: float) -> bool:
        """Whether the party is to be left alone at this time."""
        return mono < self._rests.get(party, mono)
