"""A route and what it is given: who is let in, what is understood, and what becomes of the rest."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from pydantic import Field
from starlette.responses import Response

from daemon.inbox import OperationKind
from daemon.web.call import Asked, Call, Query
from daemon.web.permission import Permission
from daemon.web.routes import Json, Routes
from tests.daemon.web.conftest import BASE, COMMAND, sign_in
from tests.daemon.web.desk import Desk


class Page(Query):
    limit: Annotated[int, Field(ge=1, le=9)] = 5
    kind: OperationKind | None = None


class Note(Asked):
    text: Annotated[str, Field(max_length=20)]
    pair: tuple[str, int] = ("", 0)


def add_test_routes(api: Routes) -> None:
    @api.get("/api/test/page", Permission.PUBLIC)
    async def page(call: Call) -> Response:
        return Json(call.query(Page))

    @api.post("/api/test/note", Permission.SEE)
    async def note(call: Call) -> Response:
        return Json(await call.body(Note))

    @api.get("/api/test/broken", Permission.PUBLIC)
    async def broken(call: Call) -> Response:
        return Json({"user": call.session.user.name})

    @api.get("/api/test/figures", Permission.PUBLIC)
    async def figures(_: Call) -> Response:
        return Json({"p50": float("nan"), "text": "水位"})


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    desk.more.append(add_test_routes)
    transport = httpx.ASGITransport(app=desk.app("127.0.0.1:8470"))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=COMMAND) as one:
        yield one


async def test_a_query_is_text_that_must_read_as_what_is_asked_and_other_keys_mean_nothing(
    client: httpx.AsyncClient,
) -> None:
    good = await client.get("/api/test/page?limit=7&kind=shelve&colour=red")
    assert good.json() == {"limit": 7, "kind": "shelve"}
    assert (await client.get("/api/test/page?limit=1&limit=2")).json()["limit"] == 2
    for bad in ("limit=0", "limit=x", "limit=", "limit=7.5", "kind=destroy", "kind="):
        answer = await client.get(f"/api/test/page?{bad}")
        assert answer.status_code == 422, bad
        assert answer.json()["detail"][0]["loc"] == ["query", bad.partition("=")[0]]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"text": 1}', b'{"text": "x", "y": 1}', b'{"text": "\xff"}', b'{"text": NaN}',
     b'{"text": "x", "pair": ["a", "1"]}', b'{"text": "\\ud800"}', b"[" * 60_000],
    ids=["nothing", "cut off", "list", "null", "number", "unknown key", "not UTF-8", "NaN", "number as text",
         "half a character", "deep"],
)  # fmt: skip
async def test_a_body_that_is_not_what_is_asked_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    await sign_in(client)
    headers = {"content-type": "application/json"}
    answer = await client.post("/api/test/note", content=body, headers=headers)
    assert (answer.status_code, answer.json()["detail"][0]["loc"][0]) == (422, "body")
    good = await client.post("/api/test/note", content=b'{"text": "x", "pair": ["a", 1]}', headers=headers)
    assert good.json() == {"text": "x", "pair": ["a", 1]}


async def test_what_a_form_of_a_foreign_page_can_send_is_not_read(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = await client.post("/api/test/note", content=b'{"text": "x"}', headers={"content-type": kind})
        assert answer.status_code == 422, kind


async def test_a_refused_body_is_not_repeated_in_the_answer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/login", json={"name": "operator", "password": "secret" * 100, "word": "hidden"})
    assert answer.status_code == 422
    assert [one["loc"] for one in answer.json()["detail"]] == [["body", "password"], ["body", "word"]]
    assert "secret" not in answer.text
    assert "hidden" not in answer.text


async def test_who_may_not_call_learns_nothing_of_what_was_wrong_with_the_call(client: httpx.AsyncClient) -> None:
    stranger = await client.post("/api/test/note", content=b"{")
    assert (stranger.status_code, stranger.json()) == (401, {"detail": "no session"})
    await sign_in(client, "auditor")
    assert (await client.post("/api/test/note", content=b"{")).json() == {"detail": "not permitted"}


async def test_a_console_has_a_name_or_does_nothing(desk: Desk, client: httpx.AsyncClient) -> None:
    await sign_in(client)
    before = len(desk.audit)
    answer = await client.post("/api/silence", json={"alarms": []}, headers={"x-estate-console": "Desk 1; DROP"})
    assert (answer.status_code, len(desk.audit)) == (400, before)


async def test_a_number_that_json_has_not_is_null(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/test/figures")).text == '{"p50":null,"text":"水位"}'


async def test_a_method_that_a_path_has_not_is_told_with_those_it_has(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/test/note", json={"text": "x"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await client.head("/api/health")).status_code == 200


async def test_a_fault_in_a_route_is_logged_and_ends_nothing_but_that_answer(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.more.append(add_test_routes)
    async with desk.serve() as server, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{server.port}"
        with caplog.at_level(logging.ERROR, "uvicorn.error"):
            answer = await client.get(f"{base}/api/test/broken")
        assert (answer.status_code, answer.text) == (500, "Internal Server Error")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "a public route has no session" in caplog.text
        assert (await client.get(f"{base}/api/health")).status_code == 200
