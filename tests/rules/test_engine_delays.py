"""When an alarm comes and goes: delays, deadband, pulses, unknowns, and slopes that change while nothing does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from estate.model import Cause, DeviceId, PointId, Quality
from rules.alarm import AlarmState, Trigger
from tests.rules.watching import watching

S, T = AlarmState, Trigger


def test_without_a_delay_the_alarm_comes_in_the_same_step() -> None:
    it = watching("running")
    (raised,) = it.set(running=True)
    assert (raised.before, raised.after, raised.trigger) == (S.NORMAL, S.UNACKNOWLEDGED, T.RAISE)
    assert raised.occurrence == 1
    assert it.later(3600) == []


def test_the_on_delay_has_to_be_held_in_one_piece() -> None:
    it = watching("running", on_delay="wait")
    it.set(running=True)
    assert it.engine.next_deadline() == 1010.0
    it.later(9.9)
    it.set(running=False)
    assert it.engine.next_deadline() is None
    it.later(0.1)
    it.set(running=True)
    assert it.later(9.9) == []
    (raised,) = it.later(0.2)
    assert raised.trigger is T.RAISE
    assert it.engine.next_deadline() is None


def test_the_off_delay_has_to_be_held_in_one_piece() -> None:
    it = watching("running", off_delay=5)
    it.set(running=True)
    it.set(running=False)
    it.later(4)
    assert it.set(running=True) == []
    it.later(0.1)
    it.set(running=False)
    assert it.later(4.9) == []
    (cleared,) = it.later(0.1)
    assert (cleared.trigger, cleared.after, cleared.occurrence) == (T.CLEAR, S.RETURNED, 1)


def test_an_alarm_that_was_due_before_the_value_went_away_is_raised_and_cleared() -> None:
    it = watching("running", on_delay=10)
    it.set(running=True)
    gone = replace(it.sample("running", False), received=1010.5)
    it.seconds = 11
    assert [one.trigger for one in it.step(gone)] == [T.RAISE, T.CLEAR]


def test_a_value_that_went_away_before_the_alarm_was_due_cancels_it_however_late_it_is_applied() -> None:
    it = watching("running", on_delay=10)
    it.set(running=True)
    gone = replace(it.sample("running", False), received=1009.5)
    it.seconds = 11
    assert it.step(gone) == []


def test_a_delay_counts_from_the_receipt_of_its_sample_and_time_never_runs_back() -> None:
    it = watching("running", on_delay=10)
    it.seconds = 4
    it.step(replace(it.sample("running", True), received=1002.0))
    assert it.engine.next_deadline() == 1012.0
    other = watching("running", on_delay=10)
    other.later(4)
    other.step(replace(other.sample("running", True), received=1.0))
    assert other.engine.next_deadline() == 1014.0


def test_a_pulse_inside_one_step_raises_and_clears_in_this_order() -> None:
    it = watching("running")
    raised, cleared = it.step(it.sample("running", True), it.sample("running", False))
    assert (raised.after, cleared.after) == (S.UNACKNOWLEDGED, S.RETURNED)


def test_values_of_one_document_are_judged_together_and_events_one_by_one() -> None:
    """What half a document says is not true: a mended wire tells its contact and its wire at once."""
    it = watching("level > limit and not running")
    it.set(level=1.0, running=False)
    assert it.step(it.sample("level", 1.5), it.sample("running", True)) == []
    it.set(level=1.0, running=False)
    one, other = Cause(DeviceId("d"), "b", 1), Cause(DeviceId("d"), "b", 2)
    told = it.step(replace(it.sample("level", 1.5), cause=one), replace(it.sample("running", True), cause=other))
    assert [transition.trigger for transition in told] == [T.RAISE, T.CLEAR]


def test_a_pulse_of_a_latched_rule_stays_until_reset() -> None:
    it = watching("running", kind="latched")
    raised, latched = it.step(it.sample("running", True), it.sample("running", False))
    assert (raised.trigger, latched.trigger) == (T.RAISE, T.CLEAR_LATCHING)
    assert it.state is S.LATCHED_UNACKNOWLEDGED
    it.later(86400)
    assert it.state is S.LATCHED_UNACKNOWLEDGED


def test_a_contradiction_that_lasts_no_time_does_not_start_a_delay_over() -> None:
    it = watching("level > limit or running", on_delay=10)
    it.set(level=1.5, running=False)
    it.later(6)
    it.set(level=1.0, running=True)
    assert len(it.later(4)) == 1


def test_each_recurrence_is_an_occurrence_of_its_own() -> None:
    it = watching("running")
    for _ in range(3):
        it.set(running=True)
        it.set(running=False)
        it.later(60)
    assert [one.occurrence for one in it.journal] == [1, 1, 2, 2, 3, 3]


def test_noise_around_the_limit_raises_once_with_a_deadband() -> None:
    it = watching("level > limit", deadband=0.05)
    for level in (1.19, 1.21, 1.19, 1.22, 1.16, 1.2):
        it.set(level=level)
    assert [one.trigger for one in it.journal] == [T.RAISE]
    it.set(level=1.14)
    assert it.state is S.RETURNED


@pytest.mark.parametrize("quality", [Quality.STALE, Quality.NO_COMMUNICATION, Quality.OUT_OF_RANGE])
def test_a_value_that_is_not_good_neither_raises_nor_clears(quality: Quality) -> None:
    it = watching("level > limit")
    it.lose("level", quality=quality)
    assert it.state is S.NORMAL
    it.set(level=1.5)
    it.lose("level", quality=quality)
    it.later(3600)
    assert it.state is S.UNACKNOWLEDGED
    assert it.set(level=1.5) == []
    it.set(level=1.0)
    assert it.state is S.RETURNED


def test_an_unknown_cancels_a_pending_delay_of_either_kind() -> None:
    it = watching("running", on_delay=10, off_delay=10)
    it.set(running=True)
    it.later(9)
    it.lose("running")
    assert it.engine.next_deadline() is None
    it.later(0.1)
    it.set(running=True)
    assert it.later(9.9) == []
    assert len(it.later(0.1)) == 1
    it.set(running=False)
    it.later(9)
    it.lose("running")
    it.later(100)
    assert it.state is S.UNACKNOWLEDGED
    it.set(running=False)
    assert len(it.later(10)) == 1


def test_one_known_side_is_enough_where_it_decides() -> None:
    it = watching("level > limit or running")
    it.set(running=True)
    assert it.state is S.UNACKNOWLEDGED
    it.set(running=False)
    assert it.state is S.UNACKNOWLEDGED, "the level is unknown and might be over the limit"
    it.set(level=0.5)
    assert it.state is S.RETURNED


@pytest.mark.parametrize("value", ["1.5", True, float("nan"), float("inf")])
def test_a_value_of_the_wrong_kind_is_unknown(value: object) -> None:
    it = watching("level > limit")
    it.step(replace(it.sample("level", 0.0), value=value))
    assert it.state is S.NORMAL
    it.set(level=1.5)
    it.step(replace(it.sample("level", 0.0), value=value))
    assert it.state is S.UNACKNOWLEDGED


def test_a_word_the_class_does_not_know_never_clears_an_alarm() -> None:
    it = watching("mode == 'hand'")
    it.set(mode="hand")
    it.set(mode="bypassed")
    assert it.state is S.UNACKNOWLEDGED
    it.set(mode="auto")
    assert it.state is S.RETURNED


def test_a_bypass_holds_an_alarm_back_and_ends_it_and_a_broken_bypass_line_does_not() -> None:
    it = watching("mode == 'hand'", unless="running")
    it.set(running=True, mode="hand")
    assert it.state is S.NORMAL
    it.set(running=False)
    assert it.state is S.UNACKNOWLEDGED
    it.set(running=True)
    assert it.state is S.RETURNED
    it.lose("running")
    assert it.state is S.UNACKNOWLEDGED


def test_points_that_only_the_text_shows_do_not_wake_the_rule() -> None:
    it = watching("running", text={"zh": "{level:.2f}米", "en": "{level:.2f} m"})
    it.set(level=1.0)
    assert it.engine.evaluations(it.alarm) == ()
    (raised,) = it.set(running=True)
    assert raised.text_en == "1.00 m"


def test_a_transition_names_its_cause_and_its_times() -> None:
    it = watching("running", on_delay=10)
    cause = Cause(DeviceId("d-1"), "b1", 7)
    sample = replace(it.sample("running", True, cause=cause), at=it.now.utc - timedelta(seconds=3))
    it.seconds = 0.5
    it.step(sample)
    (raised,) = it.later(12)
    assert raised.cause == cause
    assert raised.device_time == sample.at
    assert raised.received == it.now.utc - timedelta(seconds=12.5)
    assert raised.decided == raised.raised_at == it.now.utc
    (cleared,) = it.set(running=False)
    assert cleared.cause is None
    assert cleared.received == cleared.decided == it.now.utc
    assert cleared.raised_at == raised.raised_at


def test_the_text_says_what_was_true_when_the_alarm_came_and_stays_with_it() -> None:
    text = {"zh": "{place} {number} 水位{level:.2f}米 限值{limit:g}", "en": "{place}, {name}: {level:.2f} m"}
    it = watching("level > limit or running", text=text)
    (raised,) = it.set(level=1.5)
    assert raised.text_zh == "地下车库 1号 水位1.50米 限值1.2"
    assert raised.text_en == "Car park, Sump 1: 1.50 m"
    it.set(running=False)
    (cleared,) = it.set(level=0.3)
    assert cleared.text_zh == raised.text_zh
    it.lose("level")
    (again,) = it.set(running=True)
    assert again.text_en == "Car park, Sump 1: — m"


def test_a_pump_that_runs_while_the_level_stands_alarms_although_nothing_changes() -> None:
    """DR-2, as far as the rules go."""
    it = watching("running and rate(level, 30s) > -0.0003", on_delay=20)
    level = 1.0
    it.set(running=True, level=level)
    for _ in range(60):
        it.later(1)
        level -= 0.003
        it.set(level=level)
    assert it.journal == []
    seen = []
    while not seen:
        deadline = it.engine.next_deadline()
        assert deadline is not None
        seen = it.later(deadline - it.now.mono)
    assert 40 < it.seconds - 60 < 55, "the old slope has to leave the window, then 20 s of delay"
    it.set(running=False)
    assert it.state is S.RETURNED
    it.later(60)
    assert it.engine.next_deadline() is None


def test_a_flickering_condition_does_not_fill_the_queue() -> None:
    it = watching("running", on_delay=3600, off_delay=60)
    for index in range(5000):
        it.set(running=index % 2 == 0)
        it.seconds += 0.01
    assert it.engine.queued <= 2


def test_deadlines_of_many_rules_fire_in_their_order() -> None:
    late, early = watching("running", on_delay=10), watching("running", on_delay=5)
    for it in (late, early):
        it.set(running=True)
    assert (late.engine.next_deadline(), early.engine.next_deadline()) == (1010.0, 1005.0)


def test_samples_of_points_that_no_rule_reads_pass_by() -> None:
    it = watching("running")
    assert it.step(replace(it.sample("running", True), point=PointId("other.point"))) == []
    assert it.engine.evaluations(it.alarm) == ()


def test_a_rule_remembers_its_last_evaluations() -> None:
    it = watching("level > limit")
    for level in range(20):
        it.set(level=float(level))
        it.seconds += 1
    remembered = it.engine.evaluations(it.alarm)
    assert len(remembered) == 8
    assert remembered[-1] == (1019.0, True, (19.0,))
