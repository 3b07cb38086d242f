"""The DC-09 receiver over a real socket: what it acknowledges, when, and what it refuses (HH-4, devices.md E14)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from drivers.dc09.frame import answer, crc, header_of, open_frame
from tests.drivers.dc09.conftest import PROFILE, Receiving
from tests.drivers.dc09.sender import PanelLine, checksum, frame


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
        receiving.held[0](True)
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
        async with PanelLine(receiving.source.port, "12AB", seq=number * 20, source=f"127.0.1.{number + 1}") as line:
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


async def test_an_encrypted_message_is_refused_and_the_reason_says_what_to_do(receiving: Receiving) -> None:
    """No cipher is among the locked dependencies: DUH, by which the panel knows, and words for people."""
    async with PanelLine(receiving.source.port, "12AB") as line:
        sealed = line.message("*ADM-CID", "8F2C09E1A4B7D3568F2C09E1A4B7D356").partition("]")[0] + "]"
        assert (await line.say(sealed)).startswith('"DUH"')
        assert (await line.say(line.contact_id("1130"))).startswith('"ACK"')  # the line itself goes on
    (refused,) = (one for one in receiving.samples if one.point == "panel-7.protocol" and one.value == "malformed")
    assert "set the panel to plain text" in refused.reason
    assert [event.type for event in receiving.events] == ["alarm.burglary"]


def test_no_cipher_has_come_among_the_dependencies_meanwhile() -> None:
    """When one has, the encrypted form can be read, and the refusal has to go."""
    locked = (PROFILE.parents[2] / "requirements.lock").read_text("utf-8")
    assert not [name for name in ("cryptography", "pycryptodome", "pyaes", "pynacl") if f"\n{name}==" in locked]
