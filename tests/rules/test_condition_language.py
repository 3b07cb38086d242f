"""What may be written as a condition, and where the finger points when it may not."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rules.absence import without
from rules.condition import ConditionError, parse
from rules.kinds import check
from rules.tree import (
    Arithmetic,
    AtLeast,
    Both,
    Changed,
    Comparison,
    Count,
    Duration,
    Either,
    Held,
    Literal,
    Name,
    Node,
    Not,
    Rate,
    Recently,
    Since,
    Stale,
)
from tests.rules.watching import class_of

KNOWN = class_of().known
MESSAGES = yaml.safe_load(Path("rules/messages.yaml").read_text("utf-8"))


def shape(node: Node) -> object:
    """A tree as nested tuples without columns."""
    match node:
        case Literal():
            return node.value
        case Name():
            return node.name
        case Not():
            return ("not", shape(node.operand))
        case Both():
            return ("and", *map(shape, node.operands))
        case Either():
            return ("or", *map(shape, node.operands))
        case Comparison() | Arithmetic():
            return (node.operator, shape(node.left), shape(node.right))
        case Rate() | Changed():
            return (type(node).__name__.lower(), node.point.name, length(node.window))
        case Held() | Count() | Recently():
            return (type(node).__name__.lower(), shape(node.operand), length(node.window))
        case Since():
            return ("since", shape(node.operand))
        case Stale():
            return ("stale", node.point.name)
        case AtLeast():
            return ("at_least", node.least, *map(shape, node.operands))
        case _:
            return type(node).__name__


def length(window: Duration) -> float | str:
    return window.parameter or window.seconds


@pytest.mark.parametrize(
    "text, tree",
    [
        ("running", "running"),
        ("not running and ready", ("and", ("not", "running"), "ready")),
        ("running or ready and not running", ("or", "running", ("and", "ready", ("not", "running")))),
        ("(running or ready) and running", ("and", ("or", "running", "ready"), "running")),
        ("level > 1.5", (">", "level", 1.5)),
        ("level+1*2 >= limit", (">=", ("+", "level", ("*", 1, 2)), "limit")),
        ("level - 1 - 2 < 3", ("<", ("-", ("-", "level", 1), 2), 3)),
        ("mode == 'auto'", ("==", "mode", "auto")),
        ('mode != "auto"', ("!=", "mode", "auto")),
        ("running == true", ("==", "running", True)),
        ("rate(level, 30s) > 0", (">", ("rate", "level", 30.0), 0)),
        ("rate(level, 1.5m) > 0", (">", ("rate", "level", 90.0), 0)),
        ("not not running", ("not", ("not", "running"))),
        ("level > 1e-3", (">", "level", 0.001)),
        ("held(running, 10s)", ("held", "running", 10.0)),
        ("held(level > 1 and ready, wait)", ("held", ("and", (">", "level", 1), "ready"), "wait")),
        ("count(not running, 1h) >= 3", (">=", ("count", ("not", "running"), 3600.0), 3)),
        ("since(running) > 500 ms", (">", ("since", "running"), 0.5)),
        ("since(running) > 2m", (">", ("since", "running"), 120)),
        ("since(running) > wait", (">", ("since", "running"), "wait")),
        ("stale(mode)", ("stale", "mode")),
        ("changed(mode)", ("changed", "mode", 1.0)),
        ("not changed(level, 1d)", ("not", ("changed", "level", 86400.0))),
        ("within(running, ready, 30s)", ("and", ("recently", "running", 30.0), ("recently", "ready", 30.0))),
        ("within(running, ready, wait)", ("and", ("recently", "running", "wait"), ("recently", "ready", "wait"))),
        ("at_least(2, running, ready, armed)", ("at_least", 2, "running", "ready", "armed")),
        (
            "at_least(1, running, ready, 30s)",
            ("at_least", 1, ("recently", "running", 30.0), ("recently", "ready", 30.0)),
        ),
        (
            "at_least(2, running, ready, wait)",
            ("at_least", 2, ("recently", "running", "wait"), ("recently", "ready", "wait")),
        ),
        ("rate(level, wait) > 2 cm/min", (">", ("rate", "level", "wait"), 0.000333333333333333)),
    ],
)
def test_text_becomes_the_tree_it_says(text: str, tree: object) -> None:
    assert shape(check(parse(text), KNOWN)) == tree


@pytest.mark.parametrize(
    "text, code, column",
    [
        ("", "incomplete", 1),
        ("level >", "incomplete", 8),
        ("level > 1 2", "unexpected", 11),
        ("level > 1 ready", "unexpected", 11),
        ("level => 1", "unexpected", 7),
        ("level = 1", "unexpected", 7),
        ("(running", "expected", 9),
        ("running)", "unexpected", 8),
        ("1 < level < 2", "chained", 11),
        ("mode == 'auto", "open_string", 9),
        ("level > 1 bar", "different_units", 7),
        ("inflow > 1 bar", "stray_unit", 10),
        ("level > 1x", "different_units", 7),
        ("level > 1.", "unexpected", 10),
        ("open(level) > 1", "unknown_function", 1),
        ("min(level) > 1", "argument_count", 1),
        ("abs(level, 1) > 1", "argument_count", 1),
        ("rate(level) > 0", "expected", 11),
        ("rate(level, 30) > 0", "expected_duration", 13),
        ("rate(level, 30bar) > 0", "expected_duration", 13),
        ("rate(level, 32d) > 0", "window_out_of_range", 13),
        ("rate(level, 10ms) > 0", "window_out_of_range", 13),
        ("rate(running, 30s) > 0", "expected_point", 6),
        ("rate(limit, 30s) > 0", "expected_point", 6),
        ("rate(1, 30s) > 0", "expected_point", 6),
        ("rate(lvel, 30s) > 0", "unknown_name", 6),
        ("lvel > 1", "unknown_name", 1),
        ("held(running)", "expected", 13),
        ("held(running, 10)", "expected_duration", 15),
        ("held(running, 10ms)", "window_out_of_range", 15),
        ("held(running, season)", "expected_duration", 15),
        ("held(running, limit)", "expected_duration", 15),
        ("held(running, level)", "expected_duration", 15),
        ("held(level, 10s)", "expected_truth", 6),
        ("count(running, 1h)", "not_a_condition", 1),
        ("count(running, 1h) > 250", "counts_too_far", 22),
        ("count(running, 1h) > 3 bar", "different_units", 20),
        ("since(running) == 5", "since_equal", 16),
        ("since(running) + 1 > 5", "since_alone", 1),
        ("-since(running) > -5", "since_alone", 2),
        ("max(since(running), 3) > 5", "since_alone", 5),
        ("since(running) > since(ready)", "since_alone", 16),
        ("since(running) > 5 bar", "different_units", 16),
        ("since(level) > 5", "expected_truth", 7),
        ("stale(limit)", "expected_any_point", 7),
        ("stale(1)", "expected_any_point", 7),
        ("changed(season)", "expected_any_point", 9),
        ("changed(lvel)", "unknown_name", 9),
        ("within(running, 30s)", "argument_count", 1),
        ("within(running, ready)", "argument_count", 1),
        ("within(running, ready, level > 1, 30 )", "expected_duration", 35),
        ("at_least(running, ready)", "expected_whole_number", 10),
        ("at_least(0, running, ready)", "argument_count", 1),
        ("at_least(3, running, ready)", "argument_count", 1),
        ("at_least(3, running, ready, wait)", "argument_count", 1),
        ("at_least(1, running)", "argument_count", 1),
        ("at_least(2, running, level)", "expected_truth", 22),
        ("level + 1 bar > 2", "different_units", 7),
        ("level + wait > 2", "different_units", 7),
        ("level > wait", "different_units", 7),
        ("max(level, wait) > 2", "different_units", 1),
        ("rate(level, 30s) > limit", "different_units", 18),
        ("running and lvel > 1", "unknown_name", 13),
        ("level", "not_a_condition", 1),
        ("level + 1", "not_a_condition", 7),
        ("mode", "not_a_condition", 1),
        ("limit > 1", "reads_no_point", 7),
        ("true", "reads_no_point", 1),
        ("level > 'high'", "different_kinds", 7),
        ("mode == 1", "different_kinds", 6),
        ("running == 1", "different_kinds", 9),
        ("mode > 'auto'", "no_order", 6),
        ("running > ready", "no_order", 9),
        ("mode == 'atuo'", "unknown_value", 9),
        ("'atuo' == mode", "unknown_value", 1),
        ("level and running", "expected_truth", 1),
        ("not level", "expected_truth", 5),
        ("-running > 1", "expected_number", 2),
        ("level + mode > 1", "expected_number", 9),
        ("max(level, running) > 1", "expected_number", 12),
        ("level > 1;import os", "unexpected", 10),
        ("__import__('os')", "unknown_function", 1),
        ("level.real > 1", "unexpected", 6),
        ("(" * 60 + "running" + ")" * 60, "too_deep", 41),
        ("not " * 60 + "running", "too_deep", 161),
        ("-" * 60 + "1 < level", "too_deep", 41),
        ("running or " * 60 + "running", "too_long", 501),
    ],
)
def test_a_mistake_is_found_before_the_start_with_its_column(text: str, code: str, column: int) -> None:
    with pytest.raises(ConditionError) as caught:
        check(parse(text), KNOWN)
    assert (caught.value.code, caught.value.column) == (code, column)
    words = MESSAGES[f"rule_{code}"]
    for language in ("zh", "en"):
        assert words[language].format(what="when", column=column, word=caught.value.word, near=caught.value.near)


def test_a_misspelt_name_or_value_is_answered_with_what_was_meant() -> None:
    with pytest.raises(ConditionError, match=r"column 1: unknown name: lvel \(did you mean level\?\)"):
        check(parse("lvel > 1"), KNOWN)
    with pytest.raises(ConditionError, match="did you mean auto"):
        check(parse("mode == 'atuo'"), KNOWN)


@given(st.text(max_size=80) | st.text("levrunigot()<>=+-*/'\" 0123456789.,smh", max_size=80))
def test_any_text_is_a_condition_or_a_mistake_inside_it(text: str) -> None:
    column = 1
    try:
        check(parse(text), KNOWN)
    except ConditionError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1


@pytest.mark.parametrize(
    "text, left",
    [
        ("level > 1 or running", "running"),
        ("level > 1 or inflow > 2 or running", ("or", (">", "inflow", 2), "running")),
        ("running and level > 1", None),
        ("ready or running and level > 1", "ready"),
        ("not (running or level > 1)", ("not", "running")),
        ("level > 1", None),
        ("not (level > 1)", None),
        ("max(level, inflow) > 1", None),
        ("rate(level, 30s) > 0", None),
    ],
)
def test_an_absent_point_takes_with_it_what_cannot_be_decided_without(text: str, left: object) -> None:
    remaining = without(parse(text), {"level"})
    assert (None if remaining is None else shape(remaining)) == left
