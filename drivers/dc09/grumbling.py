"""What is logged of a caller that talks nonsense: one line a minute, with how many were left out."""

from collections import OrderedDict

EVERY = 60.0
"""s between two lines of the log about one caller."""

CALLERS = 256
"""Callers remembered; beyond them the one logged longest ago is forgotten."""


class Grumbling:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def left_out(self, caller: str, mono: float) -> int | None:
        """How many lines about this caller were left out before this one; None: leave this one out too."""
        last, left_out = self._callers.get(caller, (float("-inf"), 0))
        if mono - last < EVERY:
            self._callers[caller] = last, left_out + 1
            return None
        self._callers[caller] = mono, 0
        self._callers.move_to_end(caller)
        if len(self._callers) > CALLERS:
            self._callers.popitem(last=False)
        return left_out
