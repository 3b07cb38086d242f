"""Growing delays after failed sign-ins, per account and per address."""

from collections import OrderedDict
from dataclasses import dataclass

LONGEST_DELAY = 900.0  # s
MOST_KEYS = 4096  # when full, the key that was tried longest ago is forgotten
FORGET_AFTER = 3600.0  # s without a try


@dataclass(slots=True)
class _Tries:
    failed: int = 0
    until: float = 0.0
    last: float = 0.0


class Lockout:
    """`free` tries without delay, then 1, 2, 4 ... s up to `longest`. Times are monotonic seconds.

    A try counts as failed until `forgive` says it succeeded, so that a thousand parallel tries are
    refused after the first few and not after the slow hash.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def delay(self, key: str, now: float) -> float:
        """Seconds this key still has to wait."""
        tries = self._tries.get(key)
        return 0.0 if tries is None else max(0.0, tries.until - now)

    def attempt(self, key: str, now: float, longest: float = LONGEST_DELAY) -> None:
        tries = self._tries.setdefault(key, _Tries())
        if now - tries.last > FORGET_AFTER:
            tries.failed = 0
        tries.failed += 1
        tries.last = now
        if tries.failed >= self._free:
            tries.until = now + min(2.0 ** min(tries.failed - self._free, 16), longest)
        self._tries.move_to_end(key)
        if len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)

    def forgive(self, key: str) -> None:
        self._tries.pop(key, None)
