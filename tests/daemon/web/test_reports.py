"""Explanations and figures over HTTP: who may ask, and what is answered."""

from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from daemon.explain import Explainer, Live
from daemon.historian.embedded import EmbeddedHistory
from daemon.web.application import declared
from daemon.web.permission import COOKIE, Permission
from daemon.web.personal import Personal
from daemon.web.reports import add_reports
from daemon.web.routes import Routes
from daemon.web.sessions import Sessions
from estate.model import Now
from estate.people import Role, User
from rules.alarm import AlarmId
from tests.daemon.past import Past, after

WHY = "/api/alarms/sump-1.high_level/explain"
PERIOD = {"from": "2026-03-01T12:00:00+08:00", "to": "2026-03-02T12:00:00+08:00"}


class Standing:
    def __init__(self, past: Past) -> None:
        self._past = past

    def now(self) -> Now:
        return self._past.now()


class Office:
    """The routes over a recorded past; `ask` as somebody of a role."""

    def __init__(self, past: Past, hides: Personal | None = None) -> None:
        clock = Standing(past)
        self.sessions = Sessions()
        self.clock = clock
        routes = Routes(self.sessions, clock)
        self.past = past
        history = EmbeddedHistory(past.state.history / "history.db")
        explainer = Explainer(past.assembly, history, past.state.journal, Live(past.engine, past.latest.get, clock))
        zone = ZoneInfo("Asia/Shanghai")
        add_reports(routes, explainer, past.state.journal, zone, clock, hides or Personal())
        self.app = routes.application()

    async def ask(self, path: str, role: Role | None = Role.SUPERVISOR, **asked: str) -> httpx.Response:
        cookies = {}
        if role is not None:
            user = User(id=role.value, name=role.value, role=role)
            cookies[COOKIE] = self.sessions.open(user, "127.0.0.1", self.clock.now().mono)
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", cookies=cookies) as client:
            return await client.get(path, params=asked)


@pytest.fixture
async def office(tmp_path: Path) -> Office:
    past = Past.of(tmp_path)
    past.set(1, {"sump-1-ctl.level": 0.5, "sump-1-ctl.high_water": False})
    past.set(600, {"sump-1-ctl.level": 1.31})
    past.acknowledge(612, "sump-1.high_level")
    past.until(900)
    await past.write()
    return Office(past)


async def test_the_console_hears_why_an_alarm_stands_and_why_it_did_not_before(office: Office) -> None:
    now = (await office.ask(WHY)).json()
    before = (await office.ask(WHY, at=after(300).isoformat())).json()
    assert (now["source"], now["state"], now["result"]) == ("live", "acknowledged", True)
    assert "液位 1.31 m 超过 高液位 1.20 m" in now["answer"]["zh"]
    assert [one["trigger"] for one in now["before"]] == ["raise", "acknowledge"]
    assert (before["state"], before["result"]) == ("normal", False)
    assert before["answer"]["en"].startswith("No alarm, because Level 0.5 m is not above high limit 1.2 m")
    assert before["condition"]["parts"][0]["readings"][0] == {
        "point": "sump-1-ctl.level", "name": "level", "value": 0.5, "quality": "good", "why": ""
    }  # fmt: skip


async def test_figures_come_by_shift_in_the_zone_of_the_site(office: Office) -> None:
    answer = (await office.ask("/api/kpi", shift="08:00,20:00", **PERIOD)).json()
    assert answer["shifts"] == ["08:00-20:00", "20:00-08:00"]
    by_shift = {one["shift"]: one for one in answer["figures"] if one["position"] is None}
    assert by_shift["08:00-20:00"]["annunciations"] == 1
    assert by_shift["20:00-08:00"]["annunciations"] == 0
    assert by_shift["all"]["acknowledge"] == {"1": {"count": 1, "p50": 12.0, "p95": 12.0}}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (WHY, {"at": "2026-03-01T12:00:00"}),
        (WHY, {"at": "yesterday"}),
        (WHY, {"at": "2036-03-01T12:00:00Z"}),
        (WHY, {"at": "0001-01-01T00:00:00+14:00"}),
        ("/api/kpi", {"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-02T00:00:00+14:00"}),
        ("/api/kpi", {}),
        ("/api/kpi", {"from": PERIOD["to"], "to": PERIOD["from"]}),
        ("/api/kpi", {"from": "2026-01-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}),
        ("/api/kpi", PERIOD | {"shift": "noon"}),
    ],
    ids=[
        "no zone",
        "no time",
        "to come",
        "first moment",
        "first day",
        "no period",
        "backwards",
        "too long",
        "no shift",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(office: Office, path: str, asked: dict[str, str]) -> None:
    answer = await office.ask(path, **asked)
    assert answer.status_code == 422
    assert not any(said in answer.text for said in asked.values()), "what was asked is not repeated"


async def test_an_explanation_with_personal_values_is_for_those_who_operate(office: Office) -> None:
    strict = Office(office.past, Personal(explained=frozenset({AlarmId("sump-1.high_level")})))
    assert (await strict.ask(WHY, Role.VIEWER)).status_code == 403
    assert (await strict.ask(WHY, Role.ENGINEER)).status_code == 403
    assert (await strict.ask(WHY, Role.OPERATOR)).status_code == 200


async def test_an_alarm_that_does_not_exist_is_not_found(office: Office) -> None:
    assert (await office.ask("/api/alarms/sump-1.nonsense/explain")).status_code == 404


async def test_a_history_that_cannot_be_read_is_said_and_not_guessed(office: Office) -> None:
    (office.past.state.history / "history.db").unlink()
    answer = await office.ask(WHY, at=after(-50).isoformat())
    assert answer.status_code == 503
    assert "history" in answer.json()["error"]


async def test_who_may_see_alarms_may_ask_why_and_who_may_read_the_journal_gets_figures(office: Office) -> None:
    assert declared(office.app.routes) == {
        f"GET {'/api/alarms/{alarm}/explain'}": Permission.SEE,
        "GET /api/kpi": Permission.READ_JOURNAL,
    }
    assert (await office.ask(WHY, None)).status_code == 401
    assert (await office.ask(WHY, Role.AUDITOR)).status_code == 403
    assert (await office.ask("/api/kpi", Role.VIEWER, **PERIOD)).status_code == 403
    assert (await office.ask("/api/kpi", Role.AUDITOR, **PERIOD)).status_code == 200
