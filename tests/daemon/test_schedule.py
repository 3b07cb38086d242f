"""What the clock does: edges of timetables, overrides that end, bypasses taken back, and nothing at a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.inbox import Operation, OperationKind
from daemon.journal import Journal
from daemon.ledger import State
from daemon.orders import NotAllowed
from daemon.records import Step
from estate.model import EquipmentId, Now, SystemClock
from rules.alarm import AlarmId
from simulators.relocate import relocate
from tests.daemon.control_room import ControlRoom, control_room, playing, site_files
from tests.daemon.lying_gateway import lying_gateway

EVENING = datetime(2026, 3, 6, 10, 0, tzinfo=UTC)  # 18:00 in Shanghai
TABLES = """\
- id: evening
  name: {zh: 傍晚, en: Evening}
  equipment: [circuit, lamp-2]
  periods: [{from: "18:00", to: "23:00"}]
"""
BY_LIGHT = """\
- id: dark
  name: {zh: 天黑, en: When dark}
  equipment: [circuit]
  periods: [{from: "00:00", to: "24:00"}]
  light: {point: meters.ai_3, on_below: 30, off_above: 60, hold: 10}
"""
Opened = Callable[[], AbstractAsyncContextManager[ControlRoom]]


class Then:
    """The machine's clocks, but it is ten minutes to six on 6 March."""

    def __init__(self) -> None:
        self._shift = EVENING - timedelta(minutes=10) - datetime.now(UTC)

    def now(self) -> Now:
        now = SystemClock().now()
        return Now(now.utc + self._shift, now.mono)


def moment(seconds: float) -> Now:
    """So many seconds after six."""
    return Now(EVENING + timedelta(seconds=seconds), 10_000.0 + seconds)


@pytest.fixture(params=[TABLES], ids=["evening"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """Opens the control room; again, it is a restart on the same journal."""
    folder = site_files(tmp_path / "site", timetables=request.param)
    async with playing(folder, tmp_path / "played") as (simulation, site):
        yield lambda: control_room(site, simulation, tmp_path / "journal.db", scheduled=False, clock=Then())


async def ready(room: ControlRoom) -> ControlRoom:
    await room.until(lambda: room.value("relay.lit_5") is not None and room.value("lamp-2.command_state") == "idle")
    return room


async def states(room: ControlRoom, seconds: float) -> str:
    await room.schedule.look(moment(seconds))
    await asyncio.sleep(0.05)
    return str(room.value("circuit.timetable_state"))


def steps(room: ControlRoom, target: str) -> list[tuple[str, str]]:
    return [(row["action"], row["step"]) for row in reversed(room.journal.newest("step")) if row["target"] == target]


def lit(room: ControlRoom, relay: int) -> Any:
    return room.value(f"relay.lit_{relay}")


async def test_a_timetable_switches_at_its_edges_and_at_no_other_time(opened: Opened) -> None:
    """LT-2: on at the edge, off at the edge, read back."""
    async with opened() as room:
        await ready(room)
        for seconds in (-3600, -1800, -1):
            await room.schedule.look(moment(seconds))
        assert steps(room, "lamp-2") == []
        await room.schedule.look(moment(0))
        await room.until(lambda: lit(room, 5) is True and lit(room, 2) is True)
        for seconds in (1, 3600, 5 * 3600 - 1):
            await room.schedule.look(moment(seconds))
        await room.schedule.look(moment(5 * 3600))
        await room.until(lambda: lit(room, 5) is False and lit(room, 2) is False)
        on = [("switch_on", "requested"), ("switch_on", "sent"), ("switch_on", "confirmed")]
        assert steps(room, "lamp-2")[:3] == on
        assert len(steps(room, "lamp-2")) <= 6
        assert next(iter(room.journal.newest("step")))["detail"]
        asked = [row["detail"] for row in room.journal.newest("step") if row["step"] == "requested"]
        assert set(asked) == {"(timetable): evening"}


async def test_a_restart_within_a_period_writes_nothing_and_says_that_it_differs(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        assert await states(room, 600) == "differs"
        assert await states(room, 1200) == "differs"
        assert steps(room, "circuit") == []
        await room.schedule.look(moment(5 * 3600))
        await room.until(lambda: steps(room, "circuit")[-1:] == [("switch_off", "confirmed")])
        assert await states(room, 5 * 3600 + 1) == "as_planned"


async def test_an_override_holds_over_an_edge_and_ends_with_what_the_table_wants_then(opened: Opened) -> None:
    """LT-2: manual override with expiry."""
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        until = moment(5 * 3600 + 1800).utc
        assert await room.give("circuit", "switch_on", until=until) == ["requested", "until", "sent", "confirmed"]
        assert await states(room, -500) == "override"
        await room.schedule.look(moment(0))
        await room.until(lambda: lit(room, 2) is True)
        await room.schedule.look(moment(5 * 3600))  # off, for the others
        await room.until(lambda: lit(room, 2) is False)
        assert lit(room, 5) is True
        await room.schedule.look(moment(5 * 3600 + 1801))
        await room.until(lambda: lit(room, 5) is False)
        assert await states(room, 5 * 3600 + 1900) == "as_planned"
        assert list(room.schedule.endings) == []


async def test_a_hand_that_names_no_end_holds_until_the_next_edge(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        await room.give("circuit", "switch_on")
        assert await states(room, -500) == "override"
        await room.schedule.look(moment(0))
        assert await states(room, 1) == "as_planned"


async def test_what_was_to_be_taken_back_is_after_a_restart_too(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        until = moment(5 * 3600).utc
        await room.give("circuit", "switch_on", until=until)
        await room.give("lamp-1", "switch_on")
    async with opened() as room:
        await ready(room)
        room.schedule.restore(room.actions.ledger.not_taken_back())
        assert [one.until for one in room.schedule.endings.values()] == [until]
        await room.schedule.look(moment(-500))
        assert steps(room, "circuit")[-1] == ("switch_on", "confirmed")
        await room.schedule.look(moment(5 * 3600 + 1))
        await room.until(lambda: list(room.schedule.endings) == [])
        assert steps(room, "circuit")[-1] == ("switch_off", "confirmed")
        assert "(end): switch_on" in [row["detail"] for row in room.journal.newest("step")]


async def test_what_cannot_be_taken_back_is_tried_again(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        await room.give("circuit", "switch_on", until=moment(5 * 3600 + 30).utc)
        room.simulation.targets.inject("bus:lamps", "cut_line")
        await room.until(lambda: room.value("relay.online") is False)
        await room.schedule.look(moment(-30))
        assert steps(room, "circuit")[-1] == ("switch_on", "confirmed")
        await room.schedule.look(moment(5 * 3600 + 60))
        await room.until(lambda: steps(room, "circuit")[-1][1] == State.FAILED)
        room.simulation.targets.clear("bus:lamps")
        await room.until(lambda: room.value("relay.online") is True)
        await room.schedule.look(moment(5 * 3600 + 89))
        assert list(room.schedule.endings) != []
        await room.schedule.look(moment(5 * 3600 + 91))
        await room.until(lambda: list(room.schedule.endings) == [])
        assert steps(room, "circuit")[-1] == ("switch_off", "confirmed")


async def test_what_was_given_long_ago_and_never_taken_back_is_taken_back_at_the_start(tmp_path: Path) -> None:
    """The daemon was down for a month, or nothing could be reached for so long."""
    folder = site_files(tmp_path / "site")
    async with playing(folder, tmp_path / "played") as (simulation, site):
        with Journal(tmp_path / "journal.db") as journal:
            then = SystemClock().now().utc - timedelta(days=30)
            ends = (then + timedelta(hours=4)).isoformat()
            steps_then = (("requested", "li: festival"), ("until", ends), ("sent", ""), ("confirmed", ""))
            for step, detail in steps_then:
                await journal.commit([Step("old", "", 0, "circuit", "switch_on", step, then, detail)])
        simulation.wiring.write("relay", "on_5", True)
        async with control_room(site, simulation, tmp_path / "journal.db") as room:
            await room.until(lambda: steps(room, "circuit")[-1] == ("switch_off", "confirmed"))
            await room.until(lambda: lit(room, 5) is False and not room.schedule.endings)
            assert room.actions.ledger.not_taken_back() == []


async def test_a_command_that_failed_but_was_done_all_the_same_is_taken_back(tmp_path: Path) -> None:
    folder = site_files(tmp_path / "site", timetables=TABLES)
    async with playing(folder, tmp_path / "played") as (simulation, site):
        behind = {line.name: line.address for line in simulation.lines}
        async with lying_gateway(behind["lamps"]) as gateway:
            relocate(folder, site, buses=behind | {"lamps": gateway.address})
            state = tmp_path / "journal.db"
            async with control_room(site, simulation, state, scheduled=False, clock=Then()) as room:
                await ready(room)
                await room.schedule.look(moment(-600))
                gateway.code = 2
                given = await room.give("circuit", "switch_on", until=moment(-300).utc)
                assert given == ["requested", "until", "sent", "failed"]
                await room.until(lambda: lit(room, 5) is True)
                assert await states(room, -500) == "differs"  # it overrides nothing
            async with control_room(site, simulation, state, scheduled=False, clock=Then()) as room:
                await ready(room)
                room.schedule.restore(room.actions.ledger.not_taken_back())
                gateway.code = 0
                await room.schedule.look(moment(-301))
                assert steps(room, "circuit")[-1] == ("switch_on", "failed")
                await room.schedule.look(moment(-299))
                await room.until(lambda: lit(room, 5) is False and not room.schedule.endings)
                assert steps(room, "circuit")[-1] == ("switch_off", "confirmed")


async def test_a_command_that_failed_and_was_not_done_overrides_nothing_and_is_not_taken_back(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        room.simulation.targets.inject("bus:lamps", "cut_line")
        await room.until(lambda: room.value("relay.online") is False)
        given = await room.give("circuit", "switch_on", until=moment(-300).utc)
        assert given == ["requested", "until", "sent", "failed"]
        assert list(room.schedule.endings) != []
        await room.schedule.look(moment(-299))  # nobody can say: it waits
        assert steps(room, "circuit")[-1] == ("switch_on", "failed")
        assert list(room.schedule.endings) != []
        room.simulation.targets.clear("bus:lamps")
        await room.until(lambda: lit(room, 5) is False)
        await room.schedule.look(moment(-200))
        assert list(room.schedule.endings) == []
        assert steps(room, "circuit")[-1] == ("switch_on", "failed")


async def test_a_command_that_failed_holds_up_no_edge(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        room.simulation.targets.inject("bus:lamps", "cut_line")
        await room.until(lambda: room.value("relay.online") is False)
        assert (await room.give("circuit", "switch_off", until=moment(600).utc))[-1] == "failed"
        room.simulation.targets.clear("bus:lamps")
        await room.until(lambda: lit(room, 5) is False)
        await room.schedule.look(moment(0))
        await room.until(lambda: lit(room, 5) is True)
        await room.schedule.look(moment(601))
        assert list(room.schedule.endings) == []
        assert steps(room, "circuit")[-1][0] == "switch_on"


async def test_an_answer_in_doubt_takes_away_no_end_that_was_set_before(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        await room.schedule.look(moment(-600))
        until = moment(-100).utc
        await room.give("circuit", "switch_on", until=until)
        room.simulation.targets.inject("modbus:relay", "mute")
        assert (await room.give("circuit", "switch_off"))[-1] == "unknown"
        assert [one.until for one in room.schedule.endings.values()] == [until]
        room.schedule.restore(room.actions.ledger.not_taken_back())
        assert [one.until for one in room.schedule.endings.values()] == [until]


async def test_a_lamp_that_an_alarm_holds_is_not_switched_off_when_an_override_ends(tmp_path: Path) -> None:
    holding = """\
equipment:
  lamp-1:
    rules:
      not_lit: {actions: [{do: switch_on, target: circuit}]}
"""
    alarm = AlarmId("lamp-1.not_lit")
    folder = site_files(tmp_path / "site", timetables=TABLES, rules=holding)
    state = tmp_path / "journal.db"
    async with (
        playing(folder, tmp_path / "played") as (simulation, site),
        control_room(site, simulation, state, scheduled=False, clock=Then()) as room,
    ):
        await ready(room)
        await room.schedule.look(moment(-600))
        await room.give("circuit", "switch_on", until=moment(-300).utc)
        simulation.targets.inject("lamp-1", "lamp_broken")
        await room.give("lamp-1", "switch_on")
        await room.until(lambda: room.actions.linkage.holds(EquipmentId("circuit")))
        await room.until(lambda: steps(room, "circuit")[-4:-1].count(("switch_on", "requested")) == 1)
        await room.schedule.look(moment(-299))
        assert list(room.schedule.endings) == []
        assert ("switch_off", "requested") not in steps(room, "circuit")
        simulation.targets.clear("lamp-1")
        await room.give("lamp-1", "switch_on")
        await room.pipeline.operate(Operation(OperationKind.ACKNOWLEDGE, alarm, "li", "desk-1"))
        await room.until(lambda: steps(room, "circuit")[-1] == ("switch_off", "confirmed"))


async def test_only_what_something_takes_back_may_be_given_for_a_time(opened: Opened) -> None:
    async with opened() as room:
        await ready(room)
        soon = moment(300).utc
        with pytest.raises(NotAllowed, match="Nothing takes this command back"):
            await room.actions.give(room.command("lamp-1", "switch_on", until=soon))
        with pytest.raises(NotAllowed, match="longer than"):
            await room.actions.give(room.command("circuit", "switch_on", until=soon + timedelta(days=2)))


@pytest.mark.parametrize("opened", [BY_LIGHT], indirect=True, ids=["light"])
async def test_measured_light_switches_with_hysteresis(opened: Opened) -> None:
    """LT-2: by measured light."""
    async with opened() as room:
        await ready(room)

        async def shines(lux: float, seconds: float) -> None:
            room.simulation.wiring.write("meters", "ai_3", lux)
            await room.until(lambda: abs(float(room.value("meters.ai_3") or 0) - lux) < 1)
            await room.schedule.look(moment(seconds))

        await shines(100, 0)
        await shines(100, 10)  # bright: the state that it finds is no edge
        assert steps(room, "circuit") == []
        await shines(20, 100)
        await shines(45, 105)  # a cloud
        await shines(20, 200)
        assert steps(room, "circuit") == []
        await shines(20, 210)
        await room.until(lambda: lit(room, 5) is True)
        await shines(45, 300)
        await shines(45, 400)  # between the limits nothing moves
        assert steps(room, "circuit")[-1] == ("switch_on", "confirmed")
        await shines(100, 500)
        await shines(100, 510)
        await room.until(lambda: lit(room, 5) is False)
