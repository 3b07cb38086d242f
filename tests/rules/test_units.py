"""Units: what may be compared, what converts, and what products are in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.condition import parse
from rules.instance import RuleInstance, instantiate
from rules.kinds import check
from rules.rule import EquipmentClass
from rules.tokens import ConditionError
from rules.units import ONE, converted, parse_unit
from tests.rules.watching import NAME, WORDS, rule_of

UNITS = {
    "level": "m", "depth": "cm", "area": "m2", "pressure": "bar", "boost": "kPa", "flow": "m3/h", "drain": "l/s",
    "warm": "degC", "cold": "degC", "spread": "K", "volts": "V", "amps": "A", "power": "kW", "apparent": "VA",
    "full": "%", "charge": "%", "shown": "s", "left": "min", "speed": "m/s", "torque": "Nm", "thrust": "Nm",
    "plain": "",
}  # fmt: skip


def class_with(when: str, parameters: dict[str, Any] | None = None, **more: Any) -> EquipmentClass:
    points = {
        name: {"kind": "analog", "name": WORDS, **({"unit": unit} if unit else {})} for name, unit in UNITS.items()
    }
    return EquipmentClass.model_validate(
        {
            "class": "units",
            "name": WORDS,
            "points": {**points, "running": {"kind": "state", "name": WORDS}},
            "parameters": {
                name: {"default": value, "unit": unit, "source": "test"}
                for name, (value, unit) in (parameters or {}).items()
            },
            "rules": {"it": rule_of(when, **more)},
        }
    )


KNOWN = class_with("running").known


def rule(when: str, parameters: dict[str, Any] | None = None, **more: Any) -> RuleInstance:
    cls = class_with(when, parameters, **more)
    (one,) = instantiate("u", cls, name=NAME, bindings={name: f"u.{name}" for name in cls.points})  # type: ignore[arg-type, dict-item]
    return one


def holds(when: str, **values: float) -> bool | None:
    instance = rule(when)
    return instance.raises([values.get(place.name) for place in instance.inputs])


@pytest.mark.parametrize(
    "when, values, expected",
    [
        ("pressure > 350 kPa", {"pressure": 3.6}, True),
        ("pressure > 350 kPa", {"pressure": 3.4}, False),
        ("pressure > 3500 mbar", {"pressure": 3.6}, True),
        ("350 kPa < pressure", {"pressure": 3.6}, True),
        ("pressure > boost", {"pressure": 2.0, "boost": 199.0}, True),
        ("boost > pressure", {"pressure": 2.0, "boost": 199.0}, False),
        ("level - depth > 10 mm", {"level": 1.0, "depth": 98.0}, True),
        ("level - depth > 30 mm", {"level": 1.0, "depth": 98.0}, False),
        ("depth - level > 1", {"level": 1.0, "depth": 102.0}, True),
        ("max(depth, level) > 150", {"level": 1.6, "depth": 3.0}, True),
        ("flow > 2 l/s", {"flow": 7.3}, True),
        ("flow > drain", {"flow": 7.3, "drain": 2.0}, True),
        ("warm - cold > 5 K", {"warm": 20.0, "cold": 14.0}, True),
        ("warm > cold + spread", {"warm": 20.0, "cold": 14.0, "spread": 5.0}, True),
        ("volts * amps > 2 kW", {"volts": 230.0, "amps": 9.0}, True),
        ("power / apparent < 0.3", {"power": 1.0, "apparent": 10_000.0}, True),
        ("power / apparent < 0.3", {"power": 5.0, "apparent": 10_000.0}, False),
        ("level / depth > 2", {"level": 3.0, "depth": 100.0}, True),
        ("level / shown > speed", {"level": 3.0, "shown": 2.0, "speed": 1.4}, True),
        ("level * level > area", {"level": 3.0, "area": 8.0}, True),
        ("left < 5 min", {"left": 4.0}, True),
        ("left < 300 s", {"left": 4.0}, True),
        ("shown > 1m", {"shown": 59.0}, False),
        ("full > 95 %", {"full": 96.0}, True),
        ("2 * level > 3", {"level": 1.6}, True),
        ("plain > level", {"plain": 2.0, "level": 1.0}, True),
        ("plain * level > power", {"plain": 2.0, "level": 1.0, "power": 1.0}, True),
        ("full * level > 1 ", {"full": 50.0, "level": 1.0}, True),
        ("torque > thrust", {"torque": 2.0, "thrust": 1.0}, True),
    ],
)
def test_quantities_of_one_dimension_are_compared_in_one_unit(
    when: str, values: dict[str, float], expected: bool
) -> None:
    assert holds(when, **values) is expected


@pytest.mark.parametrize(
    "when",
    [
        "level > pressure",
        "level > 2 bar",
        "level + pressure > 2",
        "min(level, volts) > 2",
        "flow > level",
        "full > level",
        "warm > 5 K",
        "warm > spread",
        "volts * amps > level",
        "level / shown > level",
        "torque > 3 kg",
        "rate(level, 1m) > level",
        "level * level > level",
    ],
)
def test_bar_against_metres_is_an_error_before_the_start(when: str) -> None:
    with pytest.raises(ConditionError) as caught:
        check(parse(when), KNOWN)
    assert caught.value.code == "different_units"
    assert caught.value.word


def test_a_limit_and_its_deadband_may_have_units_of_their_own() -> None:
    parameters = {"top": (150.0, "cm"), "band": (50.0, "mm")}
    one = rule("level > top", parameters, deadband="band")
    assert (one.raises([1.49]), one.raises([1.51])) == (False, True)
    assert (one.holds([1.46]), one.holds([1.44])) == (True, False)


def test_a_deadband_moves_only_limits_of_its_own_dimension() -> None:
    one = rule("level > 1 or pressure > 3", {"band": (0.5, "m")}, deadband="band")
    places = {each.name: place for place, each in enumerate(one.inputs)}
    values = [0.0, 0.0]
    values[places["pressure"]] = 2.9
    assert one.holds(values) is False
    values[places["level"]] = 0.6
    assert one.holds(values) is True


def test_delays_may_be_parameters_in_minutes() -> None:
    one = rule("running", {"long": (2.0, "min")}, on_delay="long", off_delay="long")
    assert (one.on_delay, one.off_delay) == (120.0, 120.0)


@pytest.mark.parametrize(
    "parts, code",
    [
        ({"on_delay": "tall"}, "rule_no_time"),
        ({"deadband": "heavy"}, "rule_deadband_unit"),
        ({"when": "held(running, tall)"}, "rule_expected_duration"),
        ({"when": "held(running, endless)"}, "rule_time_out_of_range"),
    ],
)
def test_parameters_in_the_wrong_unit_are_found(parts: dict[str, Any], code: str) -> None:
    parameters = {"tall": (2.0, "m"), "heavy": (2.0, "kg"), "endless": (40.0, "d")}
    with pytest.raises(ValueError, match=code):
        class_with(**{"when": "level > 1", "parameters": parameters, **parts})


@given(st.floats(-1e6, 1e6), st.sampled_from([("bar", "kPa"), ("m", "mm"), ("m3/h", "l/s"), ("kWh", "Wh"), ("d", "s")]))
def test_there_and_back_is_the_same(value: float, units: tuple[str, str]) -> None:
    one, other = (parse_unit(unit) for unit in units)
    assert one is not None
    assert other is not None
    assert converted(converted(value, one, other), other, one) == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_a_quotient_of_one_unit_has_none() -> None:
    bar, kilo = parse_unit("bar"), parse_unit("kPa")
    assert bar is not None
    assert kilo is not None
    assert bar.times(bar, -1) == ONE
    assert bar.times(kilo, -1).fits(ONE)
