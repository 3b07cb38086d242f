"""Restart: the journal folded into a new engine loses nothing and fires nothing."""

from hypothesis import given
from hypothesis import strategies as st

from rules.alarm import AlarmState, Trigger
from rules.engine import Engine
from rules.refusal import AlarmRefused
from tests.rules.watching import Watching, class_of, instances, watching

S = AlarmState


def restarted(it: Watching) -> Watching:
    """A new engine with the same rule, fed with the journal so far."""
    return it.restarted()


def test_a_restored_alarm_stays_while_nothing_is_known() -> None:
    it = watching("level > limit", off_delay=5)
    it.set(level=1.5)
    it = restarted(it)
    assert it.state is S.UNACKNOWLEDGED
    assert it.later(3600) == []
    assert it.engine.standing[it.alarm].occurrence == 1


def test_what_is_still_wrong_does_not_fire_again() -> None:
    it = watching("level > limit")
    it.set(level=1.5)
    it = restarted(it)
    assert it.set(level=1.5) == []
    assert it.acknowledge().occurrence == 1


def test_what_was_put_right_meanwhile_clears_after_the_off_delay() -> None:
    it = watching("level > limit", off_delay=5)
    it.set(level=1.5)
    it = restarted(it)
    assert it.set(level=0.5) == []
    (cleared,) = it.later(5)
    assert (cleared.trigger, cleared.after, cleared.occurrence) == (Trigger.CLEAR, S.RETURNED, 1)
    assert cleared.text_zh == it.journal[0].text_zh


def test_a_restored_alarm_keeps_its_deadband() -> None:
    it = watching("level > limit", deadband=0.1)
    it.set(level=1.25)
    it = restarted(it)
    assert it.set(level=1.15) == []
    assert it.state is S.UNACKNOWLEDGED


def test_what_went_wrong_meanwhile_is_announced_as_a_new_occurrence() -> None:
    it = watching("level > limit")
    it.set(level=1.5)
    it.set(level=0.5)
    it = restarted(it)
    (raised,) = it.set(level=1.5)
    assert raised.occurrence == 2


def test_a_latched_alarm_is_still_latched() -> None:
    it = watching("running", kind="latched")
    it.step(it.sample("running", True), it.sample("running", False))
    it.acknowledge()
    it = restarted(it)
    assert it.set(running=False) == []
    assert it.state is S.LATCHED
    assert it.reset().after is S.NORMAL


def test_occurrences_go_on_counting_after_an_alarm_was_normal() -> None:
    it = watching("running")
    it.set(running=True)
    it.set(running=False)
    it.acknowledge()
    it = restarted(it)
    assert it.engine.standing == {}
    (raised,) = it.set(running=True)
    assert raised.occurrence == 2


def test_an_alarm_the_site_no_longer_has_is_named_and_ignored() -> None:
    it = watching("running")
    it.set(running=True)
    other = Engine(())
    assert other.restore(it.journal) == ["pit-1.it"]
    assert other.alarms == {}
    assert other.standing == {}


ACTS = st.sampled_from(["on", "off", "lost", "wait", "long", "acknowledge", "reset"])


def act(it: Watching, name: str) -> None:
    match name:
        case "on" | "off":
            it.set(running=name == "on")
        case "lost":
            it.lose("running")
        case "wait" | "long":
            it.later(3 if name == "wait" else 30)
        case "acknowledge" | "reset":
            try:
                it.acknowledge() if name == "acknowledge" else it.reset()
            except AlarmRefused:
                return


@given(
    st.lists(ACTS, max_size=25),
    st.lists(ACTS, max_size=10),
    st.sampled_from(["process", "latched"]),
    st.sampled_from([0, 5]),
    st.sampled_from([0, 5]),
)
def test_a_restart_at_any_step_reproduces_every_state(
    before: list[str], after: list[str], kind: str, on_delay: float, off_delay: float
) -> None:
    it = watching("running", kind=kind, on_delay=on_delay, off_delay=off_delay)
    for name in before:
        act(it, name)
    fresh = restarted(it)
    assert fresh.engine.alarms == it.engine.alarms
    assert dict(fresh.engine.standing) == dict(it.engine.standing)
    # Once both know the value again and delays are over, nobody can tell them apart.
    for one in (it, fresh):
        one.lose("running")
        one.later(1)
        for name in after:
            act(one, name)
        one.lose("running")
        one.set(running=False)
        one.later(60)
    assert fresh.engine.alarms == it.engine.alarms


def test_restoring_last_transitions_is_restoring_all_of_them() -> None:
    it = watching("running")
    for running in (True, False, True):
        it.set(running=running)
    short = Engine(instances(class_of("running")))
    short.restore(it.journal[-1:])
    assert short.alarms == it.engine.alarms
