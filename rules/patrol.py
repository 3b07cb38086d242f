"""All that guards visit: tours, key places, posts and radio test places; from visits to values of points. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from estate.model import EquipmentId
from estate.tours import Tour
from rules.rounds import Said, TourWatch

RECEPTION = ("ok", "weak", "none")


class Kind(StrEnum):
    """What a reader says."""

    CHECKPOINT = "tour.checkpoint"
    CHECK_IN = "post.checkin"
    RADIO = "radio.test"
    UPLOADED = "tour.uploaded"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody was at `place` (an equipment's id or number) at `at`; what was uploaded has no place."""

    reader: str
    kind: Kind
    place: str
    at: datetime
    reception: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Equipment of class checkpoint, post or radio_place. `every` in s, 0: whenever.

    A radio place (`is_radio`) that was never tested is overdue from the start.
    """

    id: EquipmentId
    number: str
    every: float
    camera: str = ""
    is_radio: bool = False


class Patrol:
    """Never asks for the time. `since` is when watching began: what was never visited is due from then on."""

    def __init__(self, tours: Iterable[Tour], places: Iterable[Place], zone: ZoneInfo, since: datetime) -> None:
        self._places = {place.id: place for place in places}
        self._by_word = {word: place for place in self._places.values() for word in (place.number, str(place.id))}
        labels = {str(place.id): place.number for place in self._places.values()}
        self._tours = [TourWatch(tour, labels, zone, since) for tour in tours]
        self._zone = zone
        self._since = since
        self._visited: dict[EquipmentId, datetime] = {}
        self._overdue: dict[EquipmentId, bool] = {}
        self._reception: dict[EquipmentId, str] = {}

    def remember(self, visits: Iterable[Visit]) -> None:
        """What the journal holds, oldest first; says nothing."""
        for visit in visits:
            self.visit(visit)

    def baseline(self, now: datetime) -> list[Said]:
        """Every point as it stands."""
        return list(self._baseline(now))

    def visit(self, visit: Visit) -> list[Said]:
        """What a visit changes."""
        return list(self._visit(visit))

    def look(self, now: datetime) -> list[Said]:
        """What has come due by `now`."""
        return list(self._look(now))

    def _baseline(self, now: datetime) -> Iterator[Said]:
        for tour in self._tours:
            yield from tour.baseline()
        for place in self._places.values():
            if place.id in self._visited:
                yield from self._seen(place, self._visited[place.id])
            else:
                yield Said(place.id, "last_visit", "—")
            if place.is_radio:
                yield Said(place.id, "reception", self._reception.get(place.id, "ok"))
            self._overdue[place.id] = self._is_overdue(place, now)
            yield Said(place.id, "overdue", self._overdue[place.id])

    def _visit(self, visit: Visit) -> Iterator[Said]:
        if visit.kind is Kind.UPLOADED:
            for tour in self._tours:
                if visit.reader in tour.tour.readers:
                    yield from tour.uploaded(visit.at)
            return
        place = self._by_word.get(visit.place)
        if place is None:
            return
        if visit.kind is Kind.CHECKPOINT:
            for tour in self._tours:
                if visit.reader in tour.tour.readers:
                    yield from tour.visit(str(place.id), visit.at)
        if visit.at >= self._visited.get(place.id, visit.at):
            self._visited[place.id] = visit.at
            yield from self._seen(place, visit.at)
            if place.is_radio and visit.reception in RECEPTION:
                self._reception[place.id] = visit.reception
                yield Said(place.id, "reception", visit.reception)

    def _look(self, now: datetime) -> Iterator[Said]:
        for tour in self._tours:
            yield from tour.look(now)
        for place in self._places.values():
            overdue = self._is_overdue(place, now)
            if overdue is not self._overdue.get(place.id, False):
                self._overdue[place.id] = overdue
                yield Said(place.id, "overdue", overdue)

    def _is_overdue(self, place: Place, now: datetime) -> bool:
        if not place.every:
            return False
        if place.id not in self._visited and place.is_radio:
            return True
        return now > self._visited.get(place.id, self._since) + timedelta(seconds=place.every)

    def _seen(self, place: Place, at: datetime) -> Iterator[Said]:
        yield Said(place.id, "last_visit", f"{at.astimezone(self._zone):%m-%d %H:%M:%S}")
        if place.camera:
            yield Said(place.id, "picture", f"{place.camera}@{at.isoformat(timespec='seconds')}")
