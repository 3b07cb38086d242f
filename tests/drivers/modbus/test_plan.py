"""The read plan: every point once, nothing longer than the device allows, no read across a barrier."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.plan import Block, halves, plan
from drivers.profile import Profile, Table
from tests.drivers.modbus.bus_rig import profile_of

BASES = (0, 1, 40001)


@st.composite
def any_profile(draw: st.DrawFn) -> Profile:
    base = draw(st.sampled_from(BASES))
    max_read = draw(st.integers(4, 125))
    barriers = draw(st.lists(st.integers(0, 300), max_size=4))
    points: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 25))):
        table = draw(st.sampled_from(Table))
        kind = "uint16" if table.is_bits else draw(st.sampled_from(["uint16", "float32", "int64"]))
        wire = draw(st.integers(0, 300))
        length = {"uint16": 1, "float32": 2, "int64": 4}[kind]
        if any(wire < barrier < wire + length for barrier in barriers):
            continue
        poll = draw(st.sampled_from(["fast", "normal", "slow"]))
        points[f"p{number}"] = {"table": table.value, "type": kind, "address": wire + base, "poll": poll}
    points["last"] = {"table": "holding", "address": base}
    return profile_of(points, address_base=base, max_read=max_read, gap=draw(st.integers(0, 20)), barriers=barriers)


@given(any_profile())
def test_every_point_is_read_exactly_once_within_the_limits_of_the_device(profile: Profile) -> None:
    blocks = plan(profile)
    section = profile.modbus
    assert section is not None
    assert sorted(name for block in blocks for name in block.points) == sorted(profile.registers)
    for block in blocks:
        behind = block.start + block.count
        assert 1 <= block.count <= (16 * section.max_read if block.table.is_bits else section.max_read)
        assert not any(block.start < barrier < behind for barrier in section.barriers)
        wanted: set[int] = set()
        for name in block.points:
            point = profile.registers[name]
            first = point.address - section.address_base
            assert block.start <= first
            assert first + point.registers <= behind
            assert (point.table, point.poll) == (block.table, block.poll)
            wanted.update(range(first, first + point.registers))
        holes = "".join("x" if at in wanted else " " for at in range(block.start, behind)).split("x")
        assert max(map(len, holes)) <= section.gap


@given(any_profile())
def test_a_refused_block_falls_into_smaller_ones_with_the_same_points(profile: Profile) -> None:
    for block in plan(profile):
        parts = halves(profile, block)
        assert tuple(name for part in parts for name in part.points) == block.points
        assert len(block.points) == 1 or all(len(part.points) < len(block.points) for part in parts)
        assert all(part.start >= block.start and part.count <= block.count for part in parts)


def test_neighbours_are_read_together_and_a_hole_wider_than_the_gap_is_not_crossed() -> None:
    points = {f"p{at}": {"table": "input", "address": at} for at in (40001, 40002, 40005, 40009)}
    assert plan(profile_of(points, address_base=40001, gap=2)) == (
        Block(Table.INPUT, "normal", 0, 5, ("p40001", "p40002", "p40005")),
        Block(Table.INPUT, "normal", 8, 1, ("p40009",)),
    )


def test_urgent_blocks_come_first_and_a_status_before_what_it_judges() -> None:
    points: dict[str, Any] = {
        "hours": {"table": "holding", "address": 0, "poll": "slow"},
        "ai": {"table": "input", "address": 0, "status_point": "ai_status"},
        "ai_status": {"table": "input", "address": 60, "enum": {0: "normal", 1: "burn_out"}},
        "alarm": {"table": "holding", "address": 9, "poll": "fast"},
    }
    assert [block.points for block in plan(profile_of(points))] == [("alarm",), ("ai_status",), ("ai",), ("hours",)]


@pytest.mark.parametrize(
    ("point", "section", "fault"),
    [
        ({"table": "holding", "address": 10}, {"address_base": 40001}, "off the map"),
        ({"table": "holding", "address": 465536}, {"address_base": 40001}, "off the map"),
        ({"table": "holding", "address": 9, "type": "uint32"}, {"barriers": [10]}, "a barrier cuts it"),
        ({"table": "holding", "address": 9, "type": "text", "length": 9}, {"max_read": 8}, "longer than max_read"),
        ({"table": "holding", "address": 9, "status_point": "nothing"}, {}, "nothing is no point with an enum"),
        ({"table": "coil", "address": 9, "bit": 2}, {}, "bits already"),
        ({"table": "holding", "address": 9, "bit": 16}, {}, "outside a uint16"),
        ({"table": "input", "address": 9, "writable": True}, {}, "writable are"),
        ({"table": "holding", "address": "9"}, {}, "valid integer"),
        ({"table": "holding", "address": 9, "scale": "0.1"}, {}, "valid number"),
    ],
)
def test_a_point_that_could_never_be_read_rightly_is_refused_at_loading(
    point: dict[str, Any], section: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        profile_of({"p": point}, **section)
