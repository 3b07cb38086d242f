"""Which points of a profile may share registers, and which clash."""

from typing import Any

import pytest

from drivers.modbus.overlap import Clash, overlaps
from drivers.profile import Table
from tests.drivers.modbus.bus_rig import profile_of


@pytest.mark.parametrize(
    ("a", "b", "fault"),
    [
        ({"address": 5}, {"address": 5}, Clash.BITS),
        ({"address": 5, "bit": 3}, {"address": 5, "bits": [2, 2]}, Clash.BITS),
        ({"address": 5, "bit": 3}, {"address": 5}, Clash.BITS),
        ({"address": 5, "type": "uint32"}, {"address": 6}, Clash.PART),
        ({"address": 5, "type": "uint32"}, {"address": 6, "type": "uint32"}, Clash.PART),
        (
            {"address": 5, "type": "uint32", "bit": 1},
            {"address": 5, "type": "uint32", "bit": 2, "word_order": "low_first"},
            Clash.ORDER,
        ),
        ({"address": 5, "bit": 3}, {"address": 5, "bit": 4}, None),
        ({"address": 5, "type": "uint32", "bit": 3}, {"address": 5, "type": "uint32", "bit": 31}, None),
        ({"address": 5}, {"address": 6}, None),
        ({"address": 5}, {"address": 5, "table": "input"}, None),
        ({"address": 5, "table": "coil"}, {"address": 5, "table": "coil"}, Clash.BITS),
        ({"address": 5, "table": "discrete", "length": 3}, {"address": 6, "table": "discrete"}, None),
    ],
)
def test_points_that_share_registers_wrongly_are_named(
    a: dict[str, Any], b: dict[str, Any], fault: Clash | None
) -> None:
    found = list(overlaps(profile_of({"one": {"table": "holding"} | a, "other": {"table": "holding"} | b})))
    assert [(each.one, each.two, each.clash) for each in found] == ([] if fault is None else [("one", "other", fault)])


def test_the_first_shared_register_is_told_as_the_maker_prints_it() -> None:
    points = {"total": {"address": 40101, "type": "uint32"}, "half": {"address": 40102}}
    profile = profile_of({name: {"table": "holding"} | point for name, point in points.items()}, address_base=40001)
    assert [(found.table, found.address) for found in overlaps(profile)] == [(Table.HOLDING, 40102)]
