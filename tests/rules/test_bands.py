"""What a rule does not look at: values it cannot tell apart, and only those."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.model import Now, PointId, Quality, Sample
from rules.engine import Engine
from rules.instance import RuleInstance
from tests.rules.watching import BEGIN, IT, class_of, instances, watching

PLAIN: dict[str, dict[str, Any]] = {
    "level > limit": {"deadband": 0.2},
    "level < 0.5 or level > limit": {"deadband": 0.1},
    "not (level < 0.5) and running": {"deadband": 0.1},
    "level == 1.5 or mode == 'hand'": {},
    "mode != 'auto' and level >= limit": {"unless": "ready and level < 2"},
    "abs(level - inflow) > 1": {"deadband": 0.3},
    "at_least(2, level > 1, inflow > 1, mode == 'off', running)": {"deadband": 0.2},
    "1 < level": {},
}
REMEMBERING: dict[str, dict[str, Any]] = {
    "stale(level)": {},
    "stale(mode) or level > 1": {},
    "held(level > 1, 4s) and inflow > 1": {"deadband": 0.2},
    "changed(level, 4s) and inflow < 2": {},
    "not changed(mode, 5s) and changed(level, 9s)": {},
    "count(level > 1, 20s) >= 2 or mode == 'hand'": {},
    "since(level > 1) > 3s and running": {},
    "running and rate(level, 9s) > 0.05": {},
    "count(rate(level, 5s) > 0.01 and since(not running) < 6s, 1m) >= 2": {},
}
LEVELS = st.one_of(st.sampled_from([0.5, 1.0, 1.2, 1.5, 2.0]), st.floats(0.0, 2.5), st.none(), st.just(float("inf")))
CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "level": LEVELS,
        "inflow": LEVELS,
        "running": st.sampled_from([True, False, None]),
        "ready": st.booleans(),
        "mode": st.sampled_from(["auto", "hand", "off", "odd", None]),
    },
)


def rule(when: str, more: dict[str, Any]) -> RuleInstance:
    (one,) = instances(class_of(when, **more))
    return one


def sampled(changes: dict[str, Any], now: Now) -> list[Sample]:
    return [
        Sample(PointId(f"dev.{name}"), value, Quality.NO_COMMUNICATION if value is None else Quality.GOOD, now.utc,
               now.mono)
        for name, value in changes.items()
    ]  # fmt: skip


@pytest.mark.parametrize("when", PLAIN)
@given(values=st.lists(LEVELS, min_size=2, max_size=2), others=CHANGE)
def test_values_that_a_rule_is_said_not_to_tell_apart_give_the_same_answer(
    when: str, values: list[Any], others: dict[str, Any]
) -> None:
    one = rule(when, PLAIN[when])
    place = next(place for place, each in enumerate(one.inputs) if each.name == "level")
    told = one.tells[place]
    if told is None or None in values or not told.alike(*values):
        return
    slots = [others.get(each.name) for each in one.inputs]
    answers = []
    for value in values:
        slots[place] = value
        answers.append((one.raises(list(slots)), one.holds(list(slots))))
    assert answers[0] == answers[1]


def test_only_what_is_compared_with_constants_may_be_passed_over() -> None:
    def told(when: str) -> list[bool]:
        return [one is not None for one in rule(when, {}).tells]

    assert told("level > limit and mode == 'hand'") == [True, True]
    assert told("level > inflow") == [False, False]
    assert told("abs(level) > 1") == [False]
    assert told("running or level > 1") == [False, True]
    assert told("level > 1 or level < inflow") == [False, False]


@pytest.mark.parametrize("when", [*PLAIN, *REMEMBERING])
@settings(max_examples=60)
@given(
    steps=st.lists(st.tuples(CHANGE, st.sampled_from([0.0, 0.5, 1.0, 7.0])), max_size=30),
    delay=st.sampled_from([0.0, 2.0]),
)
def test_an_engine_that_looks_at_every_change_comes_to_the_same(
    when: str, steps: list[tuple[dict[str, Any], float]], delay: float
) -> None:
    """What is told of alarms, their texts, and what chattering would be cured with."""
    text = {"zh": "{level:.3f}" if "level" in when else "字", "en": "words"}
    more = {**{**PLAIN, **REMEMBERING}[when], "on_delay": delay, "off_delay": delay, "text": text}
    one = rule(when, more)
    thrifty, eager = Engine([one]), Engine([replace(one, tells=(None,) * len(one.inputs))])
    seconds = 0.0
    for changes, wait in steps:
        now = Now(BEGIN + timedelta(seconds=seconds), 1000.0 + seconds)
        samples = sampled(changes, now)
        assert thrifty.step(samples, now) == eager.step(samples, now)
        seconds += wait
        due = thrifty.next_deadline()
        while due is not None and due < 1000.0 + seconds:
            now = Now(BEGIN + timedelta(seconds=due - 1000.0), due)
            assert thrifty.step((), now) == eager.step((), now)
            due = thrifty.next_deadline()
        assert thrifty.proposal(IT) == eager.proposal(IT)
        last = [engine.evaluations(IT)[-1:] for engine in (thrifty, eager)]
        assert [one[1] for one in last[0]] == [one[1] for one in last[1]]


def test_a_replay_passes_over_what_decides_nothing_and_shows_it_in_texts() -> None:
    it = watching("level > limit or running", text={"zh": "字", "en": "{level:.2f} m"})
    it.set(level=0.5, running=False)
    assert it.engine.passes(PointId("dev.level"), 0.9)
    assert not it.engine.passes(PointId("dev.level"), 1.3)
    assert not it.engine.passes(PointId("dev.running"), True)
    assert it.engine.passes(PointId("nobody.reads"), 7.0)
    (raised,) = it.set(running=True)
    assert raised.text_en == "0.90 m"


def test_while_it_may_chatter_every_value_is_looked_at() -> None:
    it = watching("level > limit")
    for _ in range(4):
        for level in (1.3, 1.1, 0.7, 1.1):
            it.set(level=level)
            it.later(2)
    proposal = it.engine.proposal(IT)
    assert proposal is not None
    assert proposal.value == pytest.approx(1.2 * 0.6), "the deepest of the values between"


def test_a_step_remembers_what_it_did_not_look_at() -> None:
    it = watching("level > limit")
    for level in (0.1, 0.2, 0.3):
        it.set(level=level)
        it.seconds += 1
    assert [one[2] for one in it.engine.evaluations(IT)] == [(0.1,), (0.2,), (0.3,)]
