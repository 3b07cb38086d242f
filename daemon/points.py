"""The latest sample of every point, and when each of them goes stale."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from math import inf

from estate.model import Now, PointId, Quality, Sample, Value


class PointStore:
    """Owned by the pipeline. A value older than its point's maximum age is never handed out as good.

    `max_age` in seconds, for the points that are read or reported again and again; a point without one
    lives by the word of its device and goes stale when the driver says so.
    """

    def __init__(self, max_age: Mapping[PointId, float]) -> None:
        self._max_age = max_age
        self._latest: dict[PointId, Sample] = {}
        self._seen: dict[PointId, float] = {}
        self._aged: dict[PointId, Sample] = {}  # what was good before its age turned it stale
        self._next_expiry = inf
        self._waiting: dict[PointId, list[tuple[Callable[[Sample], bool], asyncio.Future[Sample]]]] = {}

    def apply(self, samples: Iterable[Sample]) -> list[Sample]:
        """Take samples in their order; returns those that changed value or quality."""
        changed = []
        for sample in samples:
            point = sample.point
            before = self._latest.get(point)
            if before is None or before.value != sample.value or before.quality is not sample.quality:
                changed.append(sample)
            elif sample.received < before.received:
                continue
            self._latest[point] = sample
            if point in self._max_age:
                self._aged.pop(point, None)
                self._seen[point] = sample.received
                if sample.quality is Quality.GOOD:
                    self._next_expiry = min(self._next_expiry, sample.received + self._max_age[point])
            if point in self._waiting:
                self._wake(sample)
        return changed

    def refresh(self, points: Iterable[PointId], at: float) -> list[Sample]:
        """The device gave the same values again at `at` (monotonic s); returns the stale ones that are good again."""
        fresh = []
        for point in points:
            if point in self._aged:
                aged = self._aged.pop(point)
                later = timedelta(seconds=at - aged.received)
                sample = replace(aged, at=aged.at + later, received=at, cause=None)
                self._latest[point] = sample
                self._next_expiry = min(self._next_expiry, at + self._max_age[point])
                fresh.append(sample)
            if point in self._latest:
                self._seen[point] = at
        return fresh

    def expire(self, now: Now) -> list[Sample]:
        """Good values past their maximum age turn stale; the value stays visible, no rule uses it."""
        if now.mono < self._next_expiry:
            return []
        stale = []
        self._next_expiry = inf
        for point, age in self._max_age.items():
            sample = self._latest.get(point)
            if sample is None or sample.quality is not Quality.GOOD:
                continue
            expiry = self._seen[point] + age
            if now.mono >= expiry:
                aged = replace(sample, quality=Quality.STALE, reason=f"no news for {age:g} s", cause=None)
                self._latest[point] = aged
                self._aged[point] = sample
                stale.append(aged)
            else:
                self._next_expiry = min(self._next_expiry, expiry)
        return stale

    @property
    def next_expiry(self) -> float:
        """Monotonic time before which nothing can go stale; infinite when nothing can."""
        return self._next_expiry

    def latest(self, point: PointId) -> Sample | None:
        return self._latest.get(point)

    def all(self) -> Iterable[Sample]:
        return self._latest.values()

    def age(self, point: PointId, now: Now) -> float:
        """Seconds since the device last said this value."""
        sample = self._latest[point]
        return max(0.0, now.mono - max(sample.received, self._seen.get(point, 0.0)))

    async def wait_for(self, point: PointId, value: Value, timeout: float, since: float = -inf) -> Sample:
        """The first good sample of `point` with `value`; raises TimeoutError after `timeout` seconds.

        One received before `since` (monotonic s) does not count: it may be older than what it is to prove.
        """
        sample = self._latest.get(point)

        def fits(one: Sample) -> bool:
            return one.quality is Quality.GOOD and one.value == value and one.received >= since

        if sample is not None and fits(sample):
            return sample
        future: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        entry = (fits, future)
        self._waiting.setdefault(point, []).append(entry)
        try:
            async with asyncio.timeout(timeout):
                return await future
        finally:
            self._waiting[point].remove(entry)
            if not self._waiting[point]:
                del self._waiting[point]

    def _wake(self, sample: Sample) -> None:
        for fits, future in self._waiting[sample.point]:
            if not future.done() and fits(sample):
                future.set_result(sample)
