"""Guard tours in the running daemon: visits from what readers say, time from the clock, points into the inbox."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from daemon.assembly import Assembly
from daemon.journal import Journal
from drivers.source import Deliver
from estate.installation import Equipment
from estate.model import Clock, Delivery, EquipmentId, Event, Now, Quality, Sample, point_id
from estate.timestamp import read_timestamp
from rules.patrol import Kind, Patrol, Place, Visit
from rules.rounds import Said

LOOK = 1.0  # s between looks at what is due: a missed checkpoint is told within 5 s
PLACES = ("checkpoint", "post", "radio_place")
VISITS = tuple(kind.value for kind in Kind)
"""Event types that concern this module."""
CARRIED = timedelta(days=31)
"""How long a reader may have been carried about before it was read out; a clock further off is not believed."""
REMEMBERED = 2 * 86400.0
"""s of visits read back from the journal at the start, or as long as the longest time between two visits."""


class PatrolWatch:
    """`deliver` stands between the drivers and the inbox: what readers say goes on with what follows from it.

    Buffered events count as well: a reader that was carried for hours tells all of it at once, with its own times.
    """

    name = "patrol"

    def __init__(self, assembly: Assembly, journal: Journal, deliver: Deliver, clock: Clock) -> None:
        self._deliver = deliver
        self._clock = clock
        site, now = assembly.site, clock.now().utc
        places = [
            Place(
                EquipmentId(item.id),
                item.number,
                _visit_every(assembly, item),
                item.camera or "",
                item.class_ == "radio_place",
            )
            for item in site.equipment
            if item.class_ in PLACES
        ]
        self._patrol = Patrol(site.tours, places, ZoneInfo(site.timezone), now)
        if site.tours or places:
            longest = max((place.every for place in places), default=0.0)
            known = journal.events_of(VISITS, now - timedelta(seconds=max(longest, REMEMBERED)))
            self._patrol.remember(visit for event in known if (visit := visit_of(event)) is not None)

    async def deliver(self, delivery: Delivery) -> None:
        """A `Deliver` for drivers."""
        visits = [visit for event in delivery.events if (visit := visit_of(event)) is not None]
        if visits:
            now = self._clock.now()
            said = [one for visit in visits for one in self._patrol.visit(visit)]
            said += self._patrol.look(now.utc)
            delivery = replace(delivery, samples=[*delivery.samples, *_samples(said, now)])
        await self._deliver(delivery)

    async def run(self) -> None:
        now = self._clock.now()
        await self._deliver(Delivery(samples=_samples(self._patrol.baseline(now.utc), now)))
        while True:
            now = self._clock.now()
            due = _samples(self._patrol.look(now.utc), now)
            if due:
                await self._deliver(Delivery(samples=due))
            await asyncio.sleep(LOOK)


def _visit_every(assembly: Assembly, item: Equipment) -> float:
    """s, as the equipment says or else its class."""
    value = item.parameters.get("visit_every", assembly.classes[item.class_].parameters["visit_every"].default)
    return float(value) if isinstance(value, int | float) else 0.0


def visit_of(event: Event) -> Visit | None:
    """None for what is no visit. The reader's own time counts, wherever it stands."""
    if event.type not in VISITS:
        return None
    data = event.data
    place = data.get("checkpoint", data.get("place", ""))
    at = read_timestamp(data.get("device_ts")) or event.at or event.rx
    if abs(at - event.rx) > CARRIED:
        at = event.rx
    reception = data.get("result", "")
    return Visit(event.device, Kind(event.type), str(place), at, str(reception))


def _samples(said: Iterable[Said], now: Now) -> list[Sample]:
    return [Sample(point_id(one.equipment, one.point), one.value, Quality.GOOD, now.utc, now.mono) for one in said]
