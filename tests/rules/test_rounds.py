"""Guard tours against their plan: each way to walk wrongly, live and in a batch, to the second."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from estate.model import EquipmentId
from estate.tours import Stop, Tour
from rules.patrol import Kind, Patrol, Place, Visit
from rules.rounds import Said

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 3, 1, 20, 0, tzinfo=SHANGHAI).astimezone(UTC)  # the round's start
READER = "reader-1"


def tour(**more: Any) -> Tour:
    stops = tuple(Stop(checkpoint=f"cp-{i}", after=300.0 * (i - 1)) for i in (1, 2, 3, 4))
    return Tour(
        **{"id": "night", "readers": (READER,), "starts": ("20:00",), "stops": stops, "tolerance": 60.0, **more}
    )


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


class Walk:
    """A patrol whose points are kept; `pulses` are flags that came and went."""

    def __init__(self, plan: Tour, places: Iterable[Place] = (), since: float = -3600.0) -> None:
        numbered = [Place(EquipmentId(f"cp-{i}"), f"{i}号点", 0.0, f"cam-{i}") for i in (1, 2, 3, 4)]
        self.patrol = Patrol([plan], [*numbered, *places], SHANGHAI, at(since))
        self.told: list[Said] = list(self.patrol.baseline(at(since)))

    def see(self, place: str, seconds: float, kind: Kind = Kind.CHECKPOINT, **more: str) -> list[str]:
        return self._take(self.patrol.visit(Visit(READER, kind, place, at(seconds), **more)))

    def look(self, seconds: float) -> list[str]:
        return self._take(self.patrol.look(at(seconds)))

    def _take(self, said: Iterable[Said]) -> list[str]:
        """Flags raised now, each with its checkpoint."""
        new = list(said)
        self.told += new
        words, detail = [], ""
        for one in new:
            if one.point == "detail":
                detail = str(one.value)
            elif one.value is True:
                words.append(f"{one.point} {detail}".strip())
        return words

    def now(self, point: str, equipment: str = "night") -> Any:
        return [one.value for one in self.told if (one.equipment, one.point) == (equipment, point)][-1]


def test_a_round_walked_as_planned_says_nothing() -> None:
    walk = Walk(tour())
    raised = [*walk.look(-60)]
    for stop in range(4):
        raised += [*walk.look(300 * stop), *walk.see(f"cp-{stop + 1}", 300 * stop + 30)]
    raised += walk.look(2000)
    assert raised == []
    assert walk.now("round") == "completed"
    assert walk.now("picture", "cp-2") == "cam-2@2026-03-01T12:05:30+00:00"
    assert walk.now("last_visit", "cp-2") == "03-01 20:05:30"


def test_a_missed_checkpoint_is_told_when_its_window_has_closed_and_not_before() -> None:
    """GT-1, devices.md E20."""
    walk = Walk(tour())
    walk.look(-60)
    walk.see("cp-1", 0)
    assert walk.look(360) == []
    assert walk.look(361) == ["missed 2号点"]
    assert walk.look(400) == []
    assert walk.see("cp-2", 400) == ["late 2号点"]
    assert walk.now("missed") is False


def test_two_missed_checkpoints_are_two_occurrences() -> None:
    walk = Walk(tour())
    walk.look(-60)
    walk.see("cp-1", 0)
    assert walk.look(361) == ["missed 2号点"]
    assert walk.look(661) == ["missed 3号点"]
    assert [one.value for one in walk.told if one.point == "missed"] == [False, True, False, True]
    assert walk.look(961) == ["missed 4号点"]
    assert walk.now("round") == "incomplete"


def test_out_of_order_and_too_fast_are_told_at_once() -> None:
    walk = Walk(tour(tolerance=1200.0))
    walk.look(-60)
    walk.see("cp-1", 0)
    assert walk.see("cp-3", 600) == ["out_of_order 3号点"]
    assert walk.see("cp-2", 900) == ["out_of_order 2号点"]
    assert walk.see("cp-4", 905) == ["too_fast 4号点"]
    free = Walk(tour(ordered=False, tolerance=1200.0))
    free.look(-60)
    assert [*free.see("cp-3", 0), *free.see("cp-1", 600)] == []


def test_a_batch_hours_later_is_judged_by_its_own_times() -> None:
    """GT-1: nothing is missed until the reader was read out, and then only what is not in it."""
    walk = Walk(tour(upload="batch"))
    walk.look(-60)
    assert walk.look(4 * 3600) == []
    for place, seconds in (("cp-1", 10), ("cp-2", 320), ("cp-4", 910)):
        assert "missed" not in walk.see(place, seconds)
    assert walk.see("", 5 * 3600, Kind.UPLOADED) == ["missed 3号点"]
    assert walk.now("round") == "incomplete"


def test_a_reader_that_is_not_read_out_for_twelve_hours_is_told() -> None:
    walk = Walk(tour(upload="batch"))
    walk.look(-60)
    assert walk.look(960 + 43_200) == []
    assert walk.look(960 + 43_201) == ["not_uploaded"]
    walk.see("", 50_000, Kind.UPLOADED)
    assert walk.now("not_uploaded") is False


def test_a_round_that_nobody_watched_from_its_beginning_is_not_judged() -> None:
    """After a first start in the middle of a round; a visit in the journal shows that it was watched."""
    walk = Walk(tour(), since=100)
    assert [*walk.look(361), *walk.look(2000)] == []
    known = Walk(tour(), since=100)
    known.patrol.remember([Visit(READER, Kind.CHECKPOINT, "cp-1", at(5))])
    assert known.look(361) == ["missed 2号点"]


def test_another_reader_walks_another_tour() -> None:
    walk = Walk(tour())
    walk.look(-60)
    list(walk.patrol.visit(Visit("reader-2", Kind.CHECKPOINT, "cp-1", at(0))))
    assert walk.look(61) == ["missed 1号点"]


def test_a_key_place_is_overdue_an_hour_after_its_last_visit() -> None:
    """GT-2, GT-4."""
    walk = Walk(tour(), [Place(EquipmentId("pump"), "泵房", 3600.0)], since=0)
    assert walk.look(3600) == []
    assert walk.look(3601) == ["overdue"]
    walk.see("泵房", 3700, Kind.CHECK_IN)
    walk.look(3700)
    assert walk.now("overdue", "pump") is False
    assert walk.look(7301) == ["overdue"]


def test_a_radio_place_never_tested_is_overdue_and_a_test_says_what_was_heard() -> None:
    """GT-5."""
    walk = Walk(tour(), [Place(EquipmentId("b2"), "B2", 86400.0, is_radio=True)])
    assert walk.now("overdue", "b2") is True
    walk.see("b2", 0, Kind.RADIO, reception="none")
    walk.look(1)
    assert (walk.now("overdue", "b2"), walk.now("reception", "b2")) == (False, "none")


def test_an_older_visit_does_not_make_a_newer_one_older() -> None:
    walk = Walk(tour(), [Place(EquipmentId("pump"), "泵房", 3600.0)], since=0)
    walk.see("pump", 3000)
    walk.see("pump", 100)
    assert walk.look(3700) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"stops": (Stop(checkpoint="a", after=10), Stop(checkpoint="b", after=10))}, "tour_order"),
        ({"starts": ("20:00", "20:10")}, "tour_overlap"),
        ({"starts": ("00:00",), "every": 600}, "tour_overlap"),
    ],
)
def test_a_plan_that_nobody_can_walk_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        tour(**more)


def test_a_start_repeated_through_the_day() -> None:
    plan = tour(starts=("00:30",), every=7200)
    assert plan.begins[:3] == (1800, 9000, 16200)
    assert len(plan.begins) == 12


@given(
    st.lists(st.tuples(st.sampled_from(["cp-1", "cp-2", "cp-3", "cp-4", "?"]), st.floats(-3000, 90_000)), max_size=30)
)
def test_whatever_is_read_every_checkpoint_not_visited_in_time_is_missed_exactly_once(
    visits: list[tuple[str, float]],
) -> None:
    walk = Walk(tour())
    walk.look(-60)
    seen: dict[str, float] = {}
    raised: list[str] = []
    for place, seconds in sorted(visits, key=lambda one: one[1]):
        raised += walk.look(min(seconds, 2000.0))
        raised += walk.see(place, seconds)
        if seconds >= -60:
            seen.setdefault(place, seconds)
    raised += walk.look(2000.0)
    missed = sorted(one for one in raised if one.startswith("missed"))
    due = {f"cp-{i}": 300.0 * (i - 1) + 60.0 for i in (1, 2, 3, 4)}
    assert missed == sorted(f"missed {p[3:]}号点" for p, end in due.items() if not seen.get(p, 1e9) <= end)
