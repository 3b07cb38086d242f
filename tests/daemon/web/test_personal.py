"""Plates and card references: for those who operate, and for nobody else."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.assembly import Assembly, assemble
from daemon.web.personal import HIDDEN, Personal, personal
from daemon.web.server import WebServer
from daemon.web.site_document import site_document
from estate.model import PointId
from estate.people import Role
from rules.alarm import AlarmId
from tests.daemon.web.conftest import sign_in
from tests.daemon.web.desk import Desk
from tests.daemon.web.test_stream import console, token

RIVERSIDE = Path(__file__).parents[3] / "examples" / "riverside"
PLATE = "沪A·54321 left, unpaid"
LANE = AlarmId("lane-out-1.unpaid_exit")
POINT = PointId("lpr-out-1.plate")


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble(RIVERSIDE)


@pytest.fixture(scope="module")
def found(assembly: Assembly) -> Personal:
    return personal(assembly)


def texts(assembly: Assembly, plate: str | None) -> tuple[str, str]:
    """What the rule says when a car leaves unpaid."""
    (instance,) = [one for one in assembly.rules if one.alarm == LANE]
    values = [None] * instance.slots
    places = {one.point: place for place, one in enumerate(instance.inputs)}
    values[places[POINT]] = plate  # type: ignore[call-overload]
    return instance.text_zh(values), instance.text_en(values)


def test_plates_and_cards_of_the_estate_are_known_by_their_profiles(assembly: Assembly, found: Personal) -> None:
    of_profile = {
        profile: [device.id for device in assembly.site.devices if device.profile == profile]
        for profile in ("estate-lpr", "estate-door", "hikvision-json-door")
    }
    wanted = {PointId(f"{one}.plate") for one in of_profile["estate-lpr"]}
    wanted |= {
        PointId(f"{one}.last_access") for one in (*of_profile["estate-door"], *of_profile["hikvision-json-door"])
    }
    assert wanted
    assert found.points == wanted
    assert found.events == {("last_access",), ("credential", "ref"), ("plate",)}


@pytest.mark.parametrize("plate", [PLATE, "", "粤B12345", "未缴费离场 粤B12345", ", name: left unpaid 1"])
def test_an_alarm_s_text_keeps_everything_but_the_plate(assembly: Assembly, found: Personal, plate: str) -> None:
    sentences = found.texts[LANE]
    for sentence, text, unknown in zip(sentences, texts(assembly, plate), texts(assembly, None), strict=True):
        hidden = sentence.hidden(text)
        assert hidden.endswith(HIDDEN)
        assert hidden.removesuffix(HIDDEN).strip() == unknown.removesuffix("—").strip()


def test_a_text_of_another_time_is_not_shown_at_all(found: Personal) -> None:
    for sentence in found.texts[LANE]:
        hidden = sentence.hidden(f"旧文本 an older text {PLATE}")
        assert HIDDEN in hidden
        assert "54321" not in hidden


@pytest.fixture
async def riverside(tmp_path: Path, assembly: Assembly, found: Personal) -> AsyncIterator[Desk]:
    """A desk that knows the estate's personal data, with a car that left unpaid."""
    desk = Desk(tmp_path, hides=found, site=site_document(assembly))
    desk.trend_text = PLATE
    zh, en = texts(assembly, PLATE)
    row = {"v": 1, "id": LANE, "occurrence": 1, "state": "unacknowledged", "text": {"zh": zh, "en": en}}
    desk.rows[LANE] = json.dumps(row, ensure_ascii=False).encode()
    desk.point(POINT, PLATE)
    desk.point("lpr-out-1.confidence", 0.94)
    desk.journal = {
        "event": [
            {"device": "lpr-out-1", "data": json.dumps({"plate": PLATE, "confidence": 0.94})},
            {"device": "door-01", "data": json.dumps({"credential": {"ref": "card-54321", "type": "card"}})},
            {"device": "door-01", "data": json.dumps({"credential": "odd"})},
            {"device": "lane-out-1", "data": json.dumps({"plate": PLATE, "amount": 8})},
            {"device": "zone-01", "data": json.dumps({"by": "54321"})},
        ],
        "transition": [{"alarm": LANE, "text_zh": zh, "text_en": en}],
    }
    yield desk
    desk.sign_in.close()


@pytest.fixture
async def server(riverside: Desk) -> AsyncIterator[WebServer]:
    async with riverside.serve() as running:
        yield running


SPAN = "start=2026-11-23T00:00:00Z&end=2026-11-23T01:00:00Z"
ASKED = {
    "/api/snapshot": 1 + 2,
    "/api/alarms": 2,
    f"/api/trend?point={POINT}&{SPAN}": 1,
    "/api/journal?kind=event": 4,
    "/api/journal?kind=transition": 2,
}
"""How often 54321 is in each answer to an operator; one of the events is of a device without personal data."""


@pytest.mark.parametrize("role", Role)
async def test_over_http_only_who_may_operate_sees_them(server: WebServer, role: Role) -> None:
    base = f"http://127.0.0.1:{server.port}"
    operates = role in (Role.OPERATOR, Role.SUPERVISOR)
    async with httpx.AsyncClient(base_url=base, headers={"origin": base, "x-estate-console": "a"}) as client:
        await sign_in(client, role.value)
        for path, times in ASKED.items():
            answer = await client.get(path)
            if answer.status_code == 403:
                assert not operates
                continue
            shown = times if operates else "kind=event" in path
            assert answer.text.count("54321") == shown, (path, answer.text)
            assert answer.text.count("0.94") == ("snapshot" in path or "event" in path), "the rest stays"


async def test_on_the_stream_only_who_may_operate_sees_them(riverside: Desk, server: WebServer) -> None:
    viewer, operator = await token(server, "viewer"), await token(server)
    async with console(server, viewer) as onlooker, console(server, operator) as desk:
        told: dict[Any, list[str]] = {onlooker: [], desk: []}
        for window, heard in told.items():
            heard.append(json.dumps(await window.frame("snapshot"), ensure_ascii=False))
        riverside.point(POINT, PLATE)
        riverside.stream.publish("alarms", [riverside.rows[LANE]])
        for window, heard in told.items():
            heard += [json.dumps(await window.frame(kind), ensure_ascii=False) for kind in ("points", "alarms")]
        assert [one.count("54321") for one in told[desk]] == [3, 1, 2]
        assert [one.count("54321") for one in told[onlooker]] == [0, 0, 0]
        assert all("personal" in one or HIDDEN in one for one in told[onlooker])
        assert onlooker.seq == desk.seq
