"""A serial device server that dies takes five devices with it: one alarm, over real sockets."""

from pathlib import Path

import pytest

from daemon.pipeline import View
from rules.alarm import AlarmId, AlarmState
from tests.daemon.control_room import ControlRoom, control_room, playing

SITE = """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
buses:
  - {id: gw, tcp: "10.0.0.1:502", framing: rtu, timeout: 0.3, quiet: 0.05}
"""
NAMES = [f"relay-{n}" for n in range(1, 6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.yaml").write_text(SITE, "utf-8")
    devices = [
        f"- {{id: {name}, profile: waveshare-relay-8, bus: gw, unit: {unit}, poll: 0.3}}\n"
        for unit, name in enumerate(NAMES, 1)
    ]
    (site / "devices.yaml").write_text("".join(devices), "utf-8")
    row = "class: lamp, number: '1', name: {zh: 灯, en: Lamp}, place: {zh: 墙, en: Wall}"
    points = "points: {on: relay-1.on_1, lit: relay-1.lit_1}"
    (site / "equipment.yaml").write_text(f"- {{id: lamp-1, {row}, {points}}}\n", "utf-8")
    return site


def rows(room: ControlRoom) -> list[str]:
    """What stands before the operator: what the journal holds, of which the engine is ahead while a commit runs."""
    standing = room.pipeline.standing.values()
    return [one.alarm for one in standing if one.alarm not in room.pipeline.suppressed]


def suppressed(room: ControlRoom) -> set[str]:
    return set(room.pipeline.suppressed)


@pytest.mark.parametrize("fault", ["power_loss", "cut_line"])
async def test_one_dead_gateway_is_one_row_and_its_devices_are_listed_beneath_it(
    folder: Path, tmp_path: Path, fault: str
) -> None:
    """Without supply it refuses connections; with its line cut it takes them, and nobody answers."""
    devices = {f"device-{name}.offline" for name in NAMES}
    async with (
        playing(folder, tmp_path / "played") as (simulation, site),
        control_room(site, simulation, tmp_path / "journal.db", scheduled=False) as room,
    ):
        await room.until(lambda: all(room.value(f"{name}.online") is True for name in NAMES))
        (line,) = simulation.lines
        line.inject(fault)
        await room.until(lambda: devices <= suppressed(room), within=30)
        assert rows(room) == ["bus-gw.offline"]
        assert len(room.pipeline.alarm_list(View.SUPPRESSED)) == 5
        announced = [one for one in room.journal.newest("transition") if one["announces"]]
        assert [one["alarm"] for one in announced] == ["bus-gw.offline"]
        line.clear(fault)
        bus = room.pipeline.engine.alarms[AlarmId("bus-gw.offline")]
        assert bus.state is AlarmState.UNACKNOWLEDGED
        await room.until(lambda: not suppressed(room), within=30)
        assert rows(room) == ["bus-gw.offline"], "all are back, and nobody was called for them"
