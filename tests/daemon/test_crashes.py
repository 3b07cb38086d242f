"""A part of the daemon that crashes is told by its name, and told well again only after a while."""

from datetime import UTC, datetime

from daemon.crashes import LOOK, QUIET, Crashes
from daemon.patrol import visit_of
from estate.model import Delivery, DeviceId, Event, Now, Value

AT = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)


class HandClock:
    mono = 1000.0

    def now(self) -> Now:
        return Now(AT, self.mono)


async def test_every_part_that_crashed_is_named_until_it_has_run_for_a_minute() -> None:
    told: list[dict[str, Value | None]] = []

    async def deliver(delivery: Delivery) -> None:
        assert delivery.life_safety
        told.append({one.point.partition(".")[2]: one.value for one in delivery.samples})

    clock = HandClock()
    crashes = Crashes(deliver, clock)
    await crashes.look()
    assert told == [{"crashed_task": "", "tasks": True}]
    await crashes.crashed("mqtt", "ValueError: x")
    clock.mono += QUIET - LOOK
    await crashes.crashed("patrol", "KeyError: y")
    assert told[-1] == {"crashed_task": "mqtt, patrol", "tasks": False}
    clock.mono += 2 * LOOK
    await crashes.look()
    assert told[-1] == {"crashed_task": "patrol", "tasks": False}
    clock.mono += QUIET
    await crashes.look()
    assert told[-1] == {"crashed_task": "", "tasks": True}
    count = len(told)
    await crashes.look()
    assert len(told) == count


def test_a_visit_with_a_time_that_cannot_be_happened_when_it_was_told() -> None:
    """GT-1: a reader whose clock stands in year 1 or 9999 still counts, and stops nothing."""
    for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2025-03-01T07:00:00+00:00"):
        data = {"checkpoint": "5", "device_ts": time}
        visit = visit_of(Event(DeviceId("reader-1"), "b", 1, "tour.checkpoint", AT, AT, False, data))
        assert visit is not None
        assert visit.at == AT
