"""Totals, balances and yields over HTTP: who may ask, for which time, and what is answered without a history."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from daemon.consumption.meters import meters_of
from daemon.web.application import declared
from daemon.web.meter_api import add_meter_api
from daemon.web.permission import COOKIE, Permission
from daemon.web.routes import Routes
from daemon.web.sessions import Sessions
from estate.model import Now
from estate.people import Role, User
from tests.daemon.consumption.metered import elm, local, source, steadily, write

NOW = local(2026, 3, 4, 12)
DAYS = {"from": "2026-03-02", "to": "2026-03-03"}


class Standing:
    def now(self) -> Now:
        return Now(NOW, 100.0)


class Office:
    def __init__(self, folder: Path) -> None:
        self.sessions = Sessions()
        self.clock = Standing()
        routes = Routes(self.sessions, self.clock)
        site = folder / "site"
        site.mkdir()
        add_meter_api(routes, source(folder), meters_of(elm(site)), self.clock)
        self.app = routes.application()

    async def ask(self, role: Role | None = Role.OPERATOR, **asked: str) -> httpx.Response:
        cookies = {}
        if role is not None:
            user = User(id=role.value, name=role.value, role=role)
            cookies[COOKIE] = self.sessions.open(user, "127.0.0.1", self.clock.now().mono)
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", cookies=cookies) as client:
            return await client.get("/api/meters", params=asked)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    start = NOW - timedelta(days=4)
    write(tmp_path, {"m-a.energy_import": steadily(start, NOW, 0.0, 5.0)})
    return Office(tmp_path)


async def test_each_meter_is_told_with_its_unit_its_days_and_how_much_of_them_is_known(office: Office) -> None:
    answer = (await office.ask(**DAYS)).json()
    assert (answer["by"], answer["from"], answer["to"]) == ("day", "2026-03-02", "2026-03-03")
    one = next(meter for meter in answer["meters"] if meter["id"] == "house-a")
    assert (one["unit"], one["number"], one["name"]) == ("kWh", "1", {"zh": "甲楼", "en": "House A"})
    assert [period["start"] for period in one["periods"]] == ["2026-03-02", "2026-03-03"]
    assert one["periods"][1]["amount"] == pytest.approx(120.0, abs=0.5)
    assert one["periods"][1]["coverage"] == pytest.approx(1.0, abs=0.01)
    assert one["periods"][1]["change"] == pytest.approx(0.0, abs=0.01)
    other = next(meter for meter in answer["meters"] if meter["id"] == "house-b")
    assert other["periods"][0] == {
        "start": "2026-03-02", "amount": None, "coverage": 0.0, "estimated": 0.0, "courses": [], "change": None
    }  # fmt: skip
    assert [balance["id"] for balance in answer["balances"]] == ["balance"]
    assert [(yields["tariff"], yields["currency"]) for yields in answer["photovoltaics"]] == [(0.43, "CNY")]


async def test_without_days_it_is_the_last_week_and_by_month_this_one_and_the_last(office: Office) -> None:
    week = (await office.ask()).json()
    assert (week["from"], week["to"]) == ("2026-02-26", "2026-03-04")
    months = (await office.ask(by="month")).json()
    assert [period["start"] for period in months["meters"][0]["periods"]] == ["2026-02-01", "2026-03-01"]


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2026-03-03", "to": "2026-03-02"},
        {"from": "2026-03-05", "to": "2026-03-06"},
        {"from": "2025-03-03", "to": "2026-03-02"},
        {"from": "yesterday"},
        {"by": "hour"},
        {"from": "0001-01-01"},
        {"to": "0001-01-01", "by": "month"},
        {"from": "9999-12-31", "to": "9999-12-31"},
    ],
    ids=["backwards", "to come", "too long", "no day", "no such period", "first day", "before it", "last day"],
)
async def test_a_question_that_makes_no_sense_is_refused(office: Office, asked: dict[str, str]) -> None:
    assert (await office.ask(**asked)).status_code == 422


async def test_a_history_that_cannot_be_read_is_said_and_not_guessed(office: Office, tmp_path: Path) -> None:
    (tmp_path / "history.db").unlink()
    answer = await office.ask(**DAYS)
    assert answer.status_code == 503
    assert "the history file cannot be read" in answer.json()["error"]


async def test_whoever_sees_live_values_may_ask(office: Office) -> None:
    assert declared(office.app.routes) == {"GET /api/meters": Permission.SEE}
    assert (await office.ask(None)).status_code == 401
    assert (await office.ask(Role.AUDITOR)).status_code == 403
    assert (await office.ask(Role.VIEWER, **DAYS)).status_code == 200
