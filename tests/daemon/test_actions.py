"""Commands to devices over a real bus: checked, sent once, read back, every step in the journal."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.journal import Journal
from daemon.ledger import ALARM
from daemon.orders import NotAllowed
from daemon.records import Step
from drivers.source import Writable
from estate.errors import TransportError
from estate.model import EquipmentId, PointId, SystemClock, Value
from simulators.relocate import relocate
from tests.daemon.control_room import DEVICES, ControlRoom, control_room, playing, site_files
from tests.daemon.lying_gateway import lying_gateway


class Recording:
    """Stands before the real line of a device and notes every write that goes through."""

    def __init__(self, line: Writable) -> None:
        self._line = line
        self.writes: list[tuple[str, Value]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.swallows = False

    async def write(self, point: PointId, value: Value, told: Mapping[str, str] | None = None) -> None:
        self.writes.append((point, value))
        await self.gate.wait()
        if self.swallows:
            raise TransportError("no answer")
        await self._line.write(point, value, told)


class Lines:
    """The recording lines of a site, made when the control room asks for them."""

    def __init__(self) -> None:
        self.of: dict[str, Recording] = {}

    def __call__(self, lines: Mapping[str, Writable]) -> Mapping[str, Writable]:
        self.of = {device: Recording(line) for device, line in lines.items()}
        return self.of

    @property
    def writes(self) -> list[tuple[str, Value]]:
        return [write for line in self.of.values() for write in line.writes]


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
async def oak(tmp_path: Path, lines: Lines) -> AsyncIterator[ControlRoom]:
    folder = site_files(tmp_path / "site")
    async with (
        playing(folder, tmp_path / "played") as (simulation, site),
        control_room(site, simulation, tmp_path / "journal.db", writers=lines) as room,
    ):
        await room.until(lambda: room.value("relay.lit_1") is False and room.value("station.valve_2_opened") is True)
        yield room


def steps(room: ControlRoom, **where: Any) -> list[dict[str, Any]]:
    rows = reversed(room.journal.newest("step"))
    return [row for row in rows if all(row[key] == value for key, value in where.items())]


async def test_a_command_is_requested_sent_and_confirmed_by_what_the_field_shows(oak: ControlRoom) -> None:
    assert await oak.give("lamp-1", "switch_on") == ["requested", "sent", "confirmed"]
    assert oak.simulation.world.plants["lamp-1"].points["lit"] is True
    await oak.until(lambda: oak.value("lamp-1.command_state") == "confirmed")
    told = steps(oak, target="lamp-1")
    assert told[0]["detail"] == "li: test"
    assert told[1]["detail"] == "relay.on_1 = True"
    assert [row["at"] for row in told] == sorted(row["at"] for row in told)
    (audit,) = oak.journal.newest("audit")
    assert (audit["who"], audit["console"], audit["action"], audit["target"]) == ("li", "desk-1", "command", "lamp-1")


async def test_the_time_of_every_step_can_be_told(oak: ControlRoom) -> None:
    command = oak.command("lamp-1", "switch_on")
    await oak.actions.give(command)
    await oak.ended(command.id)
    entry = await oak.actions.ledger.find(command.id)
    took = {step.step: entry.took(step) for step in entry.steps}
    assert took["requested"] == 0.0
    assert took["requested"] <= took["sent"] <= took["confirmed"] < 2000


async def test_a_lamp_that_does_not_light_is_unknown_and_never_done(oak: ControlRoom) -> None:
    oak.simulation.targets.inject("lamp-1", "lamp_broken")
    assert await oak.give("lamp-1", "switch_on") == ["requested", "sent", "unknown"]
    await oak.until(lambda: oak.value("lamp-1.command_state") == "unknown")


async def test_a_device_that_cannot_be_reached_fails_the_command_and_nothing_is_sent_later(
    oak: ControlRoom, lines: Lines
) -> None:
    oak.simulation.targets.inject("bus:lamps", "cut_line")
    await oak.until(lambda: oak.value("relay.online") is False)
    assert await oak.give("lamp-1", "switch_on") == ["requested", "sent", "failed"]
    oak.simulation.targets.clear("bus:lamps")
    await oak.until(lambda: oak.value("relay.online") is True)
    assert oak.simulation.world.plants["lamp-1"].points["on"] is False


async def test_an_answer_that_stays_away_leaves_it_to_the_field(oak: ControlRoom) -> None:
    """The echo is lost, the relay has switched: the feedback says so."""
    oak.simulation.targets.inject("modbus:relay", "slow", details={"delay": 0.35})
    written = asyncio.create_task(oak.give("lamp-2", "switch_on"))
    await oak.until(lambda: oak.simulation.world.plants["lamp-2"].points["on"] is True)
    oak.simulation.targets.clear("modbus:relay")
    assert await written == ["requested", "sent", "confirmed"]


@pytest.mark.parametrize("code", [4, 5, 10, 11])
async def test_a_refusal_after_which_it_may_have_been_done_leaves_it_to_the_field(tmp_path: Path, code: int) -> None:
    """The gateway loses the relay's answer and says so with an exception: the lamp burns, nobody says "failed"."""
    folder = site_files(tmp_path / "site")
    async with playing(folder, tmp_path / "played") as (simulation, site):
        behind = {line.name: line.address for line in simulation.lines}
        async with lying_gateway(behind["lamps"]) as gateway:
            relocate(folder, site, buses=behind | {"lamps": gateway.address})
            async with control_room(site, simulation, tmp_path / "journal.db") as room:
                await room.until(lambda: room.value("relay.lit_1") is False)
                gateway.code = code
                assert await room.give("lamp-1", "switch_on") == ["requested", "sent", "confirmed"]
                simulation.targets.inject("lamp-2", "lamp_broken")
                command = room.command("lamp-2", "switch_on")
                await room.actions.give(command)
                assert await room.ended(command.id) == ["requested", "sent", "unknown"]
                entry = await room.actions.ledger.find(command.id)
                assert entry.steps[-1].detail.startswith(f"exception {code}")
                gateway.code = 2
                assert await room.give("lamp-1", "switch_off") == ["requested", "sent", "failed"]


async def test_what_was_read_before_a_command_does_not_confirm_it(oak: ControlRoom, lines: Lines) -> None:
    """The write is lost and so is every answer after it: that the lamp was off before proves nothing."""
    lines.of["relay"].swallows = True
    oak.simulation.targets.inject("bus:lamps", "cut_line")
    assert await oak.give("lamp-1", "switch_off") == ["requested", "sent", "unknown"]


async def test_a_command_that_changes_nothing_is_confirmed_by_what_is_read_after_it(tmp_path: Path) -> None:
    """The relay is read so seldom that only the write makes the driver look again."""
    folder = site_files(tmp_path / "site", devices=DEVICES.replace("poll: 0.1, commands", "poll: 10, commands"))
    async with (
        playing(folder, tmp_path / "played") as (simulation, site),
        control_room(site, simulation, tmp_path / "journal.db") as room,
    ):
        await room.until(lambda: room.value("relay.lit_1") is False)
        for _ in range(3):
            command = room.command("lamp-1", "switch_off")
            await room.actions.give(command)
            assert await room.ended(command.id) == ["requested", "sent", "confirmed"]
            entry = await room.actions.ledger.find(command.id)
            assert entry.took(entry.steps[-1]) < 2000


async def test_a_driver_that_never_answers_keeps_no_equipment_busy_for_ever(oak: ControlRoom, lines: Lines) -> None:
    relay = lines.of["relay"]
    relay.gate.clear()
    oak.simulation.targets.inject("lamp-1", "lamp_broken")
    oak.actions.patience = 0.3
    assert await oak.give("lamp-1", "switch_on") == ["requested", "sent", "unknown"]
    detail = oak.journal.newest("step")[0]["detail"]
    assert detail.startswith("the driver has not said in 0.3 s")
    relay.gate.set()
    assert await oak.give("lamp-1", "switch_off") == ["requested", "sent", "confirmed"]


async def test_what_alarms_ask_for_is_in_the_journal_before_its_turn(oak: ControlRoom, lines: Lines) -> None:
    lines.of["relay"].gate.clear()
    oak.actions.ask(EquipmentId("lamp-1"), "switch_on", ALARM, "zone-1.intrusion", "zone-1.intrusion", 7)
    await oak.until(lambda: lines.writes)
    oak.actions.ask(EquipmentId("lamp-1"), "switch_on", ALARM, "zone-2.intrusion")
    await oak.until(lambda: len(steps(oak, target="lamp-1")) == 3)
    first, sent, second = steps(oak, target="lamp-1")
    assert (first["step"], first["alarm"], first["occurrence"]) == ("requested", "zone-1.intrusion", 7)
    assert sent["step"] == "sent"
    assert (second["step"], second["detail"]) == ("requested", "(alarm): zone-2.intrusion")
    lines.of["relay"].gate.set()
    await oak.until(lambda: [one["step"] for one in steps(oak, target="lamp-1")].count("confirmed") == 2)


async def test_what_an_alarm_may_not_switch_is_recorded_and_an_alarm_itself(oak: ControlRoom) -> None:
    for number in range(3):
        oak.actions.ask(EquipmentId("lamp-3"), "switch_on", ALARM, f"zone-{number}.intrusion")
    await oak.until(lambda: oak.value("lamp-3.command_state") == "failed")
    assert [row["step"] for row in steps(oak, target="lamp-3")] == ["requested", "refused"] * 3


async def test_a_flood_of_alarms_on_one_lamp_holds_no_other_lamp_up(oak: ControlRoom) -> None:
    """Three thousand alarms want lamp 1, one wants lamp 2: it does not wait for what is written of them."""
    before = oak.journal.commits
    for number in range(3000):
        oak.actions.ask(EquipmentId("lamp-1"), "switch_on", ALARM, f"zone-{number}.intrusion")
    oak.actions.ask(EquipmentId("lamp-2"), "switch_on", ALARM, "zone-0.intrusion")
    await oak.until(lambda: oak.simulation.world.plants["lamp-2"].points["on"])
    assert oak.journal.commits - before < 30
    await oak.until(lambda: oak.value("lamp-1.command_state") == oak.value("lamp-2.command_state") == "confirmed")
    told = [row["step"] for row in oak.journal.newest("step", 10_000) if row["target"] == "lamp-1"]
    assert (told.count("requested"), told.count("replaced"), told.count("confirmed")) == (3000, 2999, 1)


async def test_the_same_id_again_changes_nothing(oak: ControlRoom, lines: Lines) -> None:
    command = oak.command("lamp-1", "switch_on")
    both = await asyncio.gather(oak.actions.give(command), oak.actions.give(command))
    assert {one.command for one in both} == {command.id}
    await oak.ended(command.id)
    await oak.give("lamp-1", "switch_off")
    again = await oak.actions.give(command)
    assert again.state == "confirmed"
    assert lines.writes == [("relay.on_1", True), ("relay.on_1", False)]
    with pytest.raises(NotAllowed):
        await oak.actions.give(oak.command("lamp-2", "switch_on", id=command.id))


@pytest.mark.parametrize(
    "target, action, why",
    [
        ("lamp-3", "switch_on", "does not allow commands"),
        ("lamp-4", "switch_on", "does not let this point be written"),
        ("lamp-1", "explode", "no such command"),
        ("lamp-9", "switch_on", "no such equipment"),
    ],
)
async def test_what_the_site_or_the_profile_does_not_allow_is_refused_and_recorded(
    oak: ControlRoom, lines: Lines, target: str, action: str, why: str
) -> None:
    with pytest.raises(NotAllowed, match=why):
        await oak.actions.give(oak.command(target, action))
    assert [row["step"] for row in steps(oak, target=target)] == ["requested", "refused"]
    assert lines.writes == []


async def test_the_second_tank_is_not_isolated_while_the_first_one_is(oak: ControlRoom, lines: Lines) -> None:
    """The guard of WS-1, with its reason for the operator."""
    assert await oak.give("tanks", "isolate_1") == ["requested", "sent", "confirmed"]
    with pytest.raises(NotAllowed, match="Both tanks cannot be isolated") as refused:
        await oak.actions.give(oak.command("tanks", "isolate_2"))
    assert "两个水箱不能同时隔离" in refused.value.why.zh
    assert lines.writes == [("station.valve_1", False)]
    assert await oak.give("tanks", "join_1") == ["requested", "sent", "confirmed"]
    assert await oak.give("tanks", "isolate_2") == ["requested", "sent", "confirmed"]


async def test_two_commands_at_one_moment_do_not_slip_past_each_others_interlock(
    oak: ControlRoom, lines: Lines
) -> None:
    first, second = oak.command("tanks", "isolate_1"), oak.command("tanks", "isolate_2")
    await asyncio.gather(oak.actions.give(first), oak.actions.give(second))
    ends = [await oak.ended(first.id), await oak.ended(second.id)]
    assert sorted(one[-1] for one in ends) == ["confirmed", "refused"]
    assert len(lines.writes) == 1


async def test_an_interlock_that_cannot_be_seen_refuses(oak: ControlRoom) -> None:
    oak.simulation.targets.inject("bus:valves", "cut_line")
    await oak.until(lambda: oak.value("station.online") is False)
    with pytest.raises(NotAllowed):
        await oak.actions.give(oak.command("tanks", "isolate_1"))


async def test_a_newer_command_takes_the_place_of_one_that_was_not_sent_yet(oak: ControlRoom, lines: Lines) -> None:
    gate = lines.of["relay"].gate
    gate.clear()
    first = oak.command("lamp-1", "switch_on")
    second, third = oak.command("lamp-1", "switch_off"), oak.command("lamp-1", "switch_on")
    await oak.actions.give(first)
    await oak.until(lambda: lines.writes)
    await oak.actions.give(second)
    await oak.actions.give(third)
    gate.set()
    assert await oak.ended(first.id) == ["requested", "sent", "confirmed"]
    assert await oak.ended(third.id) == ["requested", "sent", "confirmed"]
    assert await oak.ended(second.id) == ["requested", "replaced"]
    assert lines.writes == [("relay.on_1", True)] * 2


async def test_a_slow_valve_does_not_hold_up_a_lamp(oak: ControlRoom) -> None:
    slow = oak.command("tanks", "isolate_1")
    await oak.actions.give(slow)
    assert await oak.give("lamp-1", "switch_on") == ["requested", "sent", "confirmed"]
    assert not (await oak.actions.ledger.find(slow.id)).state.is_final
    assert await oak.ended(slow.id) == ["requested", "sent", "confirmed"]


async def test_what_a_crash_interrupted_is_told_as_what_it_is(tmp_path: Path, lines: Lines) -> None:
    folder = site_files(tmp_path / "site")
    at = SystemClock().now().utc
    async with playing(folder, tmp_path / "played") as (simulation, site):
        with Journal(tmp_path / "journal.db") as journal:
            for command, step in (("crashed-sent", "sent"), ("crashed-asked", "requested")):
                await journal.commit([Step(command, "", 0, "lamp-1", "switch_on", step, at, "li: test")])
        async with control_room(site, simulation, tmp_path / "journal.db", writers=lines) as room:
            assert await room.ended("crashed-sent") == ["sent", "unknown"]
            assert await room.ended("crashed-asked") == ["requested", "failed"]
            again = await room.actions.give(room.command("lamp-1", "switch_on", id="crashed-sent"))
            assert again.state == "unknown"
            assert lines.writes == []


async def test_what_a_crash_interrupted_is_an_alarm_after_any_number_of_restarts(tmp_path: Path, lines: Lines) -> None:
    folder = site_files(tmp_path / "site")
    async with playing(folder, tmp_path / "played") as (simulation, site):
        async with control_room(site, simulation, tmp_path / "journal.db", writers=lines) as room:
            await room.until(lambda: room.value("relay.lit_1") is False)
            lines.of["relay"].gate.clear()
            room.actions.ask(EquipmentId("lamp-1"), "switch_on", ALARM, "zone-1.intrusion")
            room.actions.ask(EquipmentId("lamp-2"), "switch_on", ALARM, "zone-1.intrusion")
            await room.until(lambda: len(lines.writes) == 2)
            room.actions.ask(EquipmentId("lamp-1"), "switch_off", ALARM, "zone-1.intrusion")
            await room.until(lambda: len(steps(room, target="lamp-1")) == 3)
        for _ in range(2):
            async with control_room(site, simulation, tmp_path / "journal.db") as room:
                await room.until(lambda room=room: "lamp-1.not_lit" in room.pipeline.standing)
                await room.until(lambda room=room: "lamp-2.not_lit" in room.pipeline.standing)
                await room.until(lambda room=room: room.value("lamp-1.command_state") is not None)
                assert room.value("lamp-1.command_state") == room.value("lamp-2.command_state") == "unknown"
                sample = room.points.latest(PointId("lamp-1.command_state"))
                assert sample is not None
                assert sample.reason == "the daemon ended before the result was known"
                assert [row["step"] for row in steps(room, target="lamp-1")] == [
                    "requested", "sent", "requested", "failed", "unknown",
                ]  # fmt: skip
        async with control_room(site, simulation, tmp_path / "journal.db") as room:
            await room.until(lambda: room.value("relay.lit_1") is False)
            assert await room.give("lamp-1", "switch_off") == ["requested", "sent", "confirmed"]
            await room.until(lambda: room.value("lamp-1.command_state") == "confirmed")
        async with control_room(site, simulation, tmp_path / "journal.db") as room:
            await room.until(lambda: room.value("lamp-1.command_state") == "idle")
            assert room.value("lamp-2.command_state") == "unknown"


async def test_what_was_interrupted_has_an_end_also_when_the_console_asks_for_it_first(
    tmp_path: Path, lines: Lines
) -> None:
    folder = site_files(tmp_path / "site")
    at = SystemClock().now().utc
    async with playing(folder, tmp_path / "played") as (simulation, site):
        with Journal(tmp_path / "journal.db") as journal:
            await journal.commit([Step("crashed-sent", "", 0, "lamp-1", "switch_on", "sent", at, "li: test")])
        async with control_room(site, simulation, tmp_path / "journal.db", writers=lines) as room:
            await room.actions.give(room.command("lamp-1", "switch_on", id="crashed-sent"))
            assert await room.ended("crashed-sent") == ["sent", "unknown"]
            assert lines.writes == []


async def test_a_hundred_restarts_write_nothing(tmp_path: Path, lines: Lines) -> None:
    """S36: a lamp that is on, a tank that is isolated, a timetable that wants another state: a restart touches none."""
    table = """\
- id: all-day
  name: {zh: 全天, en: All day}
  equipment: [lamp-2]
  periods: [{from: "00:00", to: "24:00"}]
"""
    folder = site_files(tmp_path / "site", timetables=table)
    written: list[tuple[str, Value]] = []
    async with playing(folder, tmp_path / "played") as (simulation, site):
        async with control_room(site, simulation, tmp_path / "journal.db", writers=lines) as room:
            await room.until(lambda: room.value("relay.lit_1") is False and room.value("station.valve_2_opened"))
            await room.give("lamp-1", "switch_on")
            await room.give("tanks", "isolate_1")
        before = [dict(simulation.world.plants[name].points) for name in ("lamp-1", "lamp-2", "tanks")]
        for _ in range(100):
            async with control_room(site, simulation, tmp_path / "journal.db", writers=lines) as room:
                await room.until(lambda room=room: room.value("lamp-1.command_state") == "idle")
                await room.until(
                    lambda room=room: room.value("relay.lit_1") is True and room.value("station.valve_1_closed")
                )
                await room.schedule.look(SystemClock().now())
                written += lines.writes
        assert written == []
        assert [dict(simulation.world.plants[name].points) for name in ("lamp-1", "lamp-2", "tanks")] == before
