"""When a device says more than it can have to say: a token bucket that flags, and never drops."""

RATE = 100.0
BURST = 1000.0
"""Events: a controller that unloads its memory after an outage is no flood."""


class Bucket:
    """Fills by RATE a second up to BURST."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._tokens = BURST
        self._at = 0.0

    def take(self, mono: float) -> bool:
        """False when there was none to take."""
        tokens = self._tokens
        if mono != self._at:
            tokens = min(BURST, tokens + (mono - self._at) * RATE)
            self._at = mono
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True
