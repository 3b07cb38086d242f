"""What is at the edge of text, number and calendar: refused with 422, never an error of ours, and never repeated."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.cards import Cards
from daemon.journal import Journal
from daemon.web.card_api import add_card_api
from tests.daemon.web.conftest import BASE, COMMAND, sign_in
from tests.daemon.web.desk import Desk

ALARM = "/api/alarms/zone-01.alarm"
UNTIL = "2030-01-01T00:00:00+08:00"
BODIES: dict[str, dict[str, Any]] = {
    f"{ALARM}/acknowledge": {"occurrence": 1, "note": "seen"},
    f"{ALARM}/shelve": {"occurrence": 1, "until": UNTIL, "note": "known"},
    f"{ALARM}/remove_from_service": {"occurrence": 1, "until": UNTIL, "note": "works", "order": "WO-1"},
    f"{ALARM}/return_to_service": {"occurrence": 1, "note": "done"},
    "/api/silence": {"alarms": [["zone-01.alarm", 1]]},
    "/api/cards": {
        "card": "c:77aa", "kind": "resident", "holder": "p-12", "household": "h-1", "doors": ["door-01"],
        "valid_from": UNTIL, "valid_until": UNTIL, "reason": "moved in",
    },
    "/api/cards/c:77aa/grant": {"doors": ["door-01"], "valid_until": UNTIL, "reason": "night shift"},
    "/api/cards/c:77aa/lost": {"reason": "lost it"},
    "/api/login": {"name": "operator", "password": "correct"},
}  # fmt: skip
QUERIES = {
    "/api/trend": {"point": "sump-01-ctl.level", "start": UNTIL, "end": "2031-01-01T00:00:00Z", "most": "100"},
    "/api/journal": {"kind": "transition", "before": "7", "limit": "5"},
    "/api/alarms": {"view": "all"},
    "/api/cards": {"limit": "5"},
    "/api/cards/reads": {"limit": "5"},
}
NINES = "9" * 4000
RAW = {
    "half a character": '"\\ud800"',
    "two halves the wrong way round": '"a\\udc00\\ud800"',
    "a number of 4000 digits": NINES,
    "10^23": "100000000000000000000000",
    "2^53+1": "9007199254740993",
    "not a number": "NaN",
    "endless": "1e400",
    "the first moment": '"0001-01-01T00:00:00+14:00"',
    "the last moment": '"9999-12-31T23:59:59-14:00"',
    "a moment as a number": "1700000000",
    "nesting": "[" * 3000,
}
TEXT = {
    "a number of 4000 digits": NINES,
    "10^23": "100000000000000000000000",
    "the first moment": "0001-01-01T00:00:00+14:00",
    "the last moment": "9999-12-31T23:59:59-14:00",
    "half a character": "\udcff",
    "nothing": "\0",
}
TIMES = ("until", "valid_from", "valid_until")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every leaf of a body."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))
    else:
        yield path


def with_raw(body: dict[str, Any], path: tuple[Any, ...], raw: str) -> bytes:
    """The body with raw JSON in one place."""
    changed = json.loads(json.dumps(body))
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = "HERE"
    return json.dumps(changed).replace('"HERE"', raw).encode()


@pytest.fixture
async def client(desk: Desk, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    with Journal(tmp_path / "journal.db") as journal:
        cards = Cards((), journal.commit)
        doors = frozenset({"door-01"})
        desk.more.append(lambda api: add_card_api(api, cards, doors, journal.newest_events, desk.clock))
        transport = httpx.ASGITransport(app=desk.app("127.0.0.1:8470"), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=COMMAND) as one:
            desk.raise_alarm("zone-01.alarm")
            await sign_in(one, "supervisor")
            yield one


@pytest.mark.parametrize("path", BODIES)
async def test_no_body_has_an_edge_that_is_ours_to_fall_from(client: httpx.AsyncClient, path: str) -> None:
    headers = {"content-type": "application/json"}
    for place in places(BODIES[path]):
        for name, raw in RAW.items():
            if "moment" in name and place[-1] not in TIMES:
                continue
            answer = await client.post(path, content=with_raw(BODIES[path], place, raw), headers=headers)
            assert answer.status_code == 422, (path, place, name, answer.text)
            assert len(answer.text) < 1000
            assert raw.strip('"') not in answer.text


@pytest.mark.parametrize("path", QUERIES)
async def test_no_query_has_one(client: httpx.AsyncClient, path: str) -> None:
    good = await client.get(path, params=QUERIES[path])
    assert good.status_code == 200, good.text
    for key in QUERIES[path]:
        for name, text in TEXT.items():
            raw = httpx.QueryParams(QUERIES[path] | {key: "HERE"})
            bad = str(raw).replace("HERE", "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogateescape")))
            answer = await client.get(f"{path}?{bad}")
            assert answer.status_code == (404 if key == "point" else 422), (path, key, name, answer.text)
            assert "999999" not in answer.text


@pytest.mark.parametrize("part", ["%ff%fe", "%ed%a0%80", "%00", "9" * 4000, "%F0%9F%9A%AA", "a%0d%0ab"])
async def test_no_path_has_one(client: httpx.AsyncClient, part: str) -> None:
    for path in (f"/api/plans/{part}", f"/api/procedures/{part}", f"/{part}"):
        assert (await client.get(path)).status_code == 404
    headers = {"content-type": "application/json"}
    for path, body in (
        ("alarms/{}/acknowledge", '{"occurrence":1}'),
        ("alarms/{}/shelve", json.dumps(BODIES[f"{ALARM}/shelve"])),
    ):
        assert (await client.post(f"/api/{path.format(part)}", content=body, headers=headers)).status_code == 404
    refused = await client.post(f"/api/cards/{part}/lost", content='{"reason":"lost it"}', headers=headers)
    assert (refused.status_code, refused.json()["reason"]) == (409, "unknown card")


async def test_a_console_silences_only_what_there_is(desk: Desk, client: httpx.AsyncClient) -> None:
    before = len(desk.audit)
    assert (await client.post("/api/silence", json={"alarms": [["no-such.alarm", 1]]})).status_code == 200
    assert len(desk.audit) == before
    assert (await client.post("/api/silence", json={"alarms": [["<img src=x>", 1]]})).status_code == 422
    await client.post("/api/silence", json={"alarms": [["no-such.alarm", 1], ["zone-01.alarm", 1]]})
    assert desk.audit[-1] == ("supervisor", "silence", "zone-01.alarm#1")
