"""Classes and their rules as data: every mistake named with its place, in words that the catalogue has."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from rules.rule import EquipmentClass
from tests.rules.watching import PARAMETERS, POINTS, WORDS, class_of, instances, rule_of

MESSAGES: dict[str, dict[str, str]] = yaml.safe_load(Path("rules/messages.yaml").read_text("utf-8"))

SOUND: dict[str, Any] = {
    "class": "pit",
    "name": WORDS,
    "points": dict(POINTS),
    "parameters": dict(PARAMETERS),
    "ascending": [["low_limit", "limit"]],
    "rules": {"it": rule_of("level > limit")},
}


def faults(**changes: Any) -> list[tuple[tuple[int | str, ...], str]]:
    """(place, code) of every mistake in the sound class with some `place__in__it` replaced."""
    document = deepcopy(SOUND)
    for path, value in changes.items():
        *way, last = path.split("__")
        part = document
        for step in way:
            part = part[step]
        part[last] = value
    try:
        EquipmentClass.model_validate(document)
    except ValidationError as error:
        found = error.errors()
        for one in found:
            if one["type"].startswith("rule_"):
                for language in ("zh", "en"):
                    MESSAGES[one["type"]][language].format(what="x", value="x", key="x", **one.get("ctx", {}))
        return [(one["loc"], one["type"]) for one in found]
    return []


def test_the_sound_class_is_sound() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    "changes, place, code",
    [
        ({"rules__it__when": "lvel > limit"}, ("rules", "it", "when"), "rule_unknown_name"),
        ({"rules__it__when": "level > 'x'"}, ("rules", "it", "when"), "rule_different_kinds"),
        ({"rules__it__when": "level >"}, ("rules", "it", "when"), "rule_incomplete"),
        ({"rules__it__unless": "modus == 'auto'"}, ("rules", "it", "unless"), "rule_unknown_name"),
        ({"rules__it__on_delay": "wiat"}, ("rules", "it", "on_delay"), "rule_unknown_parameter"),
        ({"rules__it__off_delay": "season"}, ("rules", "it", "off_delay"), "rule_unknown_parameter"),
        ({"rules__it__deadband": "level"}, ("rules", "it", "deadband"), "rule_unknown_parameter"),
        ({"rules__it__text": {"zh": "{lvel}", "en": "x"}}, ("rules", "it", "text", "zh"), "rule_unknown_field"),
        ({"rules__it__text": {"zh": "x", "en": "{running}"}}, ("rules", "it", "text", "en"), "rule_unknown_field"),
        ({"rules__it__text": {"zh": "x", "en": "{level:.2q}"}}, ("rules", "it", "text", "en"), "rule_broken_format"),
        ({"rules__it__text": {"zh": "x", "en": "{mode:.2f}"}}, ("rules", "it", "text", "en"), "rule_broken_format"),
        ({"rules__it__text": {"zh": "x", "en": "{level"}}, ("rules", "it", "text", "en"), "rule_broken_template"),
        ({"rules__it__text": {"zh": "x", "en": "{name.zh}"}}, ("rules", "it", "text", "en"), "rule_broken_template"),
        ({"rules__it__text": {"zh": "x", "en": "{level!r}"}}, ("rules", "it", "text", "en"), "rule_broken_template"),
        ({"points__rate": POINTS["level"]}, ("points", "rate"), "rule_name_taken"),
        ({"points__place": POINTS["level"]}, ("points", "place"), "rule_name_taken"),
        ({"points__limit": POINTS["level"]}, ("points", "limit"), "rule_name_taken"),
        ({"parameters__and": PARAMETERS["limit"]}, ("parameters", "and"), "rule_name_taken"),
        ({"points__mode": {"kind": "enum", "name": WORDS}}, ("points", "mode"), "rule_enum_values"),
        ({"points__note": {"kind": "text", "values": ["a"], "name": WORDS}}, ("points", "note"), "rule_enum_values"),
        ({"ascending": [["limit", "no_such"]]}, ("ascending",), "rule_unknown_parameter"),
        ({"ascending": [["limit", "low_limit"]]}, ("parameters", "limit"), "rule_not_ascending"),
        ({"rules__it__priority": 5}, ("rules", "it", "priority"), "less_than_equal"),
        ({"rules__it__response": None}, ("rules", "it", "response"), "model_type"),
        ({"rules__it__on_delay": -1}, ("rules", "it", "on_delay", "constrained-float"), "greater_than_equal"),
        ({"rules__it__kind": "sticky"}, ("rules", "it", "kind"), "literal_error"),
        ({"rules__it__unles": "x"}, ("rules", "it", "unles"), "extra_forbidden"),
        ({"parameters__limit": {"default": 1.0}}, ("parameters", "limit", "source"), "missing"),
    ],
)
def test_each_mistake_has_its_place_and_its_words(changes: dict[str, Any], place: tuple[str, ...], code: str) -> None:
    assert (place, code) in faults(**changes)


@pytest.mark.parametrize("part", ["text", "consequence", "response"])
def test_the_human_part_of_a_rule_is_mandatory(part: str) -> None:
    document = deepcopy(SOUND)
    del document["rules"]["it"][part]
    with pytest.raises(ValidationError, match=part):
        EquipmentClass.model_validate(document)


def test_all_mistakes_are_told_at_once() -> None:
    bad = {"one": rule_of("lvel > 1"), "two": rule_of("level > 1 and", on_delay="wiat"), "three": rule_of("running")}
    assert [place for place, _ in faults(rules=bad)] == [
        ("rules", "one", "when"),
        ("rules", "two", "when"),
        ("rules", "two", "on_delay"),
    ]


def test_parameters_of_an_equipment_are_checked_by_name_kind_and_order() -> None:
    cls = EquipmentClass.model_validate(SOUND)
    assert cls.faults_of({"limit": 2}) == []
    found = cls.faults_of({"limt": 2.0, "season": 3, "low_limit": 1.5, "limit": 1.4})
    assert [(one["loc"], one["type"].type) for one in found] == [  # type: ignore[union-attr]
        (("limt",), "rule_unknown_parameter"),
        (("season",), "rule_wrong_kind"),
        (("limit",), "rule_not_ascending"),
    ]


def test_an_equipment_may_have_its_own_limits_and_delays() -> None:
    (rule,) = instances(class_of("level > limit", on_delay="wait", deadband=0.1), limit=3, wait=2)
    assert (rule.on_delay, rule.off_delay) == (2.0, 0.0)
    assert rule.raises([3.0]) is False
    assert rule.raises([3.1]) is True
    assert rule.holds([2.95]) is True
    assert rule.points == {"dev.level"}


def test_a_rule_whose_points_are_absent_is_not_watched() -> None:
    assert instances(class_of("level > limit"), frozenset({"level"})) == ()
    (rule,) = instances(class_of("level > limit or running"), frozenset({"level"}))
    assert rule.points == {"dev.running"}


def test_a_text_shows_a_dash_for_a_point_the_equipment_does_not_have() -> None:
    text = {"zh": "水位{level:.1f}米", "en": "{level:.1f} m"}
    (rule,) = instances(class_of("running", text=text), frozenset({"level"}))
    assert rule.text_zh([True]) == "水位—米"
