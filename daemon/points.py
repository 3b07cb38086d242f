"""The latest sample of every point, and when each of them goes stale."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from heapq import heappop, heappush
from itertools import islice
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
        self._due: list[tuple[float, PointId]] = []  # when to look at a good value again
        self._looks: dict[PointId, float] = {}  # the one entry of each that counts
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
                    self._look_at(point, sample.received)
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
                self._look_at(point, at)
                fresh.append(sample)
            if point in self._latest:
                self._seen[point] = at
                if point in self._waiting:
                    self._wake(replace(self._latest[point], received=at))
        return fresh

    def said_since(self, since: float, now: Now, part: int = 0, parts: int = 1) -> list[Sample]:
        """Good values that were said (again) after `since` (monotonic s), with the time when they last were.

        Of all points one of so many `parts`, numbered from 0.
        """
        said = []
        for point, at in islice(self._seen.items(), part, None, parts):
            sample = self._latest[point]
            if at > since and sample.quality is Quality.GOOD:
                said.append(replace(sample, at=now.utc - timedelta(seconds=now.mono - at), received=at, cause=None))
        return said

    def expire(self, now: Now) -> list[Sample]:
        """Good values past their maximum age turn stale; the value stays visible, no rule uses it."""
        stale = []
        due = self._due
        while due and due[0][0] <= now.mono:
            at, point = heappop(due)
            if self._looks.get(point) != at:
                continue
            del self._looks[point]
            sample, age = self._latest[point], self._max_age[point]
            if sample.quality is not Quality.GOOD:
                continue
            if now.mono < self._seen[point] + age:
                self._look_at(point, self._seen[point])
            else:
                aged = replace(sample, quality=Quality.STALE, reason=f"no news for {age:g} s", cause=None)
                self._latest[point] = aged
                self._aged[point] = sample
                stale.append(aged)
        return stale

    def _look_at(self, point: PointId, seen: float) -> None:
        """Once its age is over. Said again meanwhile, it is queued anew then: most values never leave the queue."""
        at = seen + self._max_age[point]
        if at < self._looks.get(point, inf):
            self._looks[point] = at
            heappush(self._due, (at, point))

    @property
    def next_expiry(self) -> float:
        """Monotonic time before which nothing can go stale; infinite when nothing can."""
        return self._due[0][0] if self._due else inf

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

        One received, or seen again, before `since` (monotonic s) does not count: it may be older than what it is
        to prove.
        """
        sample = self._latest.get(point)

        def fits(one: Sample) -> bool:
            return one.quality is Quality.GOOD and one.value == value and one.received >= since

        if sample is not None:
            sample = replace(sample, received=max(sample.received, self._seen.get(point, -inf)))
            if fits(sample):
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
