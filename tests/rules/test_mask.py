"""The first reading after silence is believed when the next one confirms it (devices.md D.0 rule 4)."""

import pytest

from rules.alarm import AlarmState
from rules.engine import Engine
from tests.rules.watching import IT, Watching, class_of, instances

S = AlarmState


def masked(seconds: float = 0.7, **more: object) -> Watching:
    (rule,) = instances(class_of("running", **more))
    return Watching(Engine([rule], masks={IT: seconds}), rule)


def test_what_is_wrong_at_the_start_is_announced_once_the_next_reading_has_confirmed_it() -> None:
    it = masked()
    assert it.set(running=True) == []
    assert it.later(0.6) == []
    assert len(it.later(0.1)) == 1


def test_a_first_reading_that_the_next_one_takes_back_alarms_nobody() -> None:
    it = masked()
    it.set(running=True)
    it.later(0.5)
    it.set(running=False)
    assert it.later(60) == []
    assert len(it.set(running=True)) == 1, "from then on it is believed at once"


def test_it_begins_anew_after_each_silence() -> None:
    it = masked()
    it.set(running=False)
    it.later(10)
    it.lose("running")
    it.later(10)
    assert it.set(running=True) == []
    it.later(1)
    assert it.state is S.UNACKNOWLEDGED


def test_it_does_not_lengthen_a_longer_delay_and_holds_back_no_clearing() -> None:
    it = masked(on_delay=5)
    it.set(running=True)
    assert it.engine.next_deadline() == it.now.mono + 5
    it.later(5)
    it.lose("running")
    (cleared,) = it.set(running=False)
    assert cleared.after is S.RETURNED


@pytest.mark.parametrize("more", [{"life_safety": True}, {"never_suppress": True}])
def test_life_safety_is_never_masked(more: dict[str, bool]) -> None:
    assert len(masked(kind="latched", **more).set(running=True)) == 1
