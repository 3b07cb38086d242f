"""The HTTP API: who may do what, and what every answer carries."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from daemon.inbox import OperationKind
from daemon.web.application import create_app, declared
from daemon.web.permission import ROLES, Permission
from daemon.web.routes import Routes
from estate.people import Role
from tests.daemon.web.conftest import BASE, COMMAND, sign_in
from tests.daemon.web.desk import Desk, HandClock

SEE, OPERATE, JOURNAL = Permission.SEE, Permission.OPERATE, Permission.READ_JOURNAL
TABLE = {
    "GET /api/health": Permission.PUBLIC,
    "POST /api/login": Permission.PUBLIC,
    "GET /api/session": Permission.PUBLIC,
    "POST /api/logout": Permission.SIGNED_IN,
    "GET /api/site": SEE,
    "GET /api/plans/{plan}": SEE,
    "GET /api/procedures/{procedure}": SEE,
    "GET /api/snapshot": SEE,
    "GET /api/trend": SEE,
    "GET /api/latency": SEE,
    "WEBSOCKET /api/stream": SEE,
    "GET /api/alarms": SEE,
    "POST /api/alarms/{alarm}/{kind}": OPERATE,
    "POST /api/alarms/{alarm}/shelve": OPERATE,
    "POST /api/alarms/{alarm}/remove_from_service": Permission.SERVICE,
    "POST /api/alarms/{alarm}/return_to_service": Permission.SERVICE,
    "POST /api/silence": OPERATE,
    "GET /api/journal": JOURNAL,
    "GET /{path:path}": Permission.PUBLIC,
}
SPAN = "start=2026-11-23T00:00:00Z&end=2026-11-23T01:00:00Z"
CALLS = {
    "GET /api/health": ("/api/health", None),
    "POST /api/login": ("/api/login", {"name": "x", "password": "y"}),
    "GET /api/session": ("/api/session", None),
    "POST /api/logout": ("/api/logout", {}),
    "GET /api/site": ("/api/site", None),
    "GET /api/plans/{plan}": ("/api/plans/estate", None),
    "GET /api/procedures/{procedure}": ("/api/procedures/perimeter", None),
    "GET /api/snapshot": ("/api/snapshot", None),
    "GET /api/trend": (f"/api/trend?point=sump-01-ctl.level&{SPAN}", None),
    "GET /api/latency": ("/api/latency", None),
    "POST /api/alarms/{alarm}/{kind}": ("/api/alarms/zone-01.alarm/acknowledge", {"occurrence": 1}),
    "GET /api/alarms": ("/api/alarms?view=shelved", None),
    "POST /api/alarms/{alarm}/shelve": (
        "/api/alarms/zone-01.alarm/shelve",
        {"occurrence": 1, "minutes": 30.0, "note": "known"},
    ),
    "POST /api/alarms/{alarm}/remove_from_service": (
        "/api/alarms/zone-01.alarm/remove_from_service",
        {"occurrence": 1, "note": "works", "order": "WO-1"},
    ),
    "POST /api/alarms/{alarm}/return_to_service": ("/api/alarms/zone-01.alarm/return_to_service", {"occurrence": 1}),
    "POST /api/silence": ("/api/silence", {"alarms": []}),
    "GET /api/journal": ("/api/journal", None),
    "GET /{path:path}": ("/console.js", None),
}


def routes(desk: Desk) -> Starlette:
    app = desk.app("127.0.0.1:8470").app
    assert isinstance(app, Starlette)
    return app


async def call(client: httpx.AsyncClient, route: str) -> httpx.Response:
    path, body = CALLS[route]
    return await client.request(route.split(maxsplit=1)[0], path, json=body)


def test_every_route_declares_the_permission_that_was_agreed(desk: Desk) -> None:
    assert declared(routes(desk).routes) == TABLE


def test_a_route_without_a_permission_stops_the_start(desk: Desk) -> None:
    found = [*routes(desk).routes, Route("/api/forgotten", lambda request: Response())]
    with pytest.raises(LookupError, match="forgotten"):
        declared(found)


def test_a_route_cannot_be_written_without_saying_who_may_call_it(desk: Desk) -> None:
    collected = Routes(desk.sessions, desk.clock)
    for declare in (collected.get, collected.post, collected.socket):
        with pytest.raises(TypeError, match="permission"):
            declare("/api/forgotten")  # type: ignore[call-arg]


def test_a_route_that_another_one_hides_stops_the_start(desk: Desk) -> None:
    with pytest.raises(LookupError, match="GET /api/site is declared twice"):
        create_app(
            desk.control, desk.stream, desk.sign_in, desk.sessions, desk.clock, [],
            [lambda api: api.get("/api/site", Permission.PUBLIC)(lambda call: call.body)],
        )  # fmt: skip


@pytest.mark.parametrize("role", [None, *Role])
async def test_every_route_lets_in_exactly_those_who_may(
    desk: Desk, browser: httpx.AsyncClient, role: Role | None
) -> None:
    desk.raise_alarm("zone-01.alarm")
    for route, permission in TABLE.items():
        if route.startswith("WEBSOCKET"):
            continue
        browser.cookies.clear()
        if role is not None:
            assert (await sign_in(browser, role.value)).status_code == 200
        answer = await call(browser, route)
        if permission is Permission.PUBLIC:
            assert answer.status_code in (200, 401), route
        elif role is None:
            assert answer.status_code == 401, route
        elif role not in ROLES[permission]:
            assert answer.status_code == 403, route
        else:
            assert answer.status_code in (200, 409), route


@pytest.mark.parametrize(
    "path", ["/", "/console.js", "/zh.json", "/nothing", "/api/site", "/api/health", "/api/nothing/"]
)
async def test_every_answer_carries_the_security_headers(browser: httpx.AsyncClient, path: str) -> None:
    for answer in (await browser.get(path), await browser.post(path, json={}), await browser.put(path)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
        if path.startswith("/api"):
            assert answer.headers["cache-control"] == "no-store"


async def test_a_foreign_host_origin_or_form_is_refused(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    path, body = "/api/silence", {"alarms": []}
    assert (await browser.post(path, json=body)).status_code == 200
    assert (await browser.get("/", headers={"host": "evil.example"})).status_code == 421
    for foreign in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:8471"},
        {"origin": f"{BASE}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert (await browser.post(path, json=body, headers=foreign)).status_code == 403, foreign
    bare = httpx.AsyncClient(transport=browser._transport, base_url=BASE, cookies=browser.cookies)
    assert (await bare.post(path, json=body, headers={"origin": BASE})).status_code == 403


async def test_bodies_that_are_too_large_malformed_or_unknown_change_nothing(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser)
    desk.raise_alarm("zone-01.alarm")
    path = "/api/alarms/zone-01.alarm/acknowledge"
    assert (await browser.post(path, content=b"x" * 70_000)).status_code == 413
    bad: list[dict[str, object]] = [{}, {"occurrence": "1"}, {"occurrence": 1, "extra": 1}, {"occurrence": -1}]
    for body in (*bad, {"occurrence": 1, "note": "x" * 501}):
        assert (await browser.post(path, json=body)).status_code == 422, body
    assert (await browser.post("/api/alarms/zone-01.alarm/destroy", json={"occurrence": 1})).status_code == 422
    assert (await browser.post("/api/alarms/zone-99.alarm/acknowledge", json={"occurrence": 1})).status_code == 404
    assert desk.alarms["zone-01.alarm"].state.needs_acknowledge  # type: ignore[index]


async def test_an_acknowledgement_names_the_operator_and_the_second_one_learns_who_was_first(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    desk.raise_alarm("zone-01.alarm")
    await sign_in(browser, "operator")
    path = "/api/alarms/zone-01.alarm/acknowledge"
    first = await browser.post(path, json={"occurrence": 1})
    assert first.json() | {"at": ""} == {"alarm": "zone-01.alarm", "state": "acknowledged", "by": "operator", "at": ""}
    await sign_in(browser, "supervisor")
    second = await browser.post(path, json={"occurrence": 1})
    assert second.status_code == 409
    assert second.json() == {"error": "already acknowledged", "by": "operator"}


async def test_an_occurrence_the_operator_has_not_seen_is_not_acknowledged(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    desk.raise_alarm("zone-01.alarm")
    desk.clear("zone-01.alarm")
    desk.raise_alarm("zone-01.alarm")
    await sign_in(browser)
    answer = await browser.post("/api/alarms/zone-01.alarm/acknowledge", json={"occurrence": 1})
    assert answer.json()["error"] == "changed"


async def test_what_the_rules_refuse_is_a_conflict_with_its_reason(desk: Desk, browser: httpx.AsyncClient) -> None:
    desk.raise_alarm("zone-01.alarm")
    await sign_in(browser)
    answer = await browser.post("/api/alarms/zone-01.alarm/acknowledge", json={"occurrence": 1, "note": "refuse me"})
    assert (answer.status_code, answer.json()) == (409, {"error": "refused", "reason": "not now"})


async def test_signing_in_gives_a_strict_cookie_and_signing_out_ends_the_session(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    answer = await sign_in(browser)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert answer.json()["may"] == ["signed in", "see", "operate", "read journal"]
    token = browser.cookies["estate"]
    await browser.post("/api/logout", json={})
    browser.cookies.set("estate", token)
    assert (await browser.get("/api/session")).json() is None
    assert [action for _, action, _ in desk.audit] == ["sign-in", "sign-out"]


async def test_over_https_the_cookie_is_bound_to_the_host(desk: Desk) -> None:
    transport = httpx.ASGITransport(app=desk.app("estate.example"))
    headers = {"origin": "https://estate.example", "x-estate-console": "desk-1"}
    async with httpx.AsyncClient(transport=transport, base_url="https://estate.example", headers=headers) as client:
        answer = await sign_in(client)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-estate=")
        assert "Secure" in cookie
        assert "strict-transport-security" in answer.headers


async def test_wrong_password_and_unknown_user_look_alike(desk: Desk, browser: httpx.AsyncClient) -> None:
    wrong = await sign_in(browser, "operator", "wrong")
    unknown = await sign_in(browser, "hunter2", "wrong")
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content) == (401, b'{"error":"wrong"}')
    assert [who for who, _, _ in desk.audit] == ["operator", "unknown"]


async def test_of_a_thousand_parallel_tries_at_most_five_are_verified(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HandClock())
    transport = httpx.ASGITransport(app=desk.app("127.0.0.1:8470"))
    browser = httpx.AsyncClient(transport=transport, base_url=BASE, headers=COMMAND)
    answers = await asyncio.gather(*(sign_in(browser, "operator", f"guess-{n}") for n in range(1000)))
    verified = [answer for answer in answers if answer.status_code == 401]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(verified) <= 5
    assert len(verified) + len(refused) == 1000
    assert int(refused[-1].headers["retry-after"]) >= 1
    right = await sign_in(browser, "operator")
    assert right.status_code == 429
    desk.sign_in.close()


async def test_silencing_is_recorded_with_who_and_where(desk: Desk, browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    await browser.post("/api/silence", json={"alarms": [["zone-01.alarm", 1]]})
    assert desk.audit[-1] == ("operator", "silence", "zone-01.alarm#1")


async def test_a_trend_is_read_only_for_points_of_the_site(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    good = await browser.get(f"/api/trend?point=sump-01-ctl.level&{SPAN}")
    assert good.json()["buckets"][0][1:] == [1.0, 2.0, 1.5, None, "good"]
    assert (await browser.get(f"/api/trend?point=elsewhere.level&{SPAN}")).status_code == 404
    backwards = "start=2026-11-23T01:00:00Z&end=2026-11-23T00:00:00Z"
    assert (await browser.get(f"/api/trend?point=sump-01-ctl.level&{backwards}")).status_code == 422


@pytest.mark.parametrize(
    "path", ["/../site.yaml", "/..%2f..%2fetc/passwd", "/vendor/../../auth.py", "/jsconfig.json", "/%00"]
)
async def test_only_the_console_s_own_files_are_served(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


async def test_an_unchanged_file_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/")
    again = await browser.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_plan_is_sent_again_only_when_it_was_drawn_anew(
    desk: Desk, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    await sign_in(browser)
    first = await browser.get("/api/plans/estate")
    assert "sandbox" in first.headers["content-security-policy"]
    asked = {"if-none-match": first.headers["etag"]}
    again = await browser.get("/api/plans/estate", headers=asked)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    (tmp_path / "estate.svg").write_text("<svg/>")
    anew = await browser.get("/api/plans/estate", headers=asked)
    assert (anew.status_code, anew.text, anew.headers["content-type"]) == (200, "<svg/>", "image/svg+xml")
    (tmp_path / "estate.svg").unlink()
    assert (await browser.get("/api/plans/estate")).status_code == 404


async def test_an_operator_shelves_for_half_an_hour_and_a_supervisor_for_longer(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    desk.raise_alarm("sump-01.alarm")
    path = "/api/alarms/sump-01.alarm/shelve"
    await sign_in(browser, "operator")
    assert (await browser.post(path, json={"occurrence": 1, "minutes": 30.0, "note": "known"})).status_code == 200
    assert (await browser.post(path, json={"occurrence": 1, "minutes": 30.1, "note": "known"})).status_code == 403
    await sign_in(browser, "supervisor")
    assert (await browser.post(path, json={"occurrence": 1, "minutes": 240.0, "note": "known"})).status_code == 200
    short, long = desk.operations
    assert (short.kind, short.by, short.console, short.note) == (OperationKind.SHELVE, "operator", "desk-1", "known")
    assert short.until is not None
    assert long.until is not None
    assert timedelta(minutes=209) < long.until - short.until < timedelta(minutes=211)


async def test_a_shelf_needs_one_end_and_a_reason_and_a_removal_its_order(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    desk.raise_alarm("sump-01.alarm")
    await sign_in(browser, "supervisor")
    good: dict[str, object] = {"occurrence": 1, "minutes": 30.0, "note": "known"}
    bad: list[dict[str, object]] = [
        {"note": ""},
        {"minutes": None},
        {"minutes": -1.0},
        {"until": "2030-01-01T00:00:00Z"},
    ]
    for change in (*bad, {"minutes": None, "until": "2030-01-01T00:00:00"}):
        answer = await browser.post("/api/alarms/sump-01.alarm/shelve", json=good | change)
        assert answer.status_code == 422, change
    path = "/api/alarms/sump-01.alarm/remove_from_service"
    assert (await browser.post(path, json={"occurrence": 1, "note": "works"})).status_code == 422
    assert (await browser.post(path, json={"occurrence": 1, "note": "works", "order": ""})).status_code == 422
    assert desk.operations == []


async def test_an_alarm_that_is_normal_can_be_put_aside_but_not_one_that_came_again(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, "supervisor")
    path = "/api/alarms/sump-02.alarm/remove_from_service"
    body = {"occurrence": 0, "note": "works", "order": "WO-7", "until": "2030-01-01T00:00:00+08:00"}
    assert (await browser.post(path, json=body)).status_code == 200
    assert (desk.operations[0].order, desk.operations[0].until) == ("WO-7", datetime(2029, 12, 31, 16, tzinfo=UTC))
    assert (await browser.post(path, json=body | {"occurrence": 1})).json()["error"] == "changed"
    assert (await browser.post("/api/alarms/no.such/shelve", json={**body, "order": ""})).status_code == 422
    missing = {"occurrence": 0, "note": "works", "minutes": 5.0}
    assert (await browser.post("/api/alarms/no.such/shelve", json=missing)).status_code == 404


async def test_the_lists_are_told_apart(desk: Desk, browser: httpx.AsyncClient) -> None:
    desk.raise_alarm("sump-01.alarm")
    await sign_in(browser, "viewer")
    assert [one["id"] for one in (await browser.get("/api/alarms")).json()] == ["sump-01.alarm"]
    for view in ("shelved", "suppressed", "out_of_service"):
        assert (await browser.get(f"/api/alarms?view={view}")).json() == []
    assert (await browser.get("/api/alarms?view=hidden")).status_code == 422
