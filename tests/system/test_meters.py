"""Meters and a DC-09 panel: simulator, protocol, daemon, history and HTTP, all real."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from daemon.backups import backups
from daemon.commands.backup import main_backup, main_restore
from daemon.state import StateFolder
from tests.system.estate import OPERATOR, Desk, Estate, estate

pytestmark = pytest.mark.asyncio(loop_scope="module")

ZONE = ZoneInfo("Asia/Shanghai")
SITE = """\
id: elm
name: {zh: 榆园, en: Elm Court}
timezone: Asia/Shanghai
mqtt: {host: broker.lan}
dc09: {port: 12128}
buses:
  - {id: power, tcp: "10.0.0.1:502"}
  - {id: water, tcp: "10.0.0.2:502"}
"""
DEVICES = """\
- {id: m-main, profile: schneider-iem3000, bus: power, unit: 1, poll: 0.5}
- {id: m-a, profile: schneider-iem3000, bus: power, unit: 2, poll: 0.5}
- {id: m-b, profile: schneider-iem3000, bus: power, unit: 3, poll: 0.5}
- {id: m-pv, profile: acrel-adw300, bus: power, unit: 4, poll: 0.5}
- {id: m-back, profile: acrel-adw300, bus: power, unit: 5, poll: 0.5}
- {id: pulses, profile: moxa-iologik-e1212, bus: water, unit: 1, poll: 0.5, scale: {counter_1: {low: 0, high: 0.001, unit: m3}}}
- {id: panel, profile: contact-id-panel, account: "00A1"}
"""  # noqa: E501
EQUIPMENT = """\
- id: main
  class: energy_meter
  number: 总
  name: {zh: 总表, en: Main}
  place: {zh: 配电室, en: Switch room}
  device: m-main
  parameters: {rated_current: 3000.0, power_most: 5000.0}
- id: house-a
  class: energy_meter
  number: 甲
  name: {zh: 甲楼, en: House A}
  place: {zh: 配电室, en: Switch room}
  device: m-a
  parameters: {rated_current: 2000.0, power_most: 5000.0}
- id: house-b
  class: energy_meter
  number: 乙
  name: {zh: 乙楼, en: House B}
  place: {zh: 配电室, en: Switch room}
  device: m-b
  parameters: {rated_current: 1000.0, power_most: 5000.0}
- id: sun
  class: pv_meter
  number: 光伏
  name: {zh: 光伏, en: Sun}
  place: {zh: 屋顶, en: Roof}
  points: {energy_yield: m-pv.energy_import, power: m-pv.power, energy_feed_in: m-back.energy_import}
  parameters: {tariff: 0.43, power_most: 5000.0}
- id: water
  class: water_meter
  number: 总
  name: {zh: 总水表, en: Water}
  place: {zh: 泵房, en: Pump room}
  points: {volume: pulses.counter_1}
- id: balance
  class: meter_balance
  number: 用电
  name: {zh: 用电平衡, en: Balance}
  place: {zh: 配电室, en: Switch room}
  points: {main: m-main.energy_import, sub_1: m-a.energy_import, sub_2: m-b.energy_import}
- id: panel
  class: panel
  number: 0901室
  name: {zh: 0901室, en: Flat 0901}
  place: {zh: 1号楼, en: Building 1}
  device: panel
"""
RULES = "classes: {energy_meter: {parameters: {count_window: 12.0}}}\n"
PEOPLE = "- {id: li, name: 李娜, role: operator, password: null}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    folder = tmp_path_factory.mktemp("meters")
    site = folder / "written"
    site.mkdir()
    files = {"site": SITE, "devices": DEVICES, "equipment": EQUIPMENT, "rules": RULES, "people": PEOPLE}
    for name, text in files.items():
        (site / f"{name}.yaml").write_text(text, "utf-8")
    async with estate(folder, site=site, browser=False) as whole:
        yield whole


async def counted(whole: Estate, **asked: str) -> dict[str, Any]:
    desk = await asyncio.to_thread(Desk, whole.daemon.port, OPERATOR, whole.password)
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    status, answer = await asyncio.to_thread(desk.ask, "GET", f"/api/meters?{query}")
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


async def until_counted(whole: Estate, meter: str, amount: float, within: float = 40.0) -> dict[str, Any]:
    """The report once this meter has counted so much today."""
    async with asyncio.timeout(within):
        while True:
            report = await counted(whole)
            if (today(report, meter)["amount"] or 0.0) >= amount:
                return report
            await asyncio.sleep(0.5)


def today(report: dict[str, Any], meter: str, kind: str = "meters") -> dict[str, Any]:
    (one,) = (one for one in report[kind] if one["id"] == meter)
    found: dict[str, Any] = one["periods"][-1]
    return found


def dated(day: datetime) -> str:
    return day.astimezone(ZONE).date().isoformat()


async def test_each_branch_and_their_balance_are_counted_from_what_the_meters_said(elm: Estate) -> None:
    """MT-1, WS-3: over Modbus into the history and out of it; how little of the day is known is said as well."""
    report = await until_counted(elm, "house-b", 0.3)
    truth = (await elm.controls.state())["equipment"]
    for meter in ("main", "house-a", "house-b", "water"):
        period = today(report, meter)
        assert 0.0 < period["amount"] < 100.0
        assert 0.0 < period["coverage"] < 0.2
        assert period["estimated"] == 0.0
        assert period["courses"] == []
    assert truth["main"]["power"] == pytest.approx(
        1.03 * (truth["house-a"]["power"] + truth["house-b"]["power"]), rel=0.1
    )
    shares = today(report, "house-a")["amount"] / today(report, "house-b")["amount"]
    assert shares == pytest.approx(2.0, rel=0.25)
    balance = today(report, "balance", "balances")
    assert balance["main"] == today(report, "main")["amount"]
    assert balance["subs"] == pytest.approx(today(report, "house-a")["amount"] + today(report, "house-b")["amount"])
    assert -0.2 < balance["missing"] < 0.25
    assert balance["plausible"] is None  # some seconds of a day: nothing to judge
    assert [period["amount"] for period in report["meters"][0]["periods"][:-1]] == [None] * 6


async def test_the_yield_is_counted_split_and_worth_the_tariff(elm: Estate) -> None:
    """MT-2: 0.43 CNY/kWh, from the meters of the panels and of what is fed in."""
    report = await until_counted(elm, "sun", 0.02)
    found = today(report, "sun", "photovoltaics")
    (plant,) = report["photovoltaics"]
    assert (plant["tariff"], plant["currency"]) == (0.43, "CNY")
    assert found["produced"] > 0.0
    assert found["worth"] == pytest.approx(0.43 * found["produced"], abs=0.01)
    if found["own_use"] is not None:
        assert found["own_use"] == pytest.approx(found["produced"] - found["fed_in"], abs=0.01)


async def test_a_replaced_meter_is_named_and_no_consumption(elm: Estate) -> None:
    """MT-1: 40,000 kWh less on the dial are nothing drawn and nothing given back."""
    before = today(await counted(elm), "house-a")["amount"]
    await elm.controls.act("house-a", "meter_replaced", level=3.0)
    await elm.journaled("house-a.replaced", within=30)
    async with asyncio.timeout(30):
        while "replaced" not in today(report := await counted(elm), "house-a")["courses"]:
            await asyncio.sleep(0.5)
    assert before <= today(report, "house-a")["amount"] < before + 20.0


async def test_the_totals_outlive_a_kill_and_the_gap_is_told(elm: Estate) -> None:
    """MT-1: what was counted while the daemon was down counts, and is called an estimate or known from both sides."""
    before = today(await counted(elm), "main")["amount"]
    await asyncio.to_thread(elm.daemon.kill)
    await asyncio.to_thread(elm.daemon.start)
    after = today(await until_counted(elm, "main", before + 0.5), "main")
    assert before < after["amount"] < before + 100.0
    yesterday = dated(datetime.now(UTC) - timedelta(days=1))
    month = await counted(elm, by="month", **{"from": yesterday, "to": dated(datetime.now(UTC))})
    assert today(month, "main")["amount"] == pytest.approx(after["amount"], rel=0.5)


async def test_a_panel_over_ip_alarms_restores_and_is_supervised(elm: Estate) -> None:
    """HH-1, HH-3: the simulated panel speaks DC-09; each message is acknowledged once the journal has it."""
    await elm.controls.fault("panel", "burglary")
    raised = await elm.journaled("panel.burglary")
    assert "0901室" in raised["text_zh"]
    await elm.controls.heal("panel", "burglary")
    await elm.until(
        lambda: elm.rows("SELECT * FROM event WHERE device = 'panel' AND type = 'restore.burglary'"), "the restore"
    )
    await elm.controls.act("panel", "arm", mode="armed_home", user="resident-7")
    asked = "SELECT data FROM event WHERE device = 'panel' AND type = 'panel.armed'"
    (armed,) = await elm.until(lambda: elm.rows(asked), "the arming")
    assert '"user":"007"' in armed["data"]


async def test_a_panel_with_a_wrong_clock_is_corrected_and_an_encrypted_one_refused_in_words(elm: Estate) -> None:
    """HH-4: NAK tells the panel our time; what is encrypted nobody here can read, and the operator is told why."""
    await elm.controls.fault("dc09:panel", "bad_clock", offset=3600)
    await elm.controls.act("panel", "disarm", user="resident-7")
    asked = "SELECT * FROM event WHERE device = 'panel' AND type = 'panel.disarmed'"
    await elm.until(lambda: elm.rows(asked), "the disarming, said again with the right time")
    await elm.controls.act("dc09:panel", "encrypt")
    told = await elm.journaled("device-panel.not_understood")
    assert "panel" in told["text_en"]
    assert "encrypted" in elm.daemon.log.read_text()


async def test_the_book_lies_beside_the_history(elm: Estate) -> None:
    folder: Path = elm.daemon.state / "history"
    assert (folder / "meters.db").exists()


async def test_the_alarm_record_is_copied_beside_the_running_daemon_and_put_back_after_a_failed_disk(
    elm: Estate,
) -> None:
    """HH-5, PE-6, CR-8: what the panel said is in the copy, and the daemon goes on from it."""
    await elm.controls.act("panel", "test")
    asked = "SELECT count(*) FROM event WHERE device = 'panel' AND type = 'panel.test'"
    await elm.until(lambda: elm.rows(asked)[0][0], "the panel's test report")
    said = elm.rows(asked)[0][0]
    state = elm.daemon.state
    assert await asyncio.to_thread(main_backup, state, elm.site) == 0
    await asyncio.to_thread(elm.daemon.kill)
    elm.journal.write_bytes(b"\x00" * 100_000)
    assert main_restore(state, backups(StateFolder(state))[-1].name) == 0
    await asyncio.to_thread(elm.daemon.start)
    assert elm.rows(asked)[0][0] == said
    await elm.controls.act("panel", "test")
    await elm.until(lambda: elm.rows(asked)[0][0] == said + 1, "the next one, after the restore")
