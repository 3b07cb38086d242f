"""What counts as proof that an alarm was seen and heard, and under whose name."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from daemon.web.console_names import ConsoleNames
from daemon.web.receipts import Receipts
from daemon.web.said import Perceived, Sound
from daemon.web.sessions import EACH, IDLE, RECEIPTS_AT_ONCE, RECEIPTS_PER_SECOND, WINDOWS_EACH, Session
from daemon.web.stream import ONLOOKERS, WINDOWS
from estate.people import Role
from tests.daemon.web.conftest import sign_in
from tests.daemon.web.desk import Desk, HandClock, people
from tests.daemon.web.test_stream import console, server, token

__all__ = ["server"]

ALARM = "zone-01.alarm"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(tmp_path: Path, clock: HandClock) -> Any:
    made = Desk(tmp_path, clock)
    yield made
    made.sign_in.close()


def session(role: Role = Role.OPERATOR, at: float = 1000.0) -> Session:
    (user,) = [one for one in people() if one.role is role]
    return Session(user, "127.0.0.1", at, at)


def shown(*alarms: tuple[str, int], prompt: bool = True) -> Perceived:
    return Perceived(kind="shown", prompt=prompt, alarms=list(alarms))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPERATOR, Role.SUPERVISOR}))
async def test_only_who_may_operate_proves_that_an_alarm_was_seen(desk: Desk, role: Role) -> None:
    desk.raise_alarm(ALARM)
    receipts = Receipts(desk.control, desk.clock)
    for said in (shown((ALARM, 1)), shown((ALARM, 1), prompt=False), Sound(kind="sound", state="suspended")):
        await receipts.heard(session(role), "desk-1", said)
    assert (desk.reports, desk.records) == ([], [])


async def test_a_receipt_counts_once_for_each_console_and_only_for_the_occurrence_that_stands(desk: Desk) -> None:
    desk.raise_alarm(ALARM)
    receipts, operator = Receipts(desk.control, desk.clock), session()
    for said in (shown((ALARM, 1)), shown(*[(ALARM, 1)] * 100), shown((ALARM, 0)), shown((ALARM, 9999))):
        await receipts.heard(operator, "desk-1", said)
        await receipts.heard(operator, "desk-1", said.model_copy(update={"prompt": False}))
    await receipts.heard(operator, "desk-2", shown((ALARM, 1)))
    await receipts.heard(operator, "desk-1", Perceived(kind="sounded", alarms=[(ALARM, 1)]))
    desk.clear(ALARM)
    desk.raise_alarm(ALARM)
    await receipts.heard(operator, "desk-1", shown((ALARM, 1), (ALARM, 2)))
    assert [(name, one.kind, one.occurrence) for name, one in desk.reports] == [
        ("desk-1", "shown", 1),
        ("desk-2", "shown", 1),
        ("desk-1", "sounded", 1),
        ("desk-1", "shown", 2),
    ]
    assert desk.receipts == []


async def test_names_made_up_by_the_thousand_fill_no_journal(desk: Desk, clock: HandClock) -> None:
    """23,100 rows in 10 s, before."""
    desk.raise_alarm(*desk.facts)
    receipts, operator = Receipts(desk.control, desk.clock), session(at=clock.mono)
    everything = shown(*((alarm, 1) for alarm in desk.facts))
    for number in range(2000):
        await receipts.heard(operator, f"name-{number}", everything)
    assert len(desk.reports) == RECEIPTS_AT_ONCE
    clock.mono += 10
    for number in range(2000):
        await receipts.heard(operator, f"other-{number}", everything)
    assert len(desk.reports) == RECEIPTS_AT_ONCE + 10 * RECEIPTS_PER_SECOND
    assert sum(len(one) for one in receipts._taken.values()) < 20_000, "nor the memory"


def test_a_console_s_name_belongs_to_the_session_that_has_it_open() -> None:
    names, desk, other, third = ConsoleNames(), session(), session(), session()
    assert [names.take("desk-1", desk), names.take("desk-1", desk)] == ["desk-1", "desk-1"]
    assert [names.take("desk-1", other), names.take("desk-1", third)] == ["desk-1-2", "desk-1-3"]
    assert [names.known_as("desk-1", one) for one in (desk, other)] == ["desk-1", "desk-1-2"]
    names.give_back("desk-1", desk)
    assert names.known_as("desk-1", session()) == "desk-1-4", "one of the two windows is still open"
    names.give_back("desk-1", desk)
    assert names.known_as("desk-1", session()) == "desk-1"
    assert [names.take("a" * 32, one) for one in (desk, other)] == ["a" * 32, "a" * 28 + "-2"]


def test_who_signs_in_after_another_at_the_same_desk_has_its_name() -> None:
    names, before, after = ConsoleNames(), session(), session()
    names.take("desk-1", before)
    before.ended = True
    assert names.take("desk-1", after) == "desk-1"
    names.give_back("desk-1", before)  # its window closes a moment later
    assert names.known_as("desk-1", session()) == "desk-1-2"


async def test_two_sessions_under_one_name_are_told_apart_in_all_they_do(desk: Desk, server: Any) -> None:
    desk.raise_alarm(ALARM)
    first, second, viewer = [await token(server, role) for role in ("operator", "supervisor", "viewer")]
    async with console(server, viewer) as onlooker, console(server, first) as one, console(server, second) as other:
        for window in (onlooker, one, other):
            await window.frame("snapshot")
        assert desk.stream.consoles == ["desk-1", "desk-1", "desk-1-2"]
        for window in (onlooker, one, other):
            await window.say(kind="shown", alarms=[[ALARM, 1]])
            await window.frame("heartbeat")
        base = f"http://127.0.0.1:{server.port}"
        headers = {"origin": base, "x-estate-console": "desk-1", "cookie": f"estate={second}"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            await client.post("/api/alarms/zone-01.alarm/acknowledge", json={"occurrence": 1})
    assert [name for name, _ in desk.reports] == ["desk-1", "desk-1-2"]
    assert [(one.by, one.console) for one in desk.operations] == [("supervisor", "desk-1-2")]


async def test_a_console_that_changes_its_mind_about_its_sound_is_recorded_seldom_and_rightly(
    desk: Desk, clock: HandClock, server: Any
) -> None:
    async with console(server, await token(server)) as one:
        await one.frame("snapshot")
        for state in ("suspended", "running") * 40:
            await one.say(kind="sound", state=state)
        await one.say(kind="sound", state="silent")
        await one.frame("heartbeat")
        clock.mono += 6
        await one.frame("heartbeat")
        await one.frame("heartbeat")
    sounds = [one.detail for one in desk.records if getattr(one, "action", "") == "console sound"]
    assert sounds == ["suspended", "silent"]


async def test_one_session_opens_so_many_windows_and_onlookers_leave_places_for_operators(
    desk: Desk, server: Any
) -> None:
    cookie, operator = await token(server, "viewer"), await token(server)
    async with AsyncExitStack() as windows:
        for _ in range(WINDOWS_EACH):
            await windows.enter_async_context(console(server, cookie))
        with pytest.raises(InvalidStatus) as refused:
            await windows.enter_async_context(console(server, cookie))
        assert refused.value.response.status_code == 503
        await windows.enter_async_context(console(server, operator))
    desk.stream.entered = ONLOOKERS
    assert [desk.stream.has_room(session(role)) for role in (Role.VIEWER, Role.OPERATOR)] == [False, True]
    desk.stream.entered = WINDOWS
    assert not desk.stream.has_room(session())


async def test_who_has_every_session_at_an_open_window_is_told_so_and_loses_none(
    desk: Desk, clock: HandClock, server: Any
) -> None:
    async with AsyncExitStack() as windows:
        for _ in range(EACH):
            one = await windows.enter_async_context(console(server, await token(server)))
            await one.frame("snapshot")
        base = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=base, headers={"origin": base, "x-estate-console": "desk-1"}) as client:
            refused = await sign_in(client)
            assert (refused.status_code, refused.json()["error"]) == (429, "full")
            assert (await sign_in(client, "supervisor")).status_code == 200
        assert len(desk.stream.consoles) == EACH


async def test_a_window_that_was_open_counts_as_used_until_it_closes(desk: Desk, clock: HandClock, server: Any) -> None:
    cookie = await token(server)
    async with console(server, cookie) as one:
        await one.frame("snapshot")
        clock.mono += IDLE - 60
        await one.frame("heartbeat")
        await one.frame("heartbeat")
    clock.mono += 120
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, headers={"cookie": f"estate={cookie}"}) as client:
        assert (await client.get("/api/snapshot")).status_code == 200
