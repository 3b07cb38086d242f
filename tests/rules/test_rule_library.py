"""The stock classes: every file loads, every rule can be raised and cleared, every text reads well."""

from itertools import product
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
PLANS = {"perimeter", "household", "fire", "drainage", "water", "access", "parking", "device"}
NUMBER = "07号"


def placed(cls: EquipmentClass) -> tuple[RuleInstance, ...]:
    return instantiate(
        EquipmentId("one"),
        cls,
        name=Text(zh="7号设备", en="Number 7"),
        place=Text(zh="东墙第2段", en="East wall"),
        number=NUMBER,
        bindings={name: PointId(f"dev.{name}") for name in cls.points},
    )


RULES = {f"{name}.{rule.rule_name}": rule for name, cls in CLASSES.items() for rule in placed(cls)}


def candidates(rule: RuleInstance, name: str) -> list[Value]:
    """Values worth trying for one point: both truths, every word, and both sides of every limit."""
    point = CLASSES[rule.class_].points[name]
    if point.kind == "state":
        return [True, False]
    if point.kind == "enum":
        return list(point.values)
    limits = [value for value in rule.parameters.values() if isinstance(value, float)]
    return [-1.0, 0.0, 1e6, *(limit + step for limit in limits for step in (-0.001, 0.001))]


def found(rule: RuleInstance, wanted: bool) -> dict[str, Value]:
    """Values that make the condition so; slopes are taken as flat, or steep down."""
    deciding = [one for one in rule.inputs if one.decides]
    shown = len(rule.inputs) - len(deciding)
    condition = rule.raises if wanted else rule.holds
    for values in product(*(candidates(rule, one.name) for one in deciding)):
        for slopes in product((0.0, -1.0), repeat=len(rule.slopes)):
            if condition([*values, *[1.0] * shown, *slopes]) is wanted and (wanted or slopes == (0.0,) * len(slopes)):
                return {one.name: value for one, value in zip(deciding, values, strict=True)}
    pytest.fail(f"no values make {rule.alarm} {wanted}")


def test_the_classes_of_the_first_estate_are_all_there() -> None:
    wanted = "sump tank fire_tank booster door zone panel lane lamp device system"
    assert set(wanted.split()) == set(CLASSES)
    assert all(name == cls.class_ for name, cls in CLASSES.items())


@pytest.mark.parametrize("name", RULES)
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
    assert it.state is (AlarmState.LATCHED_UNACKNOWLEDGED if latched else AlarmState.RETURNED)
    assert len(it.journal) == 2


@pytest.mark.parametrize("name", RULES)
def test_every_text_names_place_number_and_kind_in_chinese(name: str) -> None:
    rule = RULES[name]
    slots = [None] * (len(rule.inputs) + len(rule.slopes))
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
    assert named == {"zone.intrusion", "panel.panic", "panel.fire", "panel.gas", "panel.duress", "door.duress"}
    for name in named:
        rule = RULES[name]
        assert (rule.on_delay, rule.rule.priority, rule.rule.kind) == (0.0, 1, "latched"), name


def test_tampering_and_forcing_stay_until_reset() -> None:
    held = {name for name, rule in RULES.items() if rule.rule.kind == "latched"}
    assert {"door.forced", "door.tamper", "panel.tamper", "panel.burglary", "zone.line_cut", "lane.forced"} <= held


def test_only_an_intrusion_switches_a_lamp() -> None:
    linked = {name: rule.rule.actions for name, rule in RULES.items() if rule.rule.actions}
    assert list(linked) == ["zone.intrusion"]
    assert [(one.do, one.target) for one in linked["zone.intrusion"]] == [("switch_on", "lamp")]


def test_an_alarm_of_the_wall_reads_as_the_control_room_says_it() -> None:
    assert RULES["zone.intrusion"].text_zh([None, None]) == "东墙第2段 07号 周界入侵报警"
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
    assert [rule.rule_name for rule in rules] == ["high_level", "no_pump_running_at_high"]


def test_a_lamp_without_feedback_is_judged_by_its_command_alone() -> None:
    cls = CLASSES["lamp"]
    bound = {name: PointId(f"dev.{name}") for name in ("on", "command_state")}
    (rule,) = instantiate(EquipmentId("l"), cls, name=cls.name, bindings=bound)
    assert rule.points == {"dev.command_state"}
