"""The stock classes: every file loads, every rule can be raised and cleared, every text reads well."""

from itertools import product
from math import prod
from pathlib import Path

import pytest
import yaml

from estate.model import EquipmentId, PointId, Value
from estate.strict import Text
from rules.alarm import AlarmState
from rules.engine import Engine
from rules.instance import RuleInstance, instantiate
from rules.rule import EquipmentClass
from tests.rules.watching import Watching

FILES = sorted(Path("rules/library").glob("*.yaml"))
CLASSES = {file.stem: EquipmentClass.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in FILES}
PLANS = {
    "perimeter",
    "household",
    "fire",
    "drainage",
    "water",
    "access",
    "parking",
    "device",
    "lift",
    "heating",
    "power",
}
NUMBER = "07号"
CHOSEN: dict[str, dict[str, Value]] = {
    "door": {"place_kind": "roof_exit"},
    "valve": {"keep_open": True},
    "lighting_circuit": {"zone": "daylit", "current_usual": 8.0},
    "drive": {"current_usual": 8.0},
}
"""What a row has to say before a rule of its class can be raised at all."""


def placed(cls: EquipmentClass) -> tuple[RuleInstance, ...]:
    return instantiate(
        EquipmentId("one"),
        cls,
        name=Text(zh="7号设备", en="Number 7"),
        place=Text(zh="东墙第2段", en="East wall"),
        number=NUMBER,
        bindings={name: PointId(f"dev.{name}") for name in cls.points},
        parameters=CHOSEN.get(cls.class_, {}),
    )


RULES = {f"{name}.{rule.rule_name}": rule for name, cls in CLASSES.items() for rule in placed(cls)}


def candidates(rule: RuleInstance, name: str) -> list[Value]:
    """Values worth trying for one point: both truths, every word, and both sides of every limit."""
    point = CLASSES[rule.class_].points[name]
    if point.kind == "state":
        return [True, False]
    if point.kind == "enum":
        return list(point.values)
    if point.kind == "text":
        return ["words", ""]
    limits = [value for value in rule.parameters.values() if isinstance(value, float)]
    return [-1.0, 0.0, 1e6, *(limit + step for limit in limits for step in (-0.001, 0.001))]


def trials(rule: RuleInstance) -> int:
    return prod(len(candidates(rule, one.name)) for one in rule.inputs if one.decides)


def found(rule: RuleInstance, wanted: bool) -> dict[str, Value]:
    """Values that make the condition so; slopes are taken as flat, or steep down."""
    deciding = [one for one in rule.inputs if one.decides]
    shown = len(rule.inputs) - len(deciding)
    condition = rule.raises if wanted else rule.holds
    for values in product(*(candidates(rule, one.name) for one in deciding)):
        for slopes in product((0.0, -1.0), repeat=len(rule.functions)):
            if condition([*values, *[1.0] * shown, *slopes]) is wanted and (wanted or slopes == (0.0,) * len(slopes)):
                return {one.name: value for one, value in zip(deciding, values, strict=True)}
    pytest.fail(f"no values make {rule.alarm} {wanted}")


OTHER_GROUPS = {"lighting_circuit.half_night_left_on", "lighting_circuit.festival_left_on"}
"""Rules of circuits in another group than the usual one."""
PLAIN = [
    name
    for name, rule in RULES.items()
    if not rule.functions and trials(rule) <= 100_000 and rule.rule.severe is None and name not in OTHER_GROUPS
]
"""Rules that look at this moment and few points. What the others need to be raised is told by their stories."""


def test_the_classes_of_the_first_estate_are_all_there() -> None:
    wanted = "sump tank fire_tank booster door zone panel lane lamp device system"
    assert set(wanted.split()) <= set(CLASSES)
    assert all(name == cls.class_ for name, cls in CLASSES.items())


@pytest.mark.parametrize("name", PLAIN)
def test_every_stock_rule_can_be_raised_and_cleared(name: str) -> None:
    rule = RULES[name]
    it = Watching(Engine([rule]), rule, rule.alarm)
    for field, value in found(rule, True).items():
        it.set(**{field: value})
    it.later(rule.on_delay + 60)
    assert it.state is AlarmState.UNACKNOWLEDGED
    it.set(**found(rule, False))
    it.later(rule.off_delay + 60)
    latched = rule.rule.kind == "latched"
    gone = AlarmState.RETURNED if rule.rule.acknowledge else AlarmState.NORMAL
    assert it.state is (AlarmState.LATCHED_UNACKNOWLEDGED if latched else gone)
    assert len(it.journal) == 2


@pytest.mark.parametrize("name", RULES)
def test_every_text_names_place_number_and_kind_in_chinese(name: str) -> None:
    rule = RULES[name]
    slots = [None] * rule.slots
    zh, en = rule.text_zh(slots), rule.text_en(slots)
    assert "{" not in zh + en
    if rule.class_ == "system":
        return
    assert zh.startswith("东墙第2段 ")
    assert NUMBER in zh or rule.class_ == "device"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh.replace("东墙第2段", "").replace(NUMBER, ""))
    assert en.startswith("East wall")
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in en)


def test_no_two_alarms_of_a_class_read_alike() -> None:
    for cls in CLASSES.values():
        for language in ("zh", "en"):
            texts = [rule.text.in_(language) for rule in cls.rules.values()]
            assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", RULES)
def test_every_stock_rule_has_an_emergency_plan(name: str) -> None:
    assert RULES[name].rule.emergency_plan in PLANS


def test_dangers_to_life_are_latched_and_never_wait() -> None:
    named = {name for name, rule in RULES.items() if rule.rule.life_safety}
    wanted = "panic fire gas duress silent_panic medical"
    assert {name for name in named if name.startswith("panel.")} == {f"panel.{one}" for one in wanted.split()}
    assert named >= {"zone.intrusion", "fence.cut_or_climbed", "door.duress", "intercom.sos"}
    for name in (one for one in named if one.partition(".")[0] in ("zone", "fence", "panel", "door", "intercom")):
        rule = RULES[name]
        assert (rule.rule.priority, rule.rule.kind) == (1, "latched"), name
        assert rule.on_delay == (0.2 if name == "fence.cut_or_climbed" else 0.0), name


def test_tampering_and_forcing_stay_until_reset() -> None:
    held = {name for name, rule in RULES.items() if rule.rule.kind == "latched"}
    assert {"door.forced", "door.tamper", "panel.tamper", "panel.burglary", "zone.line_cut", "lane.forced"} <= held


def test_only_an_intrusion_switches_a_lamp() -> None:
    linked = {name: rule.rule.actions for name, rule in RULES.items() if rule.rule.actions}
    lamps = {name for name, actions in linked.items() if any(one.target == "lamp" for one in actions)}
    assert lamps == {"zone.intrusion", "zone.walking_along", "fence.cut_or_climbed"}
    assert {linked[name] for name in lamps} == {linked["zone.intrusion"]}
    assert [(one.do, one.target) for one in linked["zone.intrusion"]] == [("switch_on", "lamp")]


def test_an_alarm_of_the_wall_reads_as_the_control_room_says_it() -> None:
    assert RULES["zone.intrusion"].text_zh([None] * RULES["zone.intrusion"].slots) == "东墙第2段 07号 周界入侵报警"
    assert RULES["zone.line_cut"].text_zh([None]) == "东墙第2段 07号 周界防区断线（防拆）"


def test_a_place_that_holds_the_number_already_is_not_said_twice() -> None:
    (alarm,) = (
        rule
        for rule in instantiate(
            EquipmentId("panel-0301"),
            CLASSES["panel"],
            name=Text(zh="1号楼0301室报警主机", en="Building 1, room 0301, alarm panel"),
            place=Text(zh="1号楼0301室", en="Building 1, room 0301"),
            number="0301室",
            bindings={name: PointId(f"p.{name}") for name in CLASSES["panel"].points},
        )
        if rule.rule_name == "burglary"
    )
    assert alarm.text_zh([None]) == "1号楼0301室 户内入侵报警"
    assert alarm.text_en([None]) == "Building 1, room 0301, alarm panel: burglary"


def test_a_sump_with_floats_only_has_no_alarm_about_its_level() -> None:
    cls = CLASSES["sump"]
    points = ("pump_1_running", "pump_2_running", "high_water")
    bound = {name: PointId(f"dev.{name}") for name in points}
    rules = instantiate(EquipmentId("s"), cls, name=cls.name, bindings=bound)
    runs_only = ["long_run", "short_cycling", "pump_1_idle", "pump_2_idle"]
    assert [rule.rule_name for rule in rules] == ["high_level", "no_pump_running_at_high", *runs_only]
    assert not any(one.name == "level" for rule in rules for one in rule.inputs)


def test_a_lamp_without_feedback_is_judged_by_its_command_alone() -> None:
    cls = CLASSES["lamp"]
    bound = {name: PointId(f"dev.{name}") for name in ("on", "command_state")}
    (rule,) = instantiate(EquipmentId("l"), cls, name=cls.name, bindings=bound)
    assert rule.points == {"dev.command_state"}
