"""Deeds over HTTP against the real pipeline: what happens between the look and the deed, and how long is too long."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from daemon.assembly import Assembly
from daemon.web.alarm_api import SHORT_SHELF
from estate.model import Delivery, Quality, Sample, point_id
from rules.alarm import AlarmState
from tests.daemon.test_pipeline import HELD, TAMPER, Room, assembly, room
from tests.daemon.web.conftest import BASE, COMMAND, sign_in
from tests.daemon.web.desk import Desk

__all__ = ["assembly"]


@pytest.fixture
async def it(assembly: Assembly, tmp_path: Path) -> AsyncIterator[Room]:
    async with room(assembly, tmp_path / "journal.db") as one:
        yield one


@pytest.fixture
async def client(it: Room, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    desk = Desk(tmp_path, it.clock)
    desk.control = replace(
        desk.control,
        alarms=it.engine.alarms,
        standing=it.pipeline.standing,
        operate=it.pipeline.operate,
        first_shelved=it.engine.first_shelved,
    )
    transport = httpx.ASGITransport(app=desk.app("127.0.0.1:8470"))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=COMMAND) as one:
        await sign_in(one)
        yield one
    desk.sign_in.close()


def tampered(it: Room, value: bool) -> Delivery:
    now = it.clock.now()
    sample = Sample(point_id("door-1", "tamper"), value, Quality.GOOD, now.utc, now.mono)
    return Delivery(samples=(sample,), life_safety=True)


@pytest.mark.parametrize("deed", ["acknowledge", "unacknowledge", "reset"])
async def test_an_alarm_that_comes_again_between_the_look_and_the_deed_is_not_touched(
    it: Room, client: httpx.AsyncClient, deed: str
) -> None:
    """What waits before the deed in the inbox is newer than what the look saw."""
    await it.set(door_1__tamper=False)
    await it.set(door_1__tamper=True)
    if deed != "acknowledge":
        assert (await client.post(f"/api/alarms/{TAMPER}/acknowledge", json={"occurrence": 1})).status_code == 200
    seen = it.pipeline.standing[TAMPER]
    if deed == "reset":
        await it.set(door_1__tamper=False)
        seen = it.pipeline.standing[TAMPER]
        waiting = (tampered(it, True),)
    else:
        waiting = (tampered(it, False), tampered(it, True))
    assert seen.occurrence == 1
    for one in waiting:
        await it.inbox.put(one)
    assert it.pipeline.standing[TAMPER] is seen, "the look finds the old one"
    answer = await client.post(f"/api/alarms/{TAMPER}/{deed}", json={"occurrence": 1})
    assert it.engine.alarms[TAMPER].occurrence == 2
    assert (answer.status_code, answer.json()) == (409, {"error": "changed", "by": "process"})
    assert it.engine.alarms[TAMPER].state is AlarmState.UNACKNOWLEDGED


async def shelve(client: httpx.AsyncClient, it: Room, minutes: float, role: str = "operator") -> int:
    await sign_in(client, role)
    body = {"occurrence": it.engine.alarms[HELD].occurrence, "minutes": minutes, "note": "delivery"}
    answer = await client.post(f"/api/alarms/{HELD}/shelve", json=body)
    return answer.status_code


async def test_an_operator_s_half_hour_counts_from_the_first_shelving_of_the_occurrence(
    it: Room, client: httpx.AsyncClient
) -> None:
    """Renewed three times, it was out of sight for as long as he liked."""
    await it.set(door_1__alarm="held")
    assert await shelve(client, it, 30) == 200
    await it.later(10 * 60)
    assert await shelve(client, it, 30) == 403, "not prolonged"
    assert await shelve(client, it, 19) == 200, "within the half hour he may change it"
    await client.post(f"/api/alarms/{HELD}/unshelve", json={"occurrence": 1})
    assert await shelve(client, it, 30) == 403, "nor taken off the shelf and put there again"
    await it.later(21 * 60)
    assert await shelve(client, it, 5) == 403, "nor after its time"
    assert it.engine.first_shelved(HELD) is not None
    assert await shelve(client, it, 60, "supervisor") == 200, "a supervisor may go on"


async def test_another_occurrence_has_its_own_half_hour(it: Room, client: httpx.AsyncClient) -> None:
    await it.set(door_1__alarm="held")
    assert await shelve(client, it, 30) == 200
    await it.later(31 * 60)
    await it.set(door_1__alarm="none")
    await it.later(60)
    await it.set(door_1__alarm="held")
    assert it.engine.alarms[HELD].occurrence == 2
    assert await shelve(client, it, 30) == 200


async def test_one_that_came_while_it_was_put_aside_counts_from_its_coming(it: Room, client: httpx.AsyncClient) -> None:
    await it.set(door_1__alarm="none")
    assert await shelve(client, it, 30) == 200, "of a normal alarm"
    await it.later(10 * 60)
    await it.set(door_1__alarm="held")
    await it.later(21 * 60)
    assert it.engine.alarms[HELD].suppression.shelf is None
    assert await shelve(client, it, 10) == 403, "put aside for 20 minutes since it came"
    assert await shelve(client, it, 8.9) == 200
    assert timedelta(minutes=30) == SHORT_SHELF
