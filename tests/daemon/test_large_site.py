"""A site with many of a kind: the generated one of the bench is sound, and what is alike is compiled once."""

from collections import Counter

import pytest

from daemon.assembly import Assembly, assemble
from tests.bench.scale_site import Size, scale_site

SIZE = Size().tenth()


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return assemble(scale_site(tmp_path_factory.mktemp("large") / "site", SIZE))


def test_the_generated_site_has_no_fault_and_as_many_of_each_as_asked(assembly: Assembly) -> None:
    there = Counter(one.class_ for one in assembly.site.equipment)
    metered = sum(there[class_] for class_ in ("energy_meter", "pv_meter", "water_meter"))
    counted = Size(there["panel"], there["door"], there["zone"], there["camera"], there["sump"], metered)
    assert counted == SIZE
    assert len(assembly.site.households) >= SIZE.households - 1


def test_equipment_that_is_alike_shares_what_is_compiled(assembly: Assembly) -> None:
    panics = [one for one in assembly.rules if one.rule_name == "panic" and one.class_ == "panel"]
    assert len(panics) == SIZE.households
    shared = Counter(id(one.raises) for one in panics)
    assert len(shared) < 5, "by the points and parameters that they have"
    assert len({id(one.functions) for one in panics}) < 5
    texts = {one.text_zh([None] * one.slots) for one in panics}
    assert len(texts) > SIZE.households * 0.9, "and is told apart by place and number"


def test_limits_of_one_equipment_are_not_those_of_its_like(assembly: Assembly) -> None:
    """What is shared goes by parameters too: 1.1 m at the foot of the ramp, 1.2 m elsewhere."""
    said = {}
    for sump in ("sump-1", "sump-2"):
        rule = next(one for one in assembly.rules if one.alarm == f"{sump}.high_level")
        values: list[bool | float | str | None] = [None] * rule.slots
        values[[one.name for one in rule.inputs].index("level")] = 1.15
        said[sump] = rule.raises(values)
    assert said["sump-2"] is True
    assert said["sump-1"] is not True
