"""So many at once and so many a second: what a console may do without being a burden."""

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """Holds `most` at first, gains `each_second` up to that. Times are monotonic seconds."""

    most: float
    each_second: float
    left: float
    at: float

    @classmethod
    def full(cls, most: float, each_second: float, now: float) -> "Allowance":
        return cls(most, each_second, most, now)

    def take(self, now: float) -> bool:
        """One of them; False: there is none left."""
        self.left = min(self.most, self.left + (now - self.at) * self.each_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
