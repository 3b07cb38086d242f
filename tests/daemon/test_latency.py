"""The time from the event to the painted row: all of it counts, the commit too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.journal import Journal
from daemon.latency import Latency, Report
from daemon.pipeline import Decision
from estate.model import Delivery, EquipmentId, Now
from rules.alarm import AlarmId, AlarmState, Transition, Trigger

EVENT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ALARM = AlarmId("panel-0301.duress")


class Hand:
    """A clock that is moved by hand; `after` s since the event."""

    def __init__(self) -> None:
        self.after = 0.0

    def now(self) -> Now:
        return Now(EVENT + timedelta(seconds=self.after), 1000.0 + self.after)


def raised(decided: float) -> Decision:
    """Received with the event, decided so many s later."""
    at = EVENT + timedelta(seconds=decided)
    one = Transition(
        ALARM, EquipmentId("panel-0301"), "duress", 1, AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, Trigger.RAISE,
        at, 1, "胁迫", "duress", received=EVENT, raised_at=at, due=EVENT,
    )  # fmt: skip
    return Decision(one, b"{}")


async def test_a_commit_that_takes_long_is_part_of_the_time_to_the_painted_row(tmp_path: Path) -> None:
    """CR-1: decided after 0.2 s, on disk after 1.1 s, painted after 2.1 s: that is late, and told."""
    told: list[Delivery] = []

    async def deliver(delivery: Delivery) -> None:
        told.append(delivery)

    clock = Hand()
    with Journal(tmp_path / "journal.db") as journal:
        latency = Latency(journal, deliver, clock)
        clock.after = 1.1
        latency.decided([raised(0.2)])
        clock.after = 2.1
        await latency.report("desk", [Report("shown", ALARM, 1)])
        assert journal.newest("receipt")[0]["latency_ms"] == pytest.approx(2100)
    assert latency.figures()["max"] == pytest.approx(2.1)
    assert [(one.samples[0].point, one.samples[0].value) for one in told] == [("system.latency", 2.1)]
