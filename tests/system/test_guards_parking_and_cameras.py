"""Guard tours, lanes and cameras, tested while the guards walk; simulator, broker, daemon and journal, all real."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.system.estate import Estate, estate
from tests.system.shortened import shorten
from tests.system.witness import event, good, raised, since

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = {
    "lane": {"loop_limit": 1.0, "server_limit": 1.0},
    "camera": {"stream_delay": 1.0, "picture_delay": 1.0},
    "nvr": {"platform_delay": 1.0},
}
TOURS = ("skip", "backwards", "hurry", "late", "batch")
"""One tour for each way to walk it wrongly, so that all are seen in one round."""


def prepare(site: Path) -> None:
    """Short delays, the tours, a post to be visited every 4 s and a place of radio tests every 5 s."""
    shorten(site, SHORT)
    devices, equipment, tours = [], [], []
    for name in TOURS:
        devices.append({"id": f"reader-{name}", "profile": "estate-tour", "via": "gt-1"})
        words = {"zh": f"路线{name}", "en": f"Tour {name}"}
        equipment.append({"id": f"tour-{name}", "class": "tour", "number": name, "name": words, "place": words,
                          "device": f"reader-{name}"})  # fmt: skip
        stops = [{"checkpoint": f"cp-0{i}", "after": 2 * (i - 1)} for i in (1, 2, 3)]
        tours.append({"id": f"tour-{name}", "readers": [f"reader-{name}"], "starts": ["00:00"], "every": 12,
                      "tolerance": 2, "stops": stops, "upload": "batch" if name == "batch" else "live"})  # fmt: skip
    words = {"zh": "地下二层", "en": "Basement 2"}
    equipment.append({"id": "radio-1", "class": "radio_place", "number": "1", "name": words, "place": words,
                      "parameters": {"visit_every": 5}})  # fmt: skip
    text = (site / "equipment.yaml").read_text("utf-8")
    for before, after in (
        ("device: post-reader-1,", "device: post-reader-1, parameters: {visit_every: 4},"),
        ("parameters: {visit_every: 3600}", "parameters: {visit_every: 5}"),
    ):
        assert before in text
        text = text.replace(before, after)
    (site / "equipment.yaml").write_text(text, "utf-8")
    for file, rows in (("devices.yaml", devices), ("equipment.yaml", equipment), ("tours.yaml", tours)):
        with (site / file).open("a", encoding="utf-8") as stream:
            stream.write("\n" + "".join(f"- {json.dumps(row, ensure_ascii=False)}\n" for row in rows))


async def set_out(whole: Estate) -> None:
    """The guards walk wrongly from the beginning; what came of it is asked for at the end."""
    for name in TOURS:
        fault, details = (name, {"delay": 2.6}) if name == "late" else ("skip" if name == "batch" else name, {})
        await whole.controls.fault(f"tour-{name}", fault, **details)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def riverside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("guards"), prepare=prepare, browser=False) as whole:
        await whole.until(lambda: {"barrier-in-1.position", "cam-01.stream"} <= good(whole).keys(), "points good", 30)
        await set_out(whole)
        yield whole


async def test_a_key_place_and_a_post_that_nobody_visits_alarm(riverside: Estate) -> None:
    """GT-2: key places within their time; GT-4: a fixed post whose check-in stays away; GT-5: radio tests by place."""
    before = datetime.now(UTC)
    await riverside.controls.fault("post-gate", "asleep")
    text = (await since(riverside, "post-gate.unmanned", before))["text_zh"]
    assert "4秒内未报到" in text
    overdue = await riverside.journaled("cp-06.overdue")
    assert "重点部位5秒内未巡" in overdue["text_zh"]
    await riverside.controls.act("tour-inner", "checkpoint", place="cp-06")
    await since(riverside, "cp-06.overdue", before, "clear")
    await riverside.controls.heal("post-gate", "asleep")
    await riverside.journaled("radio-1.test_overdue")
    await riverside.controls.act("tour-inner", "radio", place="radio-1", result="none")
    await since(riverside, "radio-1.no_reception", before)
    await since(riverside, "radio-1.test_overdue", before, "clear")


@pytest.mark.parametrize(
    ("fault", "alarm", "delay"),
    [("power_loss", "on_battery", 0.0), ("obstruction", "obstructed", 0.0), ("guard_failure", "guard_failed", 0.0),
     ("forced", "forced", 0.0), ("barrier_stuck", "stuck", 0.0), ("loop_stuck", "loop_stuck", 1.0),
     ("server_lost", "working_alone", 1.0)],
)  # fmt: skip
async def test_a_lane_tells_what_is_wrong(riverside: Estate, fault: str, alarm: str, delay: float) -> None:
    """PK-1: mains loss while the lane works on; PK-3: anti-crush; PK-5: forced and stuck."""
    await raised(riverside, "lane-in-2", fault, f"lane-in-2.{alarm}", "3号车道", delay=delay)


@pytest.mark.parametrize("act", ["tailgate", "wrong_way"])
async def test_odd_movements_in_a_lane_alarm(riverside: Estate, act: str) -> None:
    """PK-5: tailgating and the wrong direction."""
    before = datetime.now(UTC)
    await riverside.controls.act("lane-out-1", act)
    await since(riverside, f"lane-out-1.{act}", before)


async def test_fees_and_free_passages_are_recorded_and_unpaid_exits_stand_out(riverside: Estate) -> None:
    """PK-6: paid, free, unpaid; PK-2: the plate with its facts."""
    before = datetime.now(UTC)
    await riverside.controls.act("lane-out-1", "pay", plate="粤B12345", amount=15, by="wechat")
    await riverside.controls.act("lane-out-1", "pass_free", plate="粤B00001", by="booth")
    await riverside.controls.act("lane-out-1", "leave_unpaid", plate="粤B99999")
    await event(riverside, "barrier-out-1", "fee.paid", "粤B12345", "15.00", "wechat")
    await event(riverside, "barrier-out-1", "fee.free", "粤B00001", "booth")
    await event(riverside, "barrier-out-1", "fee.unpaid", "粤B99999")
    await since(riverside, "lane-out-1.unpaid_exit", before)
    await riverside.controls.act("lane-in-1", "plate", plate="粤A54321", card_kind="temporary")
    await event(riverside, "lpr-in-1", "plate.read", "粤A54321", "confidence", "temporary", "direction", "image_ref")


async def test_occupancy_is_counted(riverside: Estate) -> None:
    """PK-7: counted, and nearly full is said."""
    before = datetime.now(UTC)
    await riverside.controls.act("car-park-1", "fill", n=295)
    assert "295" in (await since(riverside, "car-park-1.full", before))["text_zh"]


async def test_what_a_lane_did_off_line_comes_later_with_its_true_time(riverside: Estate) -> None:
    """PK-4: buffered without the network, uploaded afterwards, true times, and no live alarm from it."""
    begun = datetime.now(UTC)
    await riverside.controls.fault("park-1", "offline")
    await riverside.controls.act("lane-in-1", "tailgate")
    await riverside.controls.act("lane-in-1", "plate", plate="粤C77777")
    await asyncio.sleep(5.5)  # what is younger than 5 s counts as live (simulators.outbox.HISTORIC)
    back = datetime.now(UTC)
    await riverside.controls.heal("park-1", "offline")
    kept = await event(riverside, "lpr-in-1", "plate.read", "粤C77777")
    assert kept["historic"] == 1
    assert begun <= datetime.fromisoformat(kept["at"]) < back
    await event(riverside, "barrier-in-1", "vehicle.tailgate")
    query = "SELECT count(*) AS n FROM transition WHERE alarm = 'lane-in-1.tailgate'"
    assert riverside.rows(query)[0]["n"] == 0


@pytest.mark.parametrize(
    ("fault", "alarm", "delay"),
    [("signal_loss", "signal_loss", 0.0), ("no_stream", "no_stream", 1.0), ("blind", "blind", 1.0),
     ("freeze", "frozen", 1.0), ("not_recorded", "not_recording", 0.0), ("retention_short", "retention_short", 0.0),
     ("sub_stream_lost", "sub_stream_lost", 1.0)],
)  # fmt: skip
async def test_a_camera_tells_what_is_wrong(riverside: Estate, fault: str, alarm: str, delay: float) -> None:
    """CC-1: retention of every channel; CC-3: loss of picture; CC-6: main and sub stream each; E21, E22."""
    await raised(riverside, "camera-02", fault, f"camera-02.{alarm}", "02号摄像机", delay=delay)


async def test_motion_alarms(riverside: Estate) -> None:
    """CC-3: motion detection."""
    before = datetime.now(UTC)
    await riverside.controls.act("camera-01", "motion")
    await since(riverside, "camera-01.motion", before)


@pytest.mark.parametrize(
    ("fault", "alarm", "delay"),
    [("disk_error", "disk_error", 0.0), ("gap", "gaps", 0.0), ("channels_full", "spare_short", 0.0),
     ("platform_lost", "platform_lost", 1.0), ("retention_short", "retention_short", 0.0)],
)  # fmt: skip
async def test_a_recorder_tells_what_is_wrong(riverside: Estate, fault: str, alarm: str, delay: float) -> None:
    """CC-1: fewer than 30 days; CC-7: the line to a higher platform; CC-8: spare channels."""
    await raised(riverside, "nvr-1", fault, f"nvr-1.{alarm}", delay=delay)


async def test_recordings_are_found_by_channel_and_time(riverside: Estate) -> None:
    """CC-5: what is recorded, and what is missing, stands in the journal with channel, begin and end."""
    piece = {"channel": "3", "from": "2026-03-01T01:00:00Z", "to": "2026-03-01T01:20:00Z"}
    await riverside.controls.act("nvr-1", "record", **piece)
    await riverside.controls.fault("nvr-1", "gap", **piece)
    for kind in ("recording.stopped", "recording.gap"):
        await event(riverside, "nvr-1", kind, '"3"', "01:00:00", "01:20:00")
    await riverside.controls.heal("nvr-1")


async def test_guards_who_walk_wrongly_are_told_and_readers_may_be_hours_late(riverside: Estate) -> None:
    """GT-1: missed, out of order, too fast and late checkpoints alarm; GT-3: a visit names camera and moment."""
    query = "SELECT * FROM transition WHERE alarm = 'tour-skip.missed' AND text_zh LIKE '%漏巡 02号点%'"
    await riverside.until(lambda: riverside.rows(query), "the checkpoint that was left out", 40)
    for alarm in ("tour-backwards.out_of_order", "tour-hurry.too_fast", "tour-late.late", "tour-batch.missed"):
        await riverside.journaled(alarm, within=40)
    batch = await event(riverside, "reader-batch", "tour.checkpoint", "device_ts")
    assert batch["historic"] == 1
    seen = await asyncio.to_thread(good, riverside)
    assert seen["cp-01.picture"].startswith("cam-gate-01@20")
    for name in TOURS:
        await riverside.controls.heal(f"tour-{name}")
