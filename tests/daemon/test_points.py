"""The latest values, and the rule that nothing old is ever handed out as good."""

import asyncio
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.points import PointStore
from estate.model import PointId, Quality, Sample
from tests.conftest import HandClock

LEVEL = PointId("sump-1.level")
DOOR = PointId("door-1.contact")


def sample(clock: HandClock, value: float = 1.0, point: PointId = LEVEL, quality: Quality = Quality.GOOD) -> Sample:
    now = clock.now()
    return Sample(point, value, quality, now.utc, now.mono)


def test_only_a_change_of_value_or_quality_is_a_change(clock: HandClock) -> None:
    points = PointStore({LEVEL: 3.0})
    assert points.apply([sample(clock)]) != []
    assert points.apply([sample(clock)]) == []
    assert points.apply([sample(clock, 2.0)]) != []
    assert points.apply([sample(clock, 2.0, quality=Quality.OUT_OF_RANGE)]) != []


def test_samples_that_go_true_and_false_in_one_delivery_are_both_changes(clock: HandClock) -> None:
    points = PointStore({})
    there_and_back = [sample(clock, True, DOOR), sample(clock, False, DOOR)]
    assert points.apply(there_and_back) == there_and_back


def test_a_value_without_news_turns_stale_at_its_maximum_age_and_keeps_its_number(clock: HandClock) -> None:
    points = PointStore({LEVEL: 3.0})
    points.apply([sample(clock, 1.5)])
    assert points.next_expiry == clock.mono + 3.0
    assert points.expire(clock.forward(2.9)) == []
    (stale,) = points.expire(clock.forward(0.1))
    assert (stale.value, stale.quality) == (1.5, Quality.STALE)
    assert points.next_expiry == inf


def test_the_same_value_seen_again_stays_good(clock: HandClock) -> None:
    points = PointStore({LEVEL: 3.0})
    points.apply([sample(clock)])
    points.refresh([LEVEL], clock.forward(2.0).mono)
    assert points.expire(clock.forward(2.0)) == []
    assert points.age(LEVEL, clock.now()) == 2.0
    assert points.expire(clock.forward(1.0)) != []


def test_a_stale_value_seen_again_is_good_again_and_that_is_a_change(clock: HandClock) -> None:
    points = PointStore({LEVEL: 3.0})
    points.apply([sample(clock, 1.5)])
    points.expire(clock.forward(4.0))
    (fresh,) = points.refresh([LEVEL], clock.now().mono)
    assert (fresh.value, fresh.quality) == (1.5, Quality.GOOD)
    assert points.expire(clock.forward(2.9)) == []
    assert points.expire(clock.forward(0.2)) != []


def test_a_point_without_maximum_age_lives_by_its_driver(clock: HandClock) -> None:
    points = PointStore({LEVEL: 3.0})
    points.apply([sample(clock, True, DOOR)])
    assert points.expire(clock.forward(86400)) == []


@given(st.lists(st.tuples(st.sampled_from(["apply", "refresh", "wait"]), st.floats(0, 5)), max_size=40))
def test_nothing_older_than_its_maximum_age_is_ever_good(steps: list[tuple[str, float]]) -> None:
    clock = HandClock()
    points = PointStore({LEVEL: 3.0})
    told = -inf
    for step, seconds in steps:
        now = clock.forward(seconds)
        points.expire(now)
        if step == "apply":
            points.apply([sample(clock)])
            told = now.mono
        elif step == "refresh":
            points.refresh([LEVEL], now.mono)
            if (latest := points.latest(LEVEL)) is not None and latest.quality is Quality.GOOD:
                told = now.mono
        latest = points.latest(LEVEL)
        if latest is not None and latest.quality is Quality.GOOD:
            assert now.mono - told < 3.0


async def test_waiting_for_a_value_ends_when_it_comes_or_when_time_is_up(clock: HandClock) -> None:
    points = PointStore({})
    waiting = asyncio.create_task(points.wait_for(DOOR, True, 5))
    await asyncio.sleep(0)
    points.apply([sample(clock, False, DOOR)])
    points.apply([sample(clock, True, DOOR, Quality.STALE)])
    points.apply([sample(clock, True, DOOR)])
    assert (await waiting).value is True
    with pytest.raises(TimeoutError):
        await points.wait_for(DOOR, False, 0.01)


async def test_what_was_known_before_a_moment_does_not_prove_what_came_after_it(clock: HandClock) -> None:
    points = PointStore({DOOR: 30.0})
    points.apply([sample(clock, False, DOOR)])
    begun = clock.forward(1.0).mono
    with pytest.raises(TimeoutError):
        await points.wait_for(DOOR, False, 0.01, begun)
    waiting = asyncio.create_task(points.wait_for(DOOR, False, 5, begun))
    await asyncio.sleep(0)
    points.refresh([DOOR], begun - 0.5)
    await asyncio.sleep(0)
    assert not waiting.done()
    points.refresh([DOOR], clock.forward(1.0).mono)
    assert (await waiting).received == begun + 1.0


async def test_a_value_that_was_seen_again_before_anybody_waited_for_it_counts(clock: HandClock) -> None:
    points = PointStore({DOOR: 30.0})
    points.apply([sample(clock, False, DOOR)])
    begun = clock.forward(1.0).mono
    points.refresh([DOOR], clock.forward(1.0).mono)
    assert (await points.wait_for(DOOR, False, 0.01, begun)).value is False
    with pytest.raises(TimeoutError):
        await points.wait_for(DOOR, True, 0.01, begun)
