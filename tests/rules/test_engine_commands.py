"""What operators may do with an alarm, and why they may not."""

from pathlib import Path

import pytest
import yaml

from estate.errors import CommandRefused
from rules.alarm import AlarmId, AlarmState, Trigger
from rules.refusal import AlarmRefused, Refusal
from tests.rules.watching import Watching, watching

S = AlarmState


def refusal(it: Watching, act: str, alarm: AlarmId | None = None) -> Refusal:
    with pytest.raises(AlarmRefused) as caught:
        getattr(it.engine, act)(alarm or it.alarm, "anna", it.now)
    return caught.value.why


def test_an_acknowledged_process_alarm_is_gone_when_its_cause_is() -> None:
    it = watching("running")
    it.set(running=True)
    it.seconds = 5
    done = it.acknowledge()
    assert (done.before, done.after, done.trigger, done.by) == (
        S.UNACKNOWLEDGED, S.ACKNOWLEDGED, Trigger.ACKNOWLEDGE, "anna",
    )  # fmt: skip
    assert done.decided == it.now.utc
    assert done.text_zh == it.journal[0].text_zh
    assert (done.device_time, done.received) == (None, None)
    it.set(running=False)
    assert it.state is S.NORMAL
    assert it.engine.standing == {}


def test_an_alarm_that_came_and_went_waits_for_its_acknowledgement() -> None:
    it = watching("running")
    it.set(running=True)
    it.set(running=False)
    assert it.acknowledge().after is S.NORMAL


def test_a_latched_alarm_needs_acknowledgement_and_then_reset() -> None:
    it = watching("running", kind="latched")
    it.set(running=True)
    it.set(running=False)
    assert refusal(it, "reset") is Refusal.ACKNOWLEDGE_FIRST
    assert it.acknowledge().after is S.LATCHED
    assert refusal(it, "acknowledge") is Refusal.ALREADY_ACKNOWLEDGED
    assert it.reset().after is S.NORMAL
    assert refusal(it, "reset") is Refusal.NOT_STANDING


def test_nothing_is_reset_while_its_cause_is_there() -> None:
    it = watching("running", kind="latched", on_delay=10)
    it.set(running=True)
    it.later(10)
    assert refusal(it, "reset") is Refusal.CONDITION_PRESENT
    it.acknowledge()
    assert refusal(it, "reset") is Refusal.CONDITION_PRESENT
    it.set(running=False)
    it.set(running=True)
    assert it.state is S.LATCHED
    assert refusal(it, "reset") is Refusal.CONDITION_PRESENT, "true again, though its on-delay is not over"


def test_a_cause_that_is_unknown_does_not_hold_a_reset_back() -> None:
    it = watching("running", kind="latched")
    it.set(running=True)
    it.set(running=False)
    it.acknowledge()
    it.lose("running")
    assert it.reset().after is S.NORMAL
    (again,) = it.set(running=True)
    assert again.occurrence == 2


def test_other_commands_are_refused_with_their_reason() -> None:
    it = watching("running")
    assert refusal(it, "acknowledge") is Refusal.NOT_STANDING
    assert refusal(it, "acknowledge", AlarmId("no.such")) is Refusal.UNKNOWN_ALARM
    it.set(running=True)
    assert refusal(it, "reset") is Refusal.NOT_LATCHED
    it.acknowledge()
    assert refusal(it, "acknowledge") is Refusal.ALREADY_ACKNOWLEDGED
    assert issubclass(AlarmRefused, CommandRefused)


@pytest.mark.parametrize("why", list(Refusal))
def test_every_reason_has_its_sentence_in_both_languages(why: Refusal) -> None:
    words = yaml.safe_load(Path("rules/messages.yaml").read_text("utf-8"))[f"refused_{why.value}"]
    assert words["zh"]
    assert words["en"]
