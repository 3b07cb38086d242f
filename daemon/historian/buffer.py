"""Which samples are worth recording, and the bounded place in memory where they wait for the disk."""

from collections import deque
from collections.abc import Iterable

from daemon.historian.line_protocol import is_point_id, nanoseconds
from estate.model import PointId, Quality, Sample, Value

_REPEAT_UNCHANGED = 60.0  # s
_MAX_POINTS = 50_000  # points remembered with what was last recorded; a site has some thousand
_MAX_NS = 2**63 - 1

Stamped = tuple[Sample, int]
"""A sample and its time in ns since 1970, different for each sample of a point."""


class Buffer:
    """Full: the oldest sample is dropped and counted. Of a point that does not change, one sample a minute is kept."""

    def __init__(self, size: int) -> None:
        self.dropped = 0
        self._size = size
        self._samples: deque[Sample] = deque()
        self._recorded: dict[PointId, tuple[Value | None, Quality, float]] = {}
        self._stamps: dict[PointId, int] = {}  # a subset of the keys of _recorded

    def __len__(self) -> int:
        return len(self._samples)

    def put(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            last = self._recorded.get(sample.point)
            if last is None:
                if len(self._recorded) >= _MAX_POINTS or not is_point_id(sample.point):
                    self.dropped += 1
                    continue
            elif (
                last[0] == sample.value and last[1] is sample.quality and sample.received - last[2] < _REPEAT_UNCHANGED
            ):
                continue
            self._recorded[sample.point] = (sample.value, sample.quality, sample.received)
            if len(self._samples) >= self._size:
                self._samples.popleft()
                self.dropped += 1
            self._samples.append(sample)

    def take(self, limit: int) -> list[Stamped]:
        """The oldest samples, removed. Two of one point at one microsecond get times 1 ns apart, because a history
        knows a sample by point and time alone; a time that no history can store is dropped and counted."""
        taken: list[Stamped] = []
        while self._samples and len(taken) < limit:
            sample = self._samples.popleft()
            at, before = nanoseconds(sample.at), self._stamps.get(sample.point, -1)
            if at <= before and at // 1000 == before // 1000:
                at = before + 1
            if 0 < at <= _MAX_NS:
                self._stamps[sample.point] = at
                taken.append((sample, at))
            else:
                self.dropped += 1
        return taken
