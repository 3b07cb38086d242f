"""An alarm that comes and goes too fast is held as one, counted, and a cure is proposed from what was recorded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.annunciation import Annunciation, ChatterLimits
from rules.alarm import AlarmState, Trigger
from rules.chatter import Cure, Proposal
from tests.rules.watching import Watching, watching

S, T = AlarmState, Trigger


def blink(it: Watching, times: int, on: float, off: float) -> None:
    for _ in range(times):
        it.set(running=True)
        it.later(on)
        it.set(running=False)
        it.later(off)


def test_the_third_raising_in_a_minute_is_held_until_five_minutes_of_quiet() -> None:
    it = watching("running")
    blink(it, 20, 2, 5)
    assert [one.trigger for one in it.journal] == [T.RAISE, T.CLEAR, T.RAISE, T.CLEAR, T.RAISE]
    assert it.state is S.UNACKNOWLEDGED
    assert it.engine.chatter(it.alarm) == 20
    it.acknowledge()
    blink(it, 5, 2, 5)
    assert it.state is S.ACKNOWLEDGED, "it goes on counting and calls nobody"
    assert it.later(294) == []
    (gone,) = it.later(1)
    assert (gone.trigger, gone.after, gone.chatter, gone.note) == (T.CLEAR, S.NORMAL, 25, "25x")
    assert it.engine.chatter(it.alarm) == 0
    (again,) = it.set(running=True)
    assert (again.trigger, again.occurrence) == (T.RAISE, 4)


def test_two_in_a_minute_or_three_in_more_are_alarms_like_others() -> None:
    it = watching("running")
    blink(it, 10, 1, 29.5)
    assert it.engine.chatter(it.alarm) == 0
    assert len(it.announced) == 10


def test_what_stays_on_after_chattering_simply_stands() -> None:
    it = watching("running")
    blink(it, 4, 1, 1)
    it.set(running=True)
    it.later(301)
    assert it.state is S.UNACKNOWLEDGED
    assert it.engine.chatter(it.alarm) == 0
    (cleared,) = it.set(running=False)
    assert cleared.trigger is T.CLEAR


@pytest.mark.parametrize("more", [{"life_safety": True}, {"never_suppress": True}])
def test_panic_and_fire_call_every_time(more: dict[str, bool]) -> None:
    """devices.md D.5 E25."""
    it = watching("running", kind="latched", **more)
    blink(it, 10, 1, 1)
    assert len(it.announced) == 10


def test_limits_are_the_sites() -> None:
    limits = Annunciation(chatter=ChatterLimits(raises=5, within=10, quiet=20))
    it = watching("running", annunciation=limits)
    blink(it, 6, 0.5, 0.5)
    assert len(it.announced) == 5
    assert it.engine.chatter(it.alarm) == 6
    it.later(20)
    assert it.state is S.RETURNED


def test_an_off_delay_over_the_longest_gap_is_proposed_and_would_have_cured_it() -> None:
    it = watching("running")
    blink(it, 6, 3, 4)
    assert it.engine.proposal(it.alarm) == Proposal(Cure.OFF_DELAY, 5.0)
    cured = watching("running", off_delay=5)
    blink(cured, 6, 3, 4)
    assert len(cured.announced) == 1


def test_an_on_delay_is_proposed_for_rare_blips_but_never_for_a_latched_alarm() -> None:
    it = watching("running")
    blink(it, 6, 0.3, 10)
    assert it.engine.proposal(it.alarm) == Proposal(Cure.ON_DELAY, 0.5)
    cured = watching("running", on_delay=0.5)
    blink(cured, 6, 0.3, 10)
    assert cured.announced == []
    latched = watching("running", kind="latched")
    blink(latched, 6, 0.3, 10)
    found = latched.engine.proposal(latched.alarm)
    assert found is not None
    assert found.cure is Cure.OFF_DELAY


def test_a_deadband_is_proposed_where_an_analog_swings_about_its_limit_and_would_have_cured_it() -> None:
    def swing(it: Watching) -> None:
        for level in (1.22, 1.15) * 6:
            it.set(level=level)
            it.later(3)

    it = watching("level > limit")
    swing(it)
    found = it.engine.proposal(it.alarm)
    assert found is not None
    assert found.cure is Cure.DEADBAND
    assert 0.05 <= found.value <= 0.1
    cured = watching("level > limit", deadband=found.value)
    swing(cured)
    assert len(cured.announced) == 1


def test_counts_are_news_although_nothing_moves() -> None:
    it = watching("running")
    blink(it, 3, 1, 1)
    it.engine.take_renewed()
    blink(it, 1, 1, 1)
    assert it.engine.take_renewed() == [it.alarm]
    assert it.engine.take_renewed() == []


def test_a_restart_amid_chattering_goes_on_holding_and_before_it_goes_on_counting() -> None:
    it = watching("running")
    blink(it, 10, 1, 1)
    it = it.restarted(down=2)
    blink(it, 2, 1, 1)
    assert len(it.announced) == 3
    assert it.engine.chatter(it.alarm) > 3
    other = watching("running")
    blink(other, 2, 1, 1)
    other = other.restarted(down=2)
    blink(other, 4, 1, 1)
    assert len(other.announced) == 3


@given(
    st.lists(st.tuples(st.sampled_from([0.2, 1.0, 10.0, 70.0]), st.sampled_from([0.2, 5.0, 40.0, 400.0])), max_size=40)
)
def test_no_more_is_announced_than_two_in_a_minute_and_one_that_is_held(cycles: list[tuple[float, float]]) -> None:
    it = watching("running")
    moments = []
    for on, off in cycles:
        before = len(it.announced)
        it.set(running=True)
        assert it.state.condition_present, "a raising never goes unseen"
        moments += [it.seconds] * (len(it.announced) - before)
        it.later(on)
        it.set(running=False)
        it.later(off)
    assert all(sum(0 <= one - other <= 60 for one in moments) <= 3 for other in moments)
    it.later(301)
    assert not it.state.condition_present
