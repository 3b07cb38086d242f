"""What a console is told of a site: the example estate, whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.assembly import assemble
from daemon.web.site_document import SiteDocument, site_document

RIVERSIDE = Path(__file__).parents[3] / "examples" / "riverside"


@pytest.fixture(scope="module")
def document() -> SiteDocument:
    return site_document(assemble(RIVERSIDE))


@pytest.fixture(scope="module")
def told(document: SiteDocument) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document.body)
    return found


def test_every_alarm_of_the_site_has_its_guidance_in_both_languages(told: dict[str, Any]) -> None:
    for instance in assemble(RIVERSIDE).rules:
        guidance = told["guidance"][told["alarms"][instance.alarm]["guidance"]]
        assert guidance["response"]["zh"]
        assert guidance["response"]["en"]
        assert guidance["consequence"]["zh"]
        assert told["alarms"][instance.alarm]["delay"] == instance.on_delay


def test_an_emergency_plan_that_is_named_can_be_opened(document: SiteDocument, told: dict[str, Any]) -> None:
    plans = {guidance["plan"] for guidance in told["guidance"]} - {None}
    assert "perimeter" in plans
    assert all(document.procedures[plan].is_file() for plan in plans)


def test_every_alarm_s_equipment_is_described_with_its_points(told: dict[str, Any]) -> None:
    described = {one["id"]: one for one in told["equipment"]}
    for instance in assemble(RIVERSIDE).rules:
        points = {point["id"] for point in described[instance.equipment]["points"].values()}
        assert instance.points <= points
    assert described["sump-3"]["points"]["level"] == {"id": "sump-ai.ai_1", "unit": "m"}


def test_equipment_on_the_map_stands_within_its_plan(told: dict[str, Any]) -> None:
    boxes = {plan["id"]: plan["box"] for plan in told["plans"]}
    placed = [one["map"] for one in told["equipment"] if one["map"]]
    assert placed
    for place in placed:
        left, top, width, height = boxes[place["plan"]]
        assert left <= place["x"] <= left + width
        assert top <= place["y"] <= top + height


def test_the_document_holds_no_password_and_no_resident(document: SiteDocument) -> None:
    text = document.body.decode()
    assert "scrypt" not in text
    assert '"password"' not in text
    for household in assemble(RIVERSIDE).site.households:
        for resident in household.residents:
            assert resident.phone not in text
