"""Commands that ask for a second step: one slip of the hand, or one forged request, does nothing."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.web.command_api import add_command_api
from daemon.web.sessions import Session
from daemon.web.two_step import WITHIN, confirmation, confirms
from estate.model import EquipmentId
from tests.daemon.control_room import ControlRoom, control_room, playing, site_files
from tests.daemon.web.conftest import BASE, COMMAND, sign_in
from tests.daemon.web.desk import Desk, HandClock, people

ISOLATE = "/api/equipment/tanks/commands/isolate_1"
JOIN = "/api/equipment/tanks/commands/join_1"
GROUP = "/api/groups/pump-room/commands/isolate_1"


def asked(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"command-{number:04}", "reason": "cleaning", **more}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[ControlRoom]:
    async with (
        playing(site_files(tmp_path / "site"), tmp_path / "played") as (simulation, site),
        control_room(site, simulation, tmp_path / "journal.db", scheduled=False) as one,
    ):
        await one.until(lambda: one.value("station.valve_2_opened") is True)
        yield one


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(room: ControlRoom, tmp_path: Path, clock: HandClock) -> AsyncIterator[httpx.AsyncClient]:
    desk = Desk(tmp_path, clock)
    groups = {"pump-room": [EquipmentId("tanks")]}
    desk.more.append(partial(add_command_api, actions=room.actions, groups=groups, clock=clock))
    transport = httpx.ASGITransport(app=desk.app("127.0.0.1:8470"))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=COMMAND) as one:
        await sign_in(one)
        yield one
    desk.sign_in.close()


def steps(room: ControlRoom) -> list[tuple[str, str]]:
    return [(row["command"], row["step"]) for row in reversed(room.journal.newest("step"))]


async def test_the_first_step_moves_nothing_and_the_second_one_does(
    room: ControlRoom, client: httpx.AsyncClient
) -> None:
    first = await client.post(ISOLATE, json=asked(1))
    told = first.json()
    assert (first.status_code, told["error"], told["id"], told["equipment"]) == (
        428,
        "confirm",
        "command-0001",
        ["tanks"],
    )
    assert (told["within"], steps(room)) == (WITHIN, [])
    second = await client.post(ISOLATE, json=asked(1, confirm=told["confirm"]))
    assert second.status_code == 202
    assert (await room.ended("command-0001"))[-1] == "confirmed"
    again = await client.post(ISOLATE, json=asked(1, confirm=told["confirm"]))
    late = await client.post(ISOLATE, json=asked(1))
    assert [(one.status_code, one.json()["state"]) for one in (again, late)] == [(202, "confirmed")] * 2
    assert [step for _, step in steps(room)].count("sent") == 1, "sent again, it changes nothing"


async def test_a_command_without_two_steps_has_one(room: ControlRoom, client: httpx.AsyncClient) -> None:
    assert (await client.post(JOIN, json=asked(1))).status_code == 202


async def test_what_cannot_be_done_now_is_refused_at_the_first_step(
    room: ControlRoom, client: httpx.AsyncClient
) -> None:
    told = (await client.post(ISOLATE, json=asked(1))).json()
    await client.post(ISOLATE, json=asked(1, confirm=told["confirm"]))
    await room.ended("command-0001")
    refused = await client.post("/api/equipment/tanks/commands/isolate_2", json=asked(2))
    assert (refused.status_code, refused.json()["error"]) == (409, "refused")
    assert ("command-0002", "refused") in steps(room)


async def test_a_second_step_is_worth_nothing_elsewhere(
    room: ControlRoom, client: httpx.AsyncClient, clock: HandClock
) -> None:
    """Bound to the session, the equipment, the command, its id and its time; and short-lived."""
    told = (await client.post(ISOLATE, json=asked(1))).json()["confirm"]
    cookie = client.cookies["estate"]
    forged = ["", "1", f"9{told}", told[:-1], told.upper(), "٣.x", "." * 100, told.replace(".", ".0")]
    other = (await client.post(GROUP, json=asked(1))).json()["confirm"]
    for confirm in (*forged, other):
        assert (await client.post(ISOLATE, json=asked(1, confirm=confirm))).status_code == 428, confirm
    for path, body in (
        (ISOLATE, asked(2, confirm=told)),
        (ISOLATE, asked(1, confirm=told, minutes=5.0)),
        ("/api/equipment/tanks/commands/isolate_2", asked(1, confirm=told)),
        (GROUP, asked(1, confirm=told)),
    ):
        assert (await client.post(path, json=body)).status_code == 428, (path, body)
    await sign_in(client, "supervisor")
    assert (await client.post(ISOLATE, json=asked(1, confirm=told))).status_code == 428
    client.cookies.clear()
    client.cookies.set("estate", cookie)
    clock.mono += WITHIN + 1
    assert (await client.post(ISOLATE, json=asked(1, confirm=told))).status_code == 428
    assert steps(room) == []


async def test_a_group_is_asked_for_once_and_done_by_the_second_step(
    room: ControlRoom, client: httpx.AsyncClient
) -> None:
    told = (await client.post(GROUP, json=asked(1))).json()
    assert (told["error"], told["equipment"]) == ("confirm", ["tanks"])
    done = await client.post(GROUP, json=asked(1, confirm=told["confirm"]))
    assert done.status_code == 202
    assert [one["id"] for one in done.json()["commands"]] == ["command-0001.tanks"]
    assert (await room.ended("command-0001.tanks"))[-1] == "confirmed"


def test_a_confirmation_ends_after_its_time() -> None:
    session, other = (Session(people()[1], "127.0.0.1", 0.0, 0.0) for _ in range(2))
    said = confirmation(session, "disarm", 100.0)
    assert confirms(session, "disarm", said, 100.0 + WITHIN)
    assert not confirms(session, "disarm", said, 101.0 + WITHIN)
    assert not confirms(session, "arm", said, 100.0)
    assert not confirms(other, "disarm", said, 100.0)
