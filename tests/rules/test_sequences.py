"""Sequences: early, late and missing told apart, timers that begin anew, unknowns, order, restarts, mistakes."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from estate.model import EquipmentId, PointId
from rules.alarm import AlarmState
from rules.engine import Engine
from rules.instance import RuleInstance, instantiate
from rules.rule import EquipmentClass
from rules.tree import Outcome
from tests.rules.observing import Observed
from tests.rules.watching import NAME, WORDS, Watching

S = AlarmState
MESSAGES: dict[str, dict[str, str]] = yaml.safe_load(Path("rules/messages.yaml").read_text("utf-8"))


def told(text: str = "{sequence}: {step}", **more: Any) -> dict[str, Any]:
    return {"priority": 2, "text": {"zh": text, "en": text}, "consequence": WORDS, "response": WORDS, **more}


def named(name: str) -> dict[str, str]:
    return {"zh": name, "en": name}


STATE = {"kind": "state", "name": WORDS, "optional": True}
ALARMS = {
    "early": told("{step} early: {took:.0f} of {earliest:g}"),
    "late": told("{step} late: {took:.0f} of {latest:g}"),
    "missing": told("{step} missing: {latest:g}"),
    "completed": told("completed in {took:.0f}", acknowledge=False),
}
RETURN: dict[str, Any] = {
    "name": named("return"),
    "trigger": 'position == "generator"',
    "ends": "not running",
    "steps": {
        "back": {"name": named("mains back"), "when": "mains"},
        "returned": {
            "name": named("retransfer"),
            "when": 'position == "mains"',
            "earliest": "good",
            "latest": 300,
            "restart_on": "not mains",
        },
        "stopped": {"name": named("stop"), "when": "not running", "earliest": 60, "latest": 330},
    },
    **ALARMS,
}
FIRE: dict[str, Any] = {
    "name": named("fire"),
    "trigger": "fire",
    "steps": {
        "door_1": {"name": named("door 1 released"), "when": "door_1", "after": "trigger", "latest": 2},
        "door_2": {"name": named("door 2 released"), "when": "door_2", "after": "trigger", "latest": 2},
        "lifts": {"name": named("lifts recalled"), "when": "lifts", "after": "trigger", "latest": 60},
    },
    **{name: ALARMS[name] for name in ("late", "missing", "completed")},
}
DOCUMENT: dict[str, Any] = {
    "class": "linkage",
    "name": WORDS,
    "points": {
        **dict.fromkeys(("mains", "running", "fire", "door_1", "door_2", "lifts"), STATE),
        "position": {"kind": "enum", "values": ["mains", "off", "generator"], "name": WORDS, "optional": True},
    },
    "parameters": {"good": {"default": 3.0, "unit": "min", "source": "PW-2"}},
    "rules": {},
    "sequences": {"return": RETURN, "fire": FIRE},
}


def class_with(**changes: Any) -> EquipmentClass:
    sequences = {**DOCUMENT["sequences"], **changes}
    return EquipmentClass.model_validate({**DOCUMENT, "sequences": sequences})


CLASS = class_with()


def alarms(cls: EquipmentClass = CLASS, absent: tuple[str, ...] = ()) -> tuple[RuleInstance, ...]:
    bindings = {name: PointId(f"dev.{name}") for name in cls.points if name not in absent}
    return instantiate(EquipmentId("it"), cls, name=NAME, bindings=bindings)


def watched(*absent: str) -> Watching:
    rules = alarms(absent=absent)
    return Watching(Engine(rules), rules[0])


def said(it: Watching) -> list[str]:
    """What was raised since the last time, in its order."""
    texts = [one.text_en for one in it.journal if one.after is S.UNACKNOWLEDGED]
    it.journal.clear()
    return texts


def on_generator() -> Watching:
    it = watched()
    it.set(mains=False, running=True, position="off")
    it.later(1)
    it.set(position="generator")
    it.later(60)
    return it


def test_a_return_in_its_time_leaves_nothing_but_a_record() -> None:
    """PW-2, as far as the rules go."""
    it = on_generator()
    it.set(mains=True)
    it.later(200)
    it.set(position="mains")
    it.later(120)
    it.set(running=False)
    assert said(it) == ["completed in 380"]
    it.later(10)
    assert it.engine.standing == {}


def test_a_dip_of_the_mains_begins_the_three_minutes_anew() -> None:
    """PW-2: 180 s of good mains without a break."""
    it = on_generator()
    it.set(mains=True)
    it.later(170)
    it.set(mains=False)
    it.later(5)
    it.set(mains=True)
    it.later(100)
    it.set(position="mains")
    assert said(it) == ["retransfer early: 100 of 180"]


def test_a_dip_moves_the_latest_time_too() -> None:
    it = on_generator()
    it.set(mains=True)
    it.later(290)
    it.set(mains=False)
    it.later(60)
    assert said(it) == [], "while the mains is away nothing is waited for"
    it.set(mains=True)
    it.later(299)
    assert said(it) == []
    it.later(1)
    assert said(it) == ["retransfer missing: 300"]


def test_going_back_to_a_dead_mains_is_early() -> None:
    it = on_generator()
    it.set(mains=True)
    it.later(200)
    it.set(mains=False)
    it.later(1)
    it.set(position="mains")
    assert said(it) == ["retransfer early: 201 of 180"]


def test_a_missing_step_that_comes_after_all_was_late() -> None:
    it = on_generator()
    it.set(mains=True)
    it.later(300)
    assert said(it) == ["retransfer missing: 300"]
    it.later(20)
    transitions = it.set(position="mains")
    assert {(one.rule, one.after) for one in transitions} == {
        ("return_returned_missing", S.RETURNED),
        ("return_returned_late", S.UNACKNOWLEDGED),
    }
    assert said(it) == ["retransfer late: 320 of 300"]


def test_a_last_step_that_comes_early_and_ends_it_all_is_told() -> None:
    it = on_generator()
    it.set(mains=True)
    it.later(200)
    it.set(position="mains")
    it.later(10)
    it.set(running=False)
    assert said(it) == ["stop early: 10 of 60", "completed in 270"]
    cleared = it.later(10)
    assert {one.rule for one in cleared} == {"return_stopped_early", "return_completed"}


def test_fire_releases_every_door_and_recalls_the_lifts_or_says_which_not() -> None:
    """FR-3, AC-4, as far as the rules go."""
    it = watched()
    it.set(fire=False, door_1=False, door_2=False, lifts=False)
    it.later(1)
    it.set(fire=True)
    it.later(1)
    it.set(door_2=True)
    it.later(1)
    assert said(it) == ["door 1 released missing: 2"]
    it.later(1)
    it.set(door_1=True)
    it.later(30)
    it.set(lifts=True)
    assert said(it) == ["door 1 released late: 3 of 2", "completed in 33"]


def test_what_is_already_so_when_it_begins_has_happened() -> None:
    it = watched()
    it.set(fire=False, door_1=True, door_2=True, lifts=True)
    it.later(1)
    it.set(fire=True)
    assert said(it) == ["completed in 0"]


def test_a_trigger_that_goes_away_asks_for_nothing_more() -> None:
    it = watched()
    it.set(fire=False, door_1=False, door_2=False, lifts=False)
    it.set(fire=True)
    it.later(2)
    assert said(it) == ["door 1 released missing: 2", "door 2 released missing: 2"]
    cleared = it.set(fire=False)
    assert {one.after for one in cleared} == {S.RETURNED}
    it.later(600)
    assert said(it) == []
    it.set(fire=True)
    it.later(2)
    assert said(it) == ["door 1 released missing: 2", "door 2 released missing: 2"]


def test_a_step_that_nobody_sees_is_neither_missing_nor_late() -> None:
    it = watched()
    it.set(fire=False, door_1=False, door_2=True, lifts=True)
    it.set(fire=True)
    it.lose("door_1")
    it.later(10)
    assert said(it) == []
    it.set(door_1=False)
    assert said(it) == ["door 1 released missing: 2"]
    it.lose("door_1")
    assert it.engine.standing, "what is not known does not clear it either"


def test_what_was_under_way_when_first_seen_is_not_called_early() -> None:
    it = watched()
    it.set(running=True, mains=True, position="generator")
    it.later(5)
    it.set(position="mains")
    assert said(it) == [], "the mains was back before anyone looked"
    it.later(5)
    it.set(running=False)
    assert said(it) == ["stop early: 5 of 60"]


def test_an_equipment_without_a_point_has_no_step_for_it() -> None:
    names = [one.rule_name for one in alarms(absent=("door_1", "mains"))]
    assert "fire_door_1_missing" not in names
    assert "fire_door_2_missing" in names
    assert "return_returned_early" in names
    assert alarms(absent=("fire", "position")) == ()


def test_an_alarm_knows_its_step() -> None:
    (one,) = (rule for rule in alarms() if rule.rule_name == "return_returned_early")
    assert one.stage is not None
    assert (one.stage.sequence, one.stage.step, one.stage.outcome) == ("return", "returned", Outcome.EARLY)
    assert (one.stage.earliest, one.stage.latest) == (180.0, 300.0)
    assert one.points == {"dev.position", "dev.running", "dev.mains"}
    (door,) = (rule for rule in alarms() if rule.rule_name == "fire_door_2_missing")
    assert door.points == {"dev.fire", "dev.door_2"}, "the other door has nothing to do with it"


NAMES = ("mains", "running", "position")
STEPS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "mains": st.sampled_from([True, False, None]),
            "running": st.sampled_from([True, False, None]),
            "position": st.sampled_from(["mains", "off", "generator", None]),
        },
    ),
    max_size=20,
)
SHORT = class_with(
    **{
        "return": {
            **RETURN,
            "steps": {
                "back": RETURN["steps"]["back"],
                "returned": {**RETURN["steps"]["returned"], "earliest": 3, "latest": 6},
                "stopped": {**RETURN["steps"]["stopped"], "earliest": 2, "latest": 5},
            },
        }
    }
)
QUESTIONS = [place for place, one in enumerate(alarms(SHORT)) if one.rule_name.startswith("return")]


def observed(place: int) -> Observed:
    return Observed(SHORT, rule=place)


@pytest.mark.parametrize("place", QUESTIONS)
@settings(max_examples=50)
@given(steps=STEPS, seed=st.integers(0, 9))
def test_changes_of_one_moment_may_come_in_any_order(place: int, steps: list[dict[str, Any]], seed: int) -> None:
    straight, mixed, random = observed(place), observed(place), Random(seed)
    for second, step in enumerate(steps):
        straight.set(second, step)
        mixed.set(second, dict(random.sample(list(step.items()), len(step))))
        assert straight.answer(second + 0.5) is mixed.answer(second + 0.5)


@pytest.mark.parametrize("place", QUESTIONS)
@settings(max_examples=50)
@given(before=STEPS, after=STEPS, away=st.sampled_from([0, 2, 20]))
def test_a_restart_at_any_step_goes_on_as_if_nothing_had_been(
    place: int, before: list[dict[str, Any]], after: list[dict[str, Any]], away: int
) -> None:
    """IR-4, as far as sequences go."""
    it = observed(place)
    known: dict[str, Any] = dict.fromkeys(NAMES)
    for second, step in enumerate(before):
        it.set(second, step)
        known |= step
    fresh = it.restarted(it.memory(len(before)), len(before))
    again = len(before) + away
    fresh.set(again, known)
    assert fresh.answer(again) is it.answer(again)
    for second, step in enumerate(after, again + 1):
        for one in (it, fresh):
            one.set(second, step)
        assert fresh.answer(second + 0.5) is it.answer(second + 0.5)


def faults(path: str, value: Any) -> list[tuple[str, str]]:
    document = yaml.safe_load(yaml.safe_dump(DOCUMENT))
    *way, last = path.split("/")
    part = document["sequences"]["return"]
    for step in way:
        part = part[step]
    part[last] = value
    try:
        EquipmentClass.model_validate(document)
    except ValidationError as error:
        found = error.errors()
        for one in found:
            for language in ("zh", "en"):
                MESSAGES[one["type"]][language].format(what="x", **one.get("ctx", {}))
        return [("/".join(map(str, one["loc"][2:])), one["type"]) for one in found]
    return []


@pytest.mark.parametrize(
    "path, value, place, code",
    [
        ("trigger", "fyre", "trigger", "rule_unknown_name"),
        ("ends", "mains and", "ends", "rule_incomplete"),
        ("steps/returned/when", "position == 'main'", "steps/returned/when", "rule_unknown_value"),
        ("steps/returned/restart_on", "position", "steps/returned/restart_on", "rule_not_a_condition"),
        ("steps/returned/after", "backk", "steps/returned/after", "rule_unknown_step"),
        ("steps/returned/after", "stopped", "steps/returned/after", "rule_unknown_step"),
        ("steps/returned/earliest", "goood", "steps/returned/earliest", "rule_unknown_parameter"),
        ("steps/returned/latest", 1, "steps/returned/latest", "rule_latest_too_early"),
        ("early", None, "", "rule_step_alarm"),
        ("late/text/en", "{stp}", "late/text/en", "rule_unknown_field"),
        ("late/acknowledge", False, "", ""),
        ("steps/previous", RETURN["steps"]["stopped"], "steps/previous", "rule_name_taken"),
        ("steps/" + "a" * 40, RETURN["steps"]["stopped"], "steps/" + "a" * 40, "rule_long_name"),
    ],
)
def test_each_mistake_has_its_place_and_its_words(path: str, value: Any, place: str, code: str) -> None:
    found = faults(path, value)
    assert (place, code) in found if code else not found
