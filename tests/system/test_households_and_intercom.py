"""Flats: alarm panels over MQTT and DC-09, and the intercom; simulator, broker, daemon and journal, all real."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.drivers.dc09.sender import PanelLine
from tests.system.estate import OPERATOR, Estate, estate
from tests.system.shortened import shorten
from tests.system.witness import event, good, raised, since

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = {"panel": {"test_period": 1.0, "bypass_limit": 1.0}, "intercom": {"register_delay": 1.0}}


def prepare(site: Path) -> None:
    """Short delays, and one flat whose panel speaks DC-09."""
    shorten(site, SHORT)
    words = {"zh": "7号楼2001室", "en": "Building 7, flat 2001"}
    device = {"id": "panel-2001", "profile": "contact-id-panel", "account": "2001"}
    panel = {"id": "panel-2001", "class": "panel", "number": "2001室", "name": words, "place": words,
             "device": "panel-2001"}  # fmt: skip
    for file, row in (("devices.yaml", device), ("equipment.yaml", panel)):
        with (site / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n- {json.dumps(row, ensure_ascii=False)}\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("flats"), prepare=prepare, browser=False) as whole:
        await whole.until(lambda: {"panel-0301.line", "ic-unit-1.line"} <= good(whole).keys(), "points good", 30)
        yield whole


@pytest.mark.parametrize(
    ("fault", "alarm"),
    [("cut_line", "line_cut"), ("short_line", "line_short"), ("power_loss", "mains_lost"), ("tamper", "tamper"),
     ("silent_panic", "silent_panic"), ("medical", "medical"), ("duress", "duress"), ("gas", "gas"),
     ("sensor_lost", "sensor_lost"), ("trouble", "trouble")],
)  # fmt: skip
async def test_a_household_panel_is_supervised_on_line(riverside: Estate, fault: str, alarm: str) -> None:
    """HH-1 HH-4: each alarm and each fault of the line and the supply, with the room as text, within 2 s."""
    await raised(riverside, "panel-0502", fault, f"panel-0502.{alarm}", "502")


async def test_an_alarm_leads_to_the_household_and_the_look_at_it_is_recorded(riverside: Estate) -> None:
    """HH-2: residents, phones and notes of the flat whose panel alarms; CR-9: who looked at them, and when."""
    await raised(riverside, "panel-1604", "burglary", "panel-1604.burglary")
    desk = await riverside.desk()
    status, flat = await asyncio.to_thread(desk.ask, "POST", "/api/equipment/panel-1604/household")
    assert (status, flat["room"], flat["note"]) == (200, "1604", "业主在外地")
    assert [(one["name"], one["phone"]) for one in flat["residents"]] == [("蒋涛", "13900001604")]
    query = "SELECT who, target, detail FROM audit WHERE action = 'household'"
    assert [tuple(row) for row in riverside.rows(query)] == [(OPERATOR, "h-6-1604", "panel-1604")]
    status, _ = await asyncio.to_thread(desk.ask, "POST", "/api/equipment/zone-01/household")
    assert status == 404


async def test_arming_and_disarming_at_the_panel_is_recorded_with_who_and_when(riverside: Estate) -> None:
    """HH-3: by one key and by password; a cancelled alarm too."""
    await riverside.controls.act("panel-0803", "arm", mode="armed_home", user="u-2")
    armed = await event(riverside, "panel-0803", "panel.armed", "armed_home", "u-2")
    await riverside.controls.act("panel-0803", "disarm", user="u-3")
    disarmed = await event(riverside, "panel-0803", "panel.disarmed", "u-3")
    assert datetime.fromisoformat(armed["at"]) < datetime.fromisoformat(disarmed["at"])
    await riverside.until(lambda: good(riverside).get("panel-0803.user") == "u-3", "who, shown")


async def test_a_test_report_that_stays_away_is_told(riverside: Estate) -> None:
    """HH-4: Contact ID 602 is the panel's heartbeat."""
    before = datetime.now(UTC)
    await riverside.controls.act("panel-1101", "test")
    await since(riverside, "panel-1101.test_overdue", before)


async def test_a_panel_over_ip_is_acknowledged_when_the_journal_has_it(riverside: Estate) -> None:
    """HH-1 HH-3 HH-4: SIA DC-09 with Contact ID; at the moment of the acknowledgement the event is on disk."""
    port = yaml.safe_load((riverside.site / "site.yaml").read_text("utf-8"))["dc09"]["port"]
    query = "SELECT type FROM event WHERE device = 'panel-2001' ORDER BY position"
    kinds = []
    await riverside.controls.fault("dc09:panel-2001", "mute")  # the panel is played here, not by the simulators
    async with PanelLine(port, "2001") as line:
        for code, zone, kind in (("1120", 1, "alarm.panic"), ("1301", 0, "supply.lost"), ("3301", 0, "supply.restore"),
                                 ("3401", 7, "panel.armed"), ("1401", 8, "panel.disarmed")):  # fmt: skip
            kinds.append(kind)
            assert (await line.say(line.contact_id(code, zone))).startswith('"ACK"')
            assert [row["type"] for row in riverside.rows(query)] == kinds
        assert (await line.say(line.message("NULL"))).startswith('"ACK"')
    panic = await riverside.journaled("panel-2001.panic")
    assert "2001室 紧急求助报警" in panic["text_zh"]
    await event(riverside, "panel-2001", "panel.disarmed", '"008"')


@pytest.mark.parametrize(
    ("fault", "alarm", "delay"),
    [("riser_short", "bus_short", 0.0), ("riser_cut", "bus_cut", 0.0), ("data_fault", "data_fault", 0.0),
     ("power_loss", "supply_lost", 0.0), ("not_registered", "not_registered", 1.0), ("tamper", "tamper", 0.0),
     ("sos", "sos", 0.0)],
)  # fmt: skip
async def test_an_intercom_diagnoses_itself(riverside: Estate, fault: str, alarm: str, delay: float) -> None:
    """IC-2: cut, short, power and data line are found on line."""
    await raised(riverside, "ic-unit-1", fault, f"ic-unit-1.{alarm}", delay=delay)


async def test_the_branch_that_isolated_itself_is_named(riverside: Estate) -> None:
    """IC-2: the console shows which branch is isolated."""
    await raised(riverside, "ic-unit-2", "riser_short", "ic-unit-2.isolated", "B2-U1", delay=1.0, branch="B2-U1")


async def test_calls_on_different_buses_run_at_once_and_are_logged(riverside: Estate) -> None:
    """IC-1: two stations call at the same time; both calls stand in the journal with caller and called."""
    await riverside.controls.act("ic-unit-1", "call", to="0502")
    await riverside.controls.act("ic-unit-2", "call", to="0301")
    await event(riverside, "ic-unit-1", "call.started", "0502")
    await event(riverside, "ic-unit-2", "call.started", "0301")
    both = ("ic-unit-1.line", "ic-unit-2.line")
    await riverside.until(lambda: [good(riverside).get(point) for point in both] == ["ringing"] * 2, "both ring")
    for station in ("ic-unit-1", "ic-unit-2"):
        await riverside.controls.act(station, "hang_up")
        await event(riverside, station, "call.ended")


async def test_a_resident_who_lifts_the_handset_is_shown_with_the_room(riverside: Estate) -> None:
    """IC-3: an incoming call with its room; IC-4: a barred extension's call comes to the control room."""
    before = datetime.now(UTC)
    await riverside.controls.act("ic-unit-1", "call_centre", **{"from": "1-0301"})
    assert "1-0301" in (await since(riverside, "ic-unit-1.call_to_centre", before))["text_zh"]
    await riverside.controls.act("ic-unit-1", "answer")
    await since(riverside, "ic-unit-1.call_to_centre", before, "clear")
    before = datetime.now(UTC)
    await riverside.controls.act("ic-unit-2", "bar")
    await since(riverside, "ic-unit-2.barred", before)
    await riverside.controls.act("ic-unit-2", "call", to="0502")
    await event(riverside, "ic-unit-2", "call.diverted", "0502")
    await since(riverside, "ic-unit-2.call_to_centre", before)
