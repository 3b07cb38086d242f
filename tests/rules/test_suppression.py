"""What lies over an alarm's state: shelf, design, removal; who may not be suppressed; reminder and severity."""

from datetime import timedelta

import pytest

from rules.alarm import AlarmState, Trigger
from rules.refusal import AlarmRefused, Refusal
from rules.suppression import UNSUPPRESSED, SuppressionKind, suppression_of
from tests.rules.watching import Watching, watching

S, T, K = AlarmState, Trigger, SuppressionKind


def refusal(it: Watching, name: str, *more: object) -> Refusal:
    with pytest.raises(AlarmRefused) as caught:
        it.command(name, *more)
    return caught.value.why


def test_a_shelf_that_runs_out_calls_the_operator_if_it_is_still_there() -> None:
    it = watching("running")
    it.set(running=True)
    it.acknowledge()
    shelved = it.shelve(600, "pump under repair")
    assert (shelved.note, shelved.by, shelved.after, it.shown) == (
        "pump under repair",
        "anna",
        S.ACKNOWLEDGED,
        K.SHELVED,
    )
    assert it.engine.next_deadline() == it.now.mono + 600
    assert it.later(599.9) == []
    (ended,) = it.later(0.1)
    assert (ended.trigger, ended.after, ended.occurrence, ended.announces) == (T.SHELF_ENDED, S.UNACKNOWLEDGED, 1, True)
    assert it.engine.suppressed == {}


def test_what_a_person_takes_off_the_shelf_counts_as_acknowledged() -> None:
    it = watching("running")
    it.set(running=True)
    it.shelve()
    back = it.command("unshelve")
    assert (back.after, back.announces) == (S.ACKNOWLEDGED, False)


def test_what_comes_and_goes_on_the_shelf_is_kept_as_occurrences_and_told_to_nobody() -> None:
    it = watching("running", kind="latched")
    it.shelve()
    for _ in range(3):
        it.later(60)
        it.set(running=True)
        it.set(running=False)
    assert it.engine.alarms[it.alarm].occurrence == 3
    assert it.announced == []
    assert it.state is S.NORMAL, "what nobody was told of does not latch"
    assert [one.trigger for one in it.journal[1:3]] == [T.RAISE_SUPPRESSED, T.CLEAR]
    assert it.alarm in it.engine.suppressed


def test_what_was_owed_before_the_shelf_is_owed_after_it() -> None:
    it = watching("running")
    it.set(running=True)
    it.shelve(600)
    it.set(running=False)
    assert it.state is S.RETURNED
    (ended,) = it.later(600)
    assert (ended.after, ended.announces) == (S.RETURNED, False)


def test_leaving_one_suppression_does_not_lift_another_and_the_strongest_is_shown() -> None:
    it = watching("running", suppress_when="ready")
    it.set(running=True, ready=False)
    it.shelve(600)
    it.set(ready=True)
    it.remove()
    assert it.shown is K.OUT_OF_SERVICE
    it.command("return_to_service")
    assert it.shown is K.BY_DESIGN
    it.set(ready=False)
    it.later(1)
    assert it.shown is K.SHELVED
    assert it.announced == [T.RAISE]
    it.later(600)
    assert it.shown is None
    assert it.announced == [T.RAISE, T.SHELF_ENDED]


def test_a_removal_from_service_has_reason_order_person_and_perhaps_an_end() -> None:
    it = watching("running")
    it.set(running=True)
    removed = it.remove(3600)
    assert (removed.note, removed.suppression.removal and removed.suppression.removal.order) == (
        "WO-17: maintenance", "WO-17",
    )  # fmt: skip
    (back,) = it.later(3600)
    assert (back.trigger, back.by, back.after, back.announces) == (
        T.RETURN_TO_SERVICE, "process", S.UNACKNOWLEDGED, True,
    )  # fmt: skip
    it.remove()
    assert it.later(86400 * 30) == []
    assert it.shown is K.OUT_OF_SERVICE


def test_panic_fire_duress_and_tamper_are_never_suppressed() -> None:
    """Invariant 3."""
    it = watching("running", never_suppress=True, kind="latched")
    until = it.now.utc + timedelta(minutes=5)
    assert refusal(it, "shelve", until, "quiet please") is Refusal.NEVER_SUPPRESSED
    assert refusal(it, "remove_from_service", "works", "WO-1") is Refusal.NEVER_SUPPRESSED
    it.set(running=True)
    assert it.announced == [T.RAISE]


def test_a_suppression_without_end_reason_or_order_is_refused() -> None:
    """Invariant 5: a shelf always has an end."""
    it = watching("running")
    now = it.now.utc
    assert refusal(it, "shelve", now, "past") is Refusal.NO_END
    assert refusal(it, "shelve", now + timedelta(hours=13), "too long") is Refusal.TOO_LONG
    assert refusal(it, "shelve", now + timedelta(minutes=5), "  ") is Refusal.NO_REASON
    assert refusal(it, "remove_from_service", "reason", "") is Refusal.NO_REASON
    assert refusal(it, "remove_from_service", "", "WO-1") is Refusal.NO_REASON
    assert refusal(it, "remove_from_service", "reason", "WO-1", now) is Refusal.NO_END
    assert refusal(it, "unshelve") is Refusal.NOT_SHELVED
    assert refusal(it, "return_to_service") is Refusal.NOT_OUT_OF_SERVICE
    assert it.engine.suppressed == {}


def test_only_an_acknowledgement_in_sight_can_be_taken_back() -> None:
    it = watching("running")
    assert refusal(it, "unacknowledge") is Refusal.NOT_STANDING
    it.set(running=True)
    assert refusal(it, "unacknowledge") is Refusal.NOT_ACKNOWLEDGED
    it.acknowledge()
    it.shelve()
    assert refusal(it, "unacknowledge") is Refusal.SUPPRESSED
    it.command("unshelve")
    assert it.command("unacknowledge").after is S.UNACKNOWLEDGED
    assert it.announced == [T.RAISE], "nobody has to be called to what he does himself"


def test_what_clears_together_with_its_suppression_is_not_announced() -> None:
    it = watching("running", suppress_when="ready", on_delay=0, off_delay=0.5)
    it.set(running=False, ready=True)
    it.set(running=True)
    it.set(ready=False, running=False)
    it.later(5)
    assert it.announced == []
    assert it.state is S.NORMAL


def test_an_unknown_reason_to_suppress_neither_suppresses_nor_lets_go() -> None:
    it = watching("running", suppress_when="ready")
    it.set(ready=True)
    it.lose("ready")
    it.later(60)
    assert it.shown is K.BY_DESIGN
    other = watching("running", suppress_when="ready")
    other.set(running=True)
    assert other.announced == [T.RAISE]


def test_a_reminder_calls_again_while_the_cause_lasts() -> None:
    it = watching("running", remind=600)
    it.set(running=True)
    it.later(3600)
    assert it.announced == [T.RAISE], "who was not heard yet needs no reminder, the tone goes on"
    it.acknowledge()
    assert it.later(599) == []
    (reminded,) = it.later(1)
    assert (reminded.trigger, reminded.after, reminded.occurrence) == (T.REMIND, S.UNACKNOWLEDGED, 1)
    it.acknowledge()
    it.set(running=False)
    assert it.later(3600) == []


def test_an_alarm_that_worsens_is_one_alarm_with_a_higher_priority() -> None:
    it = watching("level > limit", severe={"when": "level > 2", "priority": 1, "off_delay": 5}, deadband=0.1)
    (raised,) = it.set(level=1.5)
    it.acknowledge()
    (worse,) = it.set(level=2.5)
    assert (raised.priority, worse.priority, worse.trigger, worse.occurrence) == (2, 1, T.WORSEN, 1)
    assert worse.announces
    it.acknowledge()
    it.set(level=1.5)
    (eased,) = it.later(5)
    assert (eased.priority, eased.trigger, eased.after, eased.announces) == (2, T.EASE, S.ACKNOWLEDGED, False)


def test_what_is_severe_from_the_beginning_is_announced_once_with_that_priority() -> None:
    it = watching("level > limit", severe={"when": "level > 2", "priority": 1})
    (raised,) = it.set(level=2.5)
    assert (raised.priority, raised.trigger) == (1, T.RAISE)


def test_an_advisory_goes_by_itself_and_the_journal_says_why() -> None:
    it = watching("running", acknowledge=False)
    it.set(running=True)
    (gone,) = it.set(running=False)
    assert (gone.trigger, gone.after) == (T.CLEAR_ADVISORY, S.NORMAL)


def test_a_suppression_is_the_same_after_it_was_written_down() -> None:
    it = watching("running", suppress_when="ready")
    it.set(ready=True)
    it.shelve()
    it.remove(60)
    hidden = it.engine.alarms[it.alarm].suppression
    assert hidden.kinds == set(K)
    assert suppression_of(hidden.data()) == hidden
    assert suppression_of({"kind": None}) is UNSUPPRESSED


def test_a_restart_keeps_shelf_reminder_and_pending_delay_with_their_remaining_time() -> None:
    """Invariant 6."""
    it = watching("running", remind=600, off_delay=100)
    it.set(running=True)
    it.acknowledge()
    it.shelve(50)
    it.set(running=False)
    it.later(20)
    it = it.restarted(down=5)
    assert it.engine.next_deadline() == it.now.mono + 25
    it.set(running=False)
    (ended,) = it.later(25)
    assert ended.trigger is T.SHELF_ENDED
    assert it.later(49.9) == []
    (cleared,) = it.later(0.1)
    assert cleared.trigger is T.CLEAR


def test_a_delay_begins_anew_when_nobody_watched_for_too_long_or_the_cause_was_gone() -> None:
    it = watching("running", on_delay=1000)
    it.set(running=True)
    it.later(900)
    gone = it.restarted(down=5)
    gone.set(running=False)
    gone.set(running=True)
    assert gone.engine.next_deadline() == gone.now.mono + 1000
    it.engine.take_memory(it.now)
    late = watching("running", on_delay=1000)
    late.set(running=True)
    late.later(900)
    late = late.restarted(down=301)
    late.set(running=True)
    assert late.engine.next_deadline() == late.now.mono + 1000


def test_a_shelf_that_is_renewed_is_as_old_as_its_beginning() -> None:
    it = watching("running")
    it.set(running=True)
    hour = 3600
    it.shelve(6 * hour)
    begun = it.now.utc
    it.later(5 * hour)
    assert refusal(it, "shelve", it.now.utc + timedelta(hours=8), "still known") is Refusal.TOO_LONG
    renewed = it.shelve(7 * hour)
    assert renewed.suppression.shelf is not None
    assert renewed.suppression.shelf.since == begun
    again = it.restarted()
    assert again.engine.first_shelved(again.alarm) == begun
    it.later(7 * hour)
    assert it.shown is None
    assert it.engine.first_shelved(it.alarm) == begun, "the occurrence is the same"
    it.shelve(12 * hour)
