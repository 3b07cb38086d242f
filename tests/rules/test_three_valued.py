"""Evaluation with unknowns: Kleene's tables, and nothing that is not known ever counts as false."""

import operator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.watching import class_of, instances

Truth = bool | None


def evaluate(when: str, deadband: float = 0.0, standing: bool = False, **values: object) -> Truth:
    (instance,) = instances(class_of(when, deadband=deadband))
    slots = [values.get(one.name) for one in instance.inputs]
    return (instance.holds if standing else instance.raises)(slots)


AND = {
    (True, True): True, (True, False): False, (True, None): None,
    (False, True): False, (False, False): False, (False, None): False,
    (None, True): None, (None, False): False, (None, None): None,
}  # fmt: skip
OR = {
    (True, True): True, (True, False): True, (True, None): True,
    (False, True): True, (False, False): False, (False, None): None,
    (None, True): True, (None, False): None, (None, None): None,
}  # fmt: skip


@pytest.mark.parametrize("one, other", list(product((True, False, None), repeat=2)))
def test_and_or_not_follow_kleene(one: Truth, other: Truth) -> None:
    assert evaluate("running and ready", running=one, ready=other) is AND[one, other]
    assert evaluate("running or ready", running=one, ready=other) is OR[one, other]
    assert evaluate("not running", running=one) is (None if one is None else not one)
    negated = evaluate("not (running and ready)", running=one, ready=other)
    assert negated is evaluate("not running or not ready", running=one, ready=other)


@pytest.mark.parametrize("when", ["level > 1", "level == 1", "level != 1", "-level < 1", "abs(level) > 1"])
def test_a_comparison_with_an_unknown_is_unknown(when: str) -> None:
    assert evaluate(when) is None


@pytest.mark.parametrize(
    "when",
    ["max(level, inflow) > 1", "min(inflow, level) < 9", "level + inflow > 1", "inflow > level", "level / 0 > 1"],
)
def test_arithmetic_with_an_unknown_or_by_zero_is_unknown(when: str) -> None:
    assert evaluate(when, inflow=5.0, level=None if "/" not in when else 1.0) is None


@pytest.mark.parametrize(
    "when, expected",
    [
        ("level * 2 + 1 == 5", True),
        ("(level + 1) * 2 == 6", True),
        ("level - 1 - 1 == 0", True),
        ("8 / level / 2 == 2", True),
        ("-level == 0 - 2", True),
        ("abs(1 - level) == 1", True),
        ("min(level, inflow, 1) == 1", True),
        ("max(level, inflow) == 3", True),
        ("limit < level", True),
        ("level >= low_limit and season == 'dry' and armed", True),
        ("mode == 'hand'", True),
        ("mode != 'hand'", False),
        ("note == 'x'", False),
        ("running == ready", False),
    ],
)
def test_known_values_give_plain_answers(when: str, expected: bool) -> None:
    values = {"level": 2.0, "inflow": 3, "mode": "hand", "note": "", "running": True, "ready": False}
    assert evaluate(when, **values) is expected


NUMBERS = st.floats(-1e6, 1e6)
SYMBOLS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@given(st.sampled_from(sorted(SYMBOLS)), NUMBERS, st.floats(0, 1e3), st.booleans())
def test_a_standing_alarm_holds_until_the_value_is_beyond_the_deadband(
    symbol: str, level: float, deadband: float, negated: bool
) -> None:
    when = f"not (level {symbol} limit)" if negated else f"level {symbol} limit"
    raised = SYMBOLS[symbol](level, 1.2) is not negated
    assert evaluate(when, deadband, level=level) is raised
    grows = (symbol in (">", ">=")) is not negated
    moved = 1.2 - deadband if grows else 1.2 + deadband
    assert evaluate(when, deadband, standing=True, level=level) is (SYMBOLS[symbol](level, moved) is not negated)
    if raised:
        assert evaluate(when, deadband, standing=True, level=level) is True


def test_the_deadband_moves_analog_limits_only() -> None:
    assert evaluate("inflow == 1", 0.5, standing=True, inflow=1.2) is False
    assert evaluate("limit < level", 0.5, standing=True, level=0.8) is True
    assert evaluate("level - inflow > 1", 0.5, standing=True, level=1.6, inflow=1.0) is True


def test_the_unless_of_a_rule_holds_back_only_while_it_is_known_to_be_true() -> None:
    (instance,) = instances(class_of("running", unless="ready"))
    assert [one.name for one in instance.inputs] == ["running", "ready"]
    table = {(True, True): False, (True, False): True, (True, None): True, (None, True): False, (None, None): None}
    for (running, ready), expected in table.items():
        assert instance.raises([running, ready]) is expected
    (bare,) = instances(class_of("running", unless="ready"), frozenset({"ready"}))
    assert bare.raises([True]) is True
