"""Dates that come nearer: how many days are left until what an equipment's register says is due."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from drivers.source import Deliver
from estate.errors import Fault
from estate.folder import Placed
from estate.installation import Equipment
from estate.model import Clock, Delivery, Now, PointId, Quality, Sample
from estate.site import Site

DAYS_LEFT = {"next_inspection": "inspection_days", "battery_due": "battery_days"}
"""A parameter that holds a date as 2027-05-31, and the internal class point that tells the days to it."""
LOOK = 3600.0
"""s between two looks at the calendar; the day changes at midnight of the estate's own time zone."""


def due_date(value: object) -> date | None:
    """None for a parameter that is empty or no date."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def date_faults(rows: Iterable[Placed[Equipment]]) -> Iterator[Fault]:
    """Dates that are none: nobody would be warned of them."""
    for row in rows:
        for parameter in DAYS_LEFT:
            value = row.value.parameters.get(parameter, "")
            if value != "" and due_date(value) is None:
                yield row.fault("date_wrong", "parameters", parameter, value=value)


class DueDates:
    """`run` for ever: the days left to every date of the site, negative when it has passed."""

    name = "due dates"

    def __init__(self, site: Site, deliver: Deliver, clock: Clock) -> None:
        self._zone = ZoneInfo(site.timezone)
        self._deliver = deliver
        self._clock = clock
        self._due = {
            PointId(f"{one.id}.{point}"): due
            for one in site.equipment
            for parameter, point in DAYS_LEFT.items()
            if (due := due_date(one.parameters.get(parameter))) is not None
        }

    async def run(self) -> None:
        while True:
            now = self._clock.now()
            if self._due:
                await self._deliver(Delivery(samples=tuple(self.samples(now))))
            await asyncio.sleep(min(LOOK, self._to_midnight(now)))

    def samples(self, now: Now) -> Iterator[Sample]:
        """One sample for each date, in days."""
        today = now.utc.astimezone(self._zone).date()
        for point, due in self._due.items():
            yield Sample(point, float((due - today).days), Quality.GOOD, now.utc, now.mono)

    def _to_midnight(self, now: Now) -> float:
        """s to the next day of the estate, and a second more. The difference is taken in UTC: nights with a clock
        change are longer or shorter than they look."""
        tomorrow = now.utc.astimezone(self._zone).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self._zone)
        return (midnight.astimezone(UTC) - now.utc).total_seconds() + 1.0
