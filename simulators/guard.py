"""A guard who walks a tour with a reader, and one who stands at a post: both by the estate's clock."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import ClassVar

from estate.tours import Tour
from simulators.faults import Details, number, word
from simulators.plant import Plant

LocalTime = Callable[[], datetime]
"""The estate's local time at the plant's `now`, aware."""

CHECK_IN = 0.8
"""Share of the time allowed after which a guard who is awake checks in."""


class Guard(Plant):
    """Walks every round of its tour, each stop within a tenth of the tolerance. `local` and `tour` come later."""

    kind = "tour"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "skip": "one checkpoint is left out; place (the second)",
        "late": "everything comes later; delay s (900)",
        "backwards": "walked from the end to the beginning",
        "hurry": "all checkpoints within a second each",
        "absent": "nobody walks",
        "batch": "the reader keeps what it reads until it is docked",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "checkpoint": "a checkpoint is read now; place, age s (0) ago",
        "radio": "a radio test; place, result (ok|weak|none)",
        "dock": "the reader is docked and tells what it has kept",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.tour: Tour | None = None
        self.local: LocalTime = lambda: datetime.now(UTC)
        self._kept: list[tuple[str, dict[str, str]]] = []
        self._next: float | None = None
        self.points.update(battery=90, last_checkpoint="", docked=True)

    def flow(self, dt: float) -> None:
        """Set out when a round begins."""
        if self.tour is None:
            return
        if self._next is None:
            self._next = self._begin_after(max(2.0, 2 * dt))
        if self.now >= self._next:
            since = self.now - self._next
            self._next = self._begin_after(0.0)
            if "absent" not in self.faults:
                self._set_out(since)

    def _begin_after(self, ago: float) -> float:
        """When the first round begins that does so later than `ago` s before now, in seconds of the plant."""
        assert self.tour is not None
        now = self.local()
        moment = now - timedelta(seconds=ago)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        begins = (midnight + timedelta(days=day, seconds=start) for day in (0, 1) for start in self.tour.begins)
        begin = min(one for one in begins if one > moment)
        # In UTC: nights with a clock change are longer or shorter than they look.
        return self.now + (begin.astimezone(UTC) - now.astimezone(UTC)).total_seconds()

    def perform(self, act: str, details: Details) -> None:
        match act:
            case "checkpoint":
                self._read(word(details, "place", ""), number(details, "age", 0.0))
            case "radio":
                self.happen("radio.test", place=word(details, "place", ""), result=word(details, "result", "ok"))
            case "dock":
                self._dock()

    def _set_out(self, since: float) -> None:
        assert self.tour is not None
        stops = list(enumerate(self.tour.stops))
        if "skip" in self.faults:
            left_out = word(self.faults["skip"].details, "place", stops[min(1, len(stops) - 1)][1].checkpoint)
            stops = [(i, stop) for i, stop in stops if stop.checkpoint != left_out]
        times = [stop.after for _, stop in stops]
        if "backwards" in self.faults:
            stops.reverse()
        if "hurry" in self.faults:
            times = [min(i * 0.5, after) for i, after in enumerate(times)]
        behind = self.detail("late", "delay", 900.0) if "late" in self.faults else 0.0
        spread = 0.1 * self.tour.tolerance
        for (_, stop), after in zip(stops, times, strict=True):
            at = after + behind + (0.0 if "hurry" in self.faults else self.random.uniform(0.0, spread))
            self.later(max(at - since, 0.0), lambda place=stop.checkpoint: self._read(place))  # type: ignore[misc]
        if self.tour.upload == "batch":
            self.later(max(self.tour.length + behind + self.tour.tolerance + 1.0 - since, 0.0), self._dock)

    def _read(self, place: str, age: float = 0.0) -> None:
        self.points["last_checkpoint"] = place
        at = self.local() - timedelta(seconds=age)
        facts = {"checkpoint": place, "device_ts": at.astimezone(UTC).isoformat()}
        if self.tour is not None and (self.tour.upload == "batch" or "batch" in self.faults):
            self.points["docked"] = False
            self._kept.append(("tour.checkpoint", facts))
        else:
            self.happen("tour.checkpoint", **facts)

    def _dock(self) -> None:
        self.points["docked"] = True
        for type_, facts in self._kept:
            self.tell_late(type_, facts)
        self._kept.clear()
        self.happen("tour.uploaded")


class Sentry(Plant):
    """Checks in again and again; `every` is the longest time allowed, s."""

    kind = "post"
    faults_offered: ClassVar[Mapping[str, str]] = {"asleep": "nobody checks in"}
    acts_offered: ClassVar[Mapping[str, str]] = {"checkin": "a check-in"}

    def __init__(self, name: str, random: Random, every: float) -> None:
        super().__init__(name, random)
        self.every = every
        self.points.update(battery=90)
        self.later(0.0, self._check_in)

    def perform(self, act: str, details: Details) -> None:
        self.happen("post.checkin", checkpoint=self.name)

    def _check_in(self) -> None:
        if "asleep" not in self.faults:
            self.happen("post.checkin", checkpoint=self.name)
        self.later(CHECK_IN * self.every, self._check_in)


def set_out(plants: Mapping[str, Plant], tours: Sequence[Tour], local: Callable[[float], datetime]) -> None:
    """Give every guard the tour and the clock; `local` is the local time at a simulated second."""
    of = {tour.id: tour for tour in tours}
    for plant in plants.values():
        if isinstance(plant, Guard):
            plant.tour = of.get(plant.name)
            plant.local = lambda plant=plant: local(plant.now)  # type: ignore[misc]
