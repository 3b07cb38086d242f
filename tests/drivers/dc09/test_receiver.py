"""The DC-09 receiver over a real socket: what it acknowledges, when, and what it refuses (HH-4, devices.md E14)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from drivers.dc09.frame import answer, crc, header_of, open_frame
from drivers.dc09.source import Dc09Source
from drivers.profile import Profile
from estate.model import Delivery, Event, Sample, SystemClock
from estate.outline import Receiver
from estate.site import Device
from tests.drivers.dc09.sender import PanelLine, checksum, frame

PROFILE = Path(__file__).parents[3] / "drivers" / "profiles" / "contact-id-panel.yaml"


@dataclass
class Receiving:
    """The receiver with an inbox that settles only when told to, as a journal on a slow disk."""

    source: Dc09Source
    deliveries: list[Delivery] = field(default_factory=list)
    held: list[Callable[[], None]] = field(default_factory=list)
    hold: bool = False

    async def deliver(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if self.hold:
            self.held.append(delivery.settled)
        else:
            delivery.settled()

    @property
    def events(self) -> list[Event]:
        return [event for delivery in self.deliveries for event in delivery.events]

    @property
    def samples(self) -> list[Sample]:
        return [sample for delivery in self.deliveries for sample in delivery.samples]

    def told(self, point: str) -> list[Any]:
        return [sample.value for sample in self.samples if sample.point == point]

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0.01)


def profile(supervision: float = 200.0) -> Profile:
    read = Profile.model_validate(yaml.safe_load(PROFILE.read_text("utf-8")))
    assert read.dc09 is not None
    return read.model_copy(update={"dc09": read.dc09.model_copy(update={"supervision": supervision})})


@pytest_asyncio.fixture
async def receiving() -> AsyncIterator[Receiving]:
    devices = [(Device(id="panel-7", profile="contact-id-panel", account="12AB"), profile(1.0))]
    it: Receiving

    async def deliver(delivery: Delivery) -> None:
        await it.deliver(delivery)

    it = Receiving(Dc09Source(Receiver(port=0), devices, deliver, SystemClock()))
    running = asyncio.create_task(it.source.run())
    await it.until(lambda: it.source.port)
    yield it
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc(b"123456789") == checksum(b"123456789") == 0xBB3D


async def test_an_alarm_and_its_restore_change_the_panel_and_are_acknowledged(receiving: Receiving) -> None:
    async with PanelLine(receiving.source.port, "12AB") as line:
        assert await line.say(line.contact_id("1130", zone=15)) == '"ACK"0001R1L0#12AB[]'
        assert await line.say(line.contact_id("3130", zone=15)) == '"ACK"0002R1L0#12AB[]'
    assert receiving.told("panel-7.burglary") == [True, False]
    assert [event.type for event in receiving.events] == ["alarm.burglary", "restore.burglary"]
    assert receiving.events[0].data == {
        "code": "130", "qualifier": "1", "partition": "01", "zone": "015", "user": "015"
    }  # fmt: skip
    assert all(delivery.life_safety for delivery in receiving.deliveries if delivery.events)


async def test_nothing_is_acknowledged_before_the_journal_has_it(receiving: Receiving) -> None:
    receiving.hold = True
    async with PanelLine(receiving.source.port, "12AB") as line:
        await line.send(frame(line.contact_id("1120")))
        await receiving.until(lambda: receiving.events)
        with pytest.raises(TimeoutError):
            await line.answer(within=0.3)
        receiving.held[0]()
        assert (await line.answer()).startswith('"ACK"0001')


async def test_a_repeated_message_is_acknowledged_again_and_told_once(receiving: Receiving) -> None:
    async with PanelLine(receiving.source.port, "12AB") as line:
        message = line.contact_id("1110")
        assert (await line.say(message)).startswith('"ACK"0001')
        assert (await line.say(message)).startswith('"ACK"0001')
    assert len(receiving.events) == 1


async def test_who_arms_and_disarms_is_recorded(receiving: Receiving) -> None:
    """HH-3: openings and closings carry the user."""
    async with PanelLine(receiving.source.port, "12AB") as line:
        await line.say(line.contact_id("3401", zone=7))
        await line.say(line.contact_id("1401", zone=9))
        await line.say(line.contact_id("3441", zone=7))
    assert receiving.told("panel-7.armed") == ["armed_away", "disarmed", "armed_home"]
    assert receiving.told("panel-7.user") == ["007", "009", "007"]


@pytest.mark.parametrize("seconds", [-3600, -60, 45])
async def test_a_message_out_of_time_is_refused_with_our_time(receiving: Receiving, seconds: float) -> None:
    async with PanelLine(receiving.source.port, "12AB") as line:
        reply = await line.say(line.contact_id("1130", at=datetime.now(UTC) + timedelta(seconds=seconds)))
    assert reply.startswith('"NAK"0000R0L0A0[]_')
    ours = datetime.strptime(reply.partition("_")[2], "%H:%M:%S,%m-%d-%Y").replace(tzinfo=UTC)
    assert abs((ours - datetime.now(UTC)).total_seconds()) < 5
    assert receiving.events == []
    assert receiving.told("panel-7.clock") == ["drift"]


async def test_what_cannot_be_understood_is_refused_and_what_was_damaged_is_not_answered(receiving: Receiving) -> None:
    async with PanelLine(receiving.source.port, "12AB") as line:
        assert await line.say(line.message("ADM-CID", "#12AB|nonsense")) == '"DUH"0001R1L0#12AB[]'
        assert (await line.say(line.message("SIA-DCS", "#12AB|NBA1"))).startswith('"DUH"0002')
        assert (await line.say('"*ADM-CID"0003R1L0#12AB[00112233445566778899AABBCCDDEEFF')).startswith('"DUH"0003')
        assert (await line.say('"ADM-CID"0004R1L0#9999[#9999|1130 01 001]')).startswith('"DUH"0004')
        await line.send(frame(line.contact_id("1130"), crc=0))
        await line.send(frame(line.contact_id("1130"), length=5))
        await line.send(b"\x00\xffGET / HTTP/1.1\r\n\r")
        assert (await line.say(line.contact_id("1131"))).startswith('"ACK"')
    assert [event.type for event in receiving.events] == ["alarm.burglary"]
    assert receiving.source.garbled >= 2
    assert "malformed" in receiving.told("panel-7.protocol")


async def test_a_code_nobody_knows_is_journalled_as_unknown_and_changes_nothing(receiving: Receiving) -> None:
    async with PanelLine(receiving.source.port, "12AB") as line:
        assert (await line.say(line.contact_id("1999"))).startswith('"ACK"')
    assert [(event.type, event.data["code"]) for event in receiving.events] == [("unknown", "999")]
    assert receiving.told("panel-7.protocol") == ["unknown"]


async def test_null_messages_keep_a_panel_on_line_and_silence_takes_it_off(receiving: Receiving) -> None:
    """E14: silent for longer than its supervision, it is off line; a null message brings it back."""
    async with PanelLine(receiving.source.port, "12AB") as line:
        assert (await line.say(line.message("NULL"))).startswith('"ACK"0001')
        assert receiving.told("panel-7.online") == [True]
        await receiving.until(lambda: receiving.told("panel-7.online") == [True, False])
        await line.say(line.message("NULL"))
        assert receiving.told("panel-7.online") == [True, False, True]
    assert receiving.events == []


async def test_the_same_message_after_a_restart_has_the_same_identity(receiving: Receiving) -> None:
    """So the journal, which knows (device, boot, number), holds it once although its acknowledgement was lost."""
    message = PanelLine(0, "12AB", seq=41).contact_id("1130")
    async with PanelLine(receiving.source.port, "12AB") as line:
        await line.say(message)
    panel = receiving.source.panels[receiving.events[0].device]
    panel._seen.clear()  # what a restart forgets
    async with PanelLine(receiving.source.port, "12AB") as line:
        await line.say(message)
    first, second = receiving.events
    assert (first.boot, first.seq) == (second.boot, second.seq)


async def test_a_hundred_panels_at_once_are_all_answered(receiving: Receiving) -> None:
    async def one(number: int) -> None:
        async with PanelLine(receiving.source.port, "12AB", seq=number * 20) as line:
            for _ in range(10):
                assert (await line.say(line.contact_id("1602"), within=20)).startswith('"ACK"')

    async with asyncio.TaskGroup() as tasks:
        for number in range(100):
            tasks.create_task(one(number))
    assert len(receiving.events) == 1000
    assert len({(event.boot, event.seq) for event in receiving.events}) == 1000


def test_an_answer_is_a_frame_itself() -> None:
    header, _ = header_of(open_frame(frame('"NULL"0123R1L0#12AB[]')))
    assert open_frame(answer("ACK", header)) == '"ACK"0123R1L0#12AB[]'
