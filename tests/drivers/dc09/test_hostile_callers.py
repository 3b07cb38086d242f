"""The DC-09 receiver against whoever else reaches its port: floods, idle lines, and messages in a panel's name."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drivers.dc09.frame import MAX_FRAME
from drivers.dc09.lines import LEAST, PER_ADDRESS
from estate.model import Event
from tests.drivers.dc09.conftest import Receiving, listening, panel
from tests.drivers.dc09.sender import PanelLine, frame

STRANGER = frame('"NULL"0001R1L0#FFFF[]')
OURS = frame('"NULL"0001R1L0#12AB[]')
QUARTER_MEGABYTE = 256 * 1024


class HeldUp:
    """The longest that the event loop's thread has worked, in s of its own CPU time, without coming round."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            last = now


@asynccontextmanager
async def watching() -> AsyncIterator[HeldUp]:
    held_up = HeldUp()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(held_up.watch())
        yield held_up
        task.cancel()


def send_all(port: int, payload: bytes, source: str) -> int:
    """Everything at once, reading what comes back, until the receiver hangs up or has answered all; bytes read."""
    read = 0
    with socket.create_connection(("127.0.0.1", port), source_address=(source, 0)) as line:
        line.settimeout(10)

        def push() -> None:
            try:
                line.sendall(payload)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        pushing = threading.Thread(target=push)
        pushing.start()
        try:
            while part := line.recv(65536):
                read += len(part)
        except OSError:
            pass
        line.close()
        pushing.join()
    return read


@pytest.mark.parametrize(
    "flood",
    [b"\n\r", STRANGER, b"\n" + b"A" * 900 + b"\r", b"A" * 1000, b"\n" + b"A" * MAX_FRAME],
    ids=["empty frames", "an unknown account", "damaged frames", "no frames", "frames without an end"],
)
async def test_a_flood_of_nonsense_neither_stops_the_daemon_nor_fills_its_log(
    flood: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as receiving, watching() as held_up:
        payload = flood * (QUARTER_MEGABYTE // len(flood))
        for _ in range(5):
            await asyncio.to_thread(send_all, receiving.source.port, payload, "127.0.0.66")
        async with PanelLine(receiving.source.port, "12AB") as line:
            assert (await line.say(line.contact_id("1130"))).startswith('"ACK"')
        await receiving.until(lambda: not len(receiving.source.lines))
    assert held_up.longest < 0.1
    assert len([record for record in caplog.records if "127.0.0.66" in record.getMessage()]) <= 1
    assert receiving.source.garbled <= 5 * 4
    assert receiving.source.strange <= 5 * 4


async def test_a_flood_in_a_panels_own_name_is_answered_flagged_and_holds_nobody_up() -> None:
    async with listening(panel(), panel("panel-8", "88AA")) as receiving, watching() as held_up:
        ours = OURS * (QUARTER_MEGABYTE // len(OURS))
        flood = asyncio.create_task(asyncio.to_thread(send_all, receiving.source.port, ours, "127.0.0.66"))
        await receiving.until(lambda: len(receiving.deliveries) > 100)
        async with PanelLine(receiving.source.port, "88AA") as line:
            for _ in range(20):
                before = len(receiving.deliveries)
                assert (await line.say(line.contact_id("1130"))).startswith('"ACK"')
                assert flood.done() or len(receiving.deliveries) - before < 1000  # not behind all of the flood
        assert await flood > 5000 * 30
    assert held_up.longest < 0.1
    assert "flood" in receiving.told("panel-7.protocol")
    assert "flood" not in receiving.told("panel-8.protocol")


async def test_who_reads_no_answers_is_hung_up_on_before_they_fill_the_memory() -> None:
    async with listening() as receiving:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", receiving.source.port))
            line.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(60):
                with contextlib.suppress(ConnectionError):
                    while True:
                        await loop.sock_sendall(line, OURS * 1000)
        await receiving.until(lambda: not len(receiving.source.lines))


async def test_a_line_without_a_frame_is_closed_after_ten_seconds_and_a_panels_when_it_is_silent_too_long(
    clock: Any,
) -> None:
    async with listening(clock=clock, supervision=90.0) as receiving, AsyncExitStack() as lines:
        for _ in range(PER_ADDRESS):
            await lines.enter_async_context(PanelLine(receiving.source.port, "12AB"))
        ours = await lines.enter_async_context(PanelLine(receiving.source.port, "12AB", source="127.0.0.2"))
        assert (await ours.say(ours.message("NULL", at=clock.utc))).startswith('"ACK"')
        clock.forward(9)
        await asyncio.sleep(0.6)  # one look at the clock
        assert len(receiving.source.lines) == PER_ADDRESS + 1
        clock.forward(2)
        await receiving.until(lambda: len(receiving.source.lines) == 1)
        clock.forward(78)
        assert (await ours.say(ours.message("NULL", at=clock.utc))).startswith('"ACK"')
        clock.forward(91)
        await receiving.until(lambda: not len(receiving.source.lines))


async def test_one_address_gets_eight_lines_as_long_as_it_is_a_stranger_and_a_panel_behind_it_gets_in() -> None:
    async with listening() as receiving, AsyncExitStack() as lines:
        idle = [
            await lines.enter_async_context(PanelLine(receiving.source.port, "FFFF", source="127.0.0.66"))
            for _ in range(5 * PER_ADDRESS)
        ]
        await receiving.until(lambda: len(receiving.source.lines) == PER_ADDRESS)
        for line in idle[: 4 * PER_ADDRESS]:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await line.say(line.message("NULL"))
        async with PanelLine(receiving.source.port, "12AB", source="127.0.0.66") as line:
            assert (await line.say(line.contact_id("1120"))).startswith('"ACK"')
        await receiving.until(lambda: receiving.told("system.receiver")[-1:] == ["limited"])


async def test_panels_behind_one_router_are_not_limited_once_each_has_spoken() -> None:
    async with listening() as receiving, AsyncExitStack() as lines:
        for _ in range(3 * PER_ADDRESS):
            line = await lines.enter_async_context(PanelLine(receiving.source.port, "12AB"))
            assert (await line.say(line.message("NULL"))).startswith('"ACK"')
        assert len(receiving.source.lines) == 3 * PER_ADDRESS


@pytest.mark.parametrize("their_account", ["", "12AB"])
async def test_a_panel_gets_in_when_all_lines_are_taken_by_strangers_or_by_one_account(their_account: str) -> None:
    async with listening(panel(), panel("panel-8", "88AA")) as receiving, AsyncExitStack() as lines:
        first = await lines.enter_async_context(PanelLine(receiving.source.port, "88AA"))
        assert (await first.say(first.message("NULL"))).startswith('"ACK"')
        for number in range(LEAST - 1):
            source = f"127.0.2.{number // PER_ADDRESS + 1}"
            line = await lines.enter_async_context(PanelLine(receiving.source.port, their_account, source=source))
            if their_account:
                assert (await line.say(line.message("NULL"))).startswith('"ACK"')
        await receiving.until(lambda: len(receiving.source.lines) == LEAST)
        for _ in range(3):
            async with PanelLine(receiving.source.port, "88AA", source="127.0.3.1") as line:
                assert (await line.say(line.contact_id("1130"))).startswith('"ACK"')
        assert (await first.say(first.contact_id("3130"))).startswith('"ACK"')  # and nobody of ours had to go
        await receiving.until(lambda: "limited" in receiving.told("system.receiver"))


@pytest.mark.parametrize("home", ["127.0.0.7", "127.0.0.0/29"])
async def test_a_message_from_elsewhere_than_the_panels_address_is_not_answered_and_is_the_panels_fault(
    home: str,
) -> None:
    async with listening(panel(address=home)) as receiving:
        async with PanelLine(receiving.source.port, "12AB", source="127.0.0.7") as line:
            assert (await line.say(line.contact_id("1130"))).startswith('"ACK"')
        async with PanelLine(receiving.source.port, "12AB", source="127.0.0.66") as line:
            await line.send(frame(line.contact_id("3130")))
            await receiving.until(lambda: receiving.source.strange == 1)
            with pytest.raises(TimeoutError):
                await line.answer(within=0.3)
            await line.send(frame(line.contact_id("3130")) * 5)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await line.answer()
    assert [event.type for event in receiving.events] == ["alarm.burglary"]
    assert receiving.told("panel-7.protocol")[-1] == "conflict"
    assert receiving.told("panel-7.burglary") == [True]
    assert receiving.source.strange == 3


async def test_where_a_time_is_required_a_message_without_one_is_refused_and_no_sign_of_life() -> None:
    async with listening(time_required=True) as receiving, PanelLine(receiving.source.port, "12AB") as line:
        said = line.contact_id("1401")
        assert (await line.say(said.rpartition("_")[0])).startswith('"NAK"')
        assert receiving.events == []
        assert receiving.told("panel-7.clock") == ["unset"]
        assert receiving.told("panel-7.online") == []
        assert (await line.say(said)).startswith('"ACK"')
    assert [event.type for event in receiving.events] == ["panel.disarmed"]


def identities(events: list[Event]) -> set[tuple[str, int]]:
    return {(event.boot, event.seq) for event in events}


async def test_different_things_said_under_one_number_in_one_second_are_different_events() -> None:
    """Each was acknowledged, so the journal has to hold each; and each once, when it is said again after a restart."""
    at = datetime.now(UTC)
    said = [
        f'"ADM-CID"0600R1L0#12AB[#12AB|{code} 01 00{zone}]' for zone, code in enumerate(("1130", "1120", "1110"), 1)
    ]
    seen = []
    for messages in (said, said[::-1]):
        async with listening() as receiving, PanelLine(receiving.source.port, "12AB") as line:
            for message in messages:
                assert (await line.say(f"{message}_{at:%H:%M:%S,%m-%d-%Y}")).startswith('"ACK"')
        assert len(receiving.events) == 3
        seen.append({event.type: (event.boot, event.seq) for event in receiving.events})
    assert len(set(seen[0].values())) == 3
    assert seen[0] == seen[1]
    assert all(seq < 2**53 for _, seq in seen[0].values())


async def test_hundreds_of_contents_of_one_second_have_a_number_each() -> None:
    async with listening() as receiving, PanelLine(receiving.source.port, "12AB") as line:
        at = datetime.now(UTC)
        mine = next(iter(receiving.source.panels.values()))
        heard = await receive_all(receiving, line, at, 400)
        assert len(identities(heard)) == 400
        assert mine.standing.counts["conflict"] == 0


async def receive_all(receiving: Receiving, line: PanelLine, at: datetime, count: int) -> list[Event]:
    """`count` messages under one number, differing in zone and partition alone."""
    for number in range(count):
        body = f'"ADM-CID"0600R1L0#12AB[#12AB|1130 {number % 100:02} {number // 100:03}]_{at:%H:%M:%S,%m-%d-%Y}'
        assert (await line.say(body)).startswith('"ACK"')
    return receiving.events


@pytest.mark.parametrize(
    ("hours", "believed"), [(0, True), (-6 * 24, True), (-8 * 24, False), (1, False), (24 * 365 * 7000, False)]
)
async def test_a_time_of_occurrence_is_believed_only_within_the_last_week(hours: float, believed: bool) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    at = now + timedelta(hours=hours)
    async with listening() as receiving, PanelLine(receiving.source.port, "12AB") as line:
        more = f"[H{at:%H:%M:%S,%m-%d-}{at.year:04}]"
        assert (await line.say(line.message("ADM-CID", "#12AB|1130 01 001", more=more))).startswith('"ACK"')
    (event,) = receiving.events
    assert event.at is not None
    assert (event.at == at) is believed
    assert abs((event.at - now).total_seconds()) < 30 or believed
    assert event.clock == ("sync" if believed else "drift")
    assert receiving.told("panel-7.clock") == ["ok" if believed else "drift"]


async def test_without_any_time_of_its_own_an_event_has_the_time_of_receipt_and_says_so() -> None:
    async with listening() as receiving, PanelLine(receiving.source.port, "12AB") as line:
        for more in ("", "[H23:59:59,12-31-9999]"):
            said = line.message("ADM-CID", f"#12AB|1130 01 00{len(receiving.events)}", more=more).rpartition("_")[0]
            assert (await line.say(said)).startswith('"ACK"')
    assert [(event.at, event.clock) for event in receiving.events] == [(None, "unset"), (None, "drift")]
